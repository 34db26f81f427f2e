//! Users and how long tokens may live: what is asked only where a person wants more than a token.

use crate::client::{Client, json, with_token};
use crate::exchange::Reply;
use crate::{ApiError, Endpoint, reply};
use reqwest::Method;
use secret::{AccessToken, Password};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// A user in the cluster's list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The user's id, an opaque text.
    pub uid: String,
    /// The user's name.
    pub username: String,
}

#[derive(Serialize)]
struct PasswordBody<'a> {
    username: &'a str,
    old_password: &'a Password,
    new_password: &'a Password,
}

#[derive(Deserialize)]
struct Expiry<'a> {
    #[serde(borrow)]
    max_access_token_expiry: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Entry {
    uid: Option<String>,
    username: Option<String>,
}

impl Client {
    /// The longest life of an access token, in seconds (WEKA 5.1 API: `GET /security/defaultTokensExpiry`); `None`
    /// where the cluster does not say.
    ///
    /// # Errors
    /// See [`ApiError`]; a Regular user may get [`ApiError::Forbidden`].
    pub async fn longest_access_life_s(
        &self,
        at: &Endpoint,
        token: &AccessToken,
    ) -> Result<Option<u64>, ApiError> {
        let path = vec!["security".into(), "defaultTokensExpiry".into()];
        let answer = self.call(at, with_token(Method::GET, path, token, &[token.expose()])?).await?;
        read(&answer, |body| {
            let expiry: Expiry<'_> =
                serde_json::from_str(reply::data(body)?).map_err(|problem| reply::not_json(&problem))?;
            Ok(expiry.max_access_token_expiry.and_then(reply::seconds))
        })
    }

    /// The users that the token's owner may see (WEKA 5.1 API: `GET /users`).
    ///
    /// # Errors
    /// See [`ApiError`]; most roles get [`ApiError::Forbidden`].
    pub async fn users(&self, at: &Endpoint, token: &AccessToken) -> Result<Vec<User>, ApiError> {
        let secrets = [token.expose()];
        let mut call = with_token(Method::GET, vec!["users".into()], token, &secrets)?;
        call.max_body = crate::exchange::MAX_LIST;
        let answer = self.call(at, call).await?;
        read(&answer, |body| {
            let entries: Vec<Entry> =
                serde_json::from_str(reply::list_of(body)?).map_err(|problem| reply::not_json(&problem))?;
            // One that has no id cannot be named in a request, and is no reason to lose the others.
            let named = |entry: Entry| Some(User { uid: entry.uid?, username: entry.username? });
            Ok(entries.into_iter().filter_map(named).collect())
        })
    }

    /// Changes a user's own password (WEKA 5.1 API: `PUT /users/password`). One request, never repeated here.
    ///
    /// # Errors
    /// See [`ApiError`]; a password that the cluster's policy refuses is [`ApiError::Rejected`].
    pub async fn change_password(
        &self,
        at: &Endpoint,
        token: &AccessToken,
        username: &str,
        old_password: &Password,
        new_password: &Password,
    ) -> Result<(), ApiError> {
        let path = vec!["users".into(), "password".into()];
        let secrets = [token.expose(), old_password.expose(), new_password.expose()];
        let mut call = with_token(Method::PUT, path, token, &secrets)?;
        let length = username.len() + old_password.len() + new_password.len();
        call.body = Some(json(&PasswordBody { username, old_password, new_password }, length)?);
        reply::nothing(&self.call(at, call).await?)
    }
}

fn read<T>(answer: &Reply, parse: impl FnOnce(&[u8]) -> Result<T, String>) -> Result<T, ApiError> {
    parse(&answer.body).map_err(|reason| reply::bad(answer, reason))
}
