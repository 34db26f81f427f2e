//! `weka-token filesystems`.

use crate::args::LongTimeout;
use crate::failure::Failure;
use crate::json::{self, Object};
use crate::output::{self, printable};
use crate::session::{self, Session};
use wire::{Filesystem, Request, Response};
use zeroize::Zeroizing;

const HEADINGS: [&str; 7] = ["NAME", "GROUP", "STATUS", "AUTH", "USED", "TOTAL", "UID"];
/// The columns of figures, which are aligned to the right.
const FIGURES: [usize; 2] = [4, 5];

pub(crate) fn run(session: &Session<'_>, json: bool, timeout: LongTimeout) -> Result<u8, Failure> {
    let all = all(session, timeout)?;
    if json {
        let mut text = json::array(all.iter().map(object));
        text.push('\n');
        output::result(text.as_bytes())?;
    } else if all.is_empty() {
        session.say("this user sees no filesystems");
    } else {
        output::result(table(&all).as_bytes())?;
    }
    Ok(0)
}

fn all(session: &Session<'_>, timeout: LongTimeout) -> Result<Vec<Filesystem>, Failure> {
    let mut all: Vec<Filesystem> = Vec::new();
    loop {
        let after = all.last().map(|last| (last.name.clone(), last.uid.clone()));
        let answer = session.ask_again(timeout.milliseconds(), |timeout_ms| Request::Filesystems {
            profile: session.profile.clone(),
            after: after.clone(),
            timeout_ms,
        })?;
        let Response::Filesystems(page) = answer else { return Err(session::unexpected()) };
        // A daemon that repeats itself must not keep us here for ever.
        let is_news =
            |last: &Filesystem| after.as_ref().is_none_or(|it| (&last.name, &last.uid) > (&it.0, &it.1));
        let goes_on = page.more && page.filesystems.last().is_some_and(is_news);
        all.extend(page.filesystems);
        if !goes_on {
            return Ok(all);
        }
    }
}

fn table(all: &[Filesystem]) -> String {
    let rows: Vec<[String; 7]> = all.iter().map(cells).collect();
    let mut widths = HEADINGS.map(str::len);
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = String::new();
    for row in std::iter::once(&HEADINGS.map(str::to_owned)).chain(&rows) {
        let padded = row.iter().zip(widths).enumerate().map(|(column, (cell, width))| {
            if FIGURES.contains(&column) { format!("{cell:>width$}") } else { format!("{cell:<width$}") }
        });
        text.push_str(padded.collect::<Vec<_>>().join("  ").trim_end());
        text.push('\n');
    }
    text
}

fn cells(filesystem: &Filesystem) -> [String; 7] {
    let text = |value: &Option<String>| value.as_deref().map_or_else(|| "-".to_owned(), one_line);
    let size = |bytes: Option<u64>| bytes.map_or_else(|| "-".to_owned(), size);
    let status = match (text(&filesystem.status), filesystem.is_ready) {
        (status, Some(false)) if status == "READY" => "READY (not ready)".to_owned(),
        (status, _) => status,
    };
    let auth = match filesystem.auth_required {
        Some(true) => "required",
        Some(false) => "no",
        None => "-",
    };
    [
        one_line(&filesystem.name),
        text(&filesystem.group),
        status,
        auth.to_owned(),
        size(filesystem.used_bytes),
        size(filesystem.total_bytes),
        one_line(&filesystem.uid),
    ]
}

fn one_line(text: &str) -> String {
    printable(text).replace('\n', " ")
}

/// Three digits and a unit of 1024: `4.00 KiB`, `99.9 TiB`.
fn size(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut unit = 0;
    // In hundredths of the unit, rounded down: a size is never told larger than it is.
    let mut hundredths = u128::from(bytes) * 100 / 1024;
    while hundredths >= 102_400 && unit + 1 < UNITS.len() {
        hundredths /= 1024;
        unit += 1;
    }
    let name = UNITS.get(unit).copied().unwrap_or_default();
    let (whole, rest) = (hundredths / 100, hundredths % 100);
    match whole {
        0..=9 => format!("{whole}.{rest:02} {name}"),
        10..=99 => format!("{whole}.{} {name}", rest / 10),
        _ => format!("{whole} {name}"),
    }
}

fn object(filesystem: &Filesystem) -> Zeroizing<String> {
    let flag = |value: Option<bool>| match value {
        Some(true) => "true",
        Some(false) => "false",
        None => "null",
    };
    let mut object = Object::with_capacity(400);
    object
        .text("name", &filesystem.name)
        .text("uid", &filesystem.uid)
        .maybe_text("id", filesystem.id.as_deref())
        .maybe_text("group", filesystem.group.as_deref())
        .maybe_text("status", filesystem.status.as_deref())
        .raw("is_ready", flag(filesystem.is_ready))
        .raw("auth_required", flag(filesystem.auth_required))
        .raw("is_encrypted", flag(filesystem.is_encrypted))
        .maybe_number("total_bytes", filesystem.total_bytes)
        .maybe_number("used_bytes", filesystem.used_bytes)
        .maybe_number("available_bytes", filesystem.available_bytes)
        .maybe_number("ssd_bytes", filesystem.ssd_bytes);
    object.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filesystem(name: &str) -> Filesystem {
        Filesystem {
            name: name.into(),
            uid: "u-1".into(),
            group: Some("default".into()),
            status: Some("READY".into()),
            is_ready: Some(true),
            auth_required: Some(true),
            total_bytes: Some(109_951_162_777_600),
            used_bytes: Some(4096),
            ..Filesystem::default()
        }
    }

    #[test]
    fn the_table_is_aligned_and_clean() {
        let bare = Filesystem { name: "b\x1b[2Jare\n".into(), uid: "u-2".into(), ..Filesystem::default() };
        let not_ready = Filesystem { is_ready: Some(false), auth_required: Some(false), ..filesystem("new") };
        assert_eq!(
            table(&[filesystem("secure"), bare, not_ready]),
            "NAME       GROUP    STATUS             AUTH          USED    TOTAL  UID\n\
             secure     default  READY              required  4.00 KiB  100 TiB  u-1\n\
             b\u{fffd}[2Jare   -        -                  -                -        -  u-2\n\
             new        default  READY (not ready)  no        4.00 KiB  100 TiB  u-1\n"
        );
    }

    #[test]
    fn json_has_every_key_and_null_for_what_is_not_known() {
        let read: serde_json::Value = serde_json::from_str(&object(&filesystem("secure"))).unwrap();
        assert_eq!(read["total_bytes"], 109_951_162_777_600_u64);
        assert_eq!((&read["auth_required"], &read["is_ready"]), (&true.into(), &true.into()));
        assert!(read["id"].is_null() && read["ssd_bytes"].is_null() && read["is_encrypted"].is_null());
    }

    #[test]
    fn sizes_have_three_digits_and_are_rounded_down() {
        for (bytes, text) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.00 KiB"),
            (10_239, "9.99 KiB"),
            (1024 * 1024 - 1, "1023 KiB"),
            (1024 * 1024, "1.00 MiB"),
            (10_995_116_277_760, "10.0 TiB"),
            (9_007_199_254_740_993, "8.00 PiB"),
            (u64::MAX, "15.9 EiB"),
        ] {
            assert_eq!(size(bytes), text);
        }
    }
}
