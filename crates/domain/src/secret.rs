//! Client secrets: `<3 random><marker><body><checksum>`. The 3 random characters are the hint shown to people; the
//! marker lets secret scanners match by one regular expression, the checksum lets them drop false positives offline.

use chrono::{DateTime, Months, NaiveDate, TimeDelta, Utc};
use ring::rand::SecureRandom;
use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::{
    credential::PublicPart,
    random::{self, NoRandomness},
    reminder::Notification,
    suspension::is_suspended,
};

/// The fixed marker after the hint.
pub const MARKER: &str = "_wmda_";
/// Length limit of client ids and secrets, in bytes.
pub const MAX_CREDENTIAL_LENGTH: usize = 256;
const HINT_LENGTH: usize = 3;
const BODY_LENGTH: usize = 43;
const CHECKSUM_LENGTH: usize = 6;
const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// A new secret. Its value leaves this type only through [`NewSecret::reveal`].
pub struct NewSecret(SecretString);

impl NewSecret {
    /// 46 random characters of base62: 273 bits, 256 of them in the part that is never shown.
    pub fn generate(random: &dyn SecureRandom) -> Result<Self, NoRandomness> {
        let mut text = Zeroizing::new(String::with_capacity(64));
        push_random(&mut text, HINT_LENGTH, random)?;
        text.push_str(MARKER);
        push_random(&mut text, BODY_LENGTH, random)?;
        let checksum = checksum(&text);
        text.push_str(&checksum);
        Ok(Self(SecretString::from(text.as_str())))
    }

    /// The value, to be shown once.
    pub fn reveal(&self) -> &str {
        self.0.expose_secret()
    }

    /// The first three characters.
    pub fn hint(&self) -> &str {
        &self.0.expose_secret()[..HINT_LENGTH]
    }
}

fn push_random(text: &mut String, length: usize, random: &dyn SecureRandom) -> Result<(), NoRandomness> {
    let wanted = text.len() + length;
    while text.len() < wanted {
        let [byte] = random::bytes::<1>(random)?;
        // Rejection sampling: 248 is the largest multiple of 62 in a byte, so every character stays equally likely.
        if byte < 248 {
            text.push(char::from(BASE62[usize::from(byte % 62)]));
        }
    }
    Ok(())
}

/// CRC-32 (IEEE) of the preceding text, as six base62 digits.
fn checksum(text: &str) -> String {
    let mut rest = crc32fast::hash(text.as_bytes());
    let mut digits = [b'0'; CHECKSUM_LENGTH];
    for digit in digits.iter_mut().rev() {
        *digit = BASE62[(rest % 62) as usize];
        rest /= 62;
    }
    digits.iter().copied().map(char::from).collect()
}

/// Whether a text has the form and the checksum of a secret, as a scanner can tell offline.
pub fn is_well_formed(text: &str) -> bool {
    let body = HINT_LENGTH + MARKER.len();
    text.len() == body + BODY_LENGTH + CHECKSUM_LENGTH
        && text.is_ascii()
        && text[HINT_LENGTH..].starts_with(MARKER)
        && text[..HINT_LENGTH]
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && text[body..].bytes().all(|byte| byte.is_ascii_alphanumeric())
        && checksum(&text[..body + BODY_LENGTH]) == text[body + BODY_LENGTH..]
}

/// The hint of a value.
pub fn hint_of(value: &str) -> &str {
    value.get(..HINT_LENGTH).unwrap_or_default()
}

/// A credential as shown to people. The value of a secret is not stored anywhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientSecret {
    /// Permanent identifier.
    pub id: Uuid,
    /// Its name.
    pub name: String,
    /// The first three characters of the value; of a key, those of its thumbprint.
    pub hint: String,
    /// Its kind and public part.
    pub public: PublicPart,
    /// Who created it.
    pub created_by: String,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// When it expires.
    pub expires_at: DateTime<Utc>,
    /// When its suspension ends; in the past it has no effect.
    pub suspended_until: Option<DateTime<Utc>>,
    /// When a system last rotated it: it expires soon, as planned.
    pub rotated_itself_at: Option<DateTime<Utc>>,
    /// When the WMDA team granted it a grace period.
    pub graced_at: Option<DateTime<Utc>>,
    /// The report of a leak.
    pub leak: Option<LeakReport>,
    /// Its last use, if there was one.
    pub last_use: Option<LastUse>,
    /// The secret that it replaces, which may have been deleted since.
    pub replaces: Option<Uuid>,
    /// Tokens issued per day, oldest first; days without any are left out.
    pub tokens_per_day: Vec<(NaiveDate, i64)>,
    /// When it was last presented after its expiry.
    pub tried_after_expiry_at: Option<DateTime<Utc>>,
    /// Source and user agent of that attempt, as long as they are recorded.
    pub tried_after_expiry_origin: Option<Origin>,
    /// When it was last presented while suspended.
    pub tried_while_suspended_at: Option<DateTime<Utc>>,
    /// Its reminders, the latest threshold last.
    pub notifications: Vec<Notification>,
}

