//! The WMDA team's list of concerns, the most urgent first.

use actix_web::{HttpResponse, get, post};
use chrono::{DateTime, TimeDelta, Utc};
use domain::{audit_action::AuditAction, credential::CredentialKind, policy::Permission, secret};
use serde::{Deserialize, Serialize};
use store::{
    attention::{EndingSecret, Named},
    failed_mails::FailedMail,
    leaks::LeakedSecret,
};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    authorization::Allowed,
    collections::applications::ENOUGH_MANAGERS,
    documentation::openapi::Problems,
    http::{
        answer::ok,
        body::Body,
        caller::Caller,
        problem::{Problem, named_in_body},
    },
    state::Management,
};

/// Limit of concerns of each kind.
const MOST: usize = 200;
/// For how long a leak report is shown.
const LEAKS_SHOWN: TimeDelta = TimeDelta::days(30);

/// Something to look at. What does not belong to its kind is null.
#[derive(Serialize, ToSchema)]
pub struct AttentionItem {
    /// What is the matter.
    pub kind: Concern,
    /// The application concerned.
    pub client_id: Uuid,
    /// Its name.
    pub application_name: String,
    /// Its owner's name.
    pub organisation_name: String,
    /// The secret, or other credential, concerned.
    pub secret_id: Option<Uuid>,
    /// What it is: `secret`, `key` or `federated`.
    pub credential_kind: Option<&'static str>,
    /// What the manager calls it.
    pub secret_name: Option<String>,
    /// From this instant on it is refused.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it last got a token; null when it never did.
    pub last_used_at: Option<DateTime<Utc>>,
    /// When it was last presented after its expiry.
    pub tried_after_expiry_at: Option<DateTime<Utc>>,
    /// When the WMDA team let it live on beyond its expiry.
    pub graced_at: Option<DateTime<Utc>>,
    /// Whether the WMDA team may do that now.
    pub can_get_grace: bool,
    /// When it was reported as leaked.
    pub leak_reported_at: Option<DateTime<Utc>>,
    /// The address that reported it.
    pub leak_reported_from: Option<String>,
    /// Until when it is suspended; of leaked secrets alone.
    pub suspended_until: Option<DateTime<Utc>>,
    /// When it was deleted; of leaked secrets alone.
    pub deleted_at: Option<DateTime<Utc>>,
    /// The address that it was presented from; null when that is not remembered.
    pub tried_after_expiry_from: Option<String>,
    /// The User-Agent that presented it.
    pub tried_after_expiry_with: Option<String>,
    /// How many managers can sign in.
    pub able_managers: Option<i64>,
}

impl AttentionItem {
    /// An item with the fields that all kinds share.
    fn new(kind: Concern, application: Named) -> Self {
        Self {
            kind,
            client_id: application.client_id,
            application_name: application.name,
            organisation_name: application.organisation_name,
            secret_id: None,
            credential_kind: None,
            secret_name: None,
            expires_at: None,
            last_used_at: None,
            tried_after_expiry_at: None,
            tried_after_expiry_from: None,
            tried_after_expiry_with: None,
            graced_at: None,
            can_get_grace: false,
            leak_reported_at: None,
            leak_reported_from: None,
            suspended_until: None,
            deleted_at: None,
            able_managers: None,
        }
    }
}

/// What is the matter.
#[derive(Clone, Copy, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Concern {
    /// A secret was reported as leaked, within the last 30 days.
    SecretLeaked,
    /// An expired secret is still presented: a system gets no token.
    SecretExpiredYetTried,
    /// A secret expires within a month.
    SecretExpiring,
    /// Fewer than two managers can sign in.
    TooFewManagers,
}

