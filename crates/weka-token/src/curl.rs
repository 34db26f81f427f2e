//! `weka-token curl`: becomes the system's curl, with endpoint, trust and token on a descriptor.

use crate::args::CurlOptions;
use crate::failure::{BEFORE_START, Failure, NOT_EXECUTABLE, NOT_FOUND};
use crate::session::{self, Session};
use crate::token_format::{self, TokenFormat};
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, FdFlag, OFlag, fcntl};
use nix::unistd::{pipe2, write};
use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use wire::{Reached, Request, Response, Server};
use zeroize::Zeroizing;

const PROGRAM: &str = "curl";
/// The folder in which a process finds its descriptors by number.
const DESCRIPTORS: &str = "/proc/self/fd";
/// Where distributions keep the system's roots, one file each: curl leaves them out where it is given a file.
const ROOTS: &str = "/etc/ssl/certs";
/// What would have curl go by way of another host. The daemon goes by none either.
const PROXIES: [&str; 5] = ["http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"];
/// TLS libraries with which curl only warns that it cannot pin a key, and goes on.
const WITHOUT_PINS: [&str; 2] = ["rustls", "BearSSL"];

/// Becomes curl; returns only where that fails.
pub(crate) fn run(session: &Session<'_>, options: &CurlOptions) -> Result<u8, Failure> {
    Err(become_curl(session, options).unwrap_or_else(|failure| failure))
}

/// Why this is not curl by now.
fn become_curl(session: &Session<'_>, options: &CurlOptions) -> Result<Failure, Failure> {
    let Some((target, arguments)) = options.words.split_first() else {
        return Err(failed("there is no PATH"));
    };
    let (endpoint, path) = split(target)?;
    let reached = reach(session, options, endpoint).map_err(Failure::before_start)?;
    check_trust(&reached.server)?;
    let config = on_a_descriptor(&config(&reached)?)?;
    let mut curl = Command::new(PROGRAM);
    // First of all, else curl reads the user's own defaults, which may undo what is in ours.
    curl.arg("-q");
    curl.arg("--config").arg(format!("{DESCRIPTORS}/{}", config.as_raw_fd()));
    curl.arg(format!("{}{path}", reached.token.endpoint)).args(arguments);
    for name in PROXIES {
        curl.env_remove(name);
    }
    let error = curl.exec();
    drop(config);
    Ok(not_run(&error))
}

fn failed(message: impl Into<String>) -> Failure {
    Failure::new(BEFORE_START, message)
}

fn not_run(error: &io::Error) -> Failure {
    if error.kind() == io::ErrorKind::NotFound {
        return Failure::new(NOT_FOUND, "curl is not installed, or not in PATH")
            .then("install it, or use another client: weka-token get --format header");
    }
    Failure::new(NOT_EXECUTABLE, format!("curl cannot be run: {error}"))
}

/// The endpoint that was named, if one was, and the path.
fn split(target: &OsString) -> Result<(Option<String>, String), Failure> {
    let text = target.to_string_lossy();
    let usage = |problem: &str| {
        failed(format!("PATH: `{text}` {problem}")).then("such as: weka-token curl /api/v2/cluster")
    };
    let Some(text) = target.to_str() else { return Err(usage("is not UTF-8")) };
    if text.chars().any(|letter| letter.is_control() || letter.is_whitespace()) {
        return Err(usage("holds white space or control characters; write them as %20 and the like"));
    }
    if text.starts_with('/') {
        return Ok((None, text.to_owned()));
    }
    let scheme_end =
        text.find("://").ok_or_else(|| usage("is neither a path, which begins with /, nor a URL"))?;
    let (scheme, rest) = text.split_at(scheme_end + 3);
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (host, path) = rest.split_at(end);
    let slash = if path.starts_with('/') { "" } else { "/" };
    Ok((Some(format!("{scheme}{host}")), format!("{slash}{path}")))
}

