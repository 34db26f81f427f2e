//! Dialogs as sheets.

use super::sheet::Sheet;
use super::{Look, help};
use crate::model::Target;
use crate::model::api_token::{self, ApiToken, Made, OTHER, PRESETS};
use crate::model::dialog::Dialog;
use crate::model::log_in::{self, Form, LogIn, PASSWORD};
use crate::model::log_out::LogOut;
use crate::model::revoke::Revoke;
use ratatui::crossterm::event::KeyCode;
use ratatui::style::Style;
use weka_token::{client, span, utc};

/// How long the answer to a request may have taken, in seconds.
const ON_THE_WAY_S: u64 = 60;
const WAITING: &str = "waiting for the cluster...";

pub(super) fn sheet(dialog: &Dialog, look: Look, width: u16) -> Sheet {
    match dialog {
        Dialog::Help => help::sheet(look, width),
        Dialog::LogIn(dialog) => log_in(dialog, look, width),
        Dialog::LogOut(dialog) => log_out(dialog, look, width),
        Dialog::ApiToken(dialog) => api_token(dialog, look, width),
        Dialog::Revoke(dialog) => revoke(dialog, look, width),
    }
}

fn log_in(dialog: &LogIn, look: Look, width: u16) -> Sheet {
    let title = match dialog.stage {
        log_in::Stage::Name { .. } => "Log in to a new profile".to_owned(),
        _ => format!("Log in to profile {}", dialog.profile),
    };
    let mut sheet = Sheet::new(title, look, width);
    match &dialog.stage {
        log_in::Stage::Name { field, wrong } => {
            sheet.text("A profile is one account on one cluster.");
            sheet.gap();
            sheet.field("Name", field, true, None);
            if let Some(rule) = wrong {
                sheet.gap();
                sheet.styled(rule, look.bad());
            }
            sheet.key("Enter", KeyCode::Enter, "go on");
            sheet.key("Esc", KeyCode::Esc, "cancel");
        }
        log_in::Stage::Describing(_) => {
            sheet.styled("asking the daemon what it knows...", look.faint());
            sheet.key("Esc", KeyCode::Esc, "cancel");
        }
        log_in::Stage::Form => {
            form(&mut sheet, dialog.form.as_ref(), true);
            sheet.key("Enter", KeyCode::Enter, "log in");
            sheet.key("Tab", KeyCode::Tab, "next");
            sheet.key("Esc", KeyCode::Esc, "cancel");
        }
        log_in::Stage::Probing(_) | log_in::Stage::LoggingIn(_) => {
            form(&mut sheet, dialog.form.as_ref(), false);
            sheet.gap();
            sheet.styled(WAITING, look.faint());
            sheet.key("Esc", KeyCode::Esc, "do not wait");
        }
        log_in::Stage::Certificate { certificate, reason, answer, unclear } => {
            sheet.styled(
                &format!("The certificate of {} is not trusted yet: {reason}", certificate.endpoint),
                look.warning(),
            );
            sheet.gap();
            for (name, value) in client::certificate_facts(certificate) {
                sheet.fact(name, &value);
            }
            sheet.gap();
            sheet.text("Compare the fingerprint with the cluster's. Trust this certificate? Type yes, no or the fingerprint.");
            sheet.field("Trust it?", answer, true, None);
            if *unclear {
                sheet.styled("Please type yes, no or the fingerprint.", look.bad());
            }
            sheet.key("Enter", KeyCode::Enter, "answer");
            sheet.key("Esc", KeyCode::Esc, "back");
        }
        log_in::Stage::PlainHttp(endpoint) => {
            let warning = format!(
                "{endpoint} is reached without encryption (http): the password can be read on the way."
            );
            sheet.styled(&warning, look.warning());
            sheet.gap();
            sheet.text("Send it all the same?");
            sheet.key("y", KeyCode::Char('y'), "send it");
            sheet.key("n", KeyCode::Char('n'), "back");
        }
        log_in::Stage::Refused(failure) => {
            sheet.failure(failure);
            sheet.key("Esc", KeyCode::Esc, "close");
        }
    }
    sheet
}

fn form(sheet: &mut Sheet, form: Option<&Form>, typing: bool) {
    let Some(form) = form else { return };
    for (index, (name, field)) in
        ["Cluster", "Organization", "User"].into_iter().zip(form.fields()).enumerate()
    {
        sheet.field(name, field, typing && form.focus == index, Some(Target::Choice(index)));
    }
    let focused = typing && form.focus == PASSWORD;
    sheet.secret("Password", form.password.count(), focused, Some(Target::Choice(PASSWORD)));
    if let Some(failure) = &form.wrong {
        sheet.gap();
        sheet.failure(failure);
    }
}

fn log_out(dialog: &LogOut, look: Look, width: u16) -> Sheet {
    let mut sheet = Sheet::new(format!("Log out of profile {}", dialog.profile), look, width);
    sheet.text("The daemon forgets the tokens of this profile. Whatever asks for one gets none until somebody logs in again.");
    if let Some(path) = &dialog.token_file {
        sheet.text(&format!("{path} is deleted, if it holds the same tokens."));
    }
    sheet.text("At the cluster they live on until they expire; revoke (x) ends them there.");
    sheet.gap();
    if let Some(failure) = &dialog.wrong {
        sheet.failure(failure);
        sheet.gap();
    }
    if dialog.waiting.is_some() {
        sheet.styled(WAITING, look.faint());
        sheet.key("Esc", KeyCode::Esc, "do not wait");
    } else {
        sheet.text("Log out?");
        sheet.key("y", KeyCode::Char('y'), "log out");
        sheet.key("n", KeyCode::Char('n'), "cancel");
    }
    sheet
}