/// A mail that reached nobody in the last 30 days, and was not sent again.
#[derive(Serialize, ToSchema)]
pub struct FailedMailItem {
    /// Its identifier.
    pub id: Uuid,
    /// To whom it was.
    pub recipient: String,
    /// What it said: `reminders`, `invitation`, `password_changed` …
    pub kind: &'static str,
    /// When it was given up.
    pub failed_at: DateTime<Utc>,
    /// What the mail server said.
    pub error: Option<String>,
    /// Whether `wmda-auth notify --resend-failed` can send it again; else invite or reset the person anew.
    pub can_be_resent: bool,
}

/// How many items there are of each kind.
#[derive(Serialize, ToSchema)]
pub struct AttentionCounts {
    /// Secrets that were reported as leaked.
    pub secret_leaked: usize,
    /// Expired secrets that are still tried.
    pub secret_expired_yet_tried: usize,
    /// Secrets that expire within a month.
    pub secret_expiring: usize,
    /// Applications with fewer than two managers who can sign in.
    pub too_few_managers: usize,
    /// Applications with fewer than two managers that are left out until later.
    pub snoozed: i64,
    /// Mails that reached nobody.
    pub mail_failed: usize,
}

/// What to leave out for a while.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Snooze {
    /// `too_few_managers`; secrets can't be put off.
    pub kind: Concern,
    /// The applications.
    #[schema(min_items = 1, max_items = 200)]
    pub client_ids: Vec<Uuid>,
    /// For how many days; 0 shows them again.
    #[schema(maximum = 365)]
    pub days: u32,
}

/// The list; it has no pages.
#[derive(Serialize, ToSchema)]
pub struct AttentionList {
    /// Leaked secrets by report, expired ones that are still tried, secrets by expiry, applications by name; at most 200 of each.
    pub items: Vec<AttentionItem>,
    /// Mails that reached nobody, the last first; at most 200.
    pub failed_mails: Vec<FailedMailItem>,
    /// Whether that is all.
    pub complete: bool,
    /// How many items of each kind the list holds.
    pub counts: AttentionCounts,
}

fn of_secret(secret: EndingSecret, kind: Concern) -> AttentionItem {
    let (from, with) = secret
        .tried_after_expiry_origin
        .map(|origin| (origin.from, origin.with))
        .unzip();
    AttentionItem {
        secret_id: Some(secret.id),
        credential_kind: Some(secret.kind.as_str()),
        secret_name: Some(secret.name),
        expires_at: Some(secret.expires_at),
        last_used_at: secret.last_used_at,
        tried_after_expiry_at: secret.tried_after_expiry_at,
        tried_after_expiry_from: from,
        tried_after_expiry_with: with,
        graced_at: secret.graced_at,
        can_get_grace: secret.can_get_grace,
        ..AttentionItem::new(kind, secret.application)
    }
}

fn of_leak(secret: LeakedSecret) -> AttentionItem {
    AttentionItem {
        secret_id: Some(secret.id),
        credential_kind: Some(CredentialKind::Secret.as_str()),
        secret_name: Some(secret.name),
        expires_at: Some(secret.expires_at),
        leak_reported_at: Some(secret.reported_at),
        leak_reported_from: Some(secret.reported_from),
        suspended_until: secret.suspended_until,
        deleted_at: secret.deleted_at,
        ..AttentionItem::new(Concern::SecretLeaked, secret.application)
    }
}

fn of_managers((application, able_managers): (Named, i64)) -> AttentionItem {
    AttentionItem {
        able_managers: Some(able_managers),
        ..AttentionItem::new(Concern::TooFewManagers, application)
    }
}

fn of_mail(mail: FailedMail) -> FailedMailItem {
    FailedMailItem {
        id: mail.id,
        recipient: mail.recipient,
        kind: mail.kind.as_str(),
        failed_at: mail.failed_at,
        error: mail.error,
        can_be_resent: mail.can_be_resent,
    }
}

fn at_most<T>(found: Vec<T>, item: impl Fn(T) -> AttentionItem) -> Vec<AttentionItem> {
    found.into_iter().take(MOST).map(item).collect()
}

