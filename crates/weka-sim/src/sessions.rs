//! Logins, refreshes and who a token belongs to.

use serde_json::{Value, json};

use crate::clock::skewed;
use crate::cluster::{Cluster, State};
use crate::fields::Fields;
use crate::journal::TokenNote;
use crate::jwt::{Claims, Kind, Subject};
use crate::reply::Refusal;
use crate::tokens::Standing;
use crate::users::{Permission, Role, Source, User, policy_objection};

/// The longest life of an access token of an LDAP user: the revalidation interval (docs 6.1).
const LDAP_ACCESS_TTL: u64 = 300;

/// A pair just given out.
#[derive(Clone)]
pub(crate) struct Issued {
    pub(crate) pair: String,
    access_token: String,
    refresh_token: String,
    expires_in: u64,
    password_change_required: bool,
}

impl Issued {
    /// The `tokens` schema of the WEKA 5.1 API.
    pub(crate) fn body(&self) -> Value {
        json!({
            "access_token": self.access_token,
            "token_type": "Bearer",
            "expires_in": self.expires_in,
            "refresh_token": self.refresh_token,
            "password_change_required": self.password_change_required,
        })
    }
}

/// Lifetimes that a client asks for at refresh, in seconds.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Wishes {
    pub(crate) access: Option<u64>,
    pub(crate) refresh: Option<u64>,
}

/// The user behind a valid access token.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    pub(crate) uid: String,
    pub(crate) org_id: u64,
    pub(crate) username: String,
    pub(crate) role: Role,
}

impl Cluster {
    /// A login by password. `skew_ms` shifts the dates inside the tokens, not their life.
    pub(crate) fn login(&self, fields: &Fields, skew_ms: i64) -> Result<Issued, Refusal> {
        let [username, password] = fields.required(["username", "password"])?;
        let result = self.try_login(fields.org().unwrap_or("Root"), username, password, skew_ms);
        self.journal.count(|counters| match result {
            Ok(_) => counters.logins_ok += 1,
            Err(Refusal::Locked(_)) => counters.logins_locked += 1,
            Err(_) => counters.logins_failed += 1,
        });
        result
    }

    fn try_login(&self, org: &str, username: &str, password: &str, skew_ms: i64) -> Result<Issued, Refusal> {
        let user = {
            let mut state = self.state();
            let user = state.users.org_id(org).and_then(|id| state.users.find(id, username)).cloned();
            let user = user.ok_or(Refusal::Unauthorized)?;
            self.check_password(&mut state, &user, password)?;
            user
        };
        self.issue(&user, Wishes::default(), skew_ms)
    }

    /// Compares a password under the lockout rules.
    fn check_password(&self, state: &mut State, user: &User, password: &str) -> Result<(), Refusal> {
        let now = self.clock.now_ms();
        if let Some(left) = state.lockouts.attempt(&user.uid, now) {
            return Err(Refusal::Locked(left));
        }
        if user.password != password {
            state.lockouts.failed(&user.uid, now);
            return Err(Refusal::Unauthorized);
        }
        state.lockouts.succeeded(&user.uid);
        Ok(())
    }

    /// An exchange of a refresh token.
    pub(crate) fn refresh(&self, fields: &Fields, skew_ms: i64) -> Result<Issued, Refusal> {
        let [token] = fields.required(["refresh_token"])?;
        let wishes = Wishes {
            access: fields.positive("access_token_expiry")?,
            refresh: fields.positive("refresh_token_expiry")?,
        };
        let result = self.try_refresh(token, wishes, skew_ms);
        self.journal.count(|counters| match result {
            Ok(_) => counters.refreshes_ok += 1,
            Err(_) => counters.refreshes_failed += 1,
        });
        result
    }

    fn try_refresh(&self, token: &str, wishes: Wishes, skew_ms: i64) -> Result<Issued, Refusal> {
        let claims = self.signer.read(token).ok_or(Refusal::Unauthorized)?;
        let (user, wishes) = {
            let mut state = self.state();
            let now = self.clock.now_ms();
            if claims.typ != Kind::Refresh
                || state.ledger.standing(&claims.jti, Kind::Refresh, now) != Standing::Alive
            {
                return Err(Refusal::Unauthorized);
            }
            let user = state.users.by_uid(&claims.sub.uid).cloned().ok_or(Refusal::Unauthorized)?;
            let settings = state.settings;
            let within = |param, wish: Option<u64>, max: u64| match wish {
                Some(wish) if wish > max && !settings.clamp_over_max => {
                    Err(Refusal::invalid(param, format!("exceeds the maximum of {max} seconds")))
                }
                Some(wish) => Ok(Some(wish.min(max))),
                None => Ok(None),
            };
            let wishes = Wishes {
                access: within("access_token_expiry", wishes.access, settings.max_access_ttl)?,
                refresh: within("refresh_token_expiry", wishes.refresh, settings.max_refresh_ttl)?,
            };
            if settings.single_use_refresh {
                state.ledger.use_up(&claims.jti);
            }
            (user, wishes)
        };
        self.issue(&user, wishes, skew_ms)
    }

