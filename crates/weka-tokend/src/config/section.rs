//! Reading values out of tables, with every mistake noted by file, line and key.

use super::duration;
use super::{ConfigError, Mark, ProfileName};
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;
use toml_edit::{Item, Key, TableLike, Value};

/// Where mistakes go.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    file: &'a Path,
    text: &'a str,
    home: Option<&'a Path>,
    /// The paths that are taken, each with the key that took it.
    pub(super) claimed: BTreeMap<PathBuf, Mark>,
    /// The tables that need a login of their own.
    pub(super) sessions: Vec<Mark>,
    /// The profile that mistakes are in.
    pub(super) profile: Option<ProfileName>,
    pub(super) errors: Vec<ConfigError>,
}

/// A table and how one gets there.
pub(super) struct Section<'t> {
    table: &'t dyn TableLike,
    path: String,
    span: Option<Range<usize>>,
}

/// A table and its place in the file.
type Placed<'t> = (&'t dyn TableLike, Option<Range<usize>>);

impl<'t> Section<'t> {
    pub(super) fn root(table: &'t dyn TableLike) -> Self {
        Self { table, path: String::new(), span: None }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&'t str, &'t Item)> {
        self.table.iter()
    }

    pub(super) fn get(&self, key: &str) -> Option<&'t Item> {
        self.table.get(key)
    }

    /// The dotted path of a key in this table.
    pub(super) fn path_of(&self, key: &str) -> String {
        let quoted = Key::new(key);
        if self.path.is_empty() { quoted.to_string() } else { format!("{}.{quoted}", self.path) }
    }

    /// The table under a key, if it is one.
    pub(super) fn child(&self, key: &str) -> Option<Self> {
        let table = self.table.get(key)?.as_table_like()?;
        Some(Self { table, path: self.path_of(key), span: self.span_of(key) })
    }

    fn span_of(&self, key: &str) -> Option<Range<usize>> {
        self.table.key(key).and_then(Key::span).or_else(|| self.table.get(key).and_then(Item::span))
    }
}

impl<'a> Reader<'a> {
    pub(super) fn new(file: &'a Path, text: &'a str, home: Option<&'a Path>) -> Self {
        Self {
            file,
            text,
            home,
            claimed: BTreeMap::new(),
            sessions: Vec::new(),
            profile: None,
            errors: Vec::new(),
        }
    }

    fn line(&self, offset: usize) -> usize {
        self.text.bytes().take(offset).filter(|b| *b == b'\n').count() + 1
    }

    /// Notes a mistake at a place in the file.
    pub(super) fn report_at(
        &mut self,
        span: Option<Range<usize>>,
        key: Option<String>,
        message: impl Into<String>,
    ) {
        let line = span.map(|span| self.line(span.start));
        self.errors.push(ConfigError {
            file: self.file.to_owned(),
            line,
            key,
            message: message.into(),
            profile: self.profile.clone(),
        });
    }

    /// Notes a mistake about a key, or about the table itself.
    pub(super) fn report(&mut self, section: &Section<'_>, key: Option<&str>, message: impl Into<String>) {
        match key {
            Some(key) => self.report_at(section.span_of(key), Some(section.path_of(key)), message),
            None => self.report_at(section.span.clone(), Some(section.path.clone()), message),
        }
    }

    fn report_type(&mut self, section: &Section<'_>, key: &str, expected: &str, found: &Item) {
        self.report(section, Some(key), format!("expected {expected}, found {}", kind_of(found)));
    }

    /// Refuses keys that are none of `known`, and says which one may have been meant.
    pub(super) fn refuse_unknown_keys(&mut self, section: &Section<'_>, known: &[&str]) {
        for (key, _) in section.iter() {
            if known.contains(&key) {
                continue;
            }
            let meant = known
                .iter()
                .map(|name| (strsim::osa_distance(name, key), name))
                .filter(|(distance, name)| *distance <= 1 + name.len() / 4)
                .min();
            let message = match meant {
                Some((_, name)) => format!("unknown key; did you mean `{name}`?"),
                None => format!("unknown key; expected one of {}", known.join(", ")),
            };
            self.report(section, Some(key), message);
        }
    }