/// The first report that a secret leaked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeakReport {
    /// When it was reported.
    pub at: DateTime<Utc>,
    /// The reporter's source address.
    pub from: String,
}

/// The last use of a secret for a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastUse {
    /// When.
    pub at: DateTime<Utc>,
    /// Source and user agent.
    pub origin: Origin,
}

/// The origin of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The source address.
    pub from: String,
    /// The client's User-Agent; untrusted text.
    pub with: String,
}

/// The status of a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretStatus {
    /// Expires in more than a month.
    Active,
    /// Expires within a month.
    Expiring,
    /// Suspended, whatever its expiry.
    Suspended,
    /// Expired.
    Expired,
}

/// Secrets that expire before this count as expiring soon: a month from now.
pub fn expiring_until(now: DateTime<Utc>) -> DateTime<Utc> {
    now.checked_add_months(Months::new(1)).unwrap_or(now)
}

impl SecretStatus {
    /// The range of expiries of secrets with this status: from the first, inclusive, to the second, exclusive; `None`
    /// is unbounded. Times are whole milliseconds. A suspended secret may have any expiry.
    pub fn expiries(self, now: DateTime<Utc>) -> (Option<DateTime<Utc>>, Option<DateTime<Utc>>) {
        let over = now + TimeDelta::milliseconds(1);
        match self {
            Self::Expired => (None, Some(over)),
            Self::Expiring => (Some(over), Some(expiring_until(now))),
            Self::Active => (Some(expiring_until(now)), None),
            Self::Suspended => (Some(over), None),
        }
    }
}

impl ClientSecret {
    /// Its status now.
    pub fn status(&self, now: DateTime<Utc>) -> SecretStatus {
        let is_before_end = |status: &SecretStatus| {
            let (_, until) = status.expiries(now);
            until.is_some_and(|until| self.expires_at < until)
        };
        if is_before_end(&SecretStatus::Expired) {
            SecretStatus::Expired
        } else if is_suspended(self.suspended_until, now) {
            SecretStatus::Suspended
        } else if is_before_end(&SecretStatus::Expiring) {
            SecretStatus::Expiring
        } else {
            SecretStatus::Active
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a test brings its own randomness")]
    fn a_secret_has_hint_marker_body_and_checksum() {
        let secret = NewSecret::generate(&ring::rand::SystemRandom::new()).unwrap();
        let value = secret.reveal();
        let (payload, sum) = value.split_at(value.len() - CHECKSUM_LENGTH);
        assert_eq!((value.len(), &value[3..9]), (58, MARKER));
        assert!(
            value[..3]
                .bytes()
                .chain(value[9..].bytes())
                .all(|byte| byte.is_ascii_alphanumeric())
        );
        assert_eq!(sum, checksum(payload));
        assert_eq!((secret.hint(), hint_of(value)), (&value[..3], &value[..3]));
        assert!(is_well_formed(value));
        let documented = "abc_wmda_00000000000000000000000000000000000000000004Gc8P3";
        assert!(is_well_formed(documented), "docs/secret-scanning.md");
        let other = if value.ends_with('a') { 'b' } else { 'a' };
        for broken in [
            "",
            "é",
            &value[1..],
            &format!("{value}a"),
            &format!("{}{other}", &value[..57]),
            &value.replace(MARKER, "_other"),
            &value.replace('_', "-"),
        ] {
            assert!(!is_well_formed(broken), "{broken}");
        }
    }

    #[test]
    fn the_checksum_is_crc32_in_base62() {
        // CRC-32/ISO-HDLC of "123456789" is 0xCBF43926 = 3421780262 (the catalogue's check value).
        let value = checksum("123456789").bytes().fold(0_u64, |sum, digit| {
            sum * 62 + BASE62.iter().position(|known| *known == digit).unwrap() as u64
        });
        assert_eq!(value, 0xCBF4_3926);
    }
}
