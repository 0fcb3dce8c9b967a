//! Client authentication: the only place that can say "this client is who it claims to be", and the choice of the
//! resource that it may have a token for.

use std::{collections::HashMap, net::IpAddr, sync::Arc};

use chrono::{DateTime, TimeDelta, Utc};
use jose::{Jws, PublicKey};
use oauth2_types::algorithm::Algorithm;
use ring::digest;
use uuid::Uuid;

use crate::{
    assertion::{Assertion, Audience},
    client::{Client, Grant},
    client_key::{ClientKey, RegisteredKey},
    credential::{Credential, CredentialKind, Proof},
    federation::{FederatedIdentity, NamedKey},
    networks::Place,
    pepper::Digest,
    profile::Profile,
    suspension::is_suspended,
};

/// How far the clock of whoever made a JWT may be ahead. FAPI 2.0 §5.3.2.1: 10 s are accepted, more than 60 s are not.
const CLOCK_AHEAD: i64 = 60;
/// By how much a life may be longer than it should, for the same reason.
const LONGER: i64 = 10;
/// How long ago a JWT that is used once may have been made; longer ago, its times make no sense.
const OLDEST: i64 = 3600;
/// The longest life of what somebody else signed: such JWTs are used many times, and clusters give them a day.
const FEDERATED_LIFE: i64 = 25 * 3600;

/// A client that has proved a live credential. Nothing but this module builds one.
#[derive(Debug)]
pub struct AuthenticatedClient {
    client: Arc<Client>,
    credential_id: Uuid,
    kind: CredentialKind,
    expires_at: DateTime<Utc>,
    awaits_first_use: bool,
    status_index: i64,
    secret_digest: Option<Digest>,
}

/// Why a presented digest does not authenticate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// No secret of this client matches.
    NoMatch,
    /// It matches this one, which has expired.
    Expired(Uuid),
    /// It matches this one, which is suspended.
    Suspended(Uuid),
    /// It matches this one, which does not work from where it was presented.
    Network(Uuid),
    /// It matches, and the application's profile takes keys only.
    KeysOnly,
}

/// Checks digests that were computed from the presented secret. `from` is where it was presented.
pub fn authenticate(
    client: Arc<Client>,
    presented: &[Digest],
    from: IpAddr,
    now: DateTime<Utc>,
) -> Result<AuthenticatedClient, Refusal> {
    let mut found = None;
    for credential in &client.credentials {
        if credential.proof.is_secret_of(presented) {
            found = Some(credential.clone());
        }
    }
    let credential = found.ok_or(Refusal::NoMatch)?;
    if client.profile == Profile::Fapi2 {
        return Err(Refusal::KeysOnly);
    }
    AuthenticatedClient::by(client, &credential, (from, now))
}

/// What an endpoint asks of assertions.
pub struct AssertionRules<'a> {
    /// Whether this is the name by which assertions call the endpoint.
    pub is_audience: &'a (dyn Fn(&str) -> bool + Sync),
    /// How far ahead `exp` may lie, in seconds.
    pub longest_life: i64,
    /// Whether this is an endpoint that follows Entra: it knows certificates by their thumbprints and RS256, and is too weak
    /// for FAPI.
    pub like_entra: bool,
}

/// Keys that are published at URLs, as far as they are known now.
pub type PublishedKeys = HashMap<String, Arc<Vec<NamedKey>>>;

/// Why an assertion does not authenticate. Up to `Signature` nothing is proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AssertionRefusal {
    /// No key of this client has the name, or fits the algorithm.
    UnknownKey,
    /// None of the keys that it names signed it; it was checked against so many.
    Signature(u32),
    /// No federated identity of the client has this issuer.
    UnknownIssuer,
    /// None of this issuer has this subject.
    UnknownSubject,
    /// None of this issuer and subject has this audience.
    UnknownAudience,
    /// Proved, by a credential that does not count now.
    NotNow(Refusal),
    /// `aud` is not this endpoint's name alone.
    Audience,
    /// `exp` has passed.
    Past,
    /// `nbf` or `iat` lie too far ahead, `iat` too far back, or `exp` too far ahead.
    Times,
    /// No `jti`.
    NoId,
    /// This `jti` was used before.
    Replayed,
    /// The application's profile takes nothing of this kind, or not here.
    Profile,
}

/// An assertion that proves a client, unless it was used before.
#[derive(Debug)]
pub struct Unspent {
    client: AuthenticatedClient,
    /// What to remember of it, and until when; `None` when it may be used again.
    pub once: Option<(Digest, DateTime<Utc>)>,
}

