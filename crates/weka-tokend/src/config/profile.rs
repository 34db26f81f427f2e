//! One `[profile.NAME]` table.

use super::section::{Reader, Section};
use super::{Allow, ProfileConfig, ProfileName, TokenFile, sink};
use crate::dirs::{Dirs, Service};
use crate::password_source::PasswordSource;
use std::path::PathBuf;
use std::time::Duration;
use weka_rest::{Endpoint, Fingerprint, Trust};

const KEYS: [&str; 14] = [
    "endpoints",
    "org",
    "tenant",
    "username",
    "ca_file",
    "fingerprint",
    "token_file",
    "password",
    "refresh_at",
    "connect_timeout",
    "request_timeout",
    "allow_http",
    "allow",
    "sink",
];

/// The longest timeout that makes sense where callers wait for seconds.
const LONGEST_TIMEOUT: Duration = Duration::from_secs(600);

/// What a profile is whose table says nothing, or that has no table at all.
pub(super) fn unsaid(dirs: &Dirs, name: &ProfileName) -> ProfileConfig {
    let token_file = match dirs.usual_token_file() {
        Some(path) if *name == ProfileName::default() && dirs.service == Service::User => {
            TokenFile::AdoptOnly(path)
        }
        _ => TokenFile::None,
    };
    ProfileConfig { token_file, ..ProfileConfig::default() }
}

/// Reads a profile; mistakes are reported, and what they are about keeps its default.
pub(super) fn read(
    reader: &mut Reader<'_>,
    section: &Section<'_>,
    mut profile: ProfileConfig,
) -> ProfileConfig {
    reader.refuse_unknown_keys(section, &KEYS);
    reader.needs_session(section);
    if let Some(allow_http) = reader.switch(section, "allow_http") {
        profile.allow_http = allow_http;
    }
    if let Some(endpoints) = read_endpoints(reader, section, profile.allow_http) {
        profile.endpoints = endpoints;
        profile.endpoints_configured = true;
    }
    profile.org = reader.text(section, "org");
    let tenant = reader.text(section, "tenant");
    if section.get("org").is_some() && section.get("tenant").is_some() {
        reader.report(section, Some("tenant"), "it is another name for `org`, which is set too; keep one");
    }
    profile.org = profile.org.or(tenant);
    profile.username = reader.text(section, "username");
    profile.trust = read_trust(reader, section);
    if let Some(token_file) = read_token_file(reader, section) {
        profile.token_file = token_file;
    }
    profile.password = read_password(reader, section);
    if section.get("password").is_some() && section.get("username").is_none() {
        reader.report(section, Some("password"), "a password without `username` cannot be used");
    }
    if let Some(share) = reader.share(section, "refresh_at") {
        profile.refresh_at = share;
    }
    if let Some(timeout) = reader.duration(section, "connect_timeout", LONGEST_TIMEOUT) {
        profile.connect_timeout = timeout;
    }
    if let Some(timeout) = reader.duration(section, "request_timeout", LONGEST_TIMEOUT) {
        profile.request_timeout = timeout;
    }
    profile.allow = read_allow(reader, section);
    let has_password = section.get("password").is_some();
    let sinks = reader.tables(section, "sink");
    profile.sinks = sinks.iter().filter_map(|table| sink::read(reader, table, has_password)).collect();
    profile
}

fn read_endpoints(reader: &mut Reader<'_>, section: &Section<'_>, allow_http: bool) -> Option<Vec<Endpoint>> {
    let key = "endpoints";
    let mut endpoints: Vec<Endpoint> = Vec::new();
    for (text, span) in reader.list(section, key, "[\"weka01\", \"https://weka02:14000\"]")? {
        let problem = match text.parse::<Endpoint>() {
            // Never quoted: what stands before it may be a password.
            Err(_) if text.contains('@') => {
                "an endpoint holds no user name or password; expected a host, host:port, [IPv6]:port or \
                 https://host[:port]"
                    .to_owned()
            }
            Err(error) => error.to_string(),
            Ok(endpoint) if endpoints.contains(&endpoint) => format!("{endpoint} is given twice"),
            Ok(endpoint) if endpoint.is_http() && !endpoint.is_loopback() && !allow_http => {
                format!("{endpoint} would send secrets in the clear; use https, or set allow_http = true")
            }
            Ok(endpoint) => {
                endpoints.push(endpoint);
                continue;
            }
        };
        reader.report_at(span, Some(section.path_of(key)), problem);
    }
    if section.get(key).and_then(|item| item.as_array()).is_some_and(toml_edit::Array::is_empty) {
        reader.report(section, Some(key), "the list is empty; leave the key out for https://localhost:14000");
    }
    (!endpoints.is_empty()).then_some(endpoints)
}

