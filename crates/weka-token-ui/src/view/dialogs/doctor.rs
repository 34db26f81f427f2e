//! What is wrong, and what to do.

use crate::model::doctor::Doctor;
use crate::view::Look;
use crate::view::sheet::Sheet;
use ratatui::crossterm::event::KeyCode;
use ratatui::style::Style;
use weka_token::client::{diagnosis_in_short, word_for};
use wire::{Finding, Level};

pub(super) fn sheet(dialog: &Doctor, look: Look, width: u16) -> Sheet {
    let title = match &dialog.profile {
        Some(profile) => format!("Doctor: profile {profile}"),
        None => "Doctor: all profiles".to_owned(),
    };
    let mut sheet = Sheet::new(title, look, width);
    if dialog.waiting.is_some() {
        sheet.styled(
            "looking at socket, configuration, names, connections, certificates, clocks and tokens...",
            look.faint(),
        );
        sheet.key("Esc", KeyCode::Esc, "do not wait");
        return sheet;
    }
    let worst = worst(&dialog.findings);
    sheet.styled(&diagnosis_in_short(&dialog.findings), style(look, worst));
    sheet.gap();
    for finding in &dialog.findings {
        finding_as_rows(&mut sheet, finding, look);
    }
    sheet.key("r", KeyCode::Char('r'), "look again");
    if dialog.profile.is_some() {
        sheet.key("a", KeyCode::Char('a'), "all profiles");
    }
    sheet.key("Esc", KeyCode::Esc, "close");
    sheet
}

fn finding_as_rows(sheet: &mut Sheet, finding: &Finding, look: Look) {
    let mark = (word_for(finding.level), style(look, finding.level));
    sheet.marked(mark, &finding.check, &finding.message);
    if let Some(fix) = &finding.fix {
        sheet.marked(("", Style::new()), "", &format!("-> {fix}"));
    }
}

fn worst(findings: &[Finding]) -> Level {
    let has = |level: Level| findings.iter().any(|finding| finding.level == level);
    [Level::Bad, Level::Warn].into_iter().find(|level| has(*level)).unwrap_or(Level::Ok)
}

fn style(look: Look, level: Level) -> Style {
    match level {
        Level::Ok => look.good(),
        Level::Warn => look.flag(),
        Level::Bad => look.bad(),
        Level::NotChecked => look.faint(),
    }
}
