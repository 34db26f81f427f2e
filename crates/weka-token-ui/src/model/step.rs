//! What a key or an answer makes of a dialog.

use crate::model::notice::Notice;

/// What becomes of a dialog.
#[derive(Debug)]
pub(crate) enum Step {
    /// It goes on.
    Stay,
    /// It closes, and this is said, if anything.
    Close(Option<Notice>),
    /// Another one takes its place.
    Instead(Instead),
}

/// What takes the place of a dialog; each is about the profile of this name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Instead {
    /// End all tokens of the user.
    Revoke(String),
    /// The same, and then log out.
    RevokeAndLogOut(String),
    /// Change the password, as the cluster wants it; and this is said.
    Passwd(String, Notice),
}
