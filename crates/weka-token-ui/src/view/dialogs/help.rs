//! Every key.

use crate::model::keys::BINDINGS;
use crate::view::Look;
use crate::view::sheet::Sheet;
use ratatui::crossterm::event::KeyCode;

pub(super) fn sheet(look: Look, width: u16) -> Sheet {
    let mut sheet = Sheet::new("Keys".into(), look, width);
    for binding in BINDINGS.iter().filter(|binding| !binding.long.is_empty()) {
        sheet.keys(binding.name, binding.long);
    }
    sheet.gap();
    sheet.text("The mouse works on profiles, fields and keys; Shift selects text with it. Nothing here can do more than the commands: see weka-token --help.");
    sheet.key("Esc", KeyCode::Esc, "close");
    sheet
}
