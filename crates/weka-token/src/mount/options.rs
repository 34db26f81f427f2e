//! Mount options: ours are taken out, the others go on unchanged and in order.

use super::failed::wrong;
use crate::duration;
use crate::failure::Failure;
use crate::profile_name;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

/// How long to wait for a token where nobody says, in milliseconds.
const TIMEOUT_MS: u32 = 30_000;
const OURS: &[u8] = b"token_";
const KNOWN: &str = "known are token_profile=, token_timeout=, token_via= and token_socket=";

/// How mount.wekafs gets what it needs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Via {
    /// The pair in a private file, `auth_token_path=`.
    #[default]
    Path,
    /// The filesystem's mount token in the options, `token=`.
    MountToken,
}

/// What the options say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Options {
    pub(super) profile: Option<String>,
    pub(super) timeout_ms: u32,
    pub(super) via: Via,
    pub(super) socket: Option<PathBuf>,
    /// Those that are not ours.
    others: Vec<OsString>,
}

impl Options {
    /// Reads options as mount(8) hands them on; of one that is given twice the last counts, as there.
    ///
    /// # Errors
    /// One sentence about the first that is wrong.
    pub(super) fn parse(lists: &[OsString], sloppy: bool) -> Result<Self, Failure> {
        let mut options = Self {
            profile: None,
            timeout_ms: TIMEOUT_MS,
            via: Via::default(),
            socket: None,
            others: Vec::new(),
        };
        for list in lists {
            for option in split(list)? {
                if option.as_bytes().starts_with(OURS) {
                    options.take(option, sloppy)?;
                } else {
                    options.others.push(option.to_owned());
                }
            }
        }
        options.check()?;
        Ok(options)
    }

    fn take(&mut self, option: &OsStr, sloppy: bool) -> Result<(), Failure> {
        let shown = option.to_string_lossy();
        let (name, value) = match shown.split_once('=') {
            Some((name, value)) => (name, Some(unquoted(value))),
            None => (&*shown, None),
        };
        if !["token_profile", "token_timeout", "token_via", "token_socket"].contains(&name) {
            if sloppy {
                return Ok(());
            }
            return Err(wrong(format!("unknown mount option {name}; {KNOWN}")));
        }
        let Some(value) = value.filter(|value| !value.is_empty()) else {
            return Err(wrong(format!("mount option {name} lacks its value")));
        };
        let bad = |reason: &str| wrong(format!("mount option {name}={value}: {reason}"));
        match name {
            "token_profile" => {
                self.profile = Some(profile_name::parse(value).map_err(|reason| bad(&reason))?);
            }
            "token_timeout" => {
                self.timeout_ms = duration::parse_timeout(value).map_err(|reason| bad(&reason))?;
            }
            "token_via" => {
                self.via = match value {
                    "path" => Via::Path,
                    "mount-token" => Via::MountToken,
                    _ => return Err(bad("expected path or mount-token")),
                };
            }
            _ => {
                let path = PathBuf::from(value);
                if !path.is_absolute() {
                    return Err(bad("expected a path that begins with /"));
                }
                self.socket = Some(path);
            }
        }
        Ok(())
    }

    /// Two credentials for one mount would leave open which counts. A remount needs none, and its options may be those
    /// that the kernel shows.
    fn check(&self) -> Result<(), Failure> {
        if self.is_remount() {
            return Ok(());
        }
        for name in ["auth_token_path", "auth_token"] {
            if self.has(name) {
                return Err(wrong(format!("mount option {name}= is set by weka-token itself"))
                    .then("with a token file of your own, use: mount -t wekafs"));
            }
        }
        if self.via == Via::MountToken && self.has("token") {
            return Err(wrong(
                "mount option token= is set by weka-token itself, because of token_via=mount-token",
            ));
        }
        Ok(())
    }

    /// Whether there is such an option among the others, with or without a value.
    pub(super) fn has(&self, name: &str) -> bool {
        self.others.iter().any(|option| name_of(option) == name.as_bytes())
    }

    /// Whether something that is mounted is to be changed.
    pub(super) fn is_remount(&self) -> bool {
        self.has("remount")
    }

    /// The others, and one more.
    pub(super) fn joined(&self, more: Option<&[u8]>) -> OsString {
        let parts: Vec<_> = self.others.iter().map(|option| option.as_bytes()).chain(more).collect();
        OsString::from_vec(parts.join(&b','))
    }

    /// The same for a person to read: without what is in `token=`.
    pub(super) fn shown(&self, more: Option<&str>) -> String {
        let hidden = |option: &OsString| match name_of(option) {
            b"token" => "token=...".to_owned(),
            _ => option.to_string_lossy().into_owned(),
        };
        let parts: Vec<_> = self.others.iter().map(hidden).chain(more.map(str::to_owned)).collect();
        parts.join(",")
    }
}

/// All options as they were given, ours among them, for a command to repeat: without what is in `token=`.
pub(super) fn as_given(lists: &[OsString]) -> String {
    let options = lists.iter().filter_map(|list| split(list).ok()).flatten();
    let shown = options.map(|option| match name_of(option) {
        b"token" => "token=...".to_owned(),
        _ => option.to_string_lossy().into_owned(),
    });
    shown.collect::<Vec<_>>().join(",")
}

fn name_of(option: &OsStr) -> &[u8] {
    option.as_bytes().split(|byte| *byte == b'=').next().unwrap_or_default()
}

