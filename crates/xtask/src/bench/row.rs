//! What was measured of one thing: figures, and whether they reach the goal.

use crate::bench::samples::{Samples, Spread};
use serde_json::{Value, json};

/// One line of the table.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Row {
    pub(crate) what: &'static str,
    /// In words.
    pub(crate) goal: &'static str,
    pub(crate) seen: Vec<Figure>,
    /// What others come to, in the same run.
    pub(crate) peers: Vec<Figure>,
    /// What a reader of the figures should know.
    pub(crate) notes: Vec<String>,
    pub(crate) verdict: Verdict,
}

/// Whether a goal is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Met,
    Missed,
    /// A test fails if it is not.
    Tested,
    /// What it is measured against is not here.
    Open,
}

impl Verdict {
    pub(crate) const fn of(met: bool) -> Self {
        if met { Self::Met } else { Self::Missed }
    }

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Met => "yes",
            Self::Missed => "NO",
            Self::Tested => "tested",
            Self::Open => "-",
        }
    }
}

/// What a number counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    Milliseconds,
    Microseconds,
    Mebibytes,
    PerSecond,
    /// So many times as much as something else.
    Times,
    /// Things; the word stands in the figure's name.
    Pieces,
}

impl Unit {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Milliseconds => "ms",
            Self::Microseconds => "us",
            Self::Mebibytes => "MiB",
            Self::PerSecond => "/s",
            Self::Times => "x",
            Self::Pieces => "",
        }
    }

    fn number(self, value: f64) -> String {
        match self {
            Self::Milliseconds => format!("{value:.3}"),
            Self::Mebibytes | Self::Times => format!("{value:.2}"),
            Self::Microseconds => format!("{value:.1}"),
            Self::PerSecond | Self::Pieces => format!("{value:.0}"),
        }
    }
}

/// A number with its name, unit and spread.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Figure {
    pub(crate) name: String,
    pub(crate) unit: Unit,
    pub(crate) value: Spread,
    /// Against the floor of the same run.
    pub(crate) ratio: Option<f64>,
}

impl Figure {
    pub(crate) fn new(name: impl Into<String>, unit: Unit, value: Spread) -> Self {
        Self { name: name.into(), unit, value, ratio: None }
    }

    pub(crate) fn of(name: impl Into<String>, unit: Unit, samples: &Samples) -> Self {
        Self::new(name, unit, samples.spread())
    }

    #[expect(clippy::cast_precision_loss, reason = "far fewer than 2^52")]
    pub(crate) fn pieces(name: impl Into<String>, count: u64) -> Self {
        Self::new(name, Unit::Pieces, Spread::exactly(count as f64))
    }

    pub(crate) const fn against(mut self, ratio: f64) -> Self {
        self.ratio = Some(ratio);
        self
    }

    /// As a line of a table's cell.
    pub(crate) fn line(&self) -> String {
        let Spread { median, low, high } = self.value;
        let [middle, low, high] = [median, low, high].map(|value| self.unit.number(value));
        let unit = self.unit.as_str();
        let unit = if unit.is_empty() { String::new() } else { format!(" {unit}") };
        let ratio = self.ratio.map(|ratio| format!("{ratio:.2} x, ")).unwrap_or_default();
        let spread =
            if low == middle && high == middle { String::new() } else { format!(" ({low} to {high})") };
        format!("{} {ratio}{middle}{unit}{spread}", self.name).trim_start().to_owned()
    }

    fn json(&self) -> Value {
        let Spread { median, low, high } = self.value;
        let mut value =
            json!({"name": self.name, "unit": self.unit.as_str(), "median": median, "p10": low, "p90": high});
        if let Some(ratio) = self.ratio {
            value["ratio_to_floor"] = json!(ratio);
        }
        value
    }
}

impl Row {
    pub(crate) fn json(&self, id: &str) -> Value {
        let figures = |figures: &[Figure]| figures.iter().map(Figure::json).collect::<Vec<_>>();
        let met = match self.verdict {
            Verdict::Met => json!(true),
            Verdict::Missed => json!(false),
            Verdict::Tested | Verdict::Open => Value::Null,
        };
        json!({
            "row": id,
            "what": self.what,
            "goal": self.goal,
            "seen": figures(&self.seen),
            "peers": figures(&self.peers),
            "notes": self.notes,
            "met": met,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_reads_as_name_ratio_number_unit_and_spread() {
        let spread = Spread { median: 0.3814, low: 0.36, high: 0.45 };
        let figure = Figure::new("cat FILE", Unit::Milliseconds, spread).against(1.6649);
        assert_eq!(figure.line(), "cat FILE 1.66 x, 0.381 ms (0.360 to 0.450)");
        assert_eq!(Figure::pieces("refreshes", 1).line(), "refreshes 1");
        // A spread that does not show in the digits is none.
        let still = Spread { median: 2.501, low: 2.499, high: 2.502 };
        assert_eq!(Figure::new("", Unit::Mebibytes, still).line(), "2.50 MiB");
    }

    #[test]
    fn json_says_true_false_or_null() {
        let mut row = Row {
            what: "w",
            goal: "g",
            seen: vec![Figure::pieces("n", 3)],
            peers: Vec::new(),
            notes: vec!["said".into()],
            verdict: Verdict::Missed,
        };
        let seen = json!([{"name": "n", "unit": "", "median": 3.0, "p10": 3.0, "p90": 3.0}]);
        let expected = json!({"row": "i", "what": "w", "goal": "g", "seen": seen, "peers": [], "notes": ["said"], "met": false});
        assert_eq!(row.json("i"), expected);
        row.verdict = Verdict::Tested;
        assert_eq!(row.json("i")["met"], Value::Null);
    }
}