fn read_trust(reader: &mut Reader<'_>, section: &Section<'_>) -> Trust {
    let ca_file = reader.path(section, "ca_file").map(Trust::CaFile);
    let fingerprint = reader.text(section, "fingerprint").and_then(|text| {
        text.parse::<Fingerprint>()
            .map_err(|error| reader.report(section, Some("fingerprint"), error.to_string()))
            .ok()
            .map(Trust::Fingerprint)
    });
    if section.get("ca_file").is_some() && section.get("fingerprint").is_some() {
        let message = "`ca_file` is set too, but a fingerprint stands instead of it; keep one";
        reader.report(section, Some("fingerprint"), message);
    }
    fingerprint.or(ca_file).unwrap_or(Trust::SystemRoots)
}

fn read_token_file(reader: &mut Reader<'_>, section: &Section<'_>) -> Option<TokenFile> {
    if section.get("token_file").and_then(|item| item.as_str()) == Some("") {
        return Some(TokenFile::None);
    }
    reader.own_path(section, "token_file").map(TokenFile::Kept)
}

fn read_password(reader: &mut Reader<'_>, section: &Section<'_>) -> Option<PasswordSource> {
    const FORMS: &str = "expected one of { credential = \"NAME\" }, { command = [\"PROGRAM\", ...] } \
                         and { file = \"PATH\" }";
    let item = section.get("password")?;
    if item.is_str() {
        // Never quoted: it is the password itself.
        reader.report(section, Some("password"), format!("a password must not stand in this file; {FORMS}"));
        return None;
    }
    let table = reader.table(section, "password")?;
    reader.refuse_unknown_keys(&table, &["credential", "command", "file"]);
    if ["credential", "command", "file"].iter().filter(|key| table.get(key).is_some()).count() != 1 {
        reader.report(section, Some("password"), FORMS);
        return None;
    }
    if table.get("file").is_some() {
        return reader.path(&table, "file").map(PasswordSource::File);
    }
    if table.get("command").is_some() {
        return read_command(reader, &table).map(PasswordSource::Command);
    }
    let name = reader.text(&table, "credential")?;
    if name.contains('/') || name == "." || name == ".." || name.len() > 255 {
        reader.report(&table, Some("credential"), "expected a name as in LoadCredential=, without slashes");
        return None;
    }
    Some(PasswordSource::Credential(name))
}

fn read_command(reader: &mut Reader<'_>, table: &Section<'_>) -> Option<Vec<String>> {
    let key = "command";
    let words = reader.list(table, key, "[\"pass\", \"show\", \"weka\"] (no shell runs it)")?;
    let mut command: Vec<String> = words.into_iter().map(|(word, _)| word).collect();
    if command.iter().any(|word| word.contains('\0')) {
        reader.report(table, Some(key), "control characters are not allowed");
        return None;
    }
    let Some(program) = command.first_mut().filter(|program| !program.is_empty()) else {
        reader.report(table, Some(key), "the program's name is missing");
        return None;
    };
    if program.contains('/') {
        match reader.expand(program).map(PathBuf::into_os_string).map(std::ffi::OsString::into_string) {
            Ok(Ok(path)) => *program = path,
            Ok(Err(_)) => {
                reader.report(table, Some(key), "the home folder's path is not UTF-8");
                return None;
            }
            Err(problem) => {
                reader.report(table, Some(key), problem);
                return None;
            }
        }
    }
    Some(command)
}

fn read_allow(reader: &mut Reader<'_>, section: &Section<'_>) -> Vec<Allow> {
    const EXAMPLE: &str = "[\"user:alice\", \"group:hpc\"]";
    let Some(entries) = reader.list(section, "allow", EXAMPLE) else { return Vec::new() };
    let mut allow = Vec::new();
    for (text, span) in entries {
        let entry = match text.split_once(':') {
            Some(("user", name)) if is_account(name) => Allow::User(name.to_owned()),
            Some(("group", name)) if is_account(name) => Allow::Group(name.to_owned()),
            _ => {
                let message = format!("expected \"user:NAME\" or \"group:NAME\", as in {EXAMPLE}");
                reader.report_at(span, Some(section.path_of("allow")), message);
                continue;
            }
        };
        allow.push(entry);
    }
    allow
}

/// A name that a user database may hold: directory services have `DOMAIN\name` and `domain users`.
fn is_account(name: &str) -> bool {
    !name.is_empty() && name.trim() == name && !name.chars().any(|c| c.is_control() || matches!(c, ':' | '/'))
}
