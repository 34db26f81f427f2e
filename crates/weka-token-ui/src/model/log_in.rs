//! The way in: what the daemon knows, what a person adds, whether the cluster is the right one, and the login.

use crate::model::answer::{Answer, unexpected};
use crate::model::field::{Field, SecretField, Used};
use crate::model::keys;
use crate::model::message::{Now, Ticket};
use crate::model::notice::Notice;
use crate::model::outbox::{Outbox, PATIENCE_MS};
use crate::model::step::{Instead, Step};
use crate::model::type_ahead::{TypeAhead, Typed};
use ratatui::crossterm::event::{KeyCode, KeyEvent};
use secret::Password;
use weka_token::client::{self, Decision, Offers};
use weka_token::failure::{FAILED, Failure, USAGE};
use weka_token::profile_name;
use wire::{Certificate, Login, ProfileSettings, Request, Response, Target, TokenFileChoice, Trust, Verdict};

/// A login.
#[derive(Debug)]
pub(crate) struct LogIn {
    /// Which profile.
    pub(crate) profile: String,
    /// How far it has come.
    pub(crate) stage: Stage,
    /// What is typed; there once the daemon has said what it knows.
    pub(crate) form: Option<Form>,
    ahead: TypeAhead,
}

/// How far a login has come.
#[derive(Debug)]
pub(crate) enum Stage {
    /// A new profile is given a name.
    Name {
        /// The name.
        field: Field,
        /// What was wrong with it.
        wrong: Option<String>,
    },
    /// The daemon says what it knows of the profile.
    Describing(Ticket),
    /// A person fills the form in.
    Form,
    /// The cluster shows its certificate.
    Probing(Ticket),
    /// A person judges the certificate.
    Certificate {
        /// It.
        certificate: Box<Certificate>,
        /// Why it is not trusted.
        reason: String,
        /// The answer as it is typed.
        answer: Field,
        /// Whether an answer was neither yes nor no.
        unclear: bool,
    },
    /// A person decides whether to send a password without encryption.
    PlainHttp(String),
    /// The password is with the daemon.
    LoggingIn(Ticket),
    /// It cannot go on.
    Refused(Failure),
}

/// What a login needs.
#[derive(Debug)]
pub(crate) struct Form {
    /// The cluster's address.
    pub(crate) endpoint: Field,
    /// Organisation.
    pub(crate) org: Field,
    /// WEKA user name.
    pub(crate) username: Field,
    /// The password.
    pub(crate) password: SecretField,
    /// Which of the four has the cursor.
    pub(crate) focus: usize,
    /// What went wrong the last time.
    pub(crate) wrong: Option<Failure>,
    /// The endpoints that the profile has, as they are shown.
    known_endpoints: String,
    /// How the profile judges certificates.
    trust: Trust,
}

/// The place of the password in the form; the others are 0 (cluster), 1 (organisation) and 2 (user).
pub(crate) const PASSWORD: usize = 3;

impl Form {
    fn new(settings: &ProfileSettings, offers: &Offers) -> Self {
        let known_endpoints = settings.endpoints.join(", ");
        let (endpoint, focus) = match settings.endpoints.is_empty() {
            true => (Field::offering(&offers.endpoint), 0),
            false if offers.username.is_empty() => (Field::new(&known_endpoints), 2),
            false => (Field::new(&known_endpoints), PASSWORD),
        };
        let org = if settings.org.is_some() { Field::new(&offers.org) } else { Field::offering(&offers.org) };
        Self {
            endpoint,
            org,
            username: Field::new(&offers.username),
            password: SecretField::default(),
            focus,
            wrong: None,
            known_endpoints,
            trust: Trust::AsConfigured,
        }
    }

    /// The three that can be seen.
    #[must_use]
    pub(crate) const fn fields(&self) -> [&Field; 3] {
        [&self.endpoint, &self.org, &self.username]
    }

    fn focused(&mut self) -> Option<&mut Field> {
        [&mut self.endpoint, &mut self.org, &mut self.username].into_iter().nth(self.focus)
    }

    /// The first place where something is missing, with its name.
    fn missing(&self) -> Option<(usize, &'static str)> {
        let empty = [
            (0, "the cluster's address", self.endpoint.is_empty()),
            (2, "the user name", self.username.is_empty()),
            (PASSWORD, "the password", self.password.is_empty()),
        ];
        empty.into_iter().find(|(_, _, empty)| *empty).map(|(place, name, _)| (place, name))
    }

