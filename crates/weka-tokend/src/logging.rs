//! Logs on stderr: plain with a time stamp, or as journald likes them.
//!
//! Only this project's own targets are let through, whatever `WEKA_TOKEN_LOG` says: what HTTP and TLS
//! libraries print at trace level is theirs to decide, and may one day be a header.

use crate::audit;
use std::fmt;
use std::os::fd::AsFd;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{LevelFilter, Targets, filter_fn};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;

/// What is logged unless somebody says otherwise.
const USUAL: &str = "info";

/// Starts logging with a tracing filter such as `debug` or `weka_rest=trace`. What it says nothing of is logged as
/// usual, so that a mistake in it never silences an error.
///
/// # Errors
/// A filter that is not understood is reported in words, and `info` is used instead.
pub fn start(filter: Option<&str>, journal_stream: Option<&str>) -> Result<(), String> {
    let text = filter.filter(|text| !text.is_empty()).unwrap_or(USUAL);
    // `Targets` and not `EnvFilter`, which brings a whole regular expression engine along.
    let (filter, problem) = match understood(text) {
        Ok(filter) => (filter, None),
        Err(reason) => {
            let usual = without_audit(USUAL).parse().unwrap_or_default();
            (usual, Some(format!("WEKA_TOKEN_LOG: {reason}; using {USUAL}")))
        }
    };
    let ours = filter_fn(|about| is_ours(about.target()));
    let lines = tracing_subscriber::fmt::layer()
        .event_format(Line { journald: is_journal(journal_stream) })
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .with_filter(ours);
    // A second start (in tests) keeps the first subscriber.
    drop(tracing_subscriber::registry().with(filter).with(lines).try_init());
    problem.map_or(Ok(()), Err)
}

fn is_ours(target: &str) -> bool {
    target.starts_with("weka_") || target.starts_with("engine") || target == audit::TARGET
}

/// The filter as it works.
fn understood(text: &str) -> Result<Targets, String> {
    let mut has_level = false;
    for directive in text.split(',').map(str::trim).filter(|directive| !directive.is_empty()) {
        if directive.parse::<LevelFilter>().is_ok() {
            has_level = true;
            continue;
        }
        let target = directive.split('=').next().unwrap_or_default();
        if !is_ours(target) {
            return Err(format!(
                "\"{}\" is neither a level (error, warn, info, debug, trace) nor a part of weka-tokend with one, as in weka_tokend=debug or audit=info",
                directive.escape_debug()
            ));
        }
    }
    let whole = if has_level { text.to_owned() } else { format!("{USUAL},{text}") };
    without_audit(&whole).parse().map_err(|error| format!("{error}"))
}

/// The audit lines are off unless they are asked for by name.
fn without_audit(filter: &str) -> String {
    if filter.contains(audit::TARGET) { filter.to_owned() } else { format!("{filter},{}=off", audit::TARGET) }
}

/// Whether stderr is the stream that `JOURNAL_STREAM` (device:inode) names; see systemd.exec(5).
fn is_journal(journal_stream: Option<&str>) -> bool {
    let Some((device, inode)) = journal_stream.and_then(|text| text.split_once(':')) else { return false };
    let stderr = nix::sys::stat::fstat(std::io::stderr().as_fd());
    stderr.is_ok_and(|found| device == found.st_dev.to_string() && inode == found.st_ino.to_string())
}

/// One event, one line.
struct Line {
    journald: bool,
}

impl<S, N> FormatEvent<S, N> for Line
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let level = *event.metadata().level();
        if self.journald {
            // sd-daemon(3): the priority in angle brackets; journald adds the time.
            writer.write_str(match level {
                Level::ERROR => "<3>",
                Level::WARN => "<4>",
                Level::INFO => "<6>",
                Level::DEBUG | Level::TRACE => "<7>",
            })?;
        } else {
            SystemTime.format_time(&mut writer)?;
            write!(writer, " {level:5} ")?;
        }
        context.field_format().format_fields(writer.by_ref(), event)?;
        writeln!(writer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lets_through(filter: &str, target: &str, level: Level) -> bool {
        understood(filter).unwrap().would_enable(target, &level)
    }

    #[test]
    fn audit_lines_are_off_unless_they_are_named() {
        assert!(lets_through("info", "weka_tokend::keeper", Level::INFO));
        assert!(!lets_through("info", "weka_tokend::keeper", Level::DEBUG));
        assert!(!lets_through("trace", audit::TARGET, Level::INFO));
        assert!(lets_through("info,audit=info", audit::TARGET, Level::INFO));
        assert!(lets_through("weka_tokend=trace", "weka_tokend::server", Level::TRACE));
    }

    /// `inf` was taken for the name of a part, and a part that is named for all that is wanted: not even errors came.
    #[test]
    fn a_mistake_in_the_filter_silenced_everything() {
        for filter in ["audit=info", "weka_rest=trace", "weka_tokend=debug,audit=info"] {
            assert!(lets_through(filter, "weka_tokend::keeper", Level::ERROR), "{filter}");
            assert!(lets_through(filter, "weka_tokend::keeper", Level::INFO), "{filter}");
        }
        assert!(!lets_through("error,audit=info", "weka_tokend::keeper", Level::INFO));
        assert!(!lets_through("off", "weka_tokend::keeper", Level::ERROR));
        for filter in ["inf", "verbose", "hyper=trace", "weka_tokend=debg", "info;audit=info"] {
            assert!(understood(filter).is_err(), "{filter}");
        }
    }
}
