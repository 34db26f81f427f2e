//! Users, orgs and roles of the cluster.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::options::StartError;

/// What a user may do, as in the WEKA API (`role`). `OrgAdmin` is the name of `TenantAdmin` up to 5.0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Role {
    ClusterAdmin,
    TenantAdmin,
    OrgAdmin,
    ReadOnly,
    Regular,
    S3,
    #[serde(rename = "CSI")]
    Csi,
}

/// What a request asks for; the roles decide on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Permission {
    /// Cluster, processes, containers, filesystems, token lifetimes, own identity.
    Look,
    /// The list of users and the lockout policy.
    LookAtUsers,
    /// A mount token.
    Mount,
    /// The own password.
    OwnPassword,
    /// Revoke or change users of the own org.
    ManageOrg,
    /// Settings of the whole cluster.
    ManageCluster,
}

impl Role {
    /// Regular users can log in, change their own password and mount, nothing else (docs 5.0).
    pub(crate) fn may(self, permission: Permission) -> bool {
        use Permission::{Look, LookAtUsers, ManageCluster, Mount, OwnPassword};
        match self {
            Self::ClusterAdmin => true,
            Self::TenantAdmin | Self::OrgAdmin => permission != ManageCluster,
            Self::ReadOnly => matches!(permission, Look | LookAtUsers | OwnPassword),
            Self::Csi => matches!(permission, Look | Mount | OwnPassword),
            Self::Regular => matches!(permission, Mount | OwnPassword),
            Self::S3 => permission == OwnPassword,
        }
    }
}

/// Where an account comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) enum Source {
    #[default]
    Internal,
    #[serde(rename = "LDAP")]
    Ldap,
}

fn root_org() -> String {
    "Root".to_owned()
}

fn cluster_admin() -> Role {
    Role::ClusterAdmin
}

/// One `[[user]]` of the users file, and the body of the control call that adds one.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct UserSpec {
    pub(crate) username: String,
    pub(crate) password: String,
    #[serde(default = "root_org", alias = "tenant")]
    pub(crate) org: String,
    #[serde(default = "cluster_admin")]
    pub(crate) role: Role,
    #[serde(default)]
    pub(crate) source: Source,
    #[serde(default)]
    pub(crate) password_change_required: bool,
}

impl fmt::Debug for UserSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UserSpec({}/{})", self.org, self.username)
    }
}

/// One account.
#[derive(Clone)]
pub(crate) struct User {
    pub(crate) uid: String,
    pub(crate) org_id: u64,
    pub(crate) username: String,
    pub(crate) password: String,
    pub(crate) role: Role,
    pub(crate) source: Source,
    pub(crate) password_change_required: bool,
}

impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "User({})", self.username)
    }
}

/// One org (tenant); its id is its place in the list.
#[derive(Debug, Clone)]
pub(crate) struct Org {
    pub(crate) name: String,
    pub(crate) uid: String,
}

/// All accounts.
#[derive(Debug, Clone, Default)]
pub(crate) struct Users {
    pub(crate) orgs: Vec<Org>,
    pub(crate) all: Vec<User>,
    made: u64,
}

impl Users {
    pub(crate) fn new(specs: &[UserSpec]) -> Self {
        let mut users = Self::default();
        users.org_id_or_new("Root");
        for spec in specs {
            users.add(spec.clone());
        }
        users
    }

    fn next_uid(&mut self) -> String {
        self.made += 1;
        format!("6f1a2b3c-5d4e-4f60-8a71-{:012x}", self.made)
    }

    /// The id of an org by name; names differ in more than case (wekalib logs in to `root`).
    pub(crate) fn org_id(&self, name: &str) -> Option<u64> {
        let place = self.orgs.iter().position(|org| org.name.eq_ignore_ascii_case(name))?;
        u64::try_from(place).ok()
    }

    fn org_id_or_new(&mut self, name: &str) -> u64 {
        if let Some(id) = self.org_id(name) {
            return id;
        }
        let uid = self.next_uid();
        self.orgs.push(Org { name: name.to_owned(), uid });
        self.org_id(name).unwrap_or_default()
    }

    pub(crate) fn org_name(&self, id: u64) -> &str {
        usize::try_from(id).ok().and_then(|place| self.orgs.get(place)).map_or("", |org| &org.name)
    }

