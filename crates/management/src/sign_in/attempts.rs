//! Rate limits and lock-out for anonymous authentication attempts (P-03). Attempts over a limit are refused from
//! memory; the exact counters are in the database.
//!
//! Attempts are counted per account and source, so that nobody elsewhere locks the owner out; per account and
//! browser, if a device cookie proves that the owner has signed in there before; per source for all accounts; and, as
//! a back-stop against many sources, per account within an hour, which does not concern known browsers.

use std::net::IpAddr;

use actix_web::{
    HttpRequest,
    cookie::{Cookie, SameSite, time::Duration},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::TimeDelta;
use domain::{audit::Source, digest::Digest, pepper::Pepper, random::NoRandomness};
use ring::rand::SecureRandom;
use store::sign_in_attempts::{Counted, Counter};

use crate::{
    http::{body::printable, caller::source, problem::Problem},
    sign_in::refusals::too_many,
    state::Management,
};

const WINDOW: TimeDelta = TimeDelta::minutes(15);
/// Limit of a source, for all accounts together.
const SOURCE_LIMIT: i64 = 100;
/// The back-stop of an account, as a multiple of one source's limit, in a window after which the owner can sign in
/// again.
const BACK_STOP: i64 = 10;
const BACK_STOP_WINDOW: TimeDelta = TimeDelta::hours(1);

const DEVICE_COOKIE: &str = "__Host-wmda-device";
const DEVICE_DAYS: i64 = 400;
/// Purpose of the cookie's tag.
const DEVICE: &str = "device cookie";

/// The origin of an attempt.
#[derive(Clone, Debug)]
pub(crate) struct Origin {
    pub(crate) source: Source,
    /// The user agent.
    pub(crate) user_agent: Option<String>,
    device: Option<String>,
}

impl Origin {
    pub(crate) fn read(request: &HttpRequest) -> Self {
        let header = request.headers().get("user-agent");
        let user_agent = header.and_then(|value| value.to_str().ok());
        Self {
            source: source(request),
            user_agent: user_agent.map(printable),
            device: request
                .cookie(DEVICE_COOKIE)
                .map(|cookie| cookie.value().to_owned()),
        }
    }
}

/// The counters that counted an attempt.
#[derive(Clone, Debug, Default)]
pub(crate) struct CountedIn {
    /// The counter of this browser or source alone.
    pub(crate) own: Option<Digest>,
    pub(crate) shared: Vec<Counter>,
    /// Whether this was the account's last allowed attempt for now.
    pub(crate) last: bool,
}

/// Groups a source's addresses: an IPv6 network of 64 bits.
fn network(source: IpAddr) -> IpAddr {
    match source.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6((u128::from(address) & !u128::from(u64::MAX)).into()),
    }
}

impl Management {
    /// A keyed digest that identifies an account in counters and cookies without revealing it.
    pub(crate) fn account_digest(&self, email: &str) -> Digest {
        self.pepper.tag("sign-in account", email.as_bytes())
    }

    /// Counts an attempt on an account before anything is verified; over the limit, the caller must wait for the end
    /// of the window.
    pub(crate) async fn count_attempt(&self, email: &str, from: &Origin) -> Result<CountedIn, Problem> {
        let account = self.account_digest(email);
        let counter = |subject, limit, window| Counter {
            subject,
            account: Some(account),
            limit,
            window,
        };
        let limit = self.settings.login_failures;
        if let Some(device) = self.known_device(&account, from) {
            let own = self.pepper.tag("sign-in device", &device);
            return self.count(Some(counter(own, limit, WINDOW)), Vec::new()).await;
        }
        let network = network(from.source.0).to_string();
        let both = [account.as_slice(), network.as_bytes()].concat();
        let own = counter(
            self.pepper.tag("sign-in account and source", &both),
            limit,
            WINDOW,
        );
        let back_stop = counter(account, limit.saturating_mul(BACK_STOP), BACK_STOP_WINDOW);
        self.count(Some(own), vec![self.source_counter(from), back_stop])
            .await
    }

    /// Counts an attempt to use a one-time link.
    pub(crate) async fn count_link_attempt(
        &self,
        link: &Digest,
        from: &Origin,
    ) -> Result<CountedIn, Problem> {
        self.count(Some(self.link_counter(link)), vec![self.source_counter(from)])
            .await
    }

    pub(crate) fn link_counter(&self, link: &Digest) -> Counter {
        Counter {
            subject: self.pepper.tag("enrolment attempts", link),
            account: None,
            limit: self.settings.login_failures,
            window: WINDOW,
        }
    }

    /// Counts an attempt for its source alone.
    pub(crate) async fn count_source(&self, from: &Origin) -> Result<CountedIn, Problem> {
        self.count(None, vec![self.source_counter(from)]).await
    }

    fn source_counter(&self, from: &Origin) -> Counter {
        let network = network(from.source.0).to_string();
        Counter {
            subject: self.pepper.tag("sign-in source", network.as_bytes()),
            account: None,
            limit: SOURCE_LIMIT,
            window: WINDOW,
        }
    }

    async fn count(&self, own: Option<Counter>, shared: Vec<Counter>) -> Result<CountedIn, Problem> {
        let now = self.now();
        let counters: Vec<Counter> = own.iter().chain(&shared).copied().collect();
        self.refusals.check(&counters, now)?;
        match self.store.count_attempt(counters, now).await? {
            Counted::Within { last } => Ok(CountedIn {
                own: own.map(|counter| counter.subject),
                shared,
                last,
            }),
            Counted::Over { counter, until } => {
                self.refusals.remember(&counter, until, now);
                Err(too_many(until, now))
            }
        }
    }

    /// The nonce of the device cookie that a sign-in to this account left in this browser.
    fn known_device(&self, account: &Digest, from: &Origin) -> Option<Vec<u8>> {
        let bytes = URL_SAFE_NO_PAD.decode(from.device.as_deref()?).ok()?;
        let (nonce, tag) = bytes.split_at_checked(16)?;
        let expected = self.pepper.tags(DEVICE, &device_text(account, nonce));
        self.pepper.is_among(tag, &expected).then(|| nonce.to_vec())
    }

    /// The device cookie by which this browser is known for this account from now on.
    pub(crate) fn device_cookie(&self, email: &str) -> Result<Cookie<'static>, NoRandomness> {
        let value = device(&self.pepper, &self.account_digest(email), &*self.random)?;
        Ok(Cookie::build(DEVICE_COOKIE, value)
            .path("/")
            .secure(true)
            .http_only(true)
            .same_site(SameSite::Strict)
            .max_age(Duration::days(DEVICE_DAYS))
            .finish())
    }
}

fn device(pepper: &Pepper, account: &Digest, random: &dyn SecureRandom) -> Result<String, NoRandomness> {
    let nonce = domain::random::bytes::<16>(random)?;
    let tag = pepper.tag(DEVICE, &device_text(account, &nonce));
    Ok(URL_SAFE_NO_PAD.encode([nonce.as_slice(), &tag].concat()))
}

fn device_text(account: &Digest, nonce: &[u8]) -> Vec<u8> {
    [account.as_slice(), nonce].concat()
}
