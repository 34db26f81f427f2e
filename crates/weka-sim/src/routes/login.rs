//! `POST /login` and `POST /login/refresh` (WEKA 5.1 API), JSON and form-encoded.

use super::{Answer, Ex, Extension};
use crate::reply::data;

/// A stale Authorization header on either is ignored, as clients send one.
pub(super) async fn login(Extension(exchange): Ex) -> Answer {
    let issued = exchange.cluster.login(exchange.fields()?, exchange.skew_ms)?;
    exchange.issued(&issued);
    Ok(data(issued.body()))
}

pub(super) async fn refresh(Extension(exchange): Ex) -> Answer {
    let issued = exchange.cluster.refresh(exchange.fields()?, exchange.skew_ms)?;
    exchange.issued(&issued);
    Ok(data(issued.body()))
}
