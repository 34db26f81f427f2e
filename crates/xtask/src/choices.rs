//! What may be chosen, listed below a help text: in one line behind its option it would be too wide for a terminal.

use clap::ValueEnum;

/// A list of all values and what they are.
pub(crate) fn choices<T: ValueEnum>(title: &str) -> String {
    let values: Vec<_> = T::value_variants().iter().filter_map(ValueEnum::to_possible_value).collect();
    let widest = values.iter().map(|value| value.get_name().len()).max().unwrap_or_default();
    let mut text = format!("{title}:");
    for value in &values {
        let help = value.get_help().map(ToString::to_string).unwrap_or_default();
        text.push_str(&format!("\n  {:<widest$}  {help}", value.get_name()));
    }
    text
}