impl Unspent {
    /// The client, if nobody has used the assertion before.
    pub fn spend(self, is_first_use: bool) -> Result<AuthenticatedClient, AssertionRefusal> {
        match self.once {
            Some(_) if !is_first_use => Err(AssertionRefusal::Replayed),
            _ => Ok(self.client),
        }
    }
}

/// Checks an assertion of a client about itself, or of somebody else about it. The signature comes first: only who has
/// proved the key learns what else is wrong.
pub fn prove(
    client: &Arc<Client>,
    assertion: &Assertion<'_>,
    (rules, published): (&AssertionRules<'_>, &PublishedKeys),
    (from, now): (IpAddr, DateTime<Utc>),
) -> Result<Unspent, AssertionRefusal> {
    let is_federated = assertion.is_federated();
    let credential = match is_federated {
        true => speaker(client, assertion, published)?,
        false => signer(client, assertion, (rules, published))?,
    };
    let proved = AuthenticatedClient::by(Arc::clone(client), credential, (from, now))
        .map_err(AssertionRefusal::NotNow)?;
    if client.profile == Profile::Fapi2 && (is_federated || rules.like_entra) {
        return Err(AssertionRefusal::Profile);
    }
    let once = match is_federated {
        true => {
            check_times(assertion, (FEDERATED_LIFE, FEDERATED_LIFE), now)?;
            None
        }
        false => {
            check_own(assertion, rules, now)?;
            Some(remembered(client.client_id, assertion)?)
        }
    };
    Ok(Unspent { client: proved, once })
}

fn check_own(
    assertion: &Assertion<'_>,
    rules: &AssertionRules<'_>,
    now: DateTime<Utc>,
) -> Result<(), AssertionRefusal> {
    match &assertion.audience {
        Audience::One(name) if (rules.is_audience)(name) => {}
        _ => return Err(AssertionRefusal::Audience),
    }
    check_times(assertion, (rules.longest_life, OLDEST), now)
}

fn check_times(
    assertion: &Assertion<'_>,
    (longest_life, oldest): (i64, i64),
    now: DateTime<Utc>,
) -> Result<(), AssertionRefusal> {
    let now = now.timestamp();
    if assertion.expires_at <= now {
        return Err(AssertionRefusal::Past);
    }
    let ahead = |at: i64| at > now.saturating_add(CLOCK_AHEAD);
    let starts_late = assertion.not_before.is_some_and(ahead) || assertion.issued_at.is_some_and(ahead);
    let is_old = assertion
        .issued_at
        .is_some_and(|at| at < now.saturating_sub(oldest));
    let ends_late = assertion.expires_at > now.saturating_add(longest_life + LONGER);
    match starts_late || is_old || ends_late {
        true => Err(AssertionRefusal::Times),
        false => Ok(()),
    }
}

/// A (client, `jti`) counts once, as long as the assertion could be used again.
fn remembered(
    client_id: Uuid,
    assertion: &Assertion<'_>,
) -> Result<(Digest, DateTime<Utc>), AssertionRefusal> {
    let id = assertion.id.as_deref().ok_or(AssertionRefusal::NoId)?;
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(client_id.as_bytes());
    context.update(id.as_bytes());
    let mut used = [0; 32];
    used.copy_from_slice(context.finish().as_ref());
    let until = DateTime::from_timestamp(assertion.expires_at, 0).ok_or(AssertionRefusal::Times)?;
    Ok((used, until + TimeDelta::seconds(CLOCK_AHEAD)))
}

/// How many keys one assertion is checked against: a check takes up to half a millisecond, and whoever registers keys chooses
/// how many have the same name or none.
const MOST_TRIES: u32 = 10;

/// The keys that an assertion was checked against; each once.
struct Tries<'a> {
    jws: &'a Jws<'a>,
    tried: Vec<(&'a PublicKey, bool)>,
    left: u32,
}

impl<'a> Tries<'a> {
    fn of(assertion: &'a Assertion<'a>) -> Self {
        Self {
            jws: &assertion.jws,
            tried: Vec::new(),
            left: MOST_TRIES,
        }
    }

    /// Whether the key signed the assertion; of one key too many nobody finds out.
    fn is_signed_by(&mut self, key: &'a PublicKey) -> bool {
        if !key.algorithms().contains(&self.jws.algorithm) {
            return false;
        }
        if let Some((_, known)) = self.tried.iter().find(|(one, _)| *one == key) {
            return *known;
        }
        if self.left == 0 {
            return false;
        }
        self.left -= 1;
        let is_signed = self.jws.is_signed_by(key);
        self.tried.push((key, is_signed));
        is_signed
    }

    fn refusal(&self) -> AssertionRefusal {
        AssertionRefusal::Signature(MOST_TRIES - self.left)
    }
}

/// The credential whose key signed the assertion.
fn signer<'a>(
    client: &'a Client,
    assertion: &'a Assertion<'a>,
    (rules, published): (&AssertionRules<'_>, &'a PublishedKeys),
) -> Result<&'a Credential, AssertionRefusal> {
    let mut refusal = AssertionRefusal::UnknownKey;
    let mut tries = Tries::of(assertion);
    for credential in &client.credentials {
        let Proof::Key(key) = &credential.proof else {
            continue;
        };
        let named: Vec<&PublicKey> = match &**key {
            ClientKey::Registered(key) => {
                let fits = is_named(key, assertion) && may_sign(key, assertion, rules);
                fits.then_some(&key.public).into_iter().collect()
            }
            ClientKey::Published(url) => {
                let keys = published.get(url).map(|keys| keys.as_slice()).unwrap_or_default();
                let keys = of_name(keys, assertion.header("kid"));
                keys.filter(|_| assertion.jws.algorithm != Algorithm::RS256)
                    .collect()
            }
        };
        let fitting: Vec<&PublicKey> = named
            .into_iter()
            .filter(|key| key.algorithms().contains(&assertion.jws.algorithm))
            .collect();
        if fitting.iter().any(|key| tries.is_signed_by(key)) {
            return Ok(credential);
        }
        if !fitting.is_empty() {
            refusal = tries.refusal();
        }
    }
    Err(refusal)
}

