//! `weka-token profiles`.

use crate::args::{Global, ProfilesEdit};
use crate::failure::{Failure, USAGE};
use crate::json::{self, Object};
use crate::output::{self, printable};
use crate::session::{self, ANSWER_MS, Session};
use crate::status_table::paint;
use std::io::IsTerminal;
use wire::{ProfileEdit, ProfileEntry, Request, Response};
use zeroize::Zeroizing;

/// How long a change may take, in milliseconds: another name waits for what is under way with the cluster.
const CHANGE_MS: u32 = 40_000;
const HEADINGS: [&str; 6] = ["", "PROFILE", "STATE", "USER", "ORG", "ENDPOINTS"];
const STATE_COLUMN: usize = 2;
/// The word for a profile whose configuration is wrong.
const DISABLED: &str = "misconfigured";

pub(crate) fn run(
    session: &Session<'_>,
    global: &Global,
    json: bool,
    edit: Option<ProfilesEdit>,
) -> Result<u8, Failure> {
    if global.profile.is_some() {
        return Err(Failure::new(USAGE, "`profiles` is about all of them")
            .then("leave -p out, and name a profile behind add, remove, rename or set-default"));
    }
    match edit {
        Some(edit) => change(session, edit),
        None => list(session, json),
    }
}

fn change(session: &Session<'_>, edit: ProfilesEdit) -> Result<u8, Failure> {
    let (edit, gone) = match edit {
        ProfilesEdit::Add { name } => (ProfileEdit::Add { name }, None),
        ProfilesEdit::Remove { name } => (ProfileEdit::Remove { name: name.clone() }, Some(name)),
        ProfilesEdit::Rename { old, new } => (ProfileEdit::Rename { old: old.clone(), new }, Some(old)),
        ProfilesEdit::SetDefault { name } => (ProfileEdit::SetDefault { name }, None),
    };
    let is_default_set = matches!(edit, ProfileEdit::SetDefault { .. });
    let answer = session.ask_once(CHANGE_MS, &Request::EditProfiles(edit))?;
    let Response::Done { notes } = answer else { return Err(session::unexpected()) };
    for note in &notes {
        session.say(note);
    }
    // What the caller's own shell says goes first, and would surprise.
    if let Some(chosen) = &session.profile
        && (is_default_set || gone.as_ref() == Some(chosen))
    {
        session.say(&format!("WEKA_TOKEN_PROFILE says {chosen} here, and goes first"));
    }
    Ok(0)
}

fn list(session: &Session<'_>, json: bool) -> Result<u8, Failure> {
    let all = all(session)?;
    let text = if json {
        format!("{}\n", json::array(all.iter().map(object)))
    } else {
        table(&all, session.environment.colour && std::io::stdout().is_terminal())
    };
    output::result(text.as_bytes())?;
    Ok(0)
}

fn all(session: &Session<'_>) -> Result<Vec<ProfileEntry>, Failure> {
    let mut all: Vec<ProfileEntry> = Vec::new();
    loop {
        let after_name = all.last().map(|last| last.name.clone());
        let question = |_| Request::Profiles { after_name: after_name.clone() };
        let Response::Profiles { profiles, more } = session.ask_again(ANSWER_MS, question)? else {
            return Err(session::unexpected());
        };
        // A daemon that repeats itself must not keep us here for ever.
        let is_news = |last: &ProfileEntry| after_name.as_ref().is_none_or(|after| last.name > *after);
        let goes_on = more && profiles.last().is_some_and(is_news);
        all.extend(profiles);
        if !goes_on {
            return Ok(all);
        }
    }
}

