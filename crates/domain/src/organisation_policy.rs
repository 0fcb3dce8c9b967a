//! The policy of an organisation: the WMDA team's rules for its credentials, beyond the server's.

use std::str::FromStr;

use crate::resource::Unknown;

/// Whether applications may rotate their secrets themselves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SelfRotation {
    /// None may, whatever its managers have set.
    Off,
    /// The managers decide for each application.
    #[default]
    Allowed,
    /// All may, whatever their managers have set.
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

/// The response to a secret reported as leaked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnLeak {
    /// It is suspended: its managers take that back or delete it.
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

/// An organisation's policy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OrganisationPolicy {
    /// The longest lifetime of a new credential, if shorter than the server's.
    pub max_lifetime_days: Option<u32>,
    /// The limit of an application's live credentials, if lower than the server's.
    pub max_live_secrets: Option<i64>,
    /// New secrets are refused: applications must use keys.
    pub keys_only: bool,
    /// Whether applications may rotate their secrets themselves.
    pub self_rotation: SelfRotation,
    /// Each application must have a list of allowed networks.
    pub networks_required: bool,
    /// The response to a leaked secret.
    pub on_leak: OnLeak,
}

impl OrganisationPolicy {
    /// Whether an application may rotate its secrets, given its managers' setting.
    pub fn may_rotate(&self, switched_on: bool) -> bool {
        match self.self_rotation {
            SelfRotation::Off => false,
            SelfRotation::Allowed => switched_on,
            SelfRotation::Required => true,
        }
    }

    /// The limit of an application's live credentials.
    pub fn live_secrets(&self, of_server: i64) -> i64 {
        self.max_live_secrets.map_or(of_server, |own| own.min(of_server))
    }

    /// The longest lifetime of a new credential in days.
    pub fn lifetime_days(&self, of_server: u32) -> u32 {
        self.max_lifetime_days.map_or(of_server, |own| own.min(of_server))
    }
}

/// A partial update; `None` keeps the old value.
#[derive(Clone, Debug, Default)]
pub struct PolicyChange {
    /// The inner `None` removes the limit.
    pub max_lifetime_days: Option<Option<u32>>,
    /// The inner `None` removes the limit.
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
    /// The policy after the update.
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