/// Whether the header means this key. Without any name every key is tried: a client has few.
fn is_named(key: &RegisteredKey, assertion: &Assertion<'_>) -> bool {
    let is = |name: &str, known: &[&str]| match assertion.jws.header(name) {
        None => true,
        Some(given) => given.as_str().is_some_and(|given| known.contains(&given)),
    };
    let is_thumbprint = |name: &str, known: &str| match assertion.jws.header(name) {
        None => true,
        Some(given) => given.as_str().is_some_and(|given| in_base64url(given) == known),
    };
    match &key.certificate {
        Some(certificate) => {
            let (sha1, sha256) = (certificate.sha1.as_str(), certificate.sha256.as_str());
            let names = [&key.kid, key.public.thumbprint(), sha1, sha256];
            // Where a thumbprint names the certificate, `kid` may be anything: libraries put other forms of it there.
            let by_thumbprint = ["x5t", "x5t#S256"]
                .iter()
                .any(|name| assertion.jws.header(name).is_some());
            is_thumbprint("x5t", sha1)
                && is_thumbprint("x5t#S256", sha256)
                && (by_thumbprint || is("kid", &names))
        }
        None => is("kid", &[&key.kid, key.public.thumbprint()]),
    }
}

/// Libraries pad thumbprints, which RFC 7515 §2 forbids (MSAL for Python does), or write them in the other alphabet of base64.
fn in_base64url(thumbprint: &str) -> String {
    let thumbprint = thumbprint.trim_end_matches('=');
    thumbprint.replace('+', "-").replace('/', "_")
}

/// RS256 is for certificates at Entra's routes, as Microsoft's libraries use them.
fn may_sign(key: &RegisteredKey, assertion: &Assertion<'_>, rules: &AssertionRules<'_>) -> bool {
    assertion.jws.algorithm != Algorithm::RS256 || (rules.like_entra && key.certificate.is_some())
}

/// The keys of a set that a name means, or all of them without one.
fn of_name<'a>(keys: &'a [NamedKey], kid: Option<&str>) -> impl Iterator<Item = &'a PublicKey> {
    let meant = move |key: &&NamedKey| kid.is_none_or(|kid| key.kid.as_deref() == Some(kid));
    keys.iter().filter(meant).map(|key| &key.public)
}

