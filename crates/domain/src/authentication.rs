//! Client authentication: the only place that concludes that a client is who it claims to be.

use std::{collections::HashMap, net::IpAddr, sync::Arc};

use chrono::{DateTime, TimeDelta, Utc};
use jose::{Jws, PublicKey};
use oauth2_types::algorithm::Algorithm;
use ring::digest;
use uuid::Uuid;

use crate::{
    assertion::{Assertion, Audience},
    client::{Client, Grant, TargetRefusal},
    client_key::{ClientKey, RegisteredKey},
    credential::{Credential, CredentialKind, Proof},
    digest::Digest,
    federation::{FederatedIdentity, NamedKey},
    networks::NetworkVerdict,
    profile::Profile,
    suspension::is_suspended,
};

/// Allowed clock skew of a JWT's issuer, in seconds. FAPI 2.0 §5.3.2.1: 10 s must be accepted, more than 60 s
/// rejected.
const CLOCK_AHEAD: i64 = 60;
/// Tolerance of a JWT's lifetime in seconds, for the same reason.
const LONGER: i64 = 10;
/// The oldest accepted `iat` of a one-time JWT, in seconds.
const OLDEST: i64 = 3600;
/// The longest lifetime of a federated JWT: these are reused, and clusters issue them for a day.
const FEDERATED_LIFE: i64 = 25 * 3600;

/// A client that has proved possession of a live credential. Only this module constructs one.
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

/// Why a secret does not authenticate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// No secret of this client matches.
    NoMatch,
    /// The secret has expired.
    Expired(Uuid),
    /// The secret is suspended.
    Suspended(Uuid),
    /// The source is outside the allowed networks.
    Network(Uuid),
    /// It matches, but the application's profile requires keys.
    KeysOnly,
}

/// Authenticates a client by the digests of the presented secret. `from` is the source address.
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

/// An endpoint's rules for client assertions.
pub struct AssertionRules<'a> {
    /// Whether the endpoint accepts this `aud`.
    pub is_audience: &'a (dyn Fn(&str) -> bool + Sync),
    /// The longest lifetime: how far ahead `exp` may lie, in seconds.
    pub longest_life: i64,
    /// Whether this is an Entra endpoint, which accepts RS256 and certificate thumbprints, too weak for FAPI.
    pub like_entra: bool,
}

/// Cached keys of JWK Sets, by URL or issuer.
pub type PublishedKeys = HashMap<String, Arc<Vec<NamedKey>>>;

/// Why an assertion does not authenticate. Up to `Signature` no possession is proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AssertionRefusal {
    /// No key of this client matches its `kid` or its algorithm.
    UnknownKey,
    /// The signature verifies under none of the candidate keys; holds how many were checked.
    Signature(u32),
    /// No federated identity of the client has this issuer.
    UnknownIssuer,
    /// No federated identity with this issuer has this subject.
    UnknownSubject,
    /// No federated identity with this issuer and subject has this audience.
    UnknownAudience,
    /// Possession is proved, but the credential is refused.
    NotNow(Refusal),
    /// `aud` is not this endpoint alone.
    Audience,
    /// `exp` has passed.
    Past,
    /// `nbf` or `iat` lie too far ahead, `iat` too far back, or `exp` too far ahead.
    Times,
    /// No `jti`.
    NoId,
    /// Replayed: this `jti` was used before.
    Replayed,
    /// The application's profile does not allow this credential, or not at this endpoint.
    Profile,
}

/// An assertion that authenticates the client, unless it is replayed.
#[derive(Debug)]
pub struct VerifiedAssertion {
    client: AuthenticatedClient,
    /// The digest for replay protection, and how long to keep it; `None` if the assertion may be reused.
    pub replay_key: Option<(Digest, DateTime<Utc>)>,
}

impl VerifiedAssertion {
    /// The authenticated client, if this is the assertion's first use.
    pub fn unless_replayed(self, is_first_use: bool) -> Result<AuthenticatedClient, AssertionRefusal> {
        match self.replay_key {
            Some(_) if !is_first_use => Err(AssertionRefusal::Replayed),
            _ => Ok(self.client),
        }
    }
}

