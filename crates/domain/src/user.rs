//! People: credential managers, auditors and the WMDA team.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::policy::Role;

/// A person who may sign in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Permanent identifier.
    pub id: Uuid,
    /// Lower case, unique.
    pub email: String,
    /// As the person is called.
    pub display_name: String,
    /// Where the person works; none for the WMDA team.
    pub organisation_id: Option<Uuid>,
    /// What the person is.
    pub roles: Vec<Role>,
    /// A disabled person can't sign in, and no session of theirs works.
    pub enabled: bool,
    /// When the person was added.
    pub created_at: DateTime<Utc>,
}

/// The assignment of a credential manager to an application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// The application.
    pub client_id: Uuid,
    /// The person.
    pub user_id: Uuid,
    /// Who in the organisation confirmed it.
    pub confirmed_by: String,
    /// When they did.
    pub confirmed_at: DateTime<Utc>,
    /// Who of the WMDA team entered it.
    pub assigned_by: String,
}

/// Why a text is no e-mail address.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is no e-mail address: send one such as name@example.org, in ASCII, of at most 254 characters")]
pub struct InvalidEmail;

/// Checks an e-mail address and folds its case, so that one person has one account.
pub fn parse_email(text: &str) -> Result<String, InvalidEmail> {
    let good = text.is_ascii() && text.len() <= 254 && email_address::EmailAddress::is_valid(text);
    let domain_has_dot = text
        .rsplit_once('@')
        .is_some_and(|(_, domain)| domain.contains('.'));
    if good && domain_has_dot && !text.contains(['"', '<', '>', '[']) {
        Ok(text.to_ascii_lowercase())
    } else {
        Err(InvalidEmail)
    }
}

/// Why a password is not accepted.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum WeakPassword {
    /// NIST SP 800-63B-4 §3.1.1.2: eight, beside a second factor.
    #[error("a password has at least 8 characters")]
    Short,
    /// Hashing what has no end would be a way to keep the server busy.
    #[error("a password has at most 256 characters")]
    Long,
}

/// Length alone counts, by characters; there are no rules of composition.
pub fn check_password(password: &str) -> Result<(), WeakPassword> {
    match password.chars().count() {
        0..8 => Err(WeakPassword::Short),
        8..=256 => Ok(()),
        _ => Err(WeakPassword::Long),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_checked_and_folded() {
        assert_eq!(
            parse_email("Anna.B@Example.org").as_deref(),
            Ok("anna.b@example.org")
        );
        for bad in [
            "",
            "anna",
            "anna@",
            "@example.org",
            "anna@localhost",
            "a b@example.org",
            "a@ex\r\nample.org",
            "<a@example.org>",
        ] {
            assert_eq!(parse_email(bad), Err(InvalidEmail), "{bad}");
        }
    }

    #[test]
    fn p01_passwords_have_8_to_256_characters_of_any_kind() {
        assert_eq!(check_password("1234567"), Err(WeakPassword::Short));
        assert_eq!(check_password("12345678"), Ok(()));
        assert_eq!(check_password(&"ä".repeat(256)), Ok(()));
        assert_eq!(check_password(&"a".repeat(257)), Err(WeakPassword::Long));
    }
}
