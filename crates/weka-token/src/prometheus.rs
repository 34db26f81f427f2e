//! `status --prometheus`: the text exposition format, version 0.0.4.

use std::fmt::Write as _;
use wire::{ProfileStatus, Status};

type Value = fn(&ProfileStatus) -> u64;

const METRICS: [(&str, &str, &str, Value); 5] = [
    ("weka_token_up", "gauge", "Whether the profile has a live access token.", |profile| {
        u64::from(profile.access_expires_in_s.is_some())
    }),
    (
        "weka_token_access_expires_seconds",
        "gauge",
        "Remaining life of the access token, 0 without one.",
        |profile| profile.access_expires_in_s.unwrap_or(0),
    ),
    ("weka_token_refreshes_total", "counter", "Renewals that worked since the daemon started.", |profile| {
        profile.refreshes_total
    }),
    (
        "weka_token_refresh_failures_total",
        "counter",
        "Renewals that failed since the daemon started.",
        |profile| profile.refresh_failures_total,
    ),
    ("weka_token_gets_total", "counter", "Tokens handed out since the daemon started.", |profile| {
        profile.gets_total
    }),
];

/// All metrics of all profiles.
pub(crate) fn text(status: &Status) -> String {
    let mut text = String::new();
    for (name, kind, help, value) in METRICS {
        // Writing to a string cannot fail.
        let _: std::fmt::Result = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
        for profile in &status.profiles {
            let label = escape(&profile.name);
            let _: std::fmt::Result = writeln!(text, "{name}{{profile=\"{label}\"}} {}", value(profile));
        }
    }
    text
}

fn escape(label: &str) -> String {
    label.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use e2e::samples;
    use wire::State;

    #[test]
    fn five_metrics_with_help_and_type() {
        let mut odd = samples::profile("odd", State::Unreachable, None);
        odd.name = "a\"b\\c\nd".into();
        let text = text(&samples::status(vec![samples::profile("default", State::Ready, Some(252)), odd]));
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 5 * 4);
        assert_eq!(
            lines.get(..4).unwrap(),
            [
                "# HELP weka_token_up Whether the profile has a live access token.",
                "# TYPE weka_token_up gauge",
                r#"weka_token_up{profile="default"} 1"#,
                r#"weka_token_up{profile="a\"b\\c\nd"} 0"#,
            ]
        );
        assert!(lines.contains(&r#"weka_token_access_expires_seconds{profile="default"} 252"#));
        assert!(lines.contains(&r#"weka_token_refreshes_total{profile="default"} 12"#));
        assert!(lines.contains(&r#"weka_token_refresh_failures_total{profile="default"} 1"#));
        assert!(lines.contains(&r#"weka_token_gets_total{profile="default"} 70"#));
    }
}
