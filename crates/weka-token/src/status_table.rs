//! `status` for a person: an aligned table, then what needs saying, then the daemon.

use crate::output::printable;
use crate::span;
use wire::{ProfileStatus, State, Status};

const HEADINGS: [&str; 7] = ["PROFILE", "STATE", "USER", "ORG", "ENDPOINT", "TOKEN", "NEXT REFRESH"];
const STATE_COLUMN: usize = 1;
/// What a narrow terminal goes without, in this order: endpoint, organisation, user, next renewal.
const LEFT_OUT: [usize; 4] = [4, 3, 2, 6];

/// The lines, without newlines; `elapsed_s` is how long ago the status was true. A table that is wider than `columns`
/// goes without what matters least.
pub(crate) fn lines(status: &Status, elapsed_s: u64, coloured: bool, columns: Option<usize>) -> Vec<String> {
    let mut lines = Vec::new();
    if status.profiles.is_empty() {
        lines.push("no profiles; run: weka-token login".to_owned());
    } else {
        table(status, elapsed_s, coloured, columns.unwrap_or(usize::MAX), &mut lines);
    }
    let remarks: Vec<String> =
        status.profiles.iter().flat_map(|profile| remarks(profile, elapsed_s)).collect();
    if !remarks.is_empty() {
        lines.push(String::new());
        lines.extend(remarks);
    }
    lines.push(String::new());
    lines.push(daemon(status, elapsed_s));
    lines.extend(status.daemon.notes.iter().map(|note| format!("  {}", one_line(note))));
    lines
}

fn table(status: &Status, elapsed_s: u64, coloured: bool, columns: usize, lines: &mut Vec<String>) {
    let rows: Vec<[String; 7]> = status.profiles.iter().map(|profile| cells(profile, elapsed_s)).collect();
    let mut widths = HEADINGS.map(str::len);
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut kept: Vec<usize> = (0..HEADINGS.len()).collect();
    for column in LEFT_OUT {
        let width: usize = kept.iter().filter_map(|column| widths.get(*column)).map(|width| width + 2).sum();
        if width.saturating_sub(2) > columns {
            kept.retain(|it| *it != column);
        }
    }
    let headings = HEADINGS.iter().zip(widths).enumerate().filter(|(column, _)| kept.contains(column));
    lines.push(joined(headings.map(|(_, (heading, width))| format!("{heading:<width$}"))));
    for (row, profile) in rows.iter().zip(&status.profiles) {
        let cells = row.iter().zip(widths).enumerate().filter(|(column, _)| kept.contains(column));
        let padded = cells.map(|(column, (cell, width))| {
            let cell = format!("{cell:<width$}");
            if coloured && column == STATE_COLUMN { paint(&cell, profile.state) } else { cell }
        });
        lines.push(joined(padded));
    }
}

fn joined(cells: impl Iterator<Item = String>) -> String {
    cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
}

fn cells(profile: &ProfileStatus, elapsed_s: u64) -> [String; 7] {
    let text = |value: &Option<String>| value.as_deref().map_or_else(|| "-".to_owned(), one_line);
    let left = |seconds: Option<u64>| {
        seconds.map_or_else(|| "-".to_owned(), |seconds| span::short(seconds.saturating_sub(elapsed_s)))
    };
    [
        one_line(&profile.name),
        profile.state.to_string(),
        text(&profile.username),
        text(&profile.org),
        text(&profile.endpoint),
        left(profile.access_expires_in_s),
        left(profile.next_refresh_in_s),
    ]
}

fn remarks(profile: &ProfileStatus, elapsed_s: u64) -> Vec<String> {
    let name = one_line(&profile.name);
    let mut remarks = Vec::new();
    if let Some(seconds) = profile.locked_for_s {
        let left = span::short(seconds.saturating_sub(elapsed_s));
        remarks.push(format!("{name}: the account is locked out for another {left}"));
    }
    let error = profile.last_error.iter().map(|error| format!("{name}: last error: {}", one_line(error)));
    remarks.extend(error);
    remarks.extend(profile.notes.iter().map(|note| format!("{name}: {}", one_line(note))));
    remarks.extend(profile.next_step.iter().map(|step| format!("{name}: {}", one_line(step))));
    remarks.extend(profile.token_file.iter().map(|path| format!("{name}: keeps {} fresh", one_line(path))));
    remarks
}

fn daemon(status: &Status, elapsed_s: u64) -> String {
    let daemon = &status.daemon;
    let up = span::short(daemon.uptime_s.saturating_add(elapsed_s));
    let (version, socket) = (one_line(&daemon.version), one_line(&daemon.socket));
    let mut line = format!("weka-tokend {version}, up {up}, pid {}, {socket}", daemon.pid);
    if status.profiles.len() > 1 {
        line.push_str(&format!(", default profile {}", one_line(&daemon.default_profile)));
    }
    line
}