/// Verifies a client assertion, self-issued or federated. The signature comes first, so that only holders of the key
/// learn what else is wrong.
pub fn verify_assertion(
    client: &Arc<Client>,
    assertion: &Assertion<'_>,
    (rules, published): (&AssertionRules<'_>, &PublishedKeys),
    (from, now): (IpAddr, DateTime<Utc>),
) -> Result<VerifiedAssertion, AssertionRefusal> {
    let is_federated = assertion.is_federated();
    let credential = match is_federated {
        true => federated_credential(client, assertion, published)?,
        false => signer(client, assertion, (rules, published))?,
    };
    let proved = AuthenticatedClient::by(Arc::clone(client), credential, (from, now))
        .map_err(AssertionRefusal::NotNow)?;
    if client.profile == Profile::Fapi2 && (is_federated || rules.like_entra) {
        return Err(AssertionRefusal::Profile);
    }
    let replay_key = match is_federated {
        true => {
            check_times(assertion, (FEDERATED_LIFE, FEDERATED_LIFE), now)?;
            None
        }
        false => {
            check_own(assertion, rules, now)?;
            Some(replay_key(client.client_id, assertion)?)
        }
    };
    Ok(VerifiedAssertion {
        client: proved,
        replay_key,
    })
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

/// The replay key of (client, `jti`), and until when it must be kept.
fn replay_key(
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

/// The most keys that one assertion is verified against: a check takes up to half a millisecond, and whoever
/// registers keys decides how many share a `kid` or have none.
const MOST_TRIES: u32 = 10;

/// The keys that an assertion was verified against, each once.
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

    /// Whether the signature verifies under this key; false once the limit of tries is reached.
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

/// The credential whose key verifies the signature.
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

/// Whether the header selects this key. Without any key identifier every key is tried: a client has few.
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
            // Where a thumbprint identifies the certificate, `kid` is ignored: libraries put other forms of the
            // thumbprint there.
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

/// A thumbprint as base64url without padding: libraries add padding, which RFC 7515 §2 forbids (MSAL for Python), or
/// use plain base64.
fn in_base64url(thumbprint: &str) -> String {
    let thumbprint = thumbprint.trim_end_matches('=');
    thumbprint.replace('+', "-").replace('/', "_")
}

/// Whether the key may be used with the assertion's algorithm: RS256 is for certificates at Entra endpoints, as
/// Microsoft's libraries use them.
fn may_sign(key: &RegisteredKey, assertion: &Assertion<'_>, rules: &AssertionRules<'_>) -> bool {
    assertion.jws.algorithm != Algorithm::RS256 || (rules.like_entra && key.certificate.is_some())
}

/// The keys of a set with this `kid`, or all of them without one.
fn of_name<'a>(keys: &'a [NamedKey], kid: Option<&str>) -> impl Iterator<Item = &'a PublicKey> {
    let meant = move |key: &&NamedKey| kid.is_none_or(|kid| key.kid.as_deref() == Some(kid));
    keys.iter().filter(meant).map(|key| &key.public)
}

/// The federated identity that an assertion matches, with a valid signature of its issuer.
fn federated_credential<'a>(
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
        // Clusters write a single audience as a list.
        Audience::Several(names) => matches!(&names[..], [name] if *name == identity.audience),
    };
    // The matching identity comes first, as the keys of others could use up the tries.
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
    // Without the issuer's signature nothing is disclosed about registered identities.
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

impl AuthenticatedClient {
    /// Checks a credential whose possession is proved: its expiry, suspension, and the allowed networks.
    fn by(
        client: Arc<Client>,
        credential: &Credential,
        (from, now): (IpAddr, DateTime<Utc>),
    ) -> Result<Self, Refusal> {
        if credential.expires_at <= now {
            return Err(Refusal::Expired(credential.id));
        }
        if client.networks.verdict(from) == NetworkVerdict::Refused {
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

    /// The credential that authenticated it.
    pub fn credential_id(&self) -> Uuid {
        self.credential_id
    }

    /// Whether this is the first use of a secret created by rotation, which must be recorded before it counts.
    pub fn awaits_first_use(&self) -> bool {
        self.awaits_first_use
    }

    /// When the authenticating secret expires; `None` for other credentials.
    pub fn secret_expires_at(&self) -> Option<DateTime<Utc>> {
        (self.kind == CredentialKind::Secret).then_some(self.expires_at)
    }

    /// The kind of that credential.
    pub fn credential_kind(&self) -> CredentialKind {
        self.kind
    }

    /// The application's security profile.
    pub fn profile(&self) -> Profile {
        self.client.profile
    }

    /// The stored digest of the authenticating secret; one under an earlier pepper version can be rehashed now.
    pub fn secret_digest(&self) -> Option<&Digest> {
        self.secret_digest.as_ref()
    }

    /// The credential's index in the token status list.
    pub fn status_index(&self) -> i64 {
        self.status_index
    }

    /// Whether its tokens must be sender-constrained: by its own setting (RFC 9449 §5.2), or by its profile (FAPI 2.0
    /// §5.3.2.1).
    pub fn needs_bound_tokens(&self) -> bool {
        self.client.dpop_bound_access_tokens || self.client.profile == Profile::Fapi2
    }

    /// Whether the source is outside the allowed networks in report-only mode.
    pub fn is_reported(&self, from: IpAddr) -> bool {
        self.client.networks.verdict(from) == NetworkVerdict::Reported
    }

    /// The grant for the requested resource, or the only one there is.
    pub fn grant(&self, indicator: Option<&str>) -> Result<Arc<Grant>, TargetRefusal> {
        self.client.grant(indicator)
    }
}
