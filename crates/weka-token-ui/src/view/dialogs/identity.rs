//! Who the cluster says the user is.

use super::WAITING;
use crate::model::identity::Identity;
use crate::view::Look;
use crate::view::sheet::Sheet;
use ratatui::crossterm::event::KeyCode;

pub(super) fn sheet(dialog: &Identity, look: Look, width: u16) -> Sheet {
    let mut sheet = Sheet::new(format!("Who am I: profile {}", dialog.profile), look, width);
    match &dialog.answer {
        None => {
            sheet.styled(WAITING, look.faint());
            sheet.key("Esc", KeyCode::Esc, "do not wait");
            return sheet;
        }
        Some(Err(failure)) => sheet.failure(failure),
        Some(Ok(whoami)) => {
            for (name, value) in [
                ("User", &whoami.username),
                ("Organization", &whoami.org),
                ("Role", &whoami.role),
                ("Source", &whoami.source),
            ] {
                sheet.fact(name, value.as_deref().unwrap_or("the cluster does not say"));
            }
        }
    }
    sheet.key("Esc", KeyCode::Esc, "close");
    sheet
}
