//! What is to be mounted.

use super::failed::wrong;
use crate::failure::Failure;
use std::ffi::OsStr;

/// The name of the filesystem in `FS`, `:/FS` or `HOST[,HOST].../FS`. mount(8) makes `/FS` of the first where a file of
/// that name is in its working folder.
///
/// # Errors
/// There is none.
pub(super) fn filesystem(spec: &OsStr) -> Result<&str, Failure> {
    let bad = |reason: &str| {
        let message = format!("{:?} {reason}", spec.to_string_lossy());
        wrong(message).then("expected HOST[,HOST].../FILESYSTEM, :/FILESYSTEM or FILESYSTEM")
    };
    let text = spec.to_str().ok_or_else(|| bad("is not UTF-8"))?;
    let path = text.split_once('/').map_or(text, |(_, path)| path);
    let name = path.split('/').next().unwrap_or_default();
    if name.is_empty() || (text == name && (name == "none" || name.ends_with(':'))) {
        return Err(bad("names no filesystem"));
    }
    if text.chars().any(char::is_control) {
        return Err(bad("has line breaks or other control characters"));
    }
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_names_its_filesystem() {
        for (spec, name) in [
            ("secure", "secure"),
            ("/secure", "secure"),
            (":/secure", "secure"),
            ("weka01/secure", "secure"),
            ("weka01,weka02/secure", "secure"),
            ("weka01:14000,10.0.0.2/secure", "secure"),
            ("weka01/secure/", "secure"),
        ] {
            assert_eq!(filesystem(OsStr::new(spec)), Ok(name), "{spec}");
        }
    }

    #[test]
    fn what_names_none_is_refused() {
        for spec in ["", "/", ":/", "weka01/", "weka01,weka02/", "none", "weka01:", "a//"] {
            let failure = filesystem(OsStr::new(spec)).unwrap_err();
            assert_eq!(failure.status, 1);
            assert!(failure.message.contains("names no filesystem"), "{spec}: {failure:?}");
        }
        let failure = filesystem(OsStr::new("weka01/a\nb")).unwrap_err();
        assert_eq!((failure.status, failure.message.contains('\n')), (1, false), "{failure:?}");
    }
}
