//! Another password.

use super::WAITING;
use crate::model::Target;
use crate::model::passwd::{NAMES, Passwd, Stage};
use crate::view::Look;
use crate::view::sheet::Sheet;
use ratatui::crossterm::event::KeyCode;

pub(super) fn sheet(dialog: &Passwd, look: Look, width: u16) -> Sheet {
    let title = match &dialog.username {
        Some(username) => format!("Another password for {username}, profile {}", dialog.profile),
        None => format!("Another password, profile {}", dialog.profile),
    };
    let mut sheet = Sheet::new(title, look, width);
    if let Stage::Refused(failure) = &dialog.stage {
        sheet.failure(failure);
        sheet.key("Esc", KeyCode::Esc, "close");
        return sheet;
    }
    if dialog.is_wanted {
        let wanted = "The cluster wants this password changed, and may refuse everything else until then.";
        sheet.styled(wanted, look.warning());
        sheet.gap();
    }
    match dialog.stage {
        Stage::Describing(_) => {
            sheet.styled("asking the daemon what it knows...", look.faint());
            sheet.key("Esc", KeyCode::Esc, "cancel");
        }
        Stage::Changing(_) => {
            fields(&mut sheet, dialog, false);
            sheet.gap();
            sheet.styled(WAITING, look.faint());
            sheet.key("Esc", KeyCode::Esc, "do not wait");
        }
        Stage::Form | Stage::Refused(_) => {
            fields(&mut sheet, dialog, true);
            sheet.gap();
            match &dialog.wrong {
                Some(failure) => sheet.failure(failure),
                None => sheet.styled(
                    "A new password ends the tokens of this user, too; the daemon logs in with it at once.",
                    look.faint(),
                ),
            }
            sheet.key("Enter", KeyCode::Enter, "change it");
            sheet.key("Tab", KeyCode::Tab, "next");
            sheet.key("Esc", KeyCode::Esc, "cancel");
        }
    }
    sheet
}

fn fields(sheet: &mut Sheet, dialog: &Passwd, typing: bool) {
    for (index, (name, field)) in NAMES.into_iter().zip(&dialog.fields).enumerate() {
        let focused = typing && dialog.focus == index;
        sheet.secret(name, field.count(), focused, Some(Target::Choice(index)));
    }
}
