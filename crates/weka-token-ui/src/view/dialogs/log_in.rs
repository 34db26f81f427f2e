//! Logging in.

use super::WAITING;
use crate::model::Target;
use crate::model::log_in::{Form, LogIn, PASSWORD, Stage};
use crate::view::Look;
use crate::view::sheet::Sheet;
use ratatui::crossterm::event::KeyCode;
use weka_token::client;

pub(super) fn sheet(dialog: &LogIn, look: Look, width: u16) -> Sheet {
    let title = match dialog.stage {
        Stage::Name { .. } => "Log in to a new profile".to_owned(),
        _ => format!("Log in to profile {}", dialog.profile),
    };
    let mut sheet = Sheet::new(title, look, width);
    match &dialog.stage {
        Stage::Name { field, wrong } => {
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
        Stage::Describing(_) => {
            sheet.styled("asking the daemon what it knows...", look.faint());
            sheet.key("Esc", KeyCode::Esc, "cancel");
        }
        Stage::Form => {
            form(&mut sheet, dialog.form.as_ref(), true);
            sheet.key("Enter", KeyCode::Enter, "log in");
            sheet.key("Tab", KeyCode::Tab, "next");
            sheet.key("Esc", KeyCode::Esc, "cancel");
        }
        Stage::Probing(_) | Stage::LoggingIn(_) => {
            form(&mut sheet, dialog.form.as_ref(), false);
            sheet.gap();
            sheet.styled(WAITING, look.faint());
            sheet.key("Esc", KeyCode::Esc, "do not wait");
        }
        Stage::Certificate { certificate, reason, answer, unclear } => {
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
        Stage::PlainHttp(endpoint) => {
            let warning = format!(
                "{endpoint} is reached without encryption (http): the password can be read on the way."
            );
            sheet.styled(&warning, look.warning());
            sheet.gap();
            sheet.text("Send it all the same?");
            sheet.key("y", KeyCode::Char('y'), "send it");
            sheet.key("n", KeyCode::Char('n'), "back");
        }
        Stage::Refused(failure) => {
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