impl Management {
    /// The current concerns.
    pub async fn attention(&self, _: &Allowed) -> Result<AttentionList, Problem> {
        let (now, limit) = (self.now(), MOST as i64 + 1);
        let leaked = self.store.leaked_secrets(now - LEAKS_SHOWN, limit).await?;
        let tried = self.store.tried_secrets(now, limit).await?;
        let expiring = self
            .store
            .ending_secrets(now, secret::expiring_until(now), limit)
            .await?;
        let thin = self
            .store
            .thinly_managed(ENOUGH_MANAGERS as i64, now, limit)
            .await?;
        let failed = self.store.failed_mails(now, limit).await?;
        let complete = [
            leaked.len(),
            tried.len(),
            expiring.len(),
            thin.len(),
            failed.len(),
        ]
        .iter()
        .all(|count| *count <= MOST);
        let leaked = at_most(leaked, of_leak);
        let tried = at_most(tried, |one| of_secret(one, Concern::SecretExpiredYetTried));
        let expiring = at_most(expiring, |one| of_secret(one, Concern::SecretExpiring));
        let thin = at_most(thin, of_managers);
        let counts = AttentionCounts {
            secret_leaked: leaked.len(),
            secret_expired_yet_tried: tried.len(),
            secret_expiring: expiring.len(),
            too_few_managers: thin.len(),
            snoozed: self.store.snoozed_managers(now).await?,
            mail_failed: failed.len().min(MOST),
        };
        Ok(AttentionList {
            items: leaked
                .into_iter()
                .chain(tried)
                .chain(expiring)
                .chain(thin)
                .collect(),
            failed_mails: failed.into_iter().take(MOST).map(of_mail).collect(),
            complete,
            counts,
        })
    }

    /// Snoozes a concern for some days.
    pub async fn snooze(&self, allowed: &Allowed, wanted: Snooze) -> Result<(), Problem> {
        if !matches!(wanted.kind, Concern::TooFewManagers) {
            let remedy = "kind: only too_few_managers can be left out for a while";
            return Err(Problem::Invalid(remedy.to_owned()));
        }
        if !(1..=MOST).contains(&wanted.client_ids.len()) || wanted.days > 365 {
            let remedy = "send 1 to 200 client_ids, and at most 365 days";
            return Err(Problem::Invalid(remedy.to_owned()));
        }
        let ids: Vec<String> = wanted.client_ids.iter().map(Uuid::to_string).collect();
        let object = format!("attention/too_few_managers/{}", ids.join("+"));
        let entry = self.done(allowed, AuditAction::AttentionSnooze, object);
        let until = self.now() + TimeDelta::days(i64::from(wanted.days));
        let outcome = self.store.snooze_managers(wanted.client_ids, until, entry).await;
        outcome.map_err(named_in_body("application"))
    }
}

/// Lists what needs attention: secrets that were reported as leaked, expired secrets that are still tried, secrets that expire soon, applications that too few people manage, mails that reached nobody. Roles: admin, auditor.
#[utoipa::path(tag = "WMDA team", responses((status = 200, body = AttentionList), Problems))]
#[get("/attention")]
pub(crate) async fn list(caller: Caller) -> Result<HttpResponse, Problem> {
    let allowed = caller.may(Permission::ReadDirectory).await?;
    ok(caller.service.attention(&allowed).await)
}

/// Leaves out of the list for some days that applications have too few managers. Role: admin.
#[utoipa::path(tag = "WMDA team", request_body = Snooze, responses((status = 204), Problems))]
#[post("/attention/snooze")]
pub(crate) async fn snooze(caller: Caller, body: Body) -> Result<HttpResponse, Problem> {
    let allowed = caller.may(Permission::ManageDirectory).await?;
    caller.service.snooze(&allowed, body.parse()?).await?;
    Ok(HttpResponse::NoContent().finish())
}
