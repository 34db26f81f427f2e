//! Bytes from a terminal as keys, clicks and pasted text. crossterm reads these, too, but keeps what it has read
//! in a buffer for as long as the program runs, a pasted password as well: that was found in memory after a login.

use crate::model::message::Message;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use secret::Password;
use zeroize::Zeroizing;

/// The longest sequence that is waited for to its end; what is longer means nothing here.
const LONGEST: usize = 64;
/// The longest text that is pasted, in bytes; the rest is left out.
const LONGEST_PASTE: usize = 16 * 1024;
const PASTE_END: &[u8] = b"\x1b[201~";
const ESCAPE: u8 = 0x1b;

/// What has come and is not whole yet.
#[derive(Default)]
pub(crate) struct Decoder {
    pending: Zeroizing<Vec<u8>>,
    pasted: Option<Zeroizing<Vec<u8>>>,
}

/// What a beginning of bytes is.
enum Piece {
    /// So many bytes that mean this, if anything.
    Whole(usize, Option<Message>),
    /// The beginning of something longer.
    Part,
}

impl Decoder {
    /// Takes bytes in, and gives what they mean, as far as it is whole.
    pub(crate) fn feed(&mut self, bytes: &[u8]) -> Vec<Message> {
        let mut messages = Vec::new();
        for &byte in bytes {
            if let Some(pasted) = &mut self.pasted {
                messages.extend(paste(pasted, byte));
                if pasted.ends_with(PASTE_END) {
                    self.pasted = None;
                }
                continue;
            }
            self.pending.push(byte);
            self.take_whole(&mut messages, false);
        }
        messages
    }

    /// Whether something has begun that would be whole with the next bytes, or is whole if none come: Escape.
    pub(crate) fn is_waiting(&self) -> bool {
        !self.pending.is_empty()
    }

    /// Nothing has followed for a while, so that was it.
    pub(crate) fn flush(&mut self) -> Vec<Message> {
        let mut messages = Vec::new();
        self.take_whole(&mut messages, true);
        messages
    }

    fn take_whole(&mut self, messages: &mut Vec<Message>, at_end: bool) {
        while !self.pending.is_empty() {
            match piece(&self.pending, at_end) {
                Piece::Whole(length, message) => {
                    if self.pending.starts_with(b"\x1b[200~") {
                        // Room enough at once: growing would leave copies behind.
                        self.pasted =
                            Some(Zeroizing::new(Vec::with_capacity(LONGEST_PASTE + PASTE_END.len())));
                    }
                    let length = length.min(self.pending.len());
                    self.pending.drain(..length);
                    messages.extend(message);
                }
                Piece::Part => return,
            }
        }
    }
}

/// Adds a byte to a pasted text; gives the text when that was its end.
fn paste(pasted: &mut Zeroizing<Vec<u8>>, byte: u8) -> Option<Message> {
    if pasted.len() >= LONGEST_PASTE + PASTE_END.len() {
        // The end is still looked for, in the last bytes.
        let end = pasted.len() - PASTE_END.len();
        if let Some(last) = pasted.get_mut(end..) {
            last.rotate_left(1);
        }
        pasted.pop();
    }
    pasted.push(byte);
    let text = pasted.strip_suffix(PASTE_END)?;
    Some(Message::Paste(Password::new(String::from_utf8_lossy(text).into_owned())))
}

fn piece(bytes: &[u8], at_end: bool) -> Piece {
    match bytes {
        [ESCAPE] if at_end => Piece::Whole(1, Some(key(KeyCode::Esc))),
        [ESCAPE] => Piece::Part,
        [ESCAPE, b'[', rest @ ..] => control_sequence(rest, at_end),
        [ESCAPE, b'O', letter, ..] => Piece::Whole(3, named(*letter).map(key)),
        [ESCAPE, b'O'] if !at_end => Piece::Part,
        // Escape, and then something else that came at once: over a slow line keys come together.
        [ESCAPE, ..] => Piece::Whole(1, Some(key(KeyCode::Esc))),
        [first, ..] => character(*first, bytes, at_end),
        [] => Piece::Part,
    }
}

