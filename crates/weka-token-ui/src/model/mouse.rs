//! What clicks and the wheel do, where the terminal tells of them.

use super::Model;
use crate::model::keys::Action;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::{Position, Rect};

/// How many lines one turn of the wheel reads on.
pub(super) const WHEEL: u16 = 3;

/// A place that can be clicked on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Hit {
    /// Where.
    pub(crate) area: Rect,
    /// What it stands for.
    pub(crate) target: Target,
}

/// What a click stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target {
    /// A profile in the list.
    Profile(String),
    /// A key.
    Key(KeyCode),
    /// One of several things in a dialog.
    Choice(usize),
    /// The details of the selected profile, which the wheel reads on in.
    Details,
}

impl Model {
    pub(super) fn mouse(&mut self, event: MouseEvent) {
        let at = Position::new(event.column, event.row);
        let is_read = self.dialog.is_some() || self.target(at) == Some(&Target::Details);
        match event.kind {
            MouseEventKind::Down(MouseButton::Left) => self.click(at),
            MouseEventKind::ScrollDown if is_read => self.scroll = self.scroll.saturating_add(WHEEL),
            MouseEventKind::ScrollUp if is_read => self.scroll = self.scroll.saturating_sub(WHEEL),
            MouseEventKind::ScrollDown => self.act(Action::Down),
            MouseEventKind::ScrollUp => self.act(Action::Up),
            _ => {}
        }
    }

    /// What was drawn last is on top.
    fn target(&self, at: Position) -> Option<&Target> {
        self.hits.iter().rev().find(|hit| hit.area.contains(at)).map(|hit| &hit.target)
    }

    fn click(&mut self, at: Position) {
        match self.target(at).cloned() {
            Some(Target::Key(code)) => self.key(KeyEvent::new(code, KeyModifiers::NONE)),
            Some(Target::Profile(name)) => self.select(Some(name)),
            Some(Target::Choice(index)) => {
                if let Some(dialog) = &mut self.dialog {
                    dialog.choose(index);
                }
            }
            Some(Target::Details) | None => {}
        }
    }
}
