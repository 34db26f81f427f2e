//! `weka-token trust`, and the part of `login` that comes before the password: which cluster, and is it the
//! one it says it is? Nothing secret is sent here.

use crate::args::{ClusterOptions, TrustOptions};
use crate::environment::Environment;
use crate::failure::{Failure, PERSON_NEEDED, USAGE};
use crate::session::{self, ANSWER_MS, Session};
use crate::terminal::Terminal;
use crate::utc;
use std::ffi::OsStr;
use std::path::Path;
use wire::{Certificate, ProfileSettings, Request, Response, Target, Trust, Verdict};

/// A backend usually runs the management API on the host itself.
pub(crate) const DEFAULT_ENDPOINT: &str = "https://localhost:14000";

pub(crate) fn run(session: &Session<'_>, options: &TrustOptions) -> Result<u8, Failure> {
    let timeout_ms = options.timeout.milliseconds();
    let settings = describe(session)?;
    let terminal = Terminal::open();
    let target = settle(session, &options.cluster, &settings, terminal.as_ref(), timeout_ms)?;
    let request = Request::Trust { target, save: !options.no_save, timeout_ms };
    let Response::Done { notes } = session.ask_once(timeout_ms, &request)? else {
        return Err(session::unexpected());
    };
    if notes.is_empty() {
        session.say(&format!("the certificate is trusted for profile {}", settings.name));
    }
    for note in &notes {
        session.say(note);
    }
    Ok(0)
}

/// What the daemon knows of the profile already.
pub(crate) fn describe(session: &Session<'_>) -> Result<ProfileSettings, Failure> {
    let request = Request::Describe { profile: session.profile.clone() };
    match session.ask_again(ANSWER_MS, |_| request.clone())? {
        Response::Profile(settings) => Ok(settings),
        _ => Err(session::unexpected()),
    }
}

/// The cluster, and the trust under which it may be spoken to.
pub(crate) fn settle(
    session: &Session<'_>,
    options: &ClusterOptions,
    settings: &ProfileSettings,
    terminal: Option<&Terminal>,
    timeout_ms: u32,
) -> Result<Target, Failure> {
    let mut target = Target {
        profile: session.profile.clone(),
        endpoints: endpoints(options, settings, session.environment, terminal)?,
        trust: given_trust(options, session.environment)?,
    };
    let request = Request::Probe { target: target.clone(), timeout_ms };
    let Response::Certificate(certificate) = session.ask_once(timeout_ms, &request)? else {
        return Err(session::unexpected());
    };
    match &certificate.verdict {
        Verdict::Trusted => {}
        Verdict::PlainHttp => {
            session.say(&format!("warning: {} is reached without encryption (http)", certificate.endpoint))
        }
        Verdict::Mismatch(reason) => return Err(mismatch(&certificate, reason)),
        Verdict::Unknown(reason) => {
            target.trust = confirm(&certificate, reason, &target.trust, terminal)?;
        }
    }
    Ok(target)
}

/// What to say of a certificate that contradicts what was pinned or given: it cannot be waved through.
#[must_use]
pub fn mismatch(certificate: &Certificate, reason: &str) -> Failure {
    let message = format!("THE CERTIFICATE OF {} IS NOT THE ONE EXPECTED: {reason}", certificate.endpoint);
    Failure::new(PERSON_NEEDED, message)
        .then(format!("it shows {}; nothing secret was sent", certificate.fingerprint))
        .then("somebody may be between you and the cluster, or its certificate was renewed: ask whoever runs it")
        .then(format!("only if they confirm it, add: --fingerprint {}", certificate.fingerprint))
}

/// Asks as ssh does; without a person, or against what was given, it is refused.
fn confirm(
    certificate: &Certificate,
    reason: &str,
    given: &Trust,
    terminal: Option<&Terminal>,
) -> Result<Trust, Failure> {
    let untrusted = format!("the certificate of {} is not trusted: {reason}", certificate.endpoint);
    let hint =
        format!("compare this with the cluster's, then add: --fingerprint {}", certificate.fingerprint);
    if *given != Trust::AsConfigured {
        return Err(Failure::new(PERSON_NEEDED, untrusted).then(hint));
    }
    let Some(terminal) = terminal else {
        return Err(Failure::new(PERSON_NEEDED, untrusted)
            .then(hint)
            .then("or name its authority: --ca-file PEM"));
    };
    let mut text = format!("The certificate of {} is not trusted yet: {reason}", certificate.endpoint);
    for (name, value) in certificate_facts(certificate) {
        text.push_str(&format!("\n  {name:<11}  {value}"));
    }
    terminal.show(&text);
    loop {
        let answer = terminal.ask("Trust this certificate? [yes/no]", None)?;
        match decision(&answer, certificate) {
            Decision::Trust(trust) => return Ok(trust),
            Decision::Refuse => {
                return Err(Failure::new(PERSON_NEEDED, "the certificate was not trusted; nothing was sent"));
            }
            Decision::Unclear => terminal.show("Please type yes, no or the fingerprint."),
        }
    }
}

