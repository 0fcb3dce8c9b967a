//! Applications: the OAuth clients of members. A name follows WMDA's convention
//! `Partner-<country>-<organisation>-<API>`, which decides what the application may be granted.

use std::fmt;

use uuid::Uuid;

use crate::resource::Environment;

/// The one API that a `PartnerAlternative-…` application may call, in its sandbox.
const ALTERNATIVE_API: &str = "Match-Connect";

/// An application name that follows the convention.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApplicationName(String);

/// The name violates the convention.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "an application is named Partner-<country>-<OrganisationName>-<API> or PartnerAlternative-…, with a two-letter \
     upper-case country, a name of letters and digits, and SMC or DM as API"
)]
pub struct InvalidApplicationName;

impl ApplicationName {
    /// Parses a name.
    pub fn parse(name: &str) -> Result<Self, InvalidApplicationName> {
        let parts: Vec<&str> = name.split('-').collect();
        let [kind, country, organisation, api] = parts[..] else {
            return Err(InvalidApplicationName);
        };
        let good = matches!(kind, "Partner" | "PartnerAlternative")
            && country.len() == 2
            && country.bytes().all(|byte| byte.is_ascii_uppercase())
            && (1..=80).contains(&organisation.len())
            && organisation.bytes().all(|byte| byte.is_ascii_alphanumeric())
            && matches!(api, "SMC" | "DM");
        if good {
            Ok(Self(name.to_owned()))
        } else {
            Err(InvalidApplicationName)
        }
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The country code: two upper-case letters.
    pub fn country_code(&self) -> &str {
        self.part(1)
    }

    /// The organisation's name, as the convention writes it.
    pub fn organisation(&self) -> &str {
        self.part(2)
    }

    fn part(&self, number: usize) -> &str {
        self.0.split('-').nth(number).unwrap_or_default()
    }

    /// Whether the name is a `PartnerAlternative-…` one.
    pub fn is_alternative(&self) -> bool {
        self.0.starts_with("PartnerAlternative-")
    }

    /// Whether an application with this name may ever be granted this API in this environment.
    pub fn may_use(&self, api: &str, environment: Environment) -> bool {
        !self.is_alternative() || (environment == Environment::Sandbox && api == ALTERNATIVE_API)
    }
}

impl fmt::Display for ApplicationName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An application: an OAuth client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Application {
    /// Permanent; also the `sub` of its tokens.
    pub client_id: Uuid,
    /// The organisation that owns it.
    pub organisation_id: Uuid,
    /// Its unique name.
    pub name: ApplicationName,
    /// A disabled application gets no tokens.
    pub enabled: bool,
    /// Whether its tokens must be DPoP-bound (RFC 9449 §5.2).
    pub dpop_bound_access_tokens: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_convention() {
        for good in [
            "Partner-NL-ExampleRegistry-SMC",
            "PartnerAlternative-DE-Zentrum1-DM",
        ] {
            assert!(ApplicationName::parse(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "Partner-NL-X",
            "partner-NL-X-SMC",
            "Partner-nl-X-SMC",
            "Partner-NL--SMC",
            "Partner-NL-X y-SMC",
            "Partner-NL-X-SMC-1",
            "Partner-NL-X-API",
            "Partner-NLD-X-SMC",
        ] {
            assert!(ApplicationName::parse(bad).is_err(), "{bad}");
        }
    }
}