    fn target(&self, profile: &str) -> Target {
        let typed = self.endpoint.text();
        let endpoints = if typed == self.known_endpoints {
            // The daemon takes the profile's own.
            Vec::new()
        } else {
            let parts = typed.split([',', ' ']).filter(|part| !part.is_empty());
            parts.map(str::to_owned).collect()
        };
        Target { profile: Some(profile.to_owned()), endpoints, trust: self.trust.clone() }
    }
}

impl LogIn {
    /// Begins with what the daemon knows of a profile.
    pub(crate) fn to(profile: &str, out: &mut Outbox) -> Self {
        let stage = Stage::Describing(out.describe(profile));
        Self { profile: profile.to_owned(), stage, form: None, ahead: TypeAhead::default() }
    }

    /// Begins with the name of a profile that is not there yet.
    #[must_use]
    pub(crate) fn elsewhere(offered: &str) -> Self {
        let stage = Stage::Name { field: Field::offering(offered), wrong: None };
        Self { profile: String::new(), stage, form: None, ahead: TypeAhead::default() }
    }

    pub(super) fn key(&mut self, key: KeyEvent, out: &mut Outbox) -> Step {
        if key.code == KeyCode::Esc {
            return self.escape();
        }
        match &mut self.stage {
            Stage::Name { field, wrong } => {
                if key.code != KeyCode::Enter {
                    field.key(key);
                    return Step::Stay;
                }
                match profile_name::parse(&field.text()) {
                    Ok(name) => *self = Self::to(&name, out),
                    Err(rule) => *wrong = Some(rule),
                }
            }
            Stage::Describing(_) => self.ahead.key(key),
            Stage::Form => self.key_in_form(key, out),
            Stage::Certificate { certificate, answer, unclear, .. } => {
                if key.code != KeyCode::Enter {
                    answer.key(key);
                    return Step::Stay;
                }
                match client::decision(&answer.text(), certificate) {
                    Decision::Trust(trust) => {
                        if let Some(form) = &mut self.form {
                            form.trust = trust;
                        }
                        self.log_in(out);
                    }
                    Decision::Refuse => return Self::distrusted(),
                    Decision::Unclear => (*answer, *unclear) = (Field::default(), true),
                }
            }
            Stage::PlainHttp(_) if !keys::is_plain(key) => {}
            Stage::PlainHttp(_) => match key.code {
                KeyCode::Char('y' | 'Y') => self.log_in(out),
                KeyCode::Char('n' | 'N') => self.back_to_form(None),
                _ => {}
            },
            Stage::Refused(_) if key.code == KeyCode::Enter => return Step::Close(None),
            Stage::Probing(_) | Stage::LoggingIn(_) | Stage::Refused(_) => {}
        }
        Step::Stay
    }

    fn escape(&mut self) -> Step {
        match self.stage {
            Stage::Certificate { .. } | Stage::PlainHttp(_) => {
                self.back_to_form(None);
                Step::Stay
            }
            _ => Step::Close(None),
        }
    }

    fn distrusted() -> Step {
        let failure = Failure::new(FAILED, "the certificate was not trusted; nothing secret was sent");
        Step::Close(Some(Notice::bad(&failure)))
    }

    fn key_in_form(&mut self, key: KeyEvent, out: &mut Outbox) {
        let Some(form) = &mut self.form else { return };
        let used = match form.focused() {
            Some(field) => field.key(key),
            None => form.password.key(key),
        };
        match key.code {
            _ if used == Used::Yes => form.wrong = None,
            KeyCode::Tab | KeyCode::Down => form.focus = (form.focus + 1) % (PASSWORD + 1),
            KeyCode::BackTab | KeyCode::Up => form.focus = (form.focus + PASSWORD) % (PASSWORD + 1),
            KeyCode::Enter => match form.missing() {
                // On the way down the form, Enter goes to the next gap.
                Some((place, name)) => {
                    let gap = format!("{name} is missing");
                    form.wrong = (form.focus == place).then(|| Failure::new(USAGE, gap));
                    form.focus = place;
                }
                None => {
                    form.wrong = None;
                    let target = form.target(&self.profile);
                    let ticket = out.ask(Request::Probe { target, timeout_ms: PATIENCE_MS });
                    self.stage = Stage::Probing(ticket);
                }
            },
            _ => {}
        }
    }

