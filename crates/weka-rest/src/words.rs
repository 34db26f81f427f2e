//! Plain words for what went wrong below HTTP.

use crate::resolve::LookupFailed;
use crate::visible::visible;
use std::error::Error;
use std::io;
use std::time::Duration;

/// `6 s`, `1.5 s` or `250 ms`.
pub(crate) fn span(time: Duration) -> String {
    if time < Duration::from_secs(1) {
        format!("{} ms", time.as_millis())
    } else {
        format!("{} s", (time.as_secs_f64() * 10.0).round() / 10.0)
    }
}

/// `1 h 5 min 20 s`.
pub(crate) fn clock(time: Duration) -> String {
    let seconds = time.as_secs();
    let parts = [(seconds / 3600, "h"), (seconds / 60 % 60, "min"), (seconds % 60, "s")];
    let shown: Vec<String> =
        parts.iter().filter(|(n, _)| *n > 0).map(|(n, unit)| format!("{n} {unit}")).collect();
    if shown.is_empty() { "0 s".into() } else { shown.join(" ") }
}

/// The deepest cause that says something to a person.
pub(crate) fn cause(error: &(dyn Error + 'static)) -> String {
    let mut found = None;
    let mut next = Some(error);
    while let Some(here) = next {
        found = known(here).or(found);
        next = here.source();
    }
    found.unwrap_or_else(|| visible(&innermost(error).to_string(), 200))
}

/// The first `T` in the chain of causes.
pub(crate) fn find<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    let mut next = Some(error);
    while let Some(here) = next {
        if let Some(found) = here.downcast_ref::<T>() {
            return Some(found);
        }
        next = here.source();
    }
    None
}

fn innermost<'a>(error: &'a (dyn Error + 'static)) -> &'a (dyn Error + 'static) {
    let mut here = error;
    while let Some(next) = here.source() {
        here = next;
    }
    here
}

fn known(error: &(dyn Error + 'static)) -> Option<String> {
    if let Some(failed) = error.downcast_ref::<LookupFailed>() {
        return Some(failed.to_string());
    }
    if let Some(problem) = error.downcast_ref::<rustls::Error>() {
        return Some(tls(problem));
    }
    if let Some(problem) = error.downcast_ref::<io::Error>() {
        return Some(file_or_socket(problem));
    }
    let problem = error.downcast_ref::<hyper::Error>()?;
    if problem.is_incomplete_message() {
        return Some("the connection was closed before the answer was complete".into());
    }
    problem.is_canceled().then(|| "the connection was closed before the request was sent".into())
}

fn file_or_socket(problem: &io::Error) -> String {
    if let Some(inner) = problem.get_ref() {
        let inner: &(dyn Error + 'static) = inner;
        if let Some(words) = known(inner) {
            return words;
        }
    }
    match problem.kind() {
        io::ErrorKind::ConnectionRefused => "connection refused".into(),
        io::ErrorKind::ConnectionReset => "the connection was reset".into(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::BrokenPipe | io::ErrorKind::UnexpectedEof => {
            "the connection was closed".into()
        }
        io::ErrorKind::TimedOut => "the connection timed out".into(),
        io::ErrorKind::HostUnreachable => "no route to the host".into(),
        io::ErrorKind::NetworkUnreachable => "the network is unreachable".into(),
        _ => visible(&problem.to_string(), 200),
    }
}

/// What went wrong in TLS, other than the certificate, which has its own words.
fn tls(problem: &rustls::Error) -> String {
    match problem {
        rustls::Error::InvalidMessage(_) | rustls::Error::InappropriateMessage { .. } => {
            "what answers there does not speak TLS (plain http?)".into()
        }
        rustls::Error::AlertReceived(alert) => format!("the server ended the TLS handshake: {alert:?}"),
        rustls::Error::PeerIncompatible(_) => {
            "no TLS version or cipher in common (TLS 1.2 or newer is needed)".into()
        }
        rustls::Error::InvalidCertificate(_) => {
            "the certificate's signature in the handshake is wrong".into()
        }
        other => visible(&format!("TLS failed: {other}"), 200),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_and_clocks_are_read_at_a_glance() {
        let spans =
            [(0, "0 ms"), (250, "250 ms"), (1000, "1 s"), (1500, "1.5 s"), (6000, "6 s"), (90_000, "90 s")];
        for (ms, text) in spans {
            assert_eq!(span(Duration::from_millis(ms)), text);
        }
        let clocks = [
            (0, "0 s"),
            (59, "59 s"),
            (115, "1 min 55 s"),
            (120, "2 min"),
            (3600, "1 h"),
            (90_061, "25 h 1 min 1 s"),
        ];
        for (s, text) in clocks {
            assert_eq!(clock(Duration::from_secs(s)), text);
        }
    }
}
