//! No secret in any error, however hard a server tries to put one there.

use crate::server::{Server, answer, json};
use proptest::prelude::*;
use secret::{AccessToken, Password, RefreshToken};
use std::sync::{Arc, Mutex};
use weka_rest::ApiError;

/// The ways in which the server throws the secret back.
const STYLES: usize = 12;

#[derive(Default)]
struct Mood {
    secret: String,
    style: usize,
    status: u16,
}

fn echoing(mood: Arc<Mutex<Mood>>) -> Server {
    Server::http(move |_, stream| {
        let mood = mood.lock().unwrap();
        let (secret, status) = (&mood.secret, mood.status);
        let quoted = serde_json::to_string(secret).unwrap();
        match mood.style {
            0 => json(stream, status, &format!(r#"{{"message":{quoted}}}"#)),
            1 => json(stream, status, &serde_json::json!({"data": format!("wrong: {secret}!")}).to_string()),
            2 => json(stream, status, &format!(r#"{{"data":{{"error":{quoted}}}}}"#)),
            3 => json(stream, status, &format!(r#"{{"data":{{"access_token":[{quoted}]}}}}"#)),
            4 => {
                json(stream, status, &format!(r#"{{"data":{{"access_token":{quoted},"refresh_token":5}}}}"#))
            }
            5 => json(stream, status, &format!(r#"{{"data":{quoted}}}"#)),
            6 => json(stream, status, secret),
            7 => json(stream, status, &format!("<html>{secret}</html>")),
            8 => json(stream, status, &format!(r#"{{{quoted}:1,"message":"x","data":[1,{quoted}]}}"#)),
            9 => answer(stream, 307, &format!("Location: http://{}.example/?t=x\r\n", host_safe(secret)), ""),
            10 => write!(stream, "HTTP/1.1 {status} {}\r\nContent-Length: 0\r\n\r\n", host_safe(secret)),
            _ => write!(stream, "{secret}\r\n\r\n"),
        }
    })
}

fn host_safe(secret: &str) -> String {
    secret.chars().filter(char::is_ascii_alphanumeric).collect()
}

fn assert_silent(error: &ApiError, secret: &str) -> Result<(), TestCaseError> {
    let text = format!("{error}\n{error:?}\n{error:#?}");
    prop_assert!(!text.contains(secret), "{}", text);
    let escaped = format!("{secret:?}");
    prop_assert!(!text.contains(escaped.trim_matches('"')), "{}", text);
    prop_assert!(!text.to_lowercase().contains(&host_safe(secret).to_lowercase()), "{}", text);
    Ok(())
}

#[test]
fn no_error_quotes_a_secret() {
    let mood = Arc::new(Mutex::new(Mood::default()));
    let server = echoing(Arc::clone(&mood));
    let (client, at) = (server.client(), server.endpoint());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let secrets = "Zq[0-9]{4}[a-zA-Z0-9 !\"\\\\/'{}<>.-]{0,20}Q";
    let statuses = prop::sample::select(vec![200_u16, 204, 400, 401, 403, 404, 429, 500, 503]);
    let config = ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(secret in secrets, style in 0..STYLES, status in statuses)| {
        *mood.lock().unwrap() = Mood { secret: secret.clone(), style, status };
        runtime.block_on(async {
            if let Err(error) = client.login(&at, "Root", "alice", &Password::new(secret.clone())).await {
                assert_silent(&error, &secret)?;
            }
            if let Err(error) = client.refresh(&at, &RefreshToken::new(secret.clone())).await {
                assert_silent(&error, &secret)?;
            }
            let token = AccessToken::new(secret.clone());
            if let Err(error) = client.whoami(&at, &token).await {
                assert_silent(&error, &secret)?;
            }
            if let Err(error) = client.revoke_user(&at, &token, "uid").await {
                assert_silent(&error, &secret)?;
            }
            Ok::<(), TestCaseError>(())
        })?;
    });
}

#[tokio::test]
async fn a_grant_does_not_show_its_tokens() {
    let server = Server::json(200, r#"{"data":{"access_token":"acc-shown","refresh_token":"ref-shown"}}"#);
    let grant = server.client().refresh(&server.endpoint(), &RefreshToken::new("r".into())).await.unwrap();
    let text = format!("{grant:?}");
    assert!(!text.contains("-shown"), "{text}");
}
