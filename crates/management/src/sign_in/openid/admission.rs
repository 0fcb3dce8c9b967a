//! From the provider's redirect to a session: whose identity it is, and whether they may sign in.

use actix_web::cookie::Cookie;
use domain::{
    audit::Outcome,
    audit_action::AuditAction,
    user::{User, parse_email},
};
use store::StoreError;
use uuid::Uuid;

use super::{
    attempt::Attempt,
    provider::{Callback, Instant, Provider, Vouched},
    refusal::Refusal,
};
use crate::{
    sign_in::{
        attempts::{CountedIn, Origin},
        session::Proven,
    },
    state::Management,
};

/// The longest subject (OpenID Connect Core 1.0 section 2).
const LONGEST_SUBJECT: usize = 255;

/// Issuer and subject.
type Identity = (String, String);

/// The result of a provider's authentication response.
pub(super) enum Admitted {
    /// Signed in; holds the session token.
    SignedIn(String),
    /// The identity is bound to the person.
    Bound,
}

fn identity(provider: &Provider, vouched: &Vouched) -> Result<Identity, Refusal> {
    let subject = vouched.subject();
    if subject.is_empty() || subject.len() > LONGEST_SUBJECT || subject.chars().any(char::is_control) {
        return Err(Refusal::failed("the subject has an unknown form"));
    }
    Ok((provider.settings.issuer.to_string(), subject.to_owned()))
}

impl Management {
    /// Enables sign-in through this provider.
    pub fn with_provider(mut self, provider: Provider) -> Self {
        self.provider = Some(provider);
        self
    }

    fn instant(&self) -> Instant {
        Instant {
            wall: self.clock.now(),
            monotonic: self.clock.monotonic(),
        }
    }

    /// The authorization URL, and the cookie that binds the response to this browser. `binds` is the person who binds
    /// an identity, if any.
    pub(crate) async fn begin_openid(
        &self,
        provider: &Provider,
        binds: Option<Uuid>,
    ) -> Result<(String, Cookie<'static>), Refusal> {
        let attempt = Attempt::begin(&*self.random, self.now(), binds)?;
        let url = provider.authorization_url(&attempt, self.instant()).await?;
        Ok((url.into(), attempt.seal(&self.pepper, &*self.random)?))
    }

    /// Opens a session for the authenticated identity, or binds it to the person who asked for that; audits refusals.
    /// Only responses to attempts of this browser are counted, as other sites can send a browser to the callback.
    pub(super) async fn finish_openid(
        &self,
        provider: &Provider,
        from: &Origin,
        (sealed, answer): (Option<String>, Callback),
    ) -> Result<Admitted, Refusal> {
        let attempt = sealed.and_then(|sealed| Attempt::open(&sealed, &self.pepper, self.now()));
        let attempt = attempt.ok_or_else(|| Refusal::failed("no attempt of this browser is open"))?;
        let tag = |state: &str| self.pepper.tag("compare", state.as_bytes());
        if answer.state.as_deref().map(tag) != Some(tag(&attempt.state)) {
            return Err(Refusal::failed("the answer is to another attempt"));
        }
        let turn = self.turns.take(from.source).await?;
        let counted = self.count_source(from).await?;
        drop(turn);
        let binds = attempt.binds;
        // A slow provider must not hold the turns of password sign-ins.
        let asking = self.openid_turns.take(from.source).await?;
        let vouched = provider.identify(attempt, answer, self.instant()).await;
        drop(asking);
        let _turn = self.turns.take(from.source).await?;
        let vouched = match vouched {
            Ok(vouched) => vouched,
            Err(refusal) => return Err(self.refused(from, None, refusal).await),
        };
        let key = identity(provider, &vouched)?;
        match binds {
            Some(user_id) => self.bind_own(user_id, key, from).await,
            None => self.admit((provider, vouched), key, (from, counted)).await,
        }
    }

