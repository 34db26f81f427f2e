//! Logging out.

use super::state_of_the_deed;
use crate::model::log_out::LogOut;
use crate::view::Look;
use crate::view::sheet::Sheet;
use ratatui::crossterm::event::KeyCode;

pub(super) fn sheet(dialog: &LogOut, look: Look, width: u16) -> Sheet {
    let mut sheet = Sheet::new(format!("Log out of profile {}", dialog.profile), look, width);
    sheet.text("The daemon forgets the tokens of this profile. Whatever asks for one gets none until somebody logs in again.");
    if let Some(path) = &dialog.token_file {
        sheet.text(&format!("{path} is deleted, if it holds the same tokens."));
    }
    sheet.text("At the cluster they live on until they expire, unless they are revoked first (x).");
    if !state_of_the_deed(&mut sheet, look, dialog.wrong.as_ref(), dialog.waiting.is_some()) {
        sheet.text("Log out?");
        sheet.key("y", KeyCode::Char('y'), "log out");
        sheet.key("x", KeyCode::Char('x'), "revoke first");
        sheet.key("n", KeyCode::Char('n'), "cancel");
    }
    sheet
}
