//! Ending all tokens of a user.

use super::{state_of_the_deed, whose};
use crate::model::revoke::Revoke;
use crate::view::Look;
use crate::view::sheet::Sheet;
use ratatui::crossterm::event::KeyCode;

pub(super) fn sheet(dialog: &Revoke, look: Look, width: u16) -> Sheet {
    let whose = whose(&dialog.profile, dialog.username.as_deref(), dialog.org.as_deref());
    let title = if dialog.logs_out { "Log out, and revoke all tokens" } else { "Revoke all tokens" };
    let mut sheet = Sheet::new(title.into(), look, width);
    let place = dialog.endpoint.as_ref().map(|endpoint| format!(" at {endpoint}")).unwrap_or_default();
    sheet
        .styled(&format!("This ends every token of {whose}{place}, at once and everywhere:"), look.warning());
    sheet.item("long-lived API tokens, wherever they are in use");
    sheet.item("those of WEKA's own tools and GUI, on every host");
    sheet.item(if dialog.logs_out {
        "those of this profile: the daemon forgets them, and gets no others until somebody logs in"
    } else {
        "those of this profile: the daemon logs in again from its password source; without one, somebody has to"
    });
    if !dialog.others.is_empty() {
        sheet.item(&format!("those of other profiles of the same user: {}", dialog.others.join(", ")));
    }
    if let Some(path) = &dialog.token_file {
        sheet.item(&format!("{path} is deleted, if it holds the same tokens"));
    }
    sheet.text("What is mounted stays mounted; new mounts need a new token.");
    if state_of_the_deed(&mut sheet, look, dialog.wrong.as_ref(), dialog.waiting.is_some()) {
        return sheet;
    }
    sheet.field("Type yes", &dialog.answer, true, None);
    if dialog.unclear {
        sheet.styled("Please type yes or no.", look.bad());
    }
    sheet.key("Enter", KeyCode::Enter, "answer");
    sheet.key("Esc", KeyCode::Esc, "cancel");
    sheet
}