    fn issue(&self, user: &User, wishes: Wishes, skew_ms: i64) -> Result<Issued, Refusal> {
        let now = self.clock.now_ms();
        let (pair, access_ttl, refresh_ttl) = {
            let mut state = self.state();
            let mut access_ttl = wishes.access.unwrap_or(state.settings.access_ttl);
            if user.source == Source::Ldap {
                access_ttl = access_ttl.min(LDAP_ACCESS_TTL);
            }
            let refresh_ttl = wishes.refresh.unwrap_or(state.settings.refresh_ttl);
            let until = |ttl: u64| now.saturating_add(ttl.saturating_mul(1_000));
            (state.ledger.enter(&user.uid, until(access_ttl), until(refresh_ttl)), access_ttl, refresh_ttl)
        };
        let sign = |typ: Kind, ttl: u64| {
            let iat = skewed(now, skew_ms).div_euclid(1_000);
            let exp = iat.saturating_add(i64::try_from(ttl).unwrap_or(i64::MAX));
            let role = (typ == Kind::Access).then_some(user.role);
            let sub = Subject { uid: user.uid.clone(), org: user.org_id, role };
            self.signer.sign(&Claims { exp, iat, sub, jti: pair.clone(), typ }).ok_or(Refusal::Internal)
        };
        Ok(Issued {
            access_token: sign(Kind::Access, access_ttl)?,
            refresh_token: sign(Kind::Refresh, refresh_ttl)?,
            pair,
            expires_in: access_ttl,
            password_change_required: user.password_change_required,
        })
    }

    /// The user behind an access token, if it is alive.
    pub(crate) fn caller(&self, access_token: &str) -> Result<Caller, Refusal> {
        let claims = self.signer.read(access_token).ok_or(Refusal::Unauthorized)?;
        let now = self.clock.now_ms();
        let state = self.state();
        if claims.typ != Kind::Access
            || state.ledger.standing(&claims.jti, Kind::Access, now) != Standing::Alive
        {
            return Err(Refusal::Unauthorized);
        }
        let user = state.users.by_uid(&claims.sub.uid).ok_or(Refusal::Unauthorized)?;
        Ok(Caller {
            uid: user.uid.clone(),
            org_id: user.org_id,
            username: user.username.clone(),
            role: user.role,
        })
    }

    /// A change of the own password. All tokens of the user die.
    pub(crate) fn change_own_password(&self, caller: &Caller, fields: &Fields) -> Result<(), Refusal> {
        let [username, old, new] = fields.required(["username", "old_password", "new_password"])?;
        let mut state = self.state();
        let org_id = fields.org().map_or(Some(caller.org_id), |org| state.users.org_id(org));
        if username != caller.username || org_id != Some(caller.org_id) {
            return Err(Refusal::Forbidden);
        }
        let user = state.users.by_uid(&caller.uid).cloned().ok_or(Refusal::Unauthorized)?;
        // 401 would mean a dead token here, so a wrong old password is a wrong parameter.
        self.check_password(&mut state, &user, old).map_err(|refusal| match refusal {
            Refusal::Unauthorized => Refusal::invalid("old_password", "Wrong password"),
            other => other,
        })?;
        set_password(&mut state, &user, "new_password", new)
    }

    /// A change of somebody's password by an admin.
    pub(crate) fn set_password(&self, caller: &Caller, uid: &str, fields: &Fields) -> Result<(), Refusal> {
        let [new] = fields.required(["password"])?;
        let mut state = self.state();
        let user = managed_user(&state, caller, uid)?;
        set_password(&mut state, &user, "password", new)
    }

    /// Ends all tokens of a user.
    pub(crate) fn revoke_user(&self, caller: &Caller, uid: &str) -> Result<(), Refusal> {
        let mut state = self.state();
        let user = managed_user(&state, caller, uid)?;
        state.ledger.revoke_where(|pair| pair.uid == user.uid);
        Ok(())
    }

    /// Ends all tokens of everybody in an org.
    pub(crate) fn revoke_org(&self, caller: &Caller, org_uid: &str) -> Result<(), Refusal> {
        let mut state = self.state();
        let name = state.users.orgs.iter().find(|org| org.uid == org_uid).map(|org| org.name.clone());
        let id = name.and_then(|name| state.users.org_id(&name));
        let id = id.ok_or_else(|| Refusal::NotFound(format!("Tenant {org_uid} not found")))?;
        if !caller.role.may(Permission::ManageCluster) && id != caller.org_id {
            return Err(Refusal::Forbidden);
        }
        let members: Vec<_> =
            state.users.all.iter().filter(|user| user.org_id == id).map(|user| user.uid.clone()).collect();
        state.ledger.revoke_where(|pair| members.contains(&pair.uid));
        Ok(())
    }

    /// What the log may say of a token.
    pub(crate) fn token_note(&self, token: &str) -> TokenNote {
        let now = self.clock.now_ms();
        match self.signer.read(token) {
            Some(claims) => {
                let standing = self.state().ledger.standing(&claims.jti, claims.typ, now);
                TokenNote { kind: Some(claims.typ), id: Some(claims.jti), standing }
            }
            None => TokenNote { kind: None, id: None, standing: Standing::Unknown },
        }
    }
}

fn managed_user(state: &State, caller: &Caller, uid: &str) -> Result<User, Refusal> {
    let user = state.users.by_uid(uid).cloned();
    let user = user.ok_or_else(|| Refusal::NotFound(format!("User {uid} not found")))?;
    if caller.role.may(Permission::ManageCluster) || user.org_id == caller.org_id {
        Ok(user)
    } else {
        Err(Refusal::Forbidden)
    }
}

fn set_password(state: &mut State, user: &User, param: &'static str, new: &str) -> Result<(), Refusal> {
    if user.source != Source::Internal {
        return Err(Refusal::invalid("username", "only passwords of internal users can be changed"));
    }
    if let Some(objection) = policy_objection(new) {
        return Err(Refusal::invalid(param, objection));
    }
    if let Some(user) = state.users.by_uid_mut(&user.uid) {
        new.clone_into(&mut user.password);
        user.password_change_required = false;
    }
    state.ledger.revoke_where(|pair| pair.uid == user.uid);
    Ok(())
}
