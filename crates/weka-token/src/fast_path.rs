//! `get` with plain options, parsed by hand: building clap's command tree would take longer than the answer.
//!
//! Whatever is in any way unusual (an option given twice, a value that looks like an option, another
//! command) is left to clap. A property test shows that the two agree.

use crate::args::{GetOptions, Global, Timeout};
use crate::duration;
use crate::profile_name;
use crate::token_format::TokenFormat;
use std::ffi::OsString;

/// Parses a command line, without the program's name; `None` leaves it to clap.
pub(crate) fn parse(arguments: &[OsString]) -> Option<(Global, GetOptions)> {
    let mut global = Global::default();
    let (mut min_ttl, mut timeout, mut format) = (None, None, None);
    let mut is_get = false;
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        let argument = argument.to_str()?;
        if argument == "get" && !is_get {
            is_get = true;
            continue;
        }
        if matches!(argument, "-q" | "--quiet") && !global.quiet {
            global.quiet = true;
            continue;
        }
        let (name, inline) = split(argument);
        let value = match inline {
            Some(value) => value,
            None => rest.next()?.to_str().filter(|value| !value.starts_with('-'))?,
        };
        match name {
            "--socket" if !value.is_empty() => once(&mut global.socket, value.into())?,
            "-p" | "--profile" => once(&mut global.profile, profile_name::parse(value).ok()?)?,
            "--min-ttl" if is_get => once(&mut min_ttl, duration::parse(value).ok()?)?,
            "--timeout" if is_get => once(&mut timeout, duration::parse_timeout(value).ok()?)?,
            "--format" if is_get => once(&mut format, TokenFormat::from_name(value)?)?,
            _ => return None,
        }
    }
    let format = format.unwrap_or_default();
    is_get.then_some((global, GetOptions { min_ttl, timeout: Timeout { timeout }, format }))
}

/// `--name=value`, `-nvalue` and `-n=value` hold their value; `--name` and `-n` do not.
fn split(argument: &str) -> (&str, Option<&str>) {
    if argument.starts_with("--") {
        return match argument.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (argument, None),
        };
    }
    match argument.split_at_checked(2) {
        Some((name, "")) => (name, None),
        Some((name, value)) => (name, Some(value.strip_prefix('=').unwrap_or(value))),
        None => (argument, None),
    }
}

