//! The group of a sink.

use super::problem::SinkProblem;
use crate::dirs::Service;
use nix::unistd::{Gid, Group, getegid, getgroups};

/// The number of a group, by its name or number, if it is one of the daemon's own. Blocks: names may come from a
/// directory service.
pub(super) fn own_group(name: &str, service: Service) -> Result<u32, SinkProblem> {
    let found = match name.parse::<u32>() {
        Ok(number) => Some(Gid::from_raw(number)),
        Err(_) => {
            Group::from_name(name).map_err(|error| SinkProblem::Io(error.into()))?.map(|group| group.gid)
        }
    };
    let group = found.ok_or_else(|| SinkProblem::NoSuchGroup(name.to_owned()))?;
    let is_own = group == getegid() || getgroups().is_ok_and(|groups| groups.contains(&group));
    if is_own {
        return Ok(group.as_raw());
    }
    let remedy = match service {
        Service::Host => format!(
            "run: systemctl edit weka-tokend.service, and add to [Service]: SupplementaryGroups={name}"
        ),
        Service::User => format!(
            "add its user to it and log in anew (for a host's weka-tokend.service: SupplementaryGroups={name})"
        ),
    };
    Err(SinkProblem::NotInGroup { group: name.to_owned(), remedy })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_the_daemons_own_is_known_by_name_and_number() {
        let own = getegid();
        assert_eq!(own_group(&own.to_string(), Service::User).unwrap(), own.as_raw());
        let Ok(Some(group)) = Group::from_gid(own) else { return };
        assert_eq!(own_group(&group.name, Service::User).unwrap(), own.as_raw());
    }

    #[test]
    fn another_one_is_refused_with_what_would_help() {
        let note = |refused: SinkProblem| refused.at(std::path::Path::new("/srv/sink")).to_string();
        let refused = note(own_group("4242424", Service::Host).unwrap_err());
        for part in ["4242424", "weka-tokend.service", "SupplementaryGroups=4242424"] {
            assert!(refused.contains(part), "{refused}");
        }
        let refused = note(own_group("4242424", Service::User).unwrap_err());
        assert!(refused.contains("SupplementaryGroups=4242424"), "{refused}");
        let refused = own_group("no such group", Service::Host).unwrap_err();
        assert!(matches!(refused, SinkProblem::NoSuchGroup(_)), "{refused}");
    }
}
