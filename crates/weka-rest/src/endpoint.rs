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
        if authority.contains([',', ';']) {
            return Err("several hosts are written as one endpoint each");
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_good_form() {
        let table = [
            ("weka01", "https://weka01:14000"),
            ("weka01:443", "https://weka01:443"),
            ("https://weka01", "https://weka01:14000"),
            ("https://weka01:443", "https://weka01:443"),
            ("https://weka01:443/", "https://weka01:443"),
            ("HTTPS://WEKA01.Example.COM", "https://weka01.example.com:14000"),
            ("http://weka01", "http://weka01:14000"),
            ("http://weka01:80", "http://weka01:80"),
            ("10.1.2.3", "https://10.1.2.3:14000"),
            ("10.1.2.3:35000", "https://10.1.2.3:35000"),
            ("[::1]", "https://[::1]:14000"),
            ("[2001:DB8:0::1]:14101", "https://[2001:db8::1]:14101"),
            ("http://[::1]:80", "http://[::1]:80"),
            ("  weka01\n", "https://weka01:14000"),
            ("weka_01", "https://weka_01:14000"),
            ("bücher.example", "https://xn--bcher-kva.example:14000"),
            ("weka01:65535", "https://weka01:65535"),
        ];
        for (text, shown) in table {
            let endpoint: Endpoint = text.parse().unwrap();
            assert_eq!(endpoint.to_string(), shown);
            assert_eq!(Endpoint::try_from(shown).unwrap(), endpoint);
        }
    }

    #[test]
    fn every_bad_form_is_named() {
        let table = [
            ("", "empty"),
            ("   ", "empty"),
            ("weka 01", "white space"),
            ("weka\u{7}01", "white space or control"),
            ("ftp://weka01", "neither https nor http"),
            ("://weka01", "neither https nor http"),
            ("https://", "host is missing"),
            ("https:///", "host is missing"),
            (":14000", "host is missing"),
            ("weka01:", "port is not a number"),
            ("weka01:port", "port is not a number"),
            ("weka01:+80", "port is not a number"),
            ("weka01:0", "1 to 65535"),
            ("weka01:65536", "1 to 65535"),
            ("weka01:99999999999999999999", "1 to 65535"),
            ("weka01/api", "path"),
            ("https://weka01:14000/api/v2", "path"),
            ("weka01//", "path"),
            ("weka01\\x", "path"),
            ("weka01?x=1", "query"),
            ("weka01/?x=1", "query"),
            ("weka01#x", "fragment"),
            ("alice@weka01", "user name"),
            ("::1", "needs brackets"),
            ("fe80::1:14000", "needs brackets"),
            ("[::1", "not closed"),
            ("[::1]x", "text after"),
            ("[::1]14000", "text after"),
            ("[fe80::1%eth0]", "neither a name nor an IP"),
            ("[weka01]", "neither a name nor an IP"),
            ("[]", "neither a name nor an IP"),
            ("256.1.1.1", "neither a name nor an IP"),
            ("weka%00", "neither a name nor an IP"),
            ("weka01,weka02", "one endpoint each"),
            ("we<ka", "neither a name nor an IP"),
        ];
        for (text, problem) in table {
            let error = text.parse::<Endpoint>().unwrap_err().to_string();
            assert!(error.contains(problem), "{text}: {error}");
            assert!(error.contains("expected a host"), "{error}");
            assert!(!error.contains('\u{7}'), "{error}");
        }
        let error = "https://alice:hunter2@weka01".parse::<Endpoint>().unwrap_err().to_string();
        assert!(error.contains("weka01") && !error.contains("hunter2"), "{error}");
    }

    #[test]
    fn loopback_is_only_this_machine() {
        for here in
            ["localhost", "127.0.0.1", "127.9.9.9", "[::1]", "[::ffff:127.0.0.1]", "0x7f.1", "LOCALHOST:1"]
        {
            assert!(here.parse::<Endpoint>().unwrap().is_loopback(), "{here}");
        }
        for there in
            ["localhost.example", "0.0.0.0", "10.0.0.1", "[::]", "[2001:db8::1]", "127.0.0.1.example"]
        {
            assert!(!there.parse::<Endpoint>().unwrap().is_loopback(), "{there}");
        }
    }

    #[test]
    fn parts_and_scheme() {
        let endpoint: Endpoint = "http://[::1]:7".parse().unwrap();
        assert_eq!((endpoint.host(), endpoint.bare_host(), endpoint.port()), ("[::1]", "::1", 7));
        assert!(endpoint.is_http());
        assert_ne!(endpoint, "[::1]:7".parse().unwrap());
    }

    proptest! {
        #[test]
        fn no_text_panics_and_what_parses_comes_back(text in "(https?://)?[\\PC]{0,20}[a-z0-9:./@\\[\\]%?#]{0,20}") {
            match text.parse::<Endpoint>() {
                Ok(endpoint) => {
                    let shown = endpoint.to_string();
                    prop_assert_eq!(shown.parse::<Endpoint>().unwrap(), endpoint.clone());
                    // What is shown is what a URL parser talks to.
                    let url = url::Url::parse(&shown).unwrap();
                    prop_assert_eq!(url.host_str(), Some(endpoint.host()));
                    prop_assert_eq!(url.port_or_known_default(), Some(endpoint.port()));
                }
                Err(error) => prop_assert!(error.to_string().contains("expected")),
            }
        }
    }
}