fn once<T>(slot: &mut Option<T>, value: T) -> Option<()> {
    slot.replace(value).is_none().then_some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::{self, Command, Parsed};
    use proptest::collection::vec;
    use proptest::prelude::*;
    use proptest::sample::select;

    fn line(words: &[&str]) -> Vec<OsString> {
        words.iter().map(OsString::from).collect()
    }

    fn by_clap(arguments: &[OsString]) -> Option<(Global, GetOptions)> {
        match args::parse(arguments) {
            Ok(Parsed::Command(global, Command::Get(options))) => Some((global, options)),
            _ => None,
        }
    }

    #[test]
    fn plain_command_lines_are_taken() {
        let (global, options) = parse(&line(&["get"])).unwrap();
        assert_eq!((global, options), (Global::default(), GetOptions::default()));
        let (global, options) = parse(&line(&[
            "--socket=/run/s",
            "-pprod",
            "get",
            "-q",
            "--min-ttl",
            "2m",
            "--timeout=0",
            "--format",
            "json",
        ]))
        .unwrap();
        assert_eq!(global.socket.as_deref(), Some("/run/s".as_ref()));
        assert_eq!(global.profile.as_deref(), Some("prod"));
        assert!(global.quiet);
        assert_eq!(options.min_ttl, Some(120));
        assert_eq!(options.timeout.milliseconds(), 0);
        assert_eq!(options.format, TokenFormat::Json);
    }

    #[test]
    fn the_unusual_is_left_to_clap() {
        for words in [
            &[][..],
            &["status"],
            &["get", "get"],
            &["get", "extra"],
            &["get", "-h"],
            &["get", "--help"],
            &["-V"],
            &["get", "-p"],
            &["get", "-p", "-q"],
            &["get", "-p", "a", "-p", "b"],
            &["get", "-q", "-q"],
            &["get", "--socket="],
            &["get", "-p", "a/b"],
            &["get", "--min-ttl", "infinite"],
            &["get", "--format", "xml"],
            &["--min-ttl", "1s", "get"],
            &["get", "--quiet=true"],
            &["get", "--"],
            &["get", "é"],
        ] {
            assert_eq!(parse(&line(words)), None, "{words:?}");
        }
    }

    /// Words that make sense, words that nearly do, and words that do not.
    fn word() -> impl Strategy<Value = String> {
        let known = select(vec![
            "get",
            "get",
            "get",
            "-q",
            "--quiet",
            "-p",
            "--profile",
            "--socket",
            "--min-ttl",
            "--timeout",
            "--format",
            "-pprod",
            "-p=prod",
            "-p=",
            "--profile=prod",
            "--profile=",
            "--socket=/s",
            "--socket=",
            "--min-ttl=5",
            "--timeout=1h",
            "--timeout=0",
            "--format=raw",
            "--format=json",
            "--format=",
            "-qp",
            "-qpprod",
            "-pq",
            "--min",
            "--prof",
            "--quiet=true",
            "-q=1",
            "status",
            "login",
            "--",
            "-",
            "",
            "-h",
            "-V",
            "--json",
            "-p-",
            "-x",
            "--=",
            "-=",
            "-p==",
            "--tenant",
            "raw",
            "header",
            "env",
            "curl",
            "prod",
            "/run/s",
            "5m",
            "1d5h",
            "0",
            "infinite",
            "50d",
            "18446744073709551616",
            "-5",
            "RAW",
        ]);
        prop_oneof![9 => known.prop_map(str::to_owned), 1 => "[-=a-z0-9 é]{0,8}"]
    }

    /// Options as people write them, each once, in any order, global ones on either side of `get`.
    fn plain() -> impl Strategy<Value = Vec<OsString>> {
        let spelled = |names: &'static [&'static str], values: &'static [&'static str]| {
            (select(names), select(values), any::<bool>()).prop_map(|(name, value, inline)| match inline {
                true => vec![format!("{name}={value}")],
                false => vec![name.to_owned(), value.to_owned()],
            })
        };
        let before = vec![
            spelled(&["--socket"], &["/run/s", "s", "get"]).boxed(),
            prop_oneof![
                spelled(&["-p", "--profile"], &["prod", "get", "A_b-9"]),
                Just(vec!["-pprod".to_owned()])
            ]
            .boxed(),
            select(&["-q", "--quiet"][..]).prop_map(|word| vec![word.to_owned()]).boxed(),
        ];
        let after = vec![
            spelled(&["--min-ttl"], &["0", "30s", "1d5h"]).boxed(),
            spelled(&["--timeout"], &["0", "10", "1m"]).boxed(),
            spelled(&["--format"], &["raw", "header", "json", "env", "curl"]).boxed(),
        ];
        let all = before.into_iter().map(|it| (it, true)).chain(after.into_iter().map(|it| (it, false)));
        let all: Vec<_> =
            all.map(|(words, global)| (words, Just(global), any::<[bool; 2]>()).boxed()).collect();
        (all, any::<u64>()).prop_map(|(options, order)| {
            let mut front = Vec::new();
            let mut back = Vec::new();
            for (words, global, [wanted, leading]) in options {
                match (wanted, global && leading) {
                    (true, true) => front.push(words),
                    (true, false) => back.push(words),
                    (false, _) => {}
                }
            }
            let turn = |list: &mut Vec<_>| {
                if !list.is_empty() {
                    let by = usize::try_from(order % 7).unwrap_or(0) % list.len();
                    list.rotate_left(by);
                }
            };
            turn(&mut front);
            turn(&mut back);
            let words = front.concat().into_iter().chain(["get".to_owned()]).chain(back.concat());
            words.map(OsString::from).collect()
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1500))]

        /// What the fast path takes, clap takes too, and reads the same.
        #[test]
        fn what_is_taken_is_what_clap_reads(words in vec(word(), 0..7), lead: bool) {
            let mut arguments: Vec<OsString> = words.into_iter().map(OsString::from).collect();
            if lead {
                arguments.insert(0, "get".into());
            }
            if let Some(taken) = parse(&arguments) {
                prop_assert_eq!(Some(taken), by_clap(&arguments));
            }
        }

        /// Plain options do take the fast path.
        #[test]
        fn what_is_plain_is_taken(arguments in plain()) {
            let taken = parse(&arguments);
            prop_assert!(taken.is_some(), "{:?}", arguments);
            prop_assert_eq!(taken, by_clap(&arguments));
        }
    }
}
