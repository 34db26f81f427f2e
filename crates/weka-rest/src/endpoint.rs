//! [`Endpoint`]: where a cluster's management API listens.

use std::fmt;
use std::str::FromStr;
use url::Host;

/// The port of WEKA's management API where none is given.
pub const DEFAULT_PORT: u16 = 14000;

/// One address of a cluster's management API: scheme, host and port.
///
/// Written `host`, `host:port`, `[v6]:port`, `https://host[:port]` or `http://host[:port]`; without a
/// scheme it is https, without a port it is 14000 (also with a scheme). Host names are kept in lower case.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Endpoint {
    http: bool,
    host: String,
    port: u16,
}

/// A text that is not an [`Endpoint`]: names the text and what was expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is not an endpoint: {problem}; expected a host, host:port, [IPv6]:port or https://host[:port]"
)]
pub struct EndpointError {
    text: String,
    problem: &'static str,
}

impl Endpoint {
    /// Whether it is plain http, without TLS.
    #[must_use]
    pub const fn is_http(&self) -> bool {
        self.http
    }

    /// Whether it can only be this very machine: `localhost`, 127.0.0.0/8 or `::1`.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        match Host::parse(&self.host) {
            Ok(Host::Domain(name)) => name == "localhost",
            Ok(Host::Ipv4(address)) => address.is_loopback(),
            Ok(Host::Ipv6(address)) => address.to_canonical().is_loopback(),
            Err(_) => false,
        }
    }

    /// The host as it stands in a URL: IPv6 addresses in brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The host as a TLS server name, and for name lookups: IPv6 addresses without brackets.
    #[must_use]
    pub fn bare_host(&self) -> &str {
        self.host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(&self.host)
    }

    /// The TCP port.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn with_scheme(&self, http: bool) -> Self {
        Self { http, ..self.clone() }
    }

    fn parse(text: &str) -> Result<Self, &'static str> {
        let text = text.trim();
        if text.is_empty() {
            return Err("it is empty");
        }
        if text.chars().any(|c| c.is_control() || c.is_whitespace()) {
            return Err("it holds white space or control characters");
        }
        let (http, rest) = match text.split_once("://") {
            None => (false, text),
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https") => (false, rest),
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => (true, rest),
            Some(_) => return Err("the scheme is neither https nor http"),
        };
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        if authority.contains('?') {
            return Err("it has a query");
        }
        if authority.contains('#') {
            return Err("it has a fragment");
        }
        if authority.contains(['/', '\\']) {
            return Err("it has a path");
        }
        if authority.contains('@') {
            return Err("it has a user name");
        }
        let (host, port) = split_port(authority)?;
        if host.is_empty() {
            return Err("the host is missing");
        }
        let host = Host::parse(host).map_err(|_| "the host is neither a name nor an IP address")?;
        Ok(Self { http, host: host.to_string(), port })
    }
}

/// `host`, `host:port`, `[v6]`, `[v6]:port`, or a bare IPv6 address, which gets its brackets.
fn split_port(authority: &str) -> Result<(&str, u16), &'static str> {
    let end = match authority.strip_prefix('[') {
        Some(inner) => inner.find(']').ok_or("the bracket of the IPv6 address is not closed")? + 2,
        None if authority.matches(':').count() > 1 => {
            return Err("an IPv6 address needs brackets");
        }
        None => authority.find(':').unwrap_or(authority.len()),
    };
    let (host, port) = authority.split_at_checked(end).ok_or("the host is malformed")?;
    if port.is_empty() {
        return Ok((host, DEFAULT_PORT));
    }
    let digits = port.strip_prefix(':').ok_or("there is text after the IPv6 address")?;
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err("the port is not a number");
    }
    match digits.parse::<u16>() {
        Ok(0) | Err(_) => Err("the port is not within 1 to 65535"),
        Ok(port) => Ok((host, port)),
    }
}

impl FromStr for Endpoint {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Self, EndpointError> {
        Self::parse(text).map_err(|problem| EndpointError { text: shown(text), problem })
    }
}

/// The text as it can stand in a message: without control characters, cut after 100 characters, and
/// without what looks like a password before an `@`.
fn shown(text: &str) -> String {
    let visible = match text.rsplit_once('@') {
        Some((_, host)) => format!("...@{host}"),
        None => text.to_owned(),
    };
    visible.chars().filter(|c| !c.is_control()).take(100).collect()
}

impl TryFrom<&str> for Endpoint {
    type Error = EndpointError;

    fn try_from(text: &str) -> Result<Self, EndpointError> {
        text.parse()
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.http { "http" } else { "https" };
        write!(f, "{scheme}://{}:{}", self.host, self.port)
    }
}