    pub(super) fn paste(&mut self, text: &Password) {
        match (&mut self.stage, &mut self.form) {
            (Stage::Describing(_), _) => self.ahead.paste(text),
            (Stage::Name { field, .. }, _) => field.paste(text.expose()),
            // A fingerprint from elsewhere is worth more than a yes.
            (Stage::Certificate { answer, .. }, _) => answer.paste(text.expose()),
            (Stage::Form, Some(form)) => match form.focused() {
                Some(field) => field.paste(text.expose()),
                None => form.password.paste(text),
            },
            _ => {}
        }
    }

    pub(super) fn focus(&mut self, index: usize) {
        if let (Stage::Form, Some(form)) = (&self.stage, &mut self.form) {
            form.focus = index.min(PASSWORD);
        }
    }

    pub(super) fn awaits(&self, ticket: Ticket) -> bool {
        match self.stage {
            Stage::Describing(own) | Stage::Probing(own) | Stage::LoggingIn(own) => own == ticket,
            _ => false,
        }
    }

    pub(super) fn answer(&mut self, now: Now, answer: Answer, out: &mut Outbox) -> Step {
        match answer {
            Answer::Described(Ok((settings, offers))) => {
                let mut form = Form::new(&settings, &offers);
                // The daemon sends no password for a locked account; another user may log in.
                form.wrong = client::lockout(&settings);
                self.form = Some(form);
                self.stage = Stage::Form;
                self.take_type_ahead(out);
            }
            Answer::Described(Err(failure)) => self.stage = Stage::Refused(failure),
            Answer::Response(Ok(response)) => match *response {
                Response::Certificate(certificate) => self.judge(certificate, out),
                Response::LoggedIn(done) => {
                    let notice = Notice::good(now, client::summary(&done));
                    return match done.password_change_required {
                        true => Step::Instead(Instead::Passwd(done.profile, notice)),
                        false => Step::Close(Some(notice)),
                    };
                }
                _ => self.back_to_form(Some(unexpected())),
            },
            Answer::Response(Err(failure)) => self.back_to_form(Some(without_options(failure))),
            Answer::Examined(_) => {}
        }
        Step::Stay
    }

    /// Whatever was typed before the form was there goes into it. It may go as far as Enter; what is asked after
    /// that has not been seen yet, and is not answered by it.
    fn take_type_ahead(&mut self, out: &mut Outbox) {
        for typed in self.ahead.take() {
            match typed {
                Typed::Key(key) if matches!(self.stage, Stage::Form) => self.key_in_form(key, out),
                Typed::Paste(text) if matches!(self.stage, Stage::Form) => self.paste(&text),
                Typed::Key(_) | Typed::Paste(_) => {}
            }
        }
    }

    fn judge(&mut self, certificate: Certificate, out: &mut Outbox) {
        match certificate.verdict.clone() {
            Verdict::Trusted => self.log_in(out),
            Verdict::PlainHttp => self.stage = Stage::PlainHttp(certificate.endpoint),
            Verdict::Mismatch(reason) => {
                let mut failure = client::mismatch(&certificate, &reason);
                // Here, there is no option to add.
                failure.next_steps.pop();
                let (profile, fingerprint) = (&self.profile, &certificate.fingerprint);
                self.stage = Stage::Refused(failure.then(format!(
                    "only if they confirm it, run: weka-token trust -p {profile} --fingerprint {fingerprint}"
                )));
            }
            Verdict::Unknown(reason) => {
                let certificate = Box::new(certificate);
                self.stage =
                    Stage::Certificate { certificate, reason, answer: Field::default(), unclear: false };
            }
        }
    }

    fn log_in(&mut self, out: &mut Outbox) {
        let Some(form) = &mut self.form else { return };
        let login = Login {
            target: form.target(&self.profile),
            org: Some(form.org.text()).filter(|org| !org.is_empty()),
            username: form.username.text(),
            password: form.password.take(),
            token_file: TokenFileChoice::AsConfigured,
            save: true,
            timeout_ms: PATIENCE_MS,
        };
        self.stage = Stage::LoggingIn(out.ask(Request::Login(Box::new(login))));
    }

    /// For another try: trust is judged anew, and a password that was sent has to be typed again.
    fn back_to_form(&mut self, wrong: Option<Failure>) {
        if let Some(form) = &mut self.form {
            form.trust = Trust::AsConfigured;
            form.wrong = wrong;
            form.focus = form.missing().map_or(PASSWORD, |(place, _)| place);
        }
        self.stage = Stage::Form;
    }
}

/// Here, what the commands have an option for is a field.
fn without_options(mut failure: Failure) -> Failure {
    for step in &mut failure.next_steps {
        *step = step.replace(" (--org)", "");
    }
    failure
}