/// What follows `ESC [`: parameters, then one byte that ends it.
fn control_sequence(rest: &[u8], at_end: bool) -> Piece {
    // The Linux console's function keys.
    if let [b'[', rest @ ..] = rest {
        return match rest {
            [letter, ..] => Piece::Whole(4, (*letter == b'A').then(|| key(KeyCode::F(1)))),
            [] => unfinished(rest, at_end),
        };
    }
    let Some(length) = rest.iter().position(|byte| (0x40..=0x7e).contains(byte)) else {
        return unfinished(rest, at_end);
    };
    let (parameters, last) = (rest.get(..length).unwrap_or_default(), rest.get(length).copied().unwrap_or(0));
    let message = match (parameters, last) {
        ([b'<', mouse @ ..], b'M') => click(mouse),
        (parameters, b'~') => match number(parameters) {
            Some(1 | 7) => Some(key(KeyCode::Home)),
            Some(4 | 8) => Some(key(KeyCode::End)),
            Some(3) => Some(key(KeyCode::Delete)),
            Some(5) => Some(key(KeyCode::PageUp)),
            Some(6) => Some(key(KeyCode::PageDown)),
            Some(11) => Some(key(KeyCode::F(1))),
            _ => None,
        },
        (_, letter) => named(letter).map(key),
    };
    Piece::Whole(2 + length + 1, message)
}

fn unfinished(rest: &[u8], at_end: bool) -> Piece {
    if at_end || rest.len() > LONGEST { Piece::Whole(2 + rest.len(), None) } else { Piece::Part }
}

/// Keys that end a sequence with a letter, with or without parameters.
const fn named(letter: u8) -> Option<KeyCode> {
    Some(match letter {
        b'A' => KeyCode::Up,
        b'B' => KeyCode::Down,
        b'C' => KeyCode::Right,
        b'D' => KeyCode::Left,
        b'H' => KeyCode::Home,
        b'F' => KeyCode::End,
        b'Z' => KeyCode::BackTab,
        b'P' => KeyCode::F(1),
        b'M' => KeyCode::Enter,
        _ => return None,
    })
}

/// The first of numbers that `;` keeps apart.
fn number(parameters: &[u8]) -> Option<u16> {
    let first = parameters.split(|byte| *byte == b';').next()?;
    std::str::from_utf8(first).ok()?.parse().ok()
}

/// `BUTTON;COLUMN;ROW`, counted from 1 (xterm's SGR mode); buttons with modifiers or that move mean nothing here.
fn click(parameters: &[u8]) -> Option<Message> {
    let mut numbers = std::str::from_utf8(parameters).ok()?.split(';').map(|text| text.parse::<u16>().ok());
    let (button, column, row) = (numbers.next()??, numbers.next()??, numbers.next()??);
    let kind = match button {
        0 => MouseEventKind::Down(MouseButton::Left),
        64 => MouseEventKind::ScrollUp,
        65 => MouseEventKind::ScrollDown,
        _ => return None,
    };
    let (column, row) = (column.checked_sub(1)?, row.checked_sub(1)?);
    Some(Message::Mouse(MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE }))
}

fn character(first: u8, bytes: &[u8], at_end: bool) -> Piece {
    let one = |message| Piece::Whole(1, Some(message));
    let length = match first {
        b'\r' | b'\n' => return one(key(KeyCode::Enter)),
        b'\t' => return one(key(KeyCode::Tab)),
        0x08 | 0x7f => return one(key(KeyCode::Backspace)),
        0x1c => return one(with_control('\\')),
        0x01..=0x1a => return one(with_control(char::from(first - 1 + b'a'))),
        0x20..=0x7e => return one(key(KeyCode::Char(char::from(first)))),
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => return Piece::Whole(1, None),
    };
    match bytes.get(..length) {
        Some(whole) => match std::str::from_utf8(whole).ok().and_then(|text| text.chars().next()) {
            Some(letter) => Piece::Whole(length, Some(key(KeyCode::Char(letter)))),
            None => Piece::Whole(1, None),
        },
        None if at_end => Piece::Whole(1, None),
        None => Piece::Part,
    }
}

const fn key(code: KeyCode) -> Message {
    Message::Key(KeyEvent::new(code, KeyModifiers::NONE))
}