fn one_line(text: &str) -> String {
    printable(text).replace('\n', " ")
}

/// Green for what works, yellow for what may, red for what does not.
pub(crate) fn paint(cell: &str, state: State) -> String {
    let colour = match state {
        State::Ready => "32",
        State::Starting | State::Degraded => "33",
        _ => "31",
    };
    format!("\x1b[{colour}m{cell}\x1b[0m")
}

#[cfg(test)]
mod tests {
    use super::*;
    use e2e::samples;

    #[test]
    fn the_whole_picture() {
        let mut prod = samples::profile("prod", State::LoginRequired, None);
        prod.last_error = Some("https://weka01:14000 answered 401".into());
        prod.next_step = Some("run: weka-token login -p prod".into());
        prod.notes = vec!["a note".into()];
        let mut hpc = samples::profile("hpc", State::LockedOut, None);
        hpc.locked_for_s = Some(115);
        let mut default = samples::profile("default", State::Ready, Some(252));
        default.token_file = Some("/home/alice/.weka/auth-token.json".into());
        let mut status = samples::status(vec![default, hpc, prod]);
        status.daemon.notes = vec!["config.toml:3: refused".into()];
        assert_eq!(
            lines(&status, 0, false, None),
            [
                "PROFILE  STATE           USER   ORG   ENDPOINT              TOKEN  NEXT REFRESH",
                "default  ready           alice  Root  https://weka01:14000  4m12s  3m12s",
                "hpc      locked-out      -      -     https://weka01:14000  -      -",
                "prod     login-required  -      -     https://weka01:14000  -      -",
                "",
                "default: keeps /home/alice/.weka/auth-token.json fresh",
                "hpc: the account is locked out for another 1m55s",
                "prod: last error: https://weka01:14000 answered 401",
                "prod: a note",
                "prod: run: weka-token login -p prod",
                "",
                "weka-tokend 0.1.0, up 2h03m, pid 4711, /run/user/1000/weka-token/agent.sock, default profile default",
                "  config.toml:3: refused",
            ]
        );
    }

    #[test]
    fn no_profiles_is_said() {
        let lines = lines(&samples::status(vec![]), 0, true, None);
        assert_eq!(lines.first().map(String::as_str), Some("no profiles; run: weka-token login"));
        assert_eq!(lines.len(), 3);
    }

    /// It was printed 73 columns wide, and broken wherever the terminal ended.
    #[test]
    fn a_table_wider_than_the_terminal_was_broken_by_it() {
        let status = samples::status(vec![samples::profile("default", State::LoginRequired, Some(252))]);
        let headings = |columns| lines(&status, 0, false, Some(columns)).swap_remove(0);
        let all = "PROFILE  STATE           USER   ORG   ENDPOINT              TOKEN  NEXT REFRESH";
        assert_eq!(headings(79), all);
        assert_eq!(headings(78), "PROFILE  STATE           USER   ORG   TOKEN  NEXT REFRESH");
        assert_eq!(headings(40), "PROFILE  STATE           TOKEN");
        for columns in 40..100 {
            let lines = lines(&status, 0, true, Some(columns));
            let plain = |line: &String| line.replace("\x1b[31m", "").replace("\x1b[0m", "");
            assert!(lines.iter().take(2).all(|line| plain(line).len() <= columns), "{columns}: {lines:?}");
        }
    }

    #[test]
    fn time_passes_between_answers() {
        let status = samples::status(vec![samples::profile("a", State::Ready, Some(100))]);
        let later = lines(&status, 99, false, None).join("\n");
        assert!(later.contains("  1s     0s"), "{later}");
        assert!(lines(&status, 1000, false, None).join("\n").contains("  0s     0s"));
    }

    #[test]
    fn colour_leaves_the_columns_alone() {
        let profiles = vec![
            samples::profile("a", State::Ready, Some(100)),
            samples::profile("b", State::Unreachable, None),
            samples::profile("c", State::Degraded, Some(9)),
        ];
        let status = samples::status(profiles);
        let coloured = lines(&status, 0, true, None);
        assert!(coloured.join("").contains("\x1b[32mready      \x1b[0m"), "{coloured:?}");
        let plain = ["32", "31", "33"]
            .iter()
            .fold(coloured.join("\n"), |text, colour| text.replace(&format!("\x1b[{colour}m"), ""));
        assert_eq!(plain.replace("\x1b[0m", ""), lines(&status, 0, false, None).join("\n"));
    }

    #[test]
    fn nothing_from_outside_moves_the_cursor() {
        let mut profile = samples::profile("a", State::Ready, Some(1));
        profile.last_error = Some("x\x1b[2J\ny".into());
        profile.username = Some("\x07alice".into());
        let lines = lines(&samples::status(vec![profile]), 0, false, None);
        assert!(lines.iter().all(|line| !line.contains(['\x1b', '\x07', '\n'])), "{lines:?}");
    }
}
