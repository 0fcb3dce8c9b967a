//! The state of one authorization request, kept in the browser only: a sealed cookie binds the response to the
//! browser that began, on any node (RFC 6819 section 4.4.1.8, RFC 7636).

use actix_web::cookie::{Cookie, SameSite, time::Duration};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use domain::{pepper::Pepper, random};
use ring::rand::SecureRandom;
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::http::problem::Problem;

/// The cookie; the browser sends it with the provider's redirect, and it lives as long as the attempt.
pub(super) const COOKIE: &str = "__Host-wmda-openid";
const MINUTES: i64 = 10;
/// The owner under which an attempt is sealed; no person has this id.
const PURPOSE: Uuid = Uuid::from_bytes(*b"openid sign-in 1");

/// `state` and `nonce`, to be compared with the response, and the PKCE verifier.
#[derive(Serialize, Deserialize)]
pub(super) struct Attempt {
    pub(super) state: String,
    pub(super) nonce: String,
    pub(super) verifier: String,
    /// The person who binds an identity; `None` for a sign-in.
    #[serde(default)]
    pub(super) binds: Option<Uuid>,
    /// When it expires, in seconds since 1970.
    until: i64,
}

impl Attempt {
    pub(super) fn begin(
        random: &dyn SecureRandom,
        now: DateTime<Utc>,
        binds: Option<Uuid>,
    ) -> Result<Self, Problem> {
        let text = || -> Result<String, Problem> { Ok(URL_SAFE_NO_PAD.encode(random::bytes::<32>(random)?)) };
        Ok(Self {
            state: text()?,
            nonce: text()?,
            verifier: text()?,
            binds,
            until: (now + TimeDelta::minutes(MINUTES)).timestamp(),
        })
    }

    pub(super) fn seal(
        &self,
        pepper: &Pepper,
        random: &dyn SecureRandom,
    ) -> Result<Cookie<'static>, Problem> {
        let text = serde_json::to_vec(self).map_err(|error| Problem::Internal(error.to_string()))?;
        let sealed = pepper.seal(PURPOSE, &Zeroizing::new(text), random)?;
        Ok(cookie(URL_SAFE_NO_PAD.encode(sealed)))
    }

    /// The attempt in the browser's cookie; `None` if it is forged or expired.
    pub(super) fn open(cookie: &str, pepper: &Pepper, now: DateTime<Utc>) -> Option<Self> {
        let sealed = URL_SAFE_NO_PAD.decode(cookie).ok()?;
        let opened = pepper.open(PURPOSE, &sealed)?;
        let attempt: Self = serde_json::from_slice(&opened).ok()?;
        (now.timestamp() < attempt.until).then_some(attempt)
    }
}

/// `SameSite=Lax` instead of `Strict`, as the browser comes from the provider's site.
pub(super) fn cookie(value: String) -> Cookie<'static> {
    Cookie::build(COOKIE, value)
        .path("/")
        .secure(true)
        .http_only(true)
        .same_site(SameSite::Lax)
        .max_age(Duration::minutes(MINUTES))
        .finish()
}