    async fn admit(
        &self,
        (provider, vouched): (&Provider, Vouched),
        key: Identity,
        (from, counted): (&Origin, CountedIn),
    ) -> Result<Admitted, Refusal> {
        let known = self.store.user_by_identity(key.0.clone(), key.1.clone()).await?;
        let is_bound = known.is_some();
        let user = match known {
            Some(user) => Some(user),
            None => self.invited(provider.verified_email(&vouched).await?).await?,
        };
        let Some(user) = user else {
            return Err(self.refused(from, None, Refusal::UnknownPerson).await);
        };
        if !self.may_sign_in(&user).await? {
            return Err(self.refused(from, Some(&user), Refusal::Disabled).await);
        }
        if !is_bound {
            // An enrolled person must consent (P-04): by signing in and binding the identity themself.
            let account = self.store.account(user.id).await?;
            if account.is_some_and(|account| account.has_password) {
                return Err(self.refused(from, Some(&user), Refusal::NotBound).await);
            }
            if !self.bind(&user, key, from).await? {
                return Err(self.refused(from, None, Refusal::UnknownPerson).await);
            }
        }
        let proven = Proven {
            user,
            action: AuditAction::SessionCreateByOpenid,
            counted,
        };
        Ok(Admitted::SignedIn(self.open_session(proven, from).await?.token))
    }

    /// Binds the identity to the person who re-authenticated in this browser a moment ago.
    async fn bind_own(&self, user_id: Uuid, key: Identity, from: &Origin) -> Result<Admitted, Refusal> {
        let user = self.store.user(user_id).await?;
        let user = user.ok_or_else(|| Refusal::failed("the person is gone"))?;
        if !self.may_sign_in(&user).await? {
            return Err(self.refused(from, Some(&user), Refusal::Disabled).await);
        }
        match self.bind(&user, key, from).await? {
            true => Ok(Admitted::Bound),
            false => Err(self.refused(from, Some(&user), Refusal::UnknownPerson).await),
        }
    }

    /// The person added by the WMDA team with this address.
    async fn invited(&self, email: Option<String>) -> Result<Option<User>, Refusal> {
        let Some(email) = email.and_then(|email| parse_email(&email).ok()) else {
            return Ok(None);
        };
        Ok(self.store.sign_in_record(email).await?.map(|known| known.user))
    }

    async fn may_sign_in(&self, user: &User) -> Result<bool, Refusal> {
        let organisation = match user.organisation_id {
            Some(id) => self.store.organisation(id).await?,
            None => None,
        };
        Ok(user.enabled && organisation.is_none_or(|one| one.enabled))
    }

    /// Binds the identity to a person who has none; false if they have another one.
    async fn bind(&self, user: &User, (issuer, subject): Identity, from: &Origin) -> Result<bool, Refusal> {
        let (place, object) = (from.source.0.to_string(), format!("user/{}", user.id));
        let entry = self.entry(
            (&user.email, &place),
            AuditAction::UserBindIdentity,
            object,
            Outcome::Done,
        );
        let key = (issuer.clone(), subject.clone());
        match self
            .store
            .bind_identity(user.email.clone(), key.0, key.1, entry)
            .await
        {
            Ok(()) => Ok(true),
            // Bound already: to another person, or to this one concurrently.
            Err(StoreError::Missing | StoreError::Conflict) => {
                let owner = self.store.user_by_identity(issuer, subject).await?;
                Ok(owner.is_some_and(|owner| owner.id == user.id))
            }
            Err(other) => Err(other.into()),
        }
    }

    /// Audits the refusal and returns it.
    async fn refused(&self, from: &Origin, user: Option<&User>, refusal: Refusal) -> Refusal {
        let place = from.source.0.to_string();
        let (actor, object) = match user {
            Some(user) => (user.email.as_str(), format!("user/{}", user.id)),
            None => ("unknown", "-".to_owned()),
        };
        let action = AuditAction::SessionCreateByOpenid;
        let entry = self.entry((actor, &place), action, object, Outcome::Denied);
        match self.store.record(entry).await {
            Ok(()) => refusal,
            Err(error) => error.into(),
        }
    }
}
