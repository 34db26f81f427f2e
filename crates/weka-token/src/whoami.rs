//! `weka-token whoami`.

use crate::args::Timeout;
use crate::failure::Failure;
use crate::output;
use crate::session::{self, Session};
use wire::{Request, Response, Whoami};

pub(crate) fn run(session: &Session<'_>, json: bool, timeout: Timeout) -> Result<u8, Failure> {
    let answer = session.ask_again(timeout.milliseconds(), |timeout_ms| Request::Whoami {
        profile: session.profile.clone(),
        timeout_ms,
    })?;
    let Response::Whoami(whoami) = answer else { return Err(session::unexpected()) };
    let text = if json { format!("{}\n", whoami.data_json) } else { table(&whoami) };
    output::result(text.as_bytes())?;
    Ok(0)
}

fn table(whoami: &Whoami) -> String {
    let rows = [
        ("username", &whoami.username),
        ("org", &whoami.org),
        ("role", &whoami.role),
        ("source", &whoami.source),
    ];
    let row = |(name, value): &(&str, &Option<String>)| {
        format!("{name:<8}  {}\n", output::printable(value.as_deref().unwrap_or("-")))
    };
    rows.iter().map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_aligned_and_clean() {
        let whoami = Whoami {
            profile: "default".into(),
            data_json: "{}".into(),
            username: Some("alice\x1b[31m".into()),
            org: Some("Root".into()),
            role: Some("Regular".into()),
            source: None,
        };
        let text = table(&whoami);
        assert_eq!(text, "username  alice\u{fffd}[31m\norg       Root\nrole      Regular\nsource    -\n");
    }
}
