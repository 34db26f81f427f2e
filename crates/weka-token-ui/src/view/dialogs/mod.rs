//! Dialogs as sheets.

mod api_token;
mod doctor;
mod help;
mod identity;
mod log_in;
mod log_out;
mod passwd;
mod revoke;

use super::Look;
use super::sheet::Sheet;
use crate::model::dialog::Dialog;
use ratatui::crossterm::event::KeyCode;
use weka_token::failure::Failure;

const WAITING: &str = "waiting for the cluster...";

/// What follows what a dialog says of its deed: why that failed, and whether it is waited for. Says so if it is.
fn state_of_the_deed(sheet: &mut Sheet, look: Look, wrong: Option<&Failure>, waits: bool) -> bool {
    sheet.gap();
    if let Some(failure) = wrong {
        sheet.failure(failure);
        sheet.gap();
    }
    if waits {
        sheet.styled(WAITING, look.faint());
        sheet.key("Esc", KeyCode::Esc, "do not wait");
    }
    waits
}

pub(super) fn sheet(dialog: &Dialog, look: Look, width: u16) -> Sheet {
    match dialog {
        Dialog::Help => help::sheet(look, width),
        Dialog::LogIn(dialog) => log_in::sheet(dialog, look, width),
        Dialog::LogOut(dialog) => log_out::sheet(dialog, look, width),
        Dialog::ApiToken(dialog) => api_token::sheet(dialog, look, width),
        Dialog::Revoke(dialog) => revoke::sheet(dialog, look, width),
        Dialog::Passwd(dialog) => passwd::sheet(dialog, look, width),
        Dialog::Doctor(dialog) => doctor::sheet(dialog, look, width),
        Dialog::Identity(dialog) => identity::sheet(dialog, look, width),
    }
}

fn whose(profile: &str, username: Option<&str>, org: Option<&str>) -> String {
    match (username, org) {
        (Some(username), Some(org)) => format!("{username} (organization {org})"),
        (Some(username), None) => username.to_owned(),
        (None, _) => format!("the user of profile {profile}"),
    }
}
