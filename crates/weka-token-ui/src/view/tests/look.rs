//! Colours, characters and sizes.

use super::*;
use ratatui::style::Color;

#[test]
fn sixteen_colours_at_most_and_none_if_none_are_wanted() {
    let colours = |look: Look| {
        let mut person = watching(USUAL);
        let buffer = drawn(&mut person, look);
        buffer.content().iter().flat_map(|cell| [cell.fg, cell.bg]).collect::<Vec<_>>()
    };
    let plain = colours(Look { colour: false, unicode: true });
    assert!(plain.iter().all(|colour| *colour == Color::Reset), "{plain:?}");
    let coloured = colours(FULL);
    assert!(coloured.contains(&Color::Green) && coloured.contains(&Color::Red));
    assert!(!coloured.iter().any(|colour| matches!(colour, Color::Rgb(..) | Color::Indexed(_))));
}

#[test]
fn ascii_is_ascii() {
    let mut person = watching(USUAL);
    for key in [None, Some('t'), Some('?'), Some('x'), Some('O'), Some('d'), Some('p'), Some('w')] {
        if let Some(key) = key {
            person.model.dialog = None;
            person.presses(KeyCode::Char(key));
        }
        let shown = text(&drawn(&mut person, PLAIN));
        assert!(shown.is_ascii(), "{shown}");
    }
}

#[test]
fn every_size_can_be_drawn_with_every_dialog() {
    for (columns, rows) in [(1, 1), (60, 16), (61, 17), (200, 16), (60, 100), (300, 90)] {
        for key in ['\0', '?', 't', 'x', 'o', 'O', 'n', 'l', 'p', 'd', 'w'] {
            let mut person = watching((columns, rows));
            if key != '\0' {
                person.presses(KeyCode::Char(key));
            }
            person.model.scroll = u16::MAX;
            drawn(&mut person, FULL);
        }
    }
}
