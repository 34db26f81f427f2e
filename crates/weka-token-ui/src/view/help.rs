//! Every key.

use super::Look;
use super::sheet::Sheet;
use crate::model::keys::BINDINGS;
use ratatui::crossterm::event::KeyCode;
use ratatui::style::Style;

pub(super) fn sheet(look: Look, width: u16) -> Sheet {
    let mut sheet = Sheet::new("Keys".into(), look, width);
    for binding in &BINDINGS {
        sheet.named(binding.name, binding.long, Style::new(), None);
    }
    sheet.gap();
    sheet.text("The mouse works, too: on profiles, on fields, on the keys in the last line of the screen and of dialogs. Hold Shift to select text with it, as your terminal does without this program.");
    sheet.text("Nothing here can do more than the commands: see weka-token --help.");
    sheet.key("Esc", KeyCode::Esc, "close");
    sheet
}
