//! People: credential managers, auditors and the WMDA team.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::policy::Role;

/// A user account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Permanent identifier.
    pub id: Uuid,
    /// In lower case, unique.
    pub email: String,
    /// As the person is called.
    pub display_name: String,
    /// The person's organisation; `None` for the WMDA team.
    pub organisation_id: Option<Uuid>,
    /// What the person is.
    pub roles: Vec<Role>,
    /// A disabled person can't sign in, and their sessions end.
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
    /// The person of the organisation who confirmed it.
    pub confirmed_by: String,
    /// When they confirmed it.
    pub confirmed_at: DateTime<Utc>,
    /// The member of the WMDA team who entered it.
    pub assigned_by: String,
}

/// How many characters of a password are rated.
const JUDGED: usize = 64;
/// The least number of guesses to crack a password, as a power of ten: beyond what rate limits allow.
const LEAST_GUESSES_LOG10: f64 = 6.0;

/// The text is no e-mail address.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is no e-mail address: send one such as name@example.org, in ASCII, of at most 254 characters")]
pub struct InvalidEmail;

/// Validates an e-mail address and lower-cases it, so that one person has one account.
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

/// Why a password is rejected.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum WeakPassword {
    /// NIST SP 800-63B-4 §3.1.1.2: at least eight characters, as there is a second factor.
    #[error("a password has at least 8 characters")]
    Short,
    /// Too long: hashing input of any length would invite denial of service.
    #[error("a password has at most 256 characters")]
    Long,
    /// A common password, a repetition or a keyboard row.
    #[error(
        "this password is one of those that are tried first: choose one that is hard to guess, such as four random words"
    )]
    Common,
    /// Context-specific words (NIST SP 800-63B-4 §3.1.1.2): what others know of the person.
    #[error(
        "a password is not the e-mail address, the name or the organisation: choose one that nobody can guess from them"
    )]
    Personal,
}

/// Rates length and guessability; there are no composition rules. `known` is what others know of the person.
pub fn check_password(password: &str, known: &[&str]) -> Result<(), WeakPassword> {
    match password.chars().count() {
        0..8 => return Err(WeakPassword::Short),
        8..=256 => {}
        _ => return Err(WeakPassword::Long),
    }
    if is_personal(password, known) {
        return Err(WeakPassword::Personal);
    }
    // Only the beginning is rated: the time that takes grows with the square of the length.
    let beginning: String = password.chars().take(JUDGED).collect();
    match zxcvbn::zxcvbn(&beginning, known).guesses_log10() < LEAST_GUESSES_LOG10 {
        true => Err(WeakPassword::Common),
        false => Ok(()),
    }
}

/// Whether little of the password remains without words that others know of the person.
fn is_personal(password: &str, known: &[&str]) -> bool {
    let mut rest = letters(password);
    let whole = rest.len();
    let words = known
        .iter()
        .flat_map(|text| text.split(|one: char| !one.is_alphanumeric()).chain([*text]));
    let mut words: Vec<String> = words.map(letters).filter(|word| word.len() >= 4).collect();
    words.sort_unstable_by_key(|word| std::cmp::Reverse(word.len()));
    words
        .iter()
        .for_each(|word| rest = rest.replace(word.as_str(), ""));
    rest.len() < whole && rest.chars().count() < 4
}

fn letters(text: &str) -> String {
    text.chars()
        .filter(|one| one.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect()
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
    fn p01_passwords_have_8_to_256_characters_of_any_kind_and_are_hard_to_guess() {
        let check = |password: &str| {
            check_password(
                password,
                &[
                    "Example Registry",
                    "anna.bakker@example-registry.org",
                    "Anna Bakker",
                ],
            )
        };
        assert_eq!(check("1234567"), Err(WeakPassword::Short));
        assert_eq!(check(&"a".repeat(257)), Err(WeakPassword::Long));
        for common in [
            "password",
            "Password1",
            "12345678",
            "qwertyuiop",
            "iloveyou",
            "aaaaaaaaaaaa",
            "abcdefghijkl",
            "letmein123",
        ] {
            assert_eq!(check(common), Err(WeakPassword::Common), "{common}");
        }
        for personal in [
            "ExampleRegistry",
            "example registry",
            "Example-Registry-1",
            "anna.bakker@example-registry.org",
            "annabakker",
            "Bakker12",
        ] {
            assert_eq!(check(personal), Err(WeakPassword::Personal), "{personal}");
        }
        for good in [
            "correct horse battery",
            "another password of mine",
            "tulp-zebra-42",
            "Registry of 9 blue whales",
            "äöüßäöüß-kühl",
            &"long and dull ".repeat(18),
        ] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
    }
}
