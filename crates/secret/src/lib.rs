#![forbid(unsafe_code)]
//! The secrets this project handles, as types of their own.
//!
//! Each is wiped on drop, has no `Display`, and its `Debug` says only how long it is. Reading one takes
//! an explicit [`AccessToken::expose`], so every place that lets bytes out can be found by name.
//!
//! `Serialize` and `Deserialize` exist for the wire and for JSON bodies; whoever serializes a secret owns
//! the buffer and wipes it.

use serde::{Deserialize, Deserializer, Serialize};
use std::fmt;
use std::sync::OnceLock;
use zeroize::Zeroizing;

static GUARD: OnceLock<fn(&[u8])> = OnceLock::new();

/// Has every secret made from now on shown to `guard` once, where it lies in memory: a daemon locks those pages.
/// Only the first call counts.
pub fn guard_with(guard: fn(&[u8])) {
    // A second guard would be a mistake of ours, and the first one goes on guarding.
    let _first_stays = GUARD.set(guard);
}

/// Shows the guard bytes that hold a secret in another form, such as a message ready to be sent.
pub fn guard(bytes: &[u8]) {
    if let Some(guard) = GUARD.get() {
        guard(bytes);
    }
}

macro_rules! secret {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(PartialEq, Eq, Serialize)]
        #[serde(transparent)]
        pub struct $name(Zeroizing<String>);

        impl Clone for $name {
            fn clone(&self) -> Self {
                Self::new(self.expose().to_owned())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer).map(Self::new)
            }
        }

        impl $name {
            /// Takes the text over; the caller's own copies, if any, stay the caller's to wipe.
            #[must_use]
            pub fn new(text: String) -> Self {
                guard(text.as_bytes());
                Self(Zeroizing::new(text))
            }

            /// The secret itself. Never log it, and never put it in an error.
            #[must_use]
            pub fn expose(&self) -> &str {
                &self.0
            }

            /// Its length in bytes, which is no secret.
            #[must_use]
            pub fn len(&self) -> usize {
                self.0.len()
            }

            /// Whether there is nothing in it.
            #[must_use]
            pub fn is_empty(&self) -> bool {
                self.0.is_empty()
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self::new(text)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({} bytes)"), self.0.len())
            }
        }
    };
}

secret! {
    /// The short-lived token (five minutes by default) that opens the REST API and secure mounts.
    AccessToken
}
secret! {
    /// The token that renews an access token; it is replaced at every renewal.
    RefreshToken
}
secret! {
    /// A long-lived token that opens one filesystem for mounting, and nothing else.
    MountToken
}
secret! {
    /// A WEKA password, held only between a prompt (or a password source) and one `POST /login`.
    Password
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_tells_the_length_and_nothing_else() {
        assert_eq!(format!("{:?}", AccessToken::new("tok-abc".into())), "AccessToken(7 bytes)");
        assert_eq!(format!("{:?}", RefreshToken::new("r".into())), "RefreshToken(1 bytes)");
        assert_eq!(format!("{:?}", MountToken::new("mt".into())), "MountToken(2 bytes)");
        assert_eq!(format!("{:#?}", Password::new("hunter2".into())), "Password(7 bytes)");
    }

    #[test]
    fn a_struct_that_holds_one_can_derive_debug_safely() {
        #[derive(Debug)]
        #[expect(dead_code, reason = "read through Debug")]
        struct Holder {
            password: Password,
        }
        let text = format!("{:?}", Holder { password: Password::new("hunter2".into()) });
        assert!(!text.contains("hunter2"), "{text}");
    }

    #[test]
    fn each_secret_is_shown_to_the_guard_where_it_lies() {
        use std::sync::Mutex;
        static SEEN: Mutex<Vec<usize>> = Mutex::new(Vec::new());
        guard_with(|bytes| SEEN.lock().unwrap().push(bytes.as_ptr().addr()));
        let token = AccessToken::new("guarded".into());
        let copy = token.clone();
        let read: AccessToken = serde_json::from_str("\"guarded\"").unwrap();
        let seen = SEEN.lock().unwrap().clone();
        for secret in [&token, &copy, &read] {
            assert!(seen.contains(&secret.expose().as_ptr().addr()));
        }
    }

    #[test]
    fn json_is_the_bare_string() {
        let token: AccessToken = serde_json::from_str("\"tok\"").unwrap();
        assert_eq!(token.expose(), "tok");
        assert_eq!(serde_json::to_string(&token).unwrap(), "\"tok\"");
    }
}