/// The federated identity that an assertion of somebody else fits, with a signature of that issuer.
fn speaker<'a>(
    client: &'a Client,
    assertion: &'a Assertion<'a>,
    published: &'a PublishedKeys,
) -> Result<&'a Credential, AssertionRefusal> {
    let all = client.credentials.iter().filter_map(|one| match &one.proof {
        Proof::Federated(identity) => Some((one, &**identity)),
        Proof::Secret(_) | Proof::Key(_) => None,
    });
    let mut by_issuer: Vec<(&Credential, &FederatedIdentity)> =
        all.filter(|one| one.1.issuer == assertion.issuer).collect();
    if by_issuer.is_empty() {
        return Err(AssertionRefusal::UnknownIssuer);
    }
    let is_meant = |identity: &FederatedIdentity| match &assertion.audience {
        Audience::One(name) => *name == identity.audience,
        // Clusters write a list even of one.
        Audience::Several(names) => matches!(&names[..], [name] if *name == identity.audience),
    };
    // The one that is meant comes first: the keys of the others may use up what is tried.
    by_issuer.sort_by_key(|one| one.1.subject != assertion.subject || !is_meant(one.1));
    let mut tries = Tries::of(assertion);
    let signed = |identity: &'a FederatedIdentity, tries: &mut Tries<'a>| {
        let keys = match &identity.keys {
            Some(pasted) => pasted.as_slice(),
            None => published
                .get(&identity.issuer)
                .map(|keys| keys.as_slice())
                .unwrap_or_default(),
        };
        of_name(keys, assertion.header("kid")).any(|key| tries.is_signed_by(key))
    };
    // What the issuer did not sign tells nothing about who is registered.
    if !by_issuer.iter().any(|one| signed(one.1, &mut tries)) {
        return Err(tries.refusal());
    }
    let by_subject: Vec<_> = by_issuer
        .into_iter()
        .filter(|one| one.1.subject == assertion.subject)
        .collect();
    if by_subject.is_empty() {
        return Err(AssertionRefusal::UnknownSubject);
    }
    let mut found = by_subject.into_iter().filter(|one| is_meant(one.1)).peekable();
    if found.peek().is_none() {
        return Err(AssertionRefusal::UnknownAudience);
    }
    let found = found.find(|one| signed(one.1, &mut tries));
    found.map(|one| one.0).ok_or_else(|| tries.refusal())
}

/// Why no resource can be chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TargetRefusal {
    /// None was named and the client has not exactly one.
    Ambiguous,
    /// The named one is unknown or not granted.
    NotGranted,
}

impl AuthenticatedClient {
    /// Possession is proved; whether the credential counts now, and from there.
    fn by(
        client: Arc<Client>,
        credential: &Credential,
        (from, now): (IpAddr, DateTime<Utc>),
    ) -> Result<Self, Refusal> {
        if credential.expires_at <= now {
            return Err(Refusal::Expired(credential.id));
        }
        if client.networks.place(from) == Place::Refused {
            return Err(Refusal::Network(credential.id));
        }
        if is_suspended(credential.suspended_until, now) {
            return Err(Refusal::Suspended(credential.id));
        }
        Ok(Self {
            client,
            credential_id: credential.id,
            kind: credential.proof.kind(),
            expires_at: credential.expires_at,
            awaits_first_use: credential.awaits_first_use,
            status_index: credential.status_index,
            secret_digest: match &credential.proof {
                Proof::Secret(digest) => Some(*digest),
                Proof::Key(_) | Proof::Federated(_) => None,
            },
        })
    }

    /// The client id.
    pub fn client_id(&self) -> Uuid {
        self.client.client_id
    }

    /// The credential that was proved.
    pub fn credential_id(&self) -> Uuid {
        self.credential_id
    }

    /// Whether this is the first use of a secret that was made in an exchange: it has to be written down before it counts.
    pub fn awaits_first_use(&self) -> bool {
        self.awaits_first_use
    }

    /// From this instant on that secret is refused; `None` when it was no secret that was proved.
    pub fn secret_expires_at(&self) -> Option<DateTime<Utc>> {
        (self.kind == CredentialKind::Secret).then_some(self.expires_at)
    }

    /// What kind of credential that is.
    pub fn credential_kind(&self) -> CredentialKind {
        self.kind
    }

    /// What the application must do beyond the standard.
    pub fn profile(&self) -> Profile {
        self.client.profile
    }

    /// The digest by which a secret is stored, if it was a secret: one under an earlier version of the pepper can be renewed
    /// now.
    pub fn secret_digest(&self) -> Option<&Digest> {
        self.secret_digest.as_ref()
    }

    /// The place of that credential in the token status list.
    pub fn status_index(&self) -> i64 {
        self.status_index
    }

    /// Whether its tokens must be bound to a key: by its own setting (RFC 9449 §5.2), or by its profile (FAPI 2.0 §5.3.2.1).
    pub fn needs_bound_tokens(&self) -> bool {
        self.client.dpop_bound_access_tokens || self.client.profile == Profile::Fapi2
    }

    /// Whether it asks from elsewhere than it should, which is only to be recorded.
    pub fn is_reported(&self, from: IpAddr) -> bool {
        self.client.networks.place(from) == Place::Reported
    }

    /// The grant for the named resource, or the only one there is.
    pub fn grant(&self, indicator: Option<&str>) -> Result<Arc<Grant>, TargetRefusal> {
        let grants = &self.client.grants;
        match indicator {
            Some(named) => grants
                .iter()
                .find(|grant| grant.resource.is_named_by(named))
                .ok_or(TargetRefusal::NotGranted),
            None if grants.len() == 1 => grants.first().ok_or(TargetRefusal::Ambiguous),
            None => Err(TargetRefusal::Ambiguous),
        }
        .cloned()
    }
}
