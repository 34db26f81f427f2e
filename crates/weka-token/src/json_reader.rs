//! JSON read by hand: no copy of a token is left in a buffer that is not wiped, and the client needs no further crates.
//! A property test of `token_json` holds it against `serde_json`.

use zeroize::Zeroizing;

/// How deep what is skipped may be nested.
const DEEPEST: usize = 64;

/// Reads JSON from its beginning on; `None` wherever it is none.
pub(crate) struct Reader<'a> {
    rest: &'a str,
}

impl<'a> Reader<'a> {
    pub(crate) const fn new(text: &'a str) -> Self {
        Self { rest: text }
    }

    /// Whether nothing but white space is left.
    pub(crate) fn is_at_end(&mut self) -> bool {
        self.space();
        self.rest.is_empty()
    }

    fn space(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\n', '\r']);
    }

    /// This sign, after white space.
    fn sign(&mut self, sign: char) -> Option<()> {
        self.space();
        self.rest = self.rest.strip_prefix(sign)?;
        Some(())
    }

    /// An object: `value` is given each key, and has to read what belongs to it.
    pub(crate) fn object(&mut self, mut value: impl FnMut(&mut Self, &str) -> Option<()>) -> Option<()> {
        self.sign('{')?;
        if self.sign('}').is_some() {
            return Some(());
        }
        loop {
            self.space();
            let key = self.string()?;
            self.sign(':')?;
            self.space();
            value(self, &key)?;
            if self.sign(',').is_none() {
                return self.sign('}');
            }
        }
    }

    /// A text, or nothing where it says null.
    pub(crate) fn text(&mut self) -> Option<Option<Zeroizing<String>>> {
        match self.rest.strip_prefix("null") {
            Some(rest) => {
                self.rest = rest;
                Some(None)
            }
            None => self.string().map(Some),
        }
    }

    /// Any value, which does not matter.
    pub(crate) fn skip(&mut self) -> Option<()> {
        self.skip_within(DEEPEST)
    }

    fn skip_within(&mut self, depth: usize) -> Option<()> {
        self.space();
        match self.rest.bytes().next()? {
            b'"' => self.string().map(drop),
            b'{' => {
                let depth = depth.checked_sub(1)?;
                self.object(|reader, _| reader.skip_within(depth))
            }
            b'[' => {
                let depth = depth.checked_sub(1)?;
                self.sign('[')?;
                if self.sign(']').is_some() {
                    return Some(());
                }
                loop {
                    self.skip_within(depth)?;
                    if self.sign(',').is_none() {
                        return self.sign(']');
                    }
                }
            }
            b'-' | b'0'..=b'9' => self.number(),
            _ => {
                let word = ["true", "false", "null"].into_iter().find(|word| self.rest.starts_with(word))?;
                self.rest = self.rest.strip_prefix(word)?;
                Some(())
            }
        }
    }

    fn number(&mut self) -> Option<()> {
        self.rest = self.rest.strip_prefix('-').unwrap_or(self.rest);
        match self.rest.strip_prefix('0') {
            Some(rest) => self.rest = rest,
            None => self.digits()?,
        }
        if let Some(rest) = self.rest.strip_prefix('.') {
            self.rest = rest;
            self.digits()?;
        }
        if let Some(rest) = self.rest.strip_prefix(['e', 'E']) {
            self.rest = rest.strip_prefix(['+', '-']).unwrap_or(rest);
            self.digits()?;
        }
        Some(())
    }

    fn digits(&mut self) -> Option<()> {
        let rest = self.rest.trim_start_matches(|letter: char| letter.is_ascii_digit());
        let found = rest.len() < self.rest.len();
        self.rest = rest;
        found.then_some(())
    }

    fn string(&mut self) -> Option<Zeroizing<String>> {
        self.rest = self.rest.strip_prefix('"')?;
        // What is left is at least as long as the text: the buffer never moves.
        let mut text = Zeroizing::new(String::with_capacity(self.rest.find('"').map_or(0, |end| end + 1)));
        loop {
            let letter = self.letter()?;
            match letter {
                '"' => return Some(text),
                '\\' => {
                    let letter = self.escape()?;
                    reserve(&mut text, letter.len_utf8());
                    text.push(letter);
                }
                control if control < ' ' => return None,
                letter => {
                    reserve(&mut text, letter.len_utf8());
                    text.push(letter);
                }
            }
        }
    }

    fn letter(&mut self) -> Option<char> {
        let mut letters = self.rest.chars();
        let letter = letters.next()?;
        self.rest = letters.as_str();
        Some(letter)
    }

    fn escape(&mut self) -> Option<char> {
        Some(match self.letter()? {
            letter @ ('"' | '\\' | '/') => letter,
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => {
                let first = self.unit()?;
                if !(0xd800..0xdc00).contains(&first) {
                    return char::from_u32(first);
                }
                self.rest = self.rest.strip_prefix("\\u")?;
                let second = self.unit()?.checked_sub(0xdc00).filter(|low| *low < 0x400)?;
                return char::from_u32(0x1_0000 + ((first - 0xd800) << 10) + second);
            }
            _ => return None,
        })
    }

    fn unit(&mut self) -> Option<u32> {
        let (digits, rest) = self.rest.split_at_checked(4)?;
        self.rest = rest;
        let is_hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_hex.then(|| u32::from_str_radix(digits, 16).ok()).flatten()
    }
}

/// Makes room without leaving an outgrown copy behind.
fn reserve(text: &mut Zeroizing<String>, more: usize) {
    if text.capacity() - text.len() < more {
        let mut larger = Zeroizing::new(String::with_capacity(2 * text.capacity() + more));
        larger.push_str(text);
        *text = larger;
    }
}