const fn with_control(letter: char) -> Message {
    Message::Key(KeyEvent::new(KeyCode::Char(letter), KeyModifiers::CONTROL))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What comes of bytes, in words.
    fn read(bytes: &[u8]) -> Vec<String> {
        let mut decoder = Decoder::default();
        let mut messages = decoder.feed(bytes);
        messages.extend(decoder.flush());
        assert!(!decoder.is_waiting(), "{bytes:?}");
        messages.iter().map(in_words).collect()
    }

    fn in_words(message: &Message) -> String {
        match message {
            Message::Key(key) if key.modifiers == KeyModifiers::CONTROL => format!("Ctrl-{}", key.code),
            Message::Key(key) => key.code.to_string(),
            Message::Paste(text) => format!("paste {:?}", text.expose()),
            Message::Mouse(event) => format!("{:?} {} {}", event.kind, event.column, event.row),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn keys_of_many_terminals() {
        for (bytes, expected) in [
            (&b"aG?"[..], "a G ?"),
            (b"\r\n\t\x7f\x08", "Enter Enter Tab Backspace Backspace"),
            (b"\x03\x0c\x1a\x1c", "Ctrl-c Ctrl-l Ctrl-z Ctrl-\\"),
            (b"\x1b[A\x1b[B\x1bOC\x1bOD", "Up Down Right Left"),
            (b"\x1b[H\x1b[F\x1b[1~\x1b[4~\x1bOH", "Home End Home End Home"),
            (b"\x1b[3~\x1b[5~\x1b[6~\x1b[Z", "Del Page Up Page Down Back Tab"),
            (b"\x1bOP\x1b[11~\x1b[[A", "F1 F1 F1"),
            (b"\x1b[1;5A\x1b[3;2~", "Up Del"),
            ("ü日🔑".as_bytes(), "ü 日 🔑"),
            (b"\x1b", "Esc"),
            (b"\x1b\x1bq", "Esc Esc q"),
            (b"\x1bq\x1b[A", "Esc q Up"),
        ] {
            assert_eq!(read(bytes).join(" "), expected, "{bytes:?}");
        }
    }

    #[test]
    fn what_means_nothing_here_is_left_out() {
        for bytes in
            [&b"\x1b[?1;2c"[..], b"\x1b[I", b"\x1b[99~", b"\x1bOx", b"\xff\xfe", b"\xc3", b"\0", b"\x1b[12"]
        {
            assert!(read(bytes).is_empty(), "{bytes:?}: {:?}", read(bytes));
        }
        assert_eq!(
            read(&[b"\x1b[".as_slice(), &[b'1'; 500], b"x"].concat()).last().map(String::as_str),
            Some("x")
        );
    }

    #[test]
    fn clicks_and_the_wheel() {
        assert_eq!(read(b"\x1b[<0;5;3M\x1b[<0;5;3m\x1b[<2;1;1M"), ["Down(Left) 4 2"]);
        assert_eq!(read(b"\x1b[<64;300;200M\x1b[<65;1;1M"), ["ScrollUp 299 199", "ScrollDown 0 0"]);
        assert!(read(b"\x1b[<0;0;3M\x1b[<0;70000;1M\x1b[<0;1M\x1b[<M").is_empty());
    }

    #[test]
    fn pasted_text_is_one_piece_whatever_is_in_it() {
        assert_eq!(read(b"a\x1b[200~x\r\x1b[A\x03y\x1b[201~b"), ["a", "paste \"x\\r\\u{1b}[A\\u{3}y\"", "b"]);
        let long = [b"\x1b[200~".as_slice(), &vec![b'x'; 2 * LONGEST_PASTE], b"\x1b[201~q"].concat();
        let read = read(&long);
        assert_eq!(read.len(), 2);
        assert_eq!((read[0].len(), read[1].as_str()), (LONGEST_PASTE + "paste \"\"".len(), "q"));
    }

    #[test]
    fn it_does_not_matter_how_bytes_are_cut_up() {
        let bytes = "aü\x1b[A\x1b[<0;5;3M\x1b[200~p\x1b[201~\x1b[6~".as_bytes();
        let whole = read(bytes);
        for cut in 0..bytes.len() {
            let mut decoder = Decoder::default();
            let mut messages = decoder.feed(&bytes[..cut]);
            messages.extend(decoder.feed(&bytes[cut..]));
            assert_eq!(messages.iter().map(in_words).collect::<Vec<_>>(), whole, "{cut}");
        }
    }
}
