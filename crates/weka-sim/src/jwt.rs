//! RS256 JSON Web Tokens, laid out as WEKA's user tokens are: `{"alg":"RS256","itt":"USER",...}`, numeric `exp`
//! first, `sub` as an object.

use data_encoding::BASE64URL_NOPAD;
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RsaKeyPair, UnparsedPublicKey};
use rustls_pki_types::PrivatePkcs8KeyDer;
use rustls_pki_types::pem::PemObject as _;
use serde::{Deserialize, Serialize};

use crate::options::StartError;
use crate::users::Role;

/// One key for all simulators: making an RSA key at each start would take seconds in a debug build.
const TEST_ONLY_KEY: &[u8] = include_bytes!("test-only-rsa-2048.pem");

const HEADER: &str = r#"{"alg":"RS256","itt":"USER","typ":"JWT"}"#;

/// Which of a pair's two tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    Access,
    Refresh,
}

/// The payload, in the order it is written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Claims {
    /// Unix seconds; negative when a clock skew fault says so.
    pub(crate) exp: i64,
    pub(crate) iat: i64,
    pub(crate) sub: Subject,
    /// Id of the pair: instance and number. Both tokens of a pair have the same.
    pub(crate) jti: String,
    pub(crate) typ: Kind,
}

/// Whom the token is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Subject {
    pub(crate) uid: String,
    pub(crate) org: u64,
    /// Access tokens only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) role: Option<Role>,
}

/// Signs and reads tokens.
pub(crate) struct Signer {
    key: RsaKeyPair,
    random: SystemRandom,
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Signer")
    }
}

impl Signer {
    pub(crate) fn new() -> Result<Self, StartError> {
        let der = PrivatePkcs8KeyDer::from_pem_slice(TEST_ONLY_KEY).map_err(|_| StartError::SigningKey)?;
        let key = RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()).map_err(|_| StartError::SigningKey)?;
        Ok(Self { key, random: SystemRandom::new() })
    }

    /// A signed token; `None` only if the system has no randomness.
    pub(crate) fn sign(&self, claims: &impl Serialize) -> Option<String> {
        let payload = serde_json::to_vec(claims).ok()?;
        let mut token = BASE64URL_NOPAD.encode(HEADER.as_bytes());
        token.push('.');
        BASE64URL_NOPAD.encode_append(&payload, &mut token);
        let mut signature = vec![0; self.key.public().modulus_len()];
        self.key.sign(&RSA_PKCS1_SHA256, &self.random, token.as_bytes(), &mut signature).ok()?;
        token.push('.');
        BASE64URL_NOPAD.encode_append(&signature, &mut token);
        Some(token)
    }

    /// The claims of a token that this key signed.
    pub(crate) fn read(&self, token: &str) -> Option<Claims> {
        let (signed, signature) = token.rsplit_once('.')?;
        let (_, payload) = signed.split_once('.')?;
        let signature = BASE64URL_NOPAD.decode(signature.as_bytes()).ok()?;
        UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, self.key.public().as_ref())
            .verify(signed.as_bytes(), &signature)
            .ok()?;
        serde_json::from_slice(&BASE64URL_NOPAD.decode(payload.as_bytes()).ok()?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claims(typ: Kind) -> Claims {
        Claims {
            exp: 1_800_000_300,
            iat: 1_800_000_000,
            sub: Subject {
                uid: "6f1a2b3c-5d4e-4f60-8a71-000000000002".to_owned(),
                org: 0,
                role: (typ == Kind::Access).then_some(Role::ClusterAdmin),
            },
            jti: "3fa9c1d2-17".to_owned(),
            typ,
        }
    }

    #[test]
    fn a_token_is_signed_and_read_back() {
        let signer = Signer::new().unwrap();
        let token = signer.sign(&claims(Kind::Access)).unwrap();
        assert_eq!(signer.read(&token), Some(claims(Kind::Access)));
        assert_eq!(token.split('.').count(), 3);
        assert_eq!(token.rsplit('.').next().unwrap().len(), 342);
        assert!((560..=640).contains(&token.len()), "{}", token.len());
    }

    #[test]
    fn a_changed_token_is_not_ours() {
        let signer = Signer::new().unwrap();
        let token = signer.sign(&claims(Kind::Refresh)).unwrap();
        let payload_at = token.find('.').unwrap() + 5;
        let mut changed = token.clone();
        changed.replace_range(
            payload_at..=payload_at,
            if token.as_bytes()[payload_at] == b'A' { "B" } else { "A" },
        );
        for bad in [changed.as_str(), &token[..token.len() - 4], "", "a.b", "..", "x"] {
            assert_eq!(signer.read(bad), None, "{bad}");
        }
    }

    #[test]
    fn the_payload_begins_with_the_expiry() {
        let text = serde_json::to_string(&claims(Kind::Access)).unwrap();
        assert!(text.starts_with(r#"{"exp":1800000300,"iat":1800000000,"sub":{"#), "{text}");
    }
}
