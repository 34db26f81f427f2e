//! `weka-token man`: manual pages, from the command line as clap knows it.

use crate::after_help::{Section, sections};
use crate::args;
use crate::failure::{FAILED, Failure};
use crate::output;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, roman};
use std::io;
use std::path::Path;

/// A manual page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Its file's name, such as `weka-token-get.1`.
    pub file_name: String,
    /// What the file holds.
    pub text: Vec<u8>,
}

/// The pages of `weka-token`: one of its own, and one for each command.
///
/// # Errors
/// None that is known: pages are written to memory.
pub fn pages() -> io::Result<Vec<Page>> {
    let mut tree = args::tree();
    tree.build();
    let commands: Vec<_> = tree.get_subcommands().filter(|command| !command.is_hide_set()).cloned().collect();
    let mut pages = vec![page(tree, "weka-tokend(1)")?];
    for command in commands {
        pages.push(page(command, "weka-token(1), weka-tokend(1)")?);
    }
    Ok(pages)
}

/// The page of the mount helper, section 8, as mount(8) knows it.
///
/// # Errors
/// None that is known: the page is written to memory.
pub fn mount_helper() -> io::Result<Page> {
    let mut command = args::mount_helper();
    command.build();
    written(command, Some("8"), "mount(8), systemd.mount(5), autofs(5), weka-token(1), weka-tokend(1)")
}

/// The page of one command, which names others to read.
///
/// # Errors
/// None that is known: the page is written to memory.
pub fn page(command: clap::Command, see_also: &str) -> io::Result<Page> {
    written(command, None, see_also)
}

fn written(command: clap::Command, number: Option<&str>, see_also: &str) -> io::Result<Page> {
    let command = command.subcommand_help_heading("COMMANDS").subcommand_value_name("COMMAND");
    let after_help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let has_commands = command.has_subcommands();
    let (text, sections): (Vec<_>, Vec<_>) =
        sections(&after_help).into_iter().partition(|section| section.heading.is_none());
    let source = concat!("weka-token ", env!("CARGO_PKG_VERSION"));
    let mut man = Man::new(command).source(source).manual("weka-token");
    if let Some(number) = number {
        man = man.section(number);
    }
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    described(&text).to_writer(&mut page)?;
    if has_commands {
        man.render_subcommands_section(&mut page)?;
    }
    man.render_options_section(&mut page)?;
    headed(&sections, see_also).to_writer(&mut page)?;
    Ok(Page { file_name: man.get_filename(), text: page })
}

/// What the description goes on with.
fn described(text: &[Section<'_>]) -> Roff {
    let mut roff = Roff::new();
    for section in text {
        roff.control("PP", []);
        section.set(&mut roff);
    }
    roff
}

fn headed(sections: &[Section<'_>], see_also: &str) -> Roff {
    let mut roff = Roff::new();
    for section in sections {
        let heading = section.heading.unwrap_or_default().to_uppercase();
        roff.control("SH", [heading.as_str()]);
        section.set(&mut roff);
    }
    roff.control("SH", ["SEE ALSO"]);
    roff.text([roman(see_also)]);
    roff
}

pub(crate) fn run(folder: &Path, quiet: bool) -> Result<u8, Failure> {
    let failed = |path: &Path, error: &io::Error| {
        Failure::new(FAILED, format!("cannot write {}: {error}", path.display()))
    };
    std::fs::create_dir_all(folder).map_err(|error| failed(folder, &error))?;
    let pages = pages().map_err(|error| failed(folder, &error))?;
    for page in &pages {
        let path = folder.join(&page.file_name);
        std::fs::write(&path, &page.text).map_err(|error| failed(&path, &error))?;
    }
    if !quiet {
        output::say(&format!("{} manual pages are in {}", pages.len(), folder.display()));
    }
    Ok(0)
}