/// The default profile has a star in front, as the current one has in other programs' lists.
fn table(all: &[ProfileEntry], coloured: bool) -> String {
    let rows: Vec<[String; 6]> = all.iter().map(cells).collect();
    let mut widths = HEADINGS.map(str::len);
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = String::new();
    for (row, entry) in
        std::iter::once((&HEADINGS.map(str::to_owned), None)).chain(rows.iter().zip(all.iter().map(Some)))
    {
        let padded = row.iter().zip(widths).enumerate().map(|(column, (cell, width))| {
            let cell = format!("{cell:<width$}");
            match entry.and_then(|entry| entry.state) {
                Some(state) if coloured && column == STATE_COLUMN => paint(&cell, state),
                _ => cell,
            }
        });
        text.push_str(padded.collect::<Vec<_>>().join("  ").trim_end());
        text.push('\n');
    }
    text
}

fn cells(entry: &ProfileEntry) -> [String; 6] {
    let text = |value: &Option<String>| value.as_deref().map_or_else(|| "-".to_owned(), one_line);
    let endpoints = match entry.endpoints.as_slice() {
        [] => "-".to_owned(),
        [one] => one_line(one),
        [first, others @ ..] => format!("{} and {} more", one_line(first), others.len()),
    };
    [
        if entry.is_default { "*" } else { "" }.to_owned(),
        one_line(&entry.name),
        entry.state.map_or_else(|| DISABLED.to_owned(), |state| state.to_string()),
        text(&entry.username),
        text(&entry.org),
        endpoints,
    ]
}

fn one_line(text: &str) -> String {
    printable(text).replace('\n', " ")
}

fn object(entry: &ProfileEntry) -> Zeroizing<String> {
    let mut endpoints = String::from("[");
    for (index, endpoint) in entry.endpoints.iter().enumerate() {
        if index > 0 {
            endpoints.push(',');
        }
        json::quote(&mut endpoints, endpoint);
    }
    endpoints.push(']');
    let mut object = Object::with_capacity(256);
    object
        .text("name", &entry.name)
        .raw("default", if entry.is_default { "true" } else { "false" })
        .raw("endpoints", &endpoints)
        .maybe_text("org", entry.org.as_deref())
        .maybe_text("username", entry.username.as_deref())
        .maybe_text("state", entry.state.map(wire::State::as_str));
    object.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::State;

    fn entries() -> Vec<ProfileEntry> {
        let lab = ProfileEntry {
            name: "lab".into(),
            is_default: true,
            endpoints: vec!["https://weka01:14000".into(), "https://weka02:14000".into()],
            org: Some("Root".into()),
            username: Some("alice".into()),
            state: Some(State::Ready),
        };
        let new = ProfileEntry {
            name: "new".into(),
            is_default: false,
            endpoints: vec!["https://localhost:14000".into()],
            org: None,
            username: Some("b\x1b[2Job\n".into()),
            state: Some(State::LoginRequired),
        };
        let wrong = ProfileEntry {
            name: "wrong".into(),
            is_default: false,
            endpoints: vec![],
            org: None,
            username: None,
            state: None,
        };
        vec![lab, new, wrong]
    }

    #[test]
    fn the_table_marks_the_default_profile() {
        assert_eq!(
            table(&entries(), false),
            "   PROFILE  STATE           USER      ORG   ENDPOINTS\n\
             *  lab      ready           alice     Root  https://weka01:14000 and 1 more\n   \
                new      login-required  b\u{fffd}[2Job   -     https://localhost:14000\n   \
                wrong    misconfigured   -         -     -\n"
        );
        assert!(table(&entries(), true).contains("\x1b[32mready         \x1b[0m"));
    }

    #[test]
    fn the_json_of_the_manual() {
        assert_eq!(
            json::array(entries().iter().take(1).map(object)),
            concat!(
                r#"[{"name":"lab","default":true,"endpoints":["https://weka01:14000","https://weka02:14000"],"#,
                r#""org":"Root","username":"alice","state":"ready"}]"#
            )
        );
        let wrong: serde_json::Value =
            serde_json::from_str(&json::array(entries().iter().skip(2).map(object))).unwrap();
        assert_eq!(
            wrong[0],
            serde_json::json!({
                "name": "wrong", "default": false, "endpoints": [], "org": null, "username": null, "state": null
            })
        );
    }
}
