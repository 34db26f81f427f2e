//! Texts of any kind.

use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;

pub(crate) fn text() -> BoxedStrategy<String> {
    prop_oneof!["[ -~]{0,24}", any::<String>()].boxed()
}

pub(crate) fn maybe() -> BoxedStrategy<Option<String>> {
    of(text()).boxed()
}

pub(crate) fn texts() -> BoxedStrategy<Vec<String>> {
    vec(text(), 0..4).boxed()
}
