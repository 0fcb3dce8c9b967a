//! Authenticators (RFC 6238: SHA-1, six digits, 30 seconds) and recovery codes. Each code works once.

use domain::{digest::Digest, random};
use totp_rs::{Algorithm, Secret, TOTP};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::{http::problem::Problem, state::Management};

const STEP_SECONDS: i64 = 30;
const RECOVERY_CODES: usize = 10;

/// The second factor.
pub(crate) enum SecondFactor {
    /// A TOTP code: six digits of an authenticator.
    Totp(String),
    /// One of the recovery codes shown at enrolment.
    RecoveryCode(String),
}

impl SecondFactor {
    /// Exactly one of the two.
    pub(crate) fn read(totp: Option<String>, recovery_code: Option<String>) -> Result<Self, Problem> {
        match (totp, recovery_code) {
            (Some(code), None) => Ok(Self::Totp(code)),
            (None, Some(code)) => Ok(Self::RecoveryCode(code)),
            _ => Err(Problem::Invalid("send either totp or recovery_code".to_owned())),
        }
    }
}

/// Purpose of a recovery code's digest.
const RECOVERY: &str = "recovery code";

impl Management {
    /// A new authenticator for this account, and its sealed TOTP secret.
    pub(crate) fn new_authenticator(&self, user_id: Uuid, email: &str) -> Result<(TOTP, Vec<u8>), Problem> {
        let secret = Zeroizing::new(random::bytes::<20>(&*self.random)?);
        let sealed = self.pepper.seal(user_id, &*secret, &*self.random)?;
        Ok((authenticator(&*secret, email)?, sealed))
    }

    /// Verifies the second factor and uses it up (replay protection); the only way to prove it.
    pub(crate) async fn second_factor_matches(
        &self,
        (user_id, email): (Uuid, &str),
        sealed: &[u8],
        factor: SecondFactor,
    ) -> Result<bool, Problem> {
        match factor {
            SecondFactor::Totp(code) => match self.step_of((user_id, email), sealed, &code)? {
                Some(step) => Ok(self.store.consume_totp(user_id, step).await?),
                None => Ok(false),
            },
            SecondFactor::RecoveryCode(code) => {
                let digests = self.pepper.tags(RECOVERY, &recovery_text(user_id, &code));
                Ok(self.store.consume_recovery_code(user_id, digests).await?)
            }
        }
    }

    /// The time step of a code of an authenticator that is not active yet.
    pub(crate) fn step_of(
        &self,
        (user_id, email): (Uuid, &str),
        sealed: &[u8],
        code: &str,
    ) -> Result<Option<i64>, Problem> {
        let secret = self.pepper.open(user_id, sealed);
        let secret = secret.ok_or_else(|| Problem::Internal("a TOTP secret can't be opened".to_owned()))?;
        Ok(self.matching_step(&authenticator(&secret, email)?, code))
    }

    /// The work of a verification that always fails, so that timing does not reveal whether the password was right.
    pub(crate) async fn spend_as_much(&self, factor: &SecondFactor) -> Result<(), Problem> {
        match factor {
            SecondFactor::Totp(code) => {
                let authenticator = authenticator(&[0; 20], "nobody@example.org")?;
                self.matching_step(&authenticator, code);
            }
            SecondFactor::RecoveryCode(code) => {
                let digests = self.pepper.tags(RECOVERY, &recovery_text(Uuid::nil(), code));
                self.store.consume_recovery_code(Uuid::nil(), digests).await?;
            }
        }
        Ok(())
    }

    /// The time step of a code: the current one, the one before or the one after.
    fn matching_step(&self, authenticator: &TOTP, code: &str) -> Option<i64> {
        let now = self.clock.now().timestamp().div_euclid(STEP_SECONDS);
        // Compares tags instead of codes, so that timing reveals nothing.
        let presented = self.pepper.tag("totp", code.as_bytes());
        (now - 1..=now + 1).rev().find(|step| {
            let at = u64::try_from(step * STEP_SECONDS).unwrap_or(0);
            self.pepper.tag("totp", authenticator.generate(at).as_bytes()) == presented
        })
    }

    /// New recovery codes, to be shown once, and their digests.
    pub(crate) fn new_recovery_codes(&self, user_id: Uuid) -> Result<(Vec<String>, Vec<Digest>), Problem> {
        let mut codes = Vec::with_capacity(RECOVERY_CODES);
        for _ in 0..RECOVERY_CODES {
            let text = base32(&random::bytes::<10>(&*self.random)?);
            let groups: Vec<&str> = [0, 4, 8, 12]
                .iter()
                .filter_map(|at| text.get(*at..at + 4))
                .collect();
            codes.push(groups.join("-"));
        }
        let digests = codes
            .iter()
            .map(|code| self.pepper.tag(RECOVERY, &recovery_text(user_id, code)))
            .collect();
        Ok((codes, digests))
    }
}

/// The text that is digested: the person's id, and the code's letters and digits.
fn recovery_text(user_id: Uuid, code: &str) -> Vec<u8> {
    let code: String = code
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|one| one.to_ascii_uppercase())
        .collect();
    [user_id.as_bytes().as_slice(), code.as_bytes()].concat()
}

/// Base32, as authenticator apps expect it.
pub fn base32(secret: &[u8]) -> String {
    Secret::Raw(secret.to_vec()).to_encoded().to_string()
}

fn authenticator(secret: &[u8], email: &str) -> Result<TOTP, Problem> {
    let issuer = Some("WMDA".to_owned());
    TOTP::new(
        Algorithm::SHA1,
        6,
        0,
        STEP_SECONDS.unsigned_abs(),
        secret.to_vec(),
        issuer,
        email.to_owned(),
    )
    .map_err(|error| Problem::Internal(error.to_string()))
}