fn reach(session: &Session<'_>, options: &CurlOptions, endpoint: Option<String>) -> Result<Reached, Failure> {
    let answer = session.ask_again(options.timeout.milliseconds(), |timeout_ms| Request::Reach {
        profile: session.profile.clone(),
        endpoint: endpoint.clone(),
        timeout_ms,
    })?;
    match answer {
        Response::Reached(reached) => Ok(reached),
        _ => Err(session::unexpected()),
    }
}

/// Finds out before curl does what curl would say less clearly, or not at all.
fn check_trust(server: &Server) -> Result<(), Failure> {
    match server {
        Server::CaFile(path) => {
            let opened = File::open(path);
            opened.map(drop).map_err(|error| {
                failed(format!("the profile's ca_file {path} cannot be read here: {error}"))
                    .then(format!("make it readable: chmod a+r {path}"))
            })
        }
        Server::PublicKey(_) => check_pinning(),
        Server::PlainHttp | Server::SystemRoots => Ok(()),
    }
}

fn check_pinning() -> Result<(), Failure> {
    let version = Command::new(PROGRAM).arg("--version").stdin(Stdio::null()).stderr(Stdio::null()).output();
    let version = version.map_err(|error| not_run(&error))?;
    let text = String::from_utf8_lossy(&version.stdout);
    let first = text.lines().next().unwrap_or_default();
    match WITHOUT_PINS.into_iter().find(|library| first.contains(library)) {
        Some(library) => Err(failed(format!(
            "the profile pins a certificate, and this curl, with {library} for TLS, cannot pin anything"
        ))
        .then("use a curl with OpenSSL or GnuTLS, or trust the cluster by a file: weka-token trust --ca-file PEM")),
        None => Ok(()),
    }
}

/// The whole configuration for curl, in a buffer that is wiped.
fn config(reached: &Reached) -> Result<Zeroizing<String>, Failure> {
    let header = token_format::write(&reached.token, TokenFormat::Curl).map_err(Failure::before_start)?;
    let mut others = String::new();
    let mut option = |name: &str, value: &str| {
        others.push_str(&format!("{name} = {}\n", quoted(value)));
    };
    // To our endpoints each as it is, and everything else to the one that answers: it is refused there.
    for endpoint in &reached.endpoints {
        let address = address(endpoint);
        option("connect-to", &format!("{address}:{address}"));
    }
    option("connect-to", &format!("::{}", address(&reached.token.endpoint)));
    let protocols = if reached.server == Server::PlainHttp { "=http,https" } else { "=https" };
    option("proto", protocols);
    option("proto-redir", protocols);
    match &reached.server {
        Server::PlainHttp | Server::SystemRoots => {}
        Server::CaFile(path) => {
            option("cacert", path);
            if Path::new(ROOTS).is_dir() {
                option("capath", ROOTS);
            }
        }
        // The pin is checked all the same, and nothing else is to be.
        Server::PublicKey(pin) => {
            option("pinnedpubkey", &format!("sha256//{pin}"));
            others.push_str("insecure\n");
        }
    }
    let mut text = Zeroizing::new(String::with_capacity(header.len() + others.len()));
    text.push_str(&header);
    text.push_str(&others);
    Ok(text)
}

/// Host and port of an endpoint.
fn address(endpoint: &str) -> &str {
    endpoint.split_once("://").map_or(endpoint, |(_, address)| address)
}

/// A value as curl's configuration files have it.
fn quoted(value: &str) -> String {
    let mut text = String::from("\"");
    for letter in value.chars() {
        match letter {
            '"' | '\\' => text.extend(['\\', letter]),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            other => text.push(other),
        }
    }
    text.push('"');
    text
}