fn revoke(dialog: &Revoke, look: Look, width: u16) -> Sheet {
    let whose = whose(&dialog.profile, dialog.username.as_deref(), dialog.org.as_deref());
    let mut sheet = Sheet::new("Revoke all tokens".into(), look, width);
    let place = dialog.endpoint.as_ref().map(|endpoint| format!(" at {endpoint}")).unwrap_or_default();
    sheet
        .styled(&format!("This ends every token of {whose}{place}, at once and everywhere:"), look.warning());
    sheet.item("long-lived API tokens, wherever they are in use");
    sheet.item("those of WEKA's own tools and GUI, on every host");
    sheet.item(
        "those of this profile: the daemon logs in again from its password source; without one, somebody has to",
    );
    if !dialog.others.is_empty() {
        sheet.item(&format!("those of other profiles of the same user: {}", dialog.others.join(", ")));
    }
    sheet.text("What is mounted stays mounted; new mounts need a new token.");
    sheet.gap();
    if let Some(failure) = &dialog.wrong {
        sheet.failure(failure);
        sheet.gap();
    }
    if dialog.waiting.is_some() {
        sheet.styled(WAITING, look.faint());
        sheet.key("Esc", KeyCode::Esc, "do not wait");
        return sheet;
    }
    sheet.field("Type yes", &dialog.answer, true, None);
    if dialog.unclear {
        sheet.styled("Please type yes or no.", look.bad());
    }
    sheet.key("Enter", KeyCode::Enter, "answer");
    sheet.key("Esc", KeyCode::Esc, "cancel");
    sheet
}

fn api_token(dialog: &ApiToken, look: Look, width: u16) -> Sheet {
    let whose = whose(&dialog.profile, dialog.username.as_deref(), dialog.org.as_deref());
    let mut sheet = Sheet::new(format!("API token for {whose}"), look, width);
    match &dialog.stage {
        api_token::Stage::Choose { choice, other, wrong } => {
            sheet.text("It opens the cluster's API as this user, for as long as you choose. It is shown once, and kept nowhere. It expires after");
            choices(&mut sheet, *choice, other);
            if let Some(failure) = wrong {
                sheet.failure(failure);
            }
            sheet.key("Enter", KeyCode::Enter, "generate");
            if *choice != OTHER {
                sheet.key("x", KeyCode::Char('x'), "revoke all");
            }
            sheet.key("Esc", KeyCode::Esc, "close");
        }
        api_token::Stage::Making { choice, other, .. } => {
            sheet.text("It expires after");
            choices(&mut sheet, *choice, other);
            sheet.styled(
                "The cluster makes it; its answer is waited for, as somebody has to have it...",
                look.faint(),
            );
        }
        api_token::Stage::Made(made) => shown(&mut sheet, made, look),
    }
    sheet
}

fn choices(sheet: &mut Sheet, choice: usize, other: &crate::model::field::Field) {
    for (index, (words, _)) in PRESETS.iter().enumerate() {
        sheet.choice(words, choice == index, index);
    }
    sheet.typed_choice("other: ", other, choice == OTHER, OTHER);
    if choice == OTHER {
        sheet.text("      such as 12h, 1d5h or 2w; a bare number is seconds");
    }
}

fn shown(sheet: &mut Sheet, made: &Made, look: Look) {
    let token = &made.answer.token;
    let asked_s = made.answer.asked_s;
    // What passes on the way is not the cluster's doing.
    let as_asked = token.expires_in_s <= asked_s && asked_s - token.expires_in_s < ON_THE_WAY_S;
    let life = span::short(if as_asked { asked_s } else { token.expires_in_s });
    sheet.fact("expires", &format!("{}, after {life}", utc::date_time(made.expires_unix_s)));
    if !as_asked {
        let other = format!("{} was asked for; the cluster decided otherwise", span::short(asked_s));
        sheet.named("", &other, look.warning(), None);
    }
    for note in &made.answer.notes {
        sheet.fact("note", note);
    }
    sheet.gap();
    if made.revealed {
        sheet.block(token.access_token.expose(), Style::new());
    } else {
        let masked = format!("{} {} characters", look.mask().repeat(24), token.access_token.len());
        sheet.styled(&masked, look.title());
    }
    sheet.gap();
    match &made.copied {
        Some(Ok(())) => sheet.styled(
            "Given to your terminal for its clipboard (OSC 52). Not every terminal takes it: paste to see.",
            look.good(),
        ),
        Some(Err(failure)) => sheet.failure(failure),
        None => sheet.styled("Closing wipes it; nobody can show it again.", look.faint()),
    }
    if made.warned {
        sheet.styled(
            "It was neither copied nor shown, and it lives: Esc again closes all the same, x revokes it with all others.",
            look.bad(),
        );
    }
    sheet.key("c", KeyCode::Char('c'), "copy");
    sheet.key("v", KeyCode::Char('v'), if made.revealed { "hide" } else { "reveal" });
    sheet.key("x", KeyCode::Char('x'), "revoke all");
    sheet.key("Esc", KeyCode::Esc, "close");
}

fn whose(profile: &str, username: Option<&str>, org: Option<&str>) -> String {
    match (username, org) {
        (Some(username), Some(org)) => format!("{username} (organization {org})"),
        (Some(username), None) => username.to_owned(),
        (None, _) => format!("the user of profile {profile}"),
    }
}
