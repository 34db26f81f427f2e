//! `status --json`: one line, with the keys of the manual in their order.

use crate::json::{self, Object};
use wire::{ProfileStatus, Status};

/// The line, newline included.
pub(crate) fn line(status: &Status) -> String {
    let mut daemon = Object::with_capacity(256);
    daemon
        .text("version", &status.daemon.version)
        .number("pid", status.daemon.pid.into())
        .number("uptime_s", status.daemon.uptime_s)
        .text("socket", &status.daemon.socket);
    let mut whole = Object::with_capacity(512);
    whole.raw("daemon", &daemon.finish()).raw("profiles", &json::array(status.profiles.iter().map(profile)));
    format!("{}\n", *whole.finish())
}

fn profile(profile: &ProfileStatus) -> zeroize::Zeroizing<String> {
    let mut object = Object::with_capacity(512);
    object
        .text("name", &profile.name)
        .text("state", profile.state.as_str())
        .maybe_text("username", profile.username.as_deref())
        .maybe_text("org", profile.org.as_deref())
        .maybe_text("endpoint", profile.endpoint.as_deref())
        .maybe_number("access_expires_in_s", profile.access_expires_in_s)
        .maybe_number("next_refresh_in_s", profile.next_refresh_in_s)
        .number("refreshes_total", profile.refreshes_total)
        .number("refresh_failures_total", profile.refresh_failures_total)
        .number("gets_total", profile.gets_total)
        .maybe_text("last_error", profile.last_error.as_deref())
        .maybe_number("locked_for_s", profile.locked_for_s);
    object.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use e2e::samples;
    use wire::State;

    #[test]
    fn the_line_of_the_manual() {
        let profiles = vec![
            samples::profile("default", State::Ready, Some(252)),
            samples::profile("prod", State::LoginRequired, None),
        ];
        assert_eq!(
            line(&samples::status(profiles)),
            concat!(
                r#"{"daemon":{"version":"0.1.0","pid":4711,"uptime_s":7380,"#,
                r#""socket":"/run/user/1000/weka-token/agent.sock"},"profiles":["#,
                r#"{"name":"default","state":"ready","username":"alice","org":"Root","#,
                r#""endpoint":"https://weka01:14000","access_expires_in_s":252,"next_refresh_in_s":192,"#,
                r#""refreshes_total":12,"refresh_failures_total":1,"gets_total":70,"#,
                r#""last_error":null,"locked_for_s":null},"#,
                r#"{"name":"prod","state":"login-required","username":null,"org":null,"#,
                r#""endpoint":"https://weka01:14000","access_expires_in_s":null,"next_refresh_in_s":null,"#,
                r#""refreshes_total":12,"refresh_failures_total":1,"gets_total":70,"#,
                r#""last_error":null,"locked_for_s":null}]}"#,
                "\n"
            )
        );
    }
}