/// What a person compares before they trust a certificate: names and values.
#[must_use]
pub fn certificate_facts(certificate: &Certificate) -> [(&'static str, String); 4] {
    let dates = [certificate.not_before_unix_s, certificate.not_after_unix_s].map(utc::date_time);
    [
        ("subject", certificate.subject.clone()),
        ("issuer", certificate.issuer.clone()),
        ("valid", dates.join(" to ")),
        ("fingerprint", certificate.fingerprint.clone()),
    ]
}

/// What a person has decided about a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// To trust it from now on, in this way.
    Trust(Trust),
    /// Not to trust it.
    Refuse,
    /// Neither can be told from the answer.
    Unclear,
}

/// Reads the answer to "Trust this certificate?": `yes`, `no` or its fingerprint, as with ssh.
#[must_use]
pub fn decision(answer: &str, certificate: &Certificate) -> Decision {
    let answer = answer.trim();
    if answer.eq_ignore_ascii_case("yes") || answer == certificate.fingerprint {
        Decision::Trust(Trust::Fingerprint(certificate.fingerprint.clone()))
    } else if answer.eq_ignore_ascii_case("no") {
        Decision::Refuse
    } else {
        Decision::Unclear
    }
}

fn given_trust(options: &ClusterOptions, environment: &Environment) -> Result<Trust, Failure> {
    match (&options.ca_file, &options.fingerprint) {
        (Some(path), _) => absolute("--ca-file", path, environment).map(Trust::CaFile),
        (None, Some(fingerprint)) => Ok(Trust::Fingerprint(fingerprint.clone())),
        (None, None) => Ok(Trust::AsConfigured),
    }
}

/// Options, else the profile, else the environment, else a person.
fn endpoints(
    options: &ClusterOptions,
    settings: &ProfileSettings,
    environment: &Environment,
    terminal: Option<&Terminal>,
) -> Result<Vec<String>, Failure> {
    if !options.endpoints.is_empty() {
        return Ok(options.endpoints.clone());
    }
    if !settings.endpoints.is_empty() {
        // None given: the daemon takes the profile's.
        return Ok(Vec::new());
    }
    if let Some(endpoint) = endpoint_of(environment)? {
        return Ok(vec![endpoint]);
    }
    match terminal {
        Some(terminal) => Ok(vec![terminal.ask("Cluster", Some(DEFAULT_ENDPOINT))?]),
        None => Err(Failure::new(USAGE, format!("profile {} has no endpoint", settings.name))
            .then("add: --endpoint URL (such as https://weka01:14000), or set WEKA_HOST")),
    }
}

/// The cluster that `WEKA_HOST` and `WEKA_PORT` name, if they do.
pub(crate) fn endpoint_of(environment: &Environment) -> Result<Option<String>, Failure> {
    let Some(host) = &environment.host else { return Ok(None) };
    let host = text("WEKA_HOST", host)?;
    let port = environment.port.as_deref().map(|port| text("WEKA_PORT", port)).transpose()?;
    Ok(Some(with_port(&host, port.as_deref())))
}

/// A host of the environment with its port, unless it has one already.
fn with_port(host: &str, port: Option<&str>) -> String {
    let Some(port) = port else { return host.to_owned() };
    let authority = host.split_once("://").map_or(host, |(_, rest)| rest);
    let bare_ipv6 = !authority.starts_with('[') && authority.matches(':').count() > 1;
    let has_port = !bare_ipv6 && authority.rsplit(']').next().is_some_and(|end| end.contains(':'));
    if has_port {
        host.to_owned()
    } else if bare_ipv6 {
        format!("[{host}]:{port}")
    } else {
        format!("{}:{port}", host.trim_end_matches('/'))
    }
}