    /// Adds a user, or replaces the one of that name (who keeps the uid).
    pub(crate) fn add(&mut self, spec: UserSpec) -> String {
        let org_id = self.org_id_or_new(&spec.org);
        let uid = match self.find(org_id, &spec.username) {
            Some(user) => user.uid.clone(),
            None => self.next_uid(),
        };
        self.all.retain(|user| user.uid != uid);
        self.all.push(User {
            uid: uid.clone(),
            org_id,
            username: spec.username,
            password: spec.password,
            role: spec.role,
            source: spec.source,
            password_change_required: spec.password_change_required,
        });
        uid
    }

    pub(crate) fn find(&self, org_id: u64, username: &str) -> Option<&User> {
        self.all.iter().find(|user| user.org_id == org_id && user.username == username)
    }

    pub(crate) fn by_uid(&self, uid: &str) -> Option<&User> {
        self.all.iter().find(|user| user.uid == uid)
    }

    pub(crate) fn by_uid_mut(&mut self, uid: &str) -> Option<&mut User> {
        self.all.iter_mut().find(|user| user.uid == uid)
    }
}

/// The password policy: at least 8 characters, upper case, lower case, and a digit or a special character.
pub(crate) fn policy_objection(password: &str) -> Option<&'static str> {
    let has = |test: fn(char) -> bool| password.chars().any(test);
    if password.chars().count() < 8 {
        Some("Password must be at least 8 characters long")
    } else if !has(char::is_uppercase) {
        Some("Password must contain an uppercase letter")
    } else if !has(char::is_lowercase) {
        Some("Password must contain a lowercase letter")
    } else if !has(|c| !c.is_alphabetic()) {
        Some("Password must contain a digit or a special character")
    } else {
        None
    }
}

/// The users there are without a users file.
pub(crate) fn default_specs() -> Vec<UserSpec> {
    let user = |username: &str, password: &str, org: &str, role| UserSpec {
        username: username.to_owned(),
        password: password.to_owned(),
        org: org.to_owned(),
        role,
        source: Source::Internal,
        password_change_required: false,
    };
    vec![
        user("admin", "Admin-Pass1", "Root", Role::ClusterAdmin),
        user("alice", "Alice-Pass1", "Root", Role::Regular),
        user("bob", "Bob-Pass1", "research", Role::TenantAdmin),
    ]
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UsersFile {
    #[serde(default)]
    user: Vec<UserSpec>,
}

/// Reads a users file. The error names the file and the place, never a password.
pub(crate) fn load(path: &Path) -> Result<Vec<UserSpec>, StartError> {
    let refused = |reason: String| StartError::UsersFile { path: PathBuf::from(path), reason };
    let text = std::fs::read_to_string(path).map_err(|e| refused(e.to_string()))?;
    let file: UsersFile = toml::from_str(&text).map_err(|e| {
        let line =
            e.span().map_or(1, |span| text.get(..span.start).unwrap_or_default().lines().count().max(1));
        refused(format!("line {line}: {}", e.message()))
    })?;
    if file.user.is_empty() {
        return Err(refused("no [[user]] in it".to_owned()));
    }
    Ok(file.user)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_regular_user_may_mount_and_change_the_own_password_only() {
        use Permission::{Look, LookAtUsers, ManageCluster, ManageOrg, Mount, OwnPassword};
        let allowed: Vec<_> = [Look, LookAtUsers, Mount, OwnPassword, ManageOrg, ManageCluster]
            .into_iter()
            .filter(|p| Role::Regular.may(*p))
            .collect();
        assert_eq!(allowed, [Mount, OwnPassword]);
        assert!(!Role::TenantAdmin.may(ManageCluster));
        assert!(!Role::ReadOnly.may(Mount));
        assert!(Role::Csi.may(Mount));
        assert!(!Role::S3.may(Mount));
    }

    #[test]
    fn the_policy_names_what_is_missing() {
        assert_eq!(policy_objection("Admin-Pass1"), None);
        for weak in ["Ab1", "alllower1", "ALLUPPER1", "NoDigitsHere"] {
            assert!(policy_objection(weak).is_some(), "{weak}");
        }
    }

    #[test]
    fn org_names_ignore_case_and_debug_hides_passwords() {
        let users = Users::new(&default_specs());
        let root = users.org_id("rOOT").unwrap();
        let admin = users.find(root, "admin").unwrap();
        assert!(!format!("{admin:?} {:?}", default_specs()).contains("Pass1"));
        assert_eq!(users.org_name(users.org_id("Research").unwrap()), "research");
    }
}