/// A pipe that holds the text, can be read once, and is inherited.
fn on_a_descriptor(text: &str) -> Result<OwnedFd, Failure> {
    let failed = |error: Errno| failed(format!("the token cannot be handed to curl: {}", error.desc()));
    if !Path::new(DESCRIPTORS).exists() {
        return Err(failed(Errno::ENOENT).then(format!("mount /proc: curl reads it from {DESCRIPTORS}")));
    }
    // Nobody reads yet, so what does not fit would never be written.
    let (reader, writer) = pipe2(OFlag::O_CLOEXEC | OFlag::O_NONBLOCK).map_err(failed)?;
    let mut rest = text.as_bytes();
    while !rest.is_empty() {
        match write(&writer, rest) {
            Ok(count) => rest = rest.get(count..).unwrap_or_default(),
            Err(Errno::EINTR) => {}
            Err(error) => return Err(failed(error)),
        }
    }
    fcntl(&reader, FcntlArg::F_SETFD(FdFlag::empty())).map_err(failed)?;
    Ok(reader)
}

#[cfg(test)]
mod tests {
    use super::*;
    use secret::AccessToken;
    use std::io::Read;

    fn reached(server: Server) -> Reached {
        Reached {
            token: wire::Token {
                access_token: AccessToken::new("a.b-c".into()),
                token_type: "Bearer".into(),
                expires_in_s: 300,
                profile: "default".into(),
                endpoint: "https://weka02:14000".into(),
                org: None,
                username: None,
            },
            endpoints: vec!["https://weka01:14000".into(), "https://[fd00::2]:14000".into()],
            server,
        }
    }

    #[test]
    fn a_path_or_a_url_and_nothing_else() {
        let of = |text: &str| split(&OsString::from(text));
        assert_eq!(of("/api/v2/cluster?x=1"), Ok((None, "/api/v2/cluster?x=1".into())));
        assert_eq!(of("//evil/x"), Ok((None, "//evil/x".into())));
        for (url, endpoint, path) in [
            ("https://weka01:14000/api", "https://weka01:14000", "/api"),
            ("HTTPS://weka01", "HTTPS://weka01", "/"),
            ("https://[::1]:1?x", "https://[::1]:1", "/?x"),
            ("https://weka01#@evil", "https://weka01", "/#@evil"),
            ("https://user@evil/x", "https://user@evil", "/x"),
        ] {
            assert_eq!(of(url), Ok((Some(endpoint.into()), path.into())), "{url}");
        }
        for text in ["", "api/v2", "-s", "weka01:14000/api", "/a b", "/a\n", "https:/x"] {
            let failure = of(text).unwrap_err();
            assert_eq!(failure.status, 125, "{text:?}");
        }
    }

    #[test]
    fn only_the_profiles_endpoints_are_ever_connected_to() {
        let text = config(&reached(Server::SystemRoots)).unwrap();
        assert_eq!(
            *text,
            "header = \"Authorization: Bearer a.b-c\"\n\
             connect-to = \"weka01:14000:weka01:14000\"\n\
             connect-to = \"[fd00::2]:14000:[fd00::2]:14000\"\n\
             connect-to = \"::weka02:14000\"\n\
             proto = \"=https\"\n\
             proto-redir = \"=https\"\n"
        );
        assert!(config(&reached(Server::PlainHttp)).unwrap().contains("proto = \"=http,https\"\n"));
    }

    #[test]
    fn the_profiles_trust_is_handed_over() {
        let text = config(&reached(Server::CaFile("/a \"b\"\\\n.pem".into()))).unwrap();
        assert!(text.contains("\ncacert = \"/a \\\"b\\\"\\\\\\n.pem\"\n"), "{}", *text);
        assert!(!text.contains("insecure"));
        let text = config(&reached(Server::PublicKey("AP8=".into()))).unwrap();
        assert!(text.ends_with("\npinnedpubkey = \"sha256//AP8=\"\ninsecure\n"), "{}", *text);
    }

    #[test]
    fn what_is_on_the_descriptor_can_be_read_once_by_number() {
        let descriptor = on_a_descriptor("the text").unwrap();
        let path = format!("{DESCRIPTORS}/{}", descriptor.as_raw_fd());
        let mut text = String::new();
        File::open(path).unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(text, "the text");
        // Rather than wait for ever.
        assert_eq!(on_a_descriptor(&"x".repeat(2_000_000)).unwrap_err().status, 125);
    }
}