/// Takes a list apart as libmount does: a comma in double quotes separates nothing, and nothing is no option.
fn split(list: &OsStr) -> Result<Vec<&OsStr>, Failure> {
    let mut quoted = false;
    let parts = list.as_bytes().split(|byte| {
        quoted ^= *byte == b'"';
        *byte == b',' && !quoted
    });
    let parts: Vec<_> = parts.filter(|part| !part.is_empty()).map(OsStr::from_bytes).collect();
    if quoted {
        return Err(wrong(format!("the mount options {} have a quote without its end", list.display())));
    }
    Ok(parts)
}

fn unquoted(value: &str) -> &str {
    value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(text: &str) -> Result<Options, Failure> {
        Options::parse(&[text.into()], false)
    }

    fn refusal(text: &str) -> String {
        let failure = parse(text).unwrap_err();
        assert_eq!((failure.status, failure.message.lines().count()), (1, 1), "{failure:?}");
        failure.message
    }

    #[test]
    fn ours_are_taken_out_and_the_others_stay_as_they_are() {
        let options = parse(
            "rw,noatime,token_profile=prod,net=\"eth1,eth2\",token_timeout=2m,token=abc,num_cores=1,,_netdev,\
             token_via=mount-token,token_socket=\"/run/a,b.sock\"",
        );
        assert!(options.unwrap_err().message.contains("token="));
        let options = parse(
            "rw,noatime,token_profile=prod,net=\"eth1,eth2\",token_timeout=2m,token=abc,num_cores=1,,_netdev,\
             token_via=path,token_socket=\"/run/a,b.sock\"",
        )
        .unwrap();
        assert_eq!(options.profile.as_deref(), Some("prod"));
        assert_eq!((options.timeout_ms, options.via), (120_000, Via::Path));
        assert_eq!(options.socket.as_deref(), Some("/run/a,b.sock".as_ref()));
        let others = "rw,noatime,net=\"eth1,eth2\",token=abc,num_cores=1,_netdev";
        assert_eq!(options.joined(None), others);
        assert_eq!(options.joined(Some(b"x=y")), format!("{others},x=y").as_str());
        assert_eq!(
            options.shown(Some("x=y")),
            "rw,noatime,net=\"eth1,eth2\",token=...,num_cores=1,_netdev,x=y"
        );
        assert!(options.has("_netdev") && options.has("net") && !options.has("num"));
    }

    #[test]
    fn nothing_is_the_usual() {
        let options = Options::parse(&[], false).unwrap();
        assert_eq!((options.timeout_ms, options.via, options.joined(None)), (30_000, Via::Path, "".into()));
        assert_eq!(options.joined(Some(b"a=b")), "a=b");
    }

    #[test]
    fn the_last_of_several_counts() {
        let lists = ["token_profile=a,token_profile=b".into(), "token_profile=c,ro".into()];
        let options = Options::parse(&lists, false).unwrap();
        assert_eq!((options.profile.as_deref(), options.joined(None)), (Some("c"), "ro".into()));
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, words) in [
            ("token_colour=red", "unknown mount option token_colour; known are token_profile="),
            ("token_", "unknown mount option token_;"),
            ("token_profile", "token_profile lacks its value"),
            ("token_profile=", "token_profile lacks its value"),
            ("token_profile=a/b", "token_profile=a/b: a profile name is 1 to 50"),
            ("token_timeout=soon", "token_timeout=soon: expected a duration"),
            ("token_timeout=infinite", "a limit is needed"),
            ("token_via=pipe", "token_via=pipe: expected path or mount-token"),
            ("token_socket=agent.sock", "begins with /"),
            ("auth_token_path=/root/x", "auth_token_path= is set by weka-token"),
            ("auth_token=/root/x", "auth_token= is set by weka-token"),
            ("ro,net=\"eth1", "a quote without its end"),
        ] {
            let message = refusal(text);
            assert!(message.contains(words), "{text}: {message}");
        }
    }

    #[test]
    fn sloppy_lets_unknown_ones_of_ours_go_and_nothing_else() {
        let options = Options::parse(&["token_colour=red,ro".into()], true).unwrap();
        assert_eq!(options.joined(None), "ro");
        assert!(Options::parse(&["token_via=pipe".into()], true).is_err());
    }

    #[test]
    fn a_remount_may_say_what_the_kernel_shows() {
        let options = parse("remount,ro,auth_token_path=/run/mount.weka-token/0/auth-token.json").unwrap();
        assert!(options.is_remount());
    }

    #[test]
    fn what_is_no_text_goes_on_too() {
        let odd = OsString::from_vec(b"ro,x=\xff\xfe,token_profile=a".to_vec());
        let options = Options::parse(&[odd], false).unwrap();
        assert_eq!(options.joined(None).as_bytes(), b"ro,x=\xff\xfe");
    }

    proptest! {
        /// Whatever is not ours comes out as it went in, commas that separate nothing apart.
        #[test]
        fn others_are_unchanged(parts in proptest::collection::vec("[a-z=.:/\"]{1,8}", 0..6)) {
            let text = parts.join(",");
            if let Ok(options) = parse(&text) {
                let known = text.contains("token");
                prop_assert!(known || options.joined(None) == text.as_str(), "{:?}", options);
            } else {
                prop_assert!(text.matches('"').count() % 2 == 1 || text.contains("token"), "{}", text);
            }
        }
    }
}
