//! A long-lived token.

use super::whose;
use crate::model::api_token::{ApiToken, Made, OTHER, PRESETS, Stage};
use crate::model::field::Field;
use crate::view::Look;
use crate::view::sheet::Sheet;
use ratatui::crossterm::event::KeyCode;
use ratatui::style::Style;
use weka_token::{span, utc};

/// How long the answer to a request may have taken, in seconds.
const ON_THE_WAY_S: u64 = 60;

pub(super) fn sheet(dialog: &ApiToken, look: Look, width: u16) -> Sheet {
    let whose = whose(&dialog.profile, dialog.username.as_deref(), dialog.org.as_deref());
    let mut sheet = Sheet::new(format!("API token for {whose}"), look, width);
    match &dialog.stage {
        Stage::Choose { choice, other, wrong } => {
            sheet.text("It opens the cluster's API as this user, for as long as you choose. It is shown once, and kept nowhere. It expires after");
            choices(&mut sheet, *choice, other);
            if let Some(failure) = wrong {
                sheet.failure(failure);
            }
            sheet.key("Enter", KeyCode::Enter, "generate");
            if *choice != OTHER {
                sheet.key("x", KeyCode::Char('x'), "revoke all");
            }
            sheet.key("Esc", KeyCode::Esc, "close");
        }
        Stage::Making { choice, other, .. } => {
            sheet.text("It expires after");
            choices(&mut sheet, *choice, other);
            sheet.styled(
                "The cluster makes it; its answer is waited for, as somebody has to have it...",
                look.faint(),
            );
        }
        Stage::Made(made) => shown(&mut sheet, made, look),
    }
    sheet
}

fn choices(sheet: &mut Sheet, choice: usize, other: &Field) {
    for (index, (words, _)) in PRESETS.iter().enumerate() {
        sheet.choice(words, choice == index, index);
    }
    sheet.typed_choice("other: ", other, choice == OTHER, OTHER);
    if choice == OTHER {
        sheet.text("      such as 12h, 1d5h or 2w; a bare number is seconds");
    }
}

fn shown(sheet: &mut Sheet, made: &Made, look: Look) {
    let token = &made.answer.token;
    let asked_s = made.answer.asked_s;
    // What passes on the way is not the cluster's doing.
    let as_asked = token.expires_in_s <= asked_s && asked_s - token.expires_in_s < ON_THE_WAY_S;
    let life = span::short(if as_asked { asked_s } else { token.expires_in_s });
    sheet.fact("expires", &format!("{}, after {life}", utc::date_time(made.expires_unix_s)));
    if !as_asked {
        let other = format!("{} was asked for; the cluster decided otherwise", span::short(asked_s));
        sheet.named("", &other, look.warning(), None);
    }
    for note in &made.answer.notes {
        sheet.fact("note", note);
    }
    sheet.gap();
    if made.revealed {
        sheet.block(token.access_token.expose(), Style::new());
    } else {
        let masked = format!("{} {} characters", look.mask().repeat(24), token.access_token.len());
        sheet.styled(&masked, look.title());
    }
    sheet.gap();
    match &made.copied {
        Some(Ok(())) => sheet.styled(
            "Given to your terminal for its clipboard (OSC 52). Not every terminal takes it: paste to see.",
            look.good(),
        ),
        Some(Err(failure)) => sheet.failure(failure),
        None => sheet.styled("Closing wipes it; nobody can show it again.", look.faint()),
    }
    if made.warned {
        sheet.styled(
            "It was neither copied nor shown, and it lives: Esc again closes all the same, x revokes it with all others.",
            look.bad(),
        );
    }
    sheet.key("c", KeyCode::Char('c'), "copy");
    sheet.key("v", KeyCode::Char('v'), if made.revealed { "hide" } else { "reveal" });
    sheet.key("x", KeyCode::Char('x'), "revoke all");
    sheet.key("Esc", KeyCode::Esc, "close");
}
