//! What the WMDA team demands of an organisation's credentials, beyond what goes for all.

use std::str::FromStr;

use crate::resource::Unknown;

/// Whether systems may exchange their secrets by themselves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SelfRotation {
    /// None may, whatever its managers have switched on.
    Off,
    /// The managers decide, for each application.
    #[default]
    Allowed,
    /// All may, and their managers can't switch it off.
    Required,
}

impl SelfRotation {
    /// The stored and displayed form.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Allowed => "allowed",
            Self::Required => "required",
        }
    }
}

impl FromStr for SelfRotation {
    type Err = Unknown;
    fn from_str(text: &str) -> Result<Self, Unknown> {
        match text {
            "off" => Ok(Self::Off),
            "allowed" => Ok(Self::Allowed),
            "required" => Ok(Self::Required),
            _ => Err(Unknown("self_rotation: use off, allowed or required")),
        }
    }
}

/// What becomes of a secret that somebody reports as found where it should not be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnLeak {
    /// It is suspended: its managers look, and put it back or delete it.
    #[default]
    Suspend,
    /// It is deleted.
    Delete,
}

impl OnLeak {
    /// The stored and displayed form.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Suspend => "suspend",
            Self::Delete => "delete",
        }
    }
}

impl FromStr for OnLeak {
    type Err = Unknown;
    fn from_str(text: &str) -> Result<Self, Unknown> {
        match text {
            "suspend" => Ok(Self::Suspend),
            "delete" => Ok(Self::Delete),
            _ => Err(Unknown("on_leak: use suspend or delete")),
        }
    }
}

/// The demands on one organisation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OrganisationPolicy {
    /// The longest life of a new credential, where it is shorter than the server's.
    pub max_lifetime_days: Option<u32>,
    /// How many live credentials an application may have, where it is fewer than the server's.
    pub max_live_secrets: Option<i64>,
    /// New secrets are refused: an application gets keys.
    pub keys_only: bool,
    /// Whether systems may exchange their secrets by themselves.
    pub self_rotation: SelfRotation,
    /// Each application works from listed networks only.
    pub networks_required: bool,
    /// What becomes of a secret that leaked.
    pub on_leak: OnLeak,
}

impl OrganisationPolicy {
    /// Whether an application may exchange its secrets, whose managers have switched that on or not.
    pub fn may_rotate(&self, switched_on: bool) -> bool {
        match self.self_rotation {
            SelfRotation::Off => false,
            SelfRotation::Allowed => switched_on,
            SelfRotation::Required => true,
        }
    }

    /// The number of live credentials that an application may have.
    pub fn live_secrets(&self, of_server: i64) -> i64 {
        self.max_live_secrets.map_or(of_server, |own| own.min(of_server))
    }

    /// The longest life of a new credential in days.
    pub fn lifetime_days(&self, of_server: u32) -> u32 {
        self.max_lifetime_days.map_or(of_server, |own| own.min(of_server))
    }
}

/// A change of a policy; `None` stays as it is.
#[derive(Clone, Debug, Default)]
pub struct PolicyChange {
    /// The inner `None` lifts the demand.
    pub max_lifetime_days: Option<Option<u32>>,
    /// The inner `None` lifts the demand.
    pub max_live_secrets: Option<Option<i64>>,
    /// See [`OrganisationPolicy::keys_only`].
    pub keys_only: Option<bool>,
    /// See [`OrganisationPolicy::self_rotation`].
    pub self_rotation: Option<SelfRotation>,
    /// See [`OrganisationPolicy::networks_required`].
    pub networks_required: Option<bool>,
    /// See [`OrganisationPolicy::on_leak`].
    pub on_leak: Option<OnLeak>,
}

impl PolicyChange {
    /// The policy after the change.
    pub fn of(self, before: OrganisationPolicy) -> OrganisationPolicy {
        OrganisationPolicy {
            max_lifetime_days: self.max_lifetime_days.unwrap_or(before.max_lifetime_days),
            max_live_secrets: self.max_live_secrets.unwrap_or(before.max_live_secrets),
            keys_only: self.keys_only.unwrap_or(before.keys_only),
            self_rotation: self.self_rotation.unwrap_or(before.self_rotation),
            networks_required: self.networks_required.unwrap_or(before.networks_required),
            on_leak: self.on_leak.unwrap_or(before.on_leak),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_organisations_demands_are_never_weaker_than_the_servers() {
        let policy = OrganisationPolicy {
            max_lifetime_days: Some(90),
            max_live_secrets: Some(20),
            ..OrganisationPolicy::default()
        };
        assert_eq!((policy.lifetime_days(365), policy.lifetime_days(30)), (90, 30));
        assert_eq!((policy.live_secrets(10), policy.live_secrets(50)), (10, 20));
    }

    #[test]
    fn managers_decide_on_self_rotation_where_they_are_let() {
        for (stands, off, on) in [
            (SelfRotation::Off, false, false),
            (SelfRotation::Allowed, false, true),
            (SelfRotation::Required, true, true),
        ] {
            let policy = OrganisationPolicy {
                self_rotation: stands,
                ..OrganisationPolicy::default()
            };
            assert_eq!((policy.may_rotate(false), policy.may_rotate(true)), (off, on));
        }
    }
}