    /// The table under a key.
    pub(super) fn table<'t>(&mut self, section: &Section<'t>, key: &str) -> Option<Section<'t>> {
        let item = section.get(key)?;
        let child = section.child(key);
        if child.is_none() {
            self.report_type(section, key, "a table", item);
        }
        child
    }

    /// The tables of a list of tables.
    pub(super) fn tables<'t>(&mut self, section: &Section<'t>, key: &str) -> Vec<Section<'t>> {
        let Some(item) = section.get(key) else { return Vec::new() };
        let tables: Option<Vec<Placed<'t>>> = match item {
            Item::ArrayOfTables(list) => {
                Some(list.iter().map(|table| (table as &dyn TableLike, table.span())).collect())
            }
            Item::Value(Value::Array(list)) => list
                .iter()
                .map(|value| value.as_inline_table().map(|t| (t as &dyn TableLike, value.span())))
                .collect(),
            _ => None,
        };
        let Some(tables) = tables else {
            self.report_type(section, key, &format!("tables ([[{}]])", section.path_of(key)), item);
            return Vec::new();
        };
        tables.into_iter().map(|(table, span)| Section { table, path: section.path_of(key), span }).collect()
    }

    /// A text, which may be empty.
    pub(super) fn raw_text(&mut self, section: &Section<'_>, key: &str) -> Option<String> {
        let item = section.get(key)?;
        let text = item.as_str().map(str::to_owned);
        match &text {
            None => self.report_type(section, key, "a string", item),
            Some(text) if text.chars().any(char::is_control) => {
                self.report(section, Some(key), "control characters are not allowed");
                return None;
            }
            Some(_) => {}
        }
        text
    }

    /// A text with something in it.
    pub(super) fn text(&mut self, section: &Section<'_>, key: &str) -> Option<String> {
        let text = self.raw_text(section, key)?;
        if text.trim().is_empty() {
            self.report(section, Some(key), "it is empty");
            return None;
        }
        Some(text)
    }

    /// One of a few words.
    pub(super) fn word<T: Copy>(
        &mut self,
        section: &Section<'_>,
        key: &str,
        words: &[(&str, T)],
    ) -> Option<T> {
        let text = self.raw_text(section, key)?;
        let found = words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
        if found.is_none() {
            let list: Vec<_> = words.iter().map(|(word, _)| format!("\"{word}\"")).collect();
            self.report(section, Some(key), format!("expected {}", list.join(" or ")));
        }
        found
    }

    /// `true` or `false`.
    pub(super) fn switch(&mut self, section: &Section<'_>, key: &str) -> Option<bool> {
        let item = section.get(key)?;
        let value = item.as_bool();
        if value.is_none() {
            self.report_type(section, key, "true or false", item);
        }
        value
    }

    /// A number above 0 and below 1.
    pub(super) fn share(&mut self, section: &Section<'_>, key: &str) -> Option<f64> {
        let item = section.get(key)?;
        match item.as_float() {
            Some(share) if share > 0.0 && share < 1.0 => Some(share),
            Some(_) => {
                self.report(section, Some(key), "expected a number above 0 and below 1, such as 0.8");
                None
            }
            None => {
                self.report_type(section, key, "a number above 0 and below 1, such as 0.8", item);
                None
            }
        }
    }

    /// A duration in quotes, within bounds.
    pub(super) fn duration(
        &mut self,
        section: &Section<'_>,
        key: &str,
        longest: Duration,
    ) -> Option<Duration> {
        let item = section.get(key)?;
        let Some(text) = item.as_str() else {
            self.report_type(section, key, "a duration in quotes, such as \"2s\"", item);
            return None;
        };
        let problem = match duration::parse(text) {
            Ok(duration) if duration.is_zero() => "expected at least \"1s\"".to_owned(),
            Ok(duration) if duration > longest => format!("expected at most \"{}s\"", longest.as_secs()),
            Ok(duration) => return Some(duration),
            Err(error) => error.to_string(),
        };
        self.report(section, Some(key), problem);
        None
    }

    /// A list of texts, each with its place in the file.
    pub(super) fn list(
        &mut self,
        section: &Section<'_>,
        key: &str,
        example: &str,
    ) -> Option<Vec<(String, Option<Range<usize>>)>> {
        let item = section.get(key)?;
        let Some(values) = item.as_array() else {
            self.report_type(section, key, &format!("a list such as {example}"), item);
            return None;
        };
        let mut texts = Vec::new();
        for value in values {
            match value.as_str() {
                Some(text) => texts.push((text.to_owned(), value.span())),
                None => {
                    let message =
                        format!("expected strings only, as in {example}, found {}", value.type_name());
                    self.report_at(value.span(), Some(section.path_of(key)), message);
                    return None;
                }
            }
        }
        Some(texts)
    }

    /// A path of a file, with `~` expanded.
    pub(super) fn path(&mut self, section: &Section<'_>, key: &str) -> Option<PathBuf> {
        let text = self.text(section, key)?;
        match self.expand(&text) {
            Ok(path) => Some(path),
            Err(problem) => {
                self.report(section, Some(key), problem);
                None
            }
        }
    }

    /// The path of a file that the daemon writes, which nothing else in the configuration may name.
    pub(super) fn own_path(&mut self, section: &Section<'_>, key: &str) -> Option<PathBuf> {
        let path = self.path(section, key)?;
        if let Some(other) = self.claimed.get(&path) {
            let message = format!("the same file is written for {other}");
            self.report(section, Some(key), message);
            return None;
        }
        let line = section.span_of(key).map(|span| self.line(span.start));
        let mark = Mark { line, key: section.path_of(key), profile: self.profile.clone() };
        self.claimed.insert(path.clone(), mark);
        Some(path)
    }

    /// Notes a table that needs a login of its own.
    pub(super) fn needs_session(&mut self, section: &Section<'_>) {
        let line = section.span.clone().map(|span| self.line(span.start));
        self.sessions.push(Mark { line, key: section.path.clone(), profile: self.profile.clone() });
    }

    /// Whether some key claims this path.
    pub(super) fn is_claimed(&self, path: &Path) -> bool {
        self.claimed.contains_key(path)
    }

    /// An absolute path of a file, from one that may start with `~/`.
    pub(super) fn expand(&self, text: &str) -> Result<PathBuf, &'static str> {
        let path = match text.strip_prefix('~') {
            Some(rest) if rest.starts_with('/') => {
                let home = self.home.ok_or("there is no home folder to expand `~` with")?;
                home.join(rest.trim_start_matches('/'))
            }
            Some(_) => return Err("`~` must be followed by `/`"),
            None => PathBuf::from(text),
        };
        if !path.is_absolute() {
            return Err("expected an absolute path, or one that starts with `~/`");
        }
        if text.ends_with('/') || path.file_name().is_none() {
            return Err("expected the path of a file, not of a folder");
        }
        Ok(path)
    }
}

fn kind_of(item: &Item) -> &'static str {
    match item.type_name() {
        "array of tables" => "a list of tables",
        "array" => "a list",
        "inline table" | "table" => "a table",
        "string" => "a string",
        "integer" => "a whole number",
        "float" => "a number",
        "boolean" => "true or false",
        "datetime" => "a date",
        _ => "nothing",
    }
}