/// A value of the environment as text.
pub(crate) fn text(name: &str, value: &OsStr) -> Result<String, Failure> {
    let value = value.to_str().ok_or_else(|| Failure::new(USAGE, format!("{name} is not UTF-8")))?;
    Ok(value.to_owned())
}

/// The daemon has a working folder of its own, so a path is made absolute here; links stay as they are. A shell leaves `~`
/// alone behind `--option=`, so it means here what it means in the configuration.
pub(crate) fn absolute(option: &str, path: &Path, environment: &Environment) -> Result<String, Failure> {
    let is_tilde = |first: &OsStr| first.as_encoded_bytes().starts_with(b"~") && first != "~";
    if path.iter().next().is_some_and(is_tilde) {
        return Err(Failure::new(USAGE, format!("{option} {}: `~` must be followed by `/`", path.display()))
            .then("write the path out; what really begins so: ./~"));
    }
    let path = match (path.strip_prefix("~"), &environment.home) {
        (Ok(below), Some(home)) => home.join(below),
        (Ok(_), None) => {
            return Err(Failure::new(USAGE, format!("{option} {}: there is no HOME", path.display()))
                .then("write the path out, from the root on"));
        }
        (Err(_), _) => path.to_owned(),
    };
    let absolute = std::path::absolute(&path)
        .map_err(|error| Failure::new(USAGE, format!("{option} {}: {error}", path.display())))?;
    let text = absolute.into_os_string().into_string();
    text.map_err(|_| Failure::new(USAGE, format!("{option}: the path is not UTF-8")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_added_where_there_is_none() {
        for (host, port, endpoint) in [
            ("weka01", None, "weka01"),
            ("weka01", Some("14001"), "weka01:14001"),
            ("weka01:15000", Some("14001"), "weka01:15000"),
            ("https://weka01", Some("14001"), "https://weka01:14001"),
            ("https://weka01/", Some("14001"), "https://weka01:14001"),
            ("https://weka01:15000", Some("14001"), "https://weka01:15000"),
            ("fd00::1", Some("14001"), "[fd00::1]:14001"),
            ("[fd00::1]", Some("14001"), "[fd00::1]:14001"),
            ("[fd00::1]:15000", Some("14001"), "[fd00::1]:15000"),
        ] {
            assert_eq!(with_port(host, port), endpoint, "{host} {port:?}");
        }
    }

    #[test]
    fn paths_become_absolute() {
        let here = std::env::current_dir().unwrap();
        let expected = here.join("ca.pem").into_os_string().into_string().unwrap();
        let absolute = |path| absolute("--ca-file", Path::new(path), &Environment::default());
        assert_eq!(absolute("ca.pem"), Ok(expected));
        assert_eq!(absolute("/etc/ca.pem"), Ok("/etc/ca.pem".into()));
        assert_eq!(absolute("").unwrap_err().status, USAGE);
    }

    /// `--token-file=~/x.json` made a folder of that name where the caller was.
    #[test]
    fn a_home_behind_an_option_was_a_folder_called_tilde() {
        let environment = Environment { home: Some("/home/alice".into()), ..Environment::default() };
        let absolute = |path, environment| absolute("--token-file", Path::new(path), environment);
        assert_eq!(absolute("~/x.json", &environment), Ok("/home/alice/x.json".into()));
        assert_eq!(absolute("/srv/~/x.json", &environment), Ok("/srv/~/x.json".into()));
        assert_eq!(absolute("~bob/x.json", &environment).unwrap_err().status, USAGE);
        assert_eq!(absolute("~/x.json", &Environment::default()).unwrap_err().status, USAGE);
    }

    #[test]
    fn without_a_person_both_ways_are_named() {
        let certificate = Certificate {
            endpoint: "https://weka01:14000".into(),
            fingerprint: "sha256:00ff".into(),
            subject: "CN=weka01".into(),
            issuer: "CN=weka01".into(),
            not_before_unix_s: 0,
            not_after_unix_s: 0,
            verdict: Verdict::Unknown("self-signed".into()),
        };
        let failure = confirm(&certificate, "self-signed", &Trust::AsConfigured, None).unwrap_err();
        assert_eq!(failure.status, PERSON_NEEDED);
        let steps = failure.next_steps.join("\n");
        assert!(steps.contains("--fingerprint sha256:00ff") && steps.contains("--ca-file PEM"), "{steps}");
    }
}
