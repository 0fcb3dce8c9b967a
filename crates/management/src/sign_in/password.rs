//! Password hashing: Argon2id (RFC 9106) with OWASP's parameters, on blocking threads.

use std::{sync::Arc, time::Duration};

use argon2::{
    Argon2,
    password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString},
};
use domain::user::{User, check_password};
use zeroize::Zeroizing;

use crate::{
    http::problem::Problem,
    state::{HASHES_AT_ONCE, Management},
};

/// A dummy hash for unknown accounts, so that they take the same time; no password matches it.
const NOBODY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5IGlzIGhlcmU$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

impl Management {
    /// Rejects a password that is short, common, or made of words known about the person.
    pub(crate) async fn check_new_password(&self, password: &str, user: &User) -> Result<(), Problem> {
        let organisation = match user.organisation_id {
            Some(id) => self.store.organisation(id).await?,
            None => None,
        };
        let known = organisation.map(|one| one.name);
        let known = known.iter().map(String::as_str);
        let known: Vec<&str> = known
            .chain([user.email.as_str(), user.display_name.as_str()])
            .collect();
        check_password(password, &known).map_err(|error| Problem::Invalid(error.to_string()))
    }

    /// Hashes a password; returns the PHC string.
    pub(crate) async fn hash_password(&self, password: String) -> Result<String, Problem> {
        let salt = domain::random::bytes::<16>(&*self.random)?;
        self.hashing(password, move |password| {
            let salt = SaltString::encode_b64(&salt).ok()?;
            let hash = Argon2::default().hash_password(password.as_bytes(), &salt).ok()?;
            Some(hash.to_string())
        })
        .await?
        .ok_or_else(|| Problem::Internal("a password could not be hashed".to_owned()))
    }

    /// Verifies a password; the work is the same if there is none.
    pub(crate) async fn password_matches(
        &self,
        password: String,
        hash: Option<String>,
    ) -> Result<bool, Problem> {
        self.hashing(password, move |password| {
            let hash = hash.as_deref().unwrap_or(NOBODY);
            PasswordHash::new(hash).is_ok_and(|hash| {
                Argon2::default()
                    .verify_password(password.as_bytes(), &hash)
                    .is_ok()
            })
        })
        .await
    }

    /// How many passwords are being hashed now.
    pub fn hashes_in_progress(&self) -> usize {
        HASHES_AT_ONCE.saturating_sub(self.hashes.available_permits())
    }

    async fn hashing<T: Send + 'static>(
        &self,
        password: String,
        work: impl FnOnce(&str) -> T + Send + 'static,
    ) -> Result<T, Problem> {
        let password = Zeroizing::new(password);
        let busy = |_| Problem::Unavailable("too many passwords wait for their hash".to_owned());
        let turn = Arc::clone(&self.hashes).acquire_owned();
        let turn = tokio::time::timeout(Duration::from_secs(5), turn)
            .await
            .map_err(busy)?;
        // The turn is held until the work ends, as it can't be cancelled: a disconnecting caller frees nothing.
        tokio::task::spawn_blocking(move || {
            let _turn = turn;
            work(&password)
        })
        .await
        .map_err(|error| Problem::Internal(error.to_string()))
    }
}
