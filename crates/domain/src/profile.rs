//! The security profile of an application.

use std::str::FromStr;

use crate::resource::Unknown;

/// A profile of OAuth 2.0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Profile {
    /// RFC 6749, with any credential.
    #[default]
    Standard,
    /// FAPI 2.0 Security Profile: keys only, sender-constrained tokens; anything weaker is refused.
    Fapi2,
}

impl Profile {
    /// The stored and displayed form.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::Fapi2 => "fapi2",
        }
    }
}

impl FromStr for Profile {
    type Err = Unknown;
    fn from_str(text: &str) -> Result<Self, Unknown> {
        match text {
            "standard" => Ok(Self::Standard),
            "fapi2" => Ok(Self::Fapi2),
            _ => Err(Unknown("profile: use standard or fapi2")),
        }
    }
}
