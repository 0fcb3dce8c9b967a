//! What the WMDA team should look at, the most urgent first.

use actix_web::{HttpResponse, get};
use chrono::{DateTime, Utc};
use domain::{policy::Permission, secret};
use serde::Serialize;
use store::attention::{EndingSecret, Named};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    authorization::Allowed,
    collections::applications::ENOUGH_MANAGERS,
    documentation::openapi::Problems,
    http::{answer::ok, caller::Caller, problem::Problem},
    state::Management,
};

/// At most so many concerns of each kind.
const MOST: usize = 200;

/// Something to look at.
#[derive(Serialize, ToSchema)]
pub struct AttentionItem {
    /// The application concerned.
    pub client_id: Uuid,
    /// Its name.
    pub application_name: String,
    /// Its owner's name.
    pub organisation_name: String,
    /// What is the matter.
    #[serde(flatten)]
    pub concern: Concern,
}

/// What is the matter.
#[derive(Serialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Concern {
    /// An expired secret is still being tried: a system gets no token.
    SecretExpiredYetTried(EndingView),
    /// A secret expires within a month.
    SecretExpiring(EndingView),
    /// Fewer than two managers can sign in.
    TooFewManagers {
        /// How many can.
        able_managers: i64,
    },
}

/// A secret that ends.
#[derive(Serialize, ToSchema)]
pub struct EndingView {
    /// Its identifier.
    pub secret_id: Uuid,
    /// What the manager calls it.
    pub secret_name: String,
    /// From this instant on it is refused.
    pub expires_at: DateTime<Utc>,
    /// When it last got a token; null when it never did.
    pub last_used_at: Option<DateTime<Utc>>,
    /// When it was last presented after its expiry.
    pub tried_after_expiry_at: Option<DateTime<Utc>>,
}

/// The list; it has no pages.
#[derive(Serialize, ToSchema)]
pub struct AttentionList {
    /// Expired secrets that are still tried, secrets by expiry, applications by name; at most 200 of each.
    pub items: Vec<AttentionItem>,
    /// Whether that is all.
    pub complete: bool,
}

fn item(application: Named, concern: Concern) -> AttentionItem {
    AttentionItem {
        client_id: application.client_id,
        application_name: application.name,
        organisation_name: application.organisation_name,
        concern,
    }
}

fn ending(secret: EndingSecret, concern: fn(EndingView) -> Concern) -> AttentionItem {
    let view = EndingView {
        secret_id: secret.id,
        secret_name: secret.name,
        expires_at: secret.expires_at,
        last_used_at: secret.last_used_at,
        tried_after_expiry_at: secret.tried_after_expiry_at,
    };
    item(secret.application, concern(view))
}

fn of_secrets(
    found: Vec<EndingSecret>,
    concern: fn(EndingView) -> Concern,
) -> impl Iterator<Item = AttentionItem> {
    found.into_iter().take(MOST).map(move |one| ending(one, concern))
}

impl Management {
    /// What needs attention now.
    pub async fn attention(&self, _: &Allowed) -> Result<AttentionList, Problem> {
        let (now, limit) = (self.now(), MOST as i64 + 1);
        let tried = self.store.tried_secrets(now, limit).await?;
        let expiring = self
            .store
            .ending_secrets(now, secret::expiring_until(now), limit)
            .await?;
        let thin = self.store.thinly_managed(ENOUGH_MANAGERS as i64, limit).await?;
        let complete = [tried.len(), expiring.len(), thin.len()]
            .iter()
            .all(|count| *count <= MOST);
        let tried = of_secrets(tried, Concern::SecretExpiredYetTried);
        let expiring = of_secrets(expiring, Concern::SecretExpiring);
        let thin = thin
            .into_iter()
            .take(MOST)
            .map(|(application, able_managers)| item(application, Concern::TooFewManagers { able_managers }));
        Ok(AttentionList {
            items: tried.chain(expiring).chain(thin).collect(),
            complete,
        })
    }
}

/// Lists what needs attention: expired secrets that are still tried, secrets that expire soon, applications that too few people manage. Roles: admin, auditor.
#[utoipa::path(tag = "WMDA team", responses((status = 200, body = AttentionList), Problems))]
#[get("/attention")]
pub(crate) async fn list(caller: Caller) -> Result<HttpResponse, Problem> {
    let allowed = caller.may(Permission::ReadDirectory).await?;
    ok(caller.service.attention(&allowed).await)
}
