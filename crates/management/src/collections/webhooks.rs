//! Webhooks of an organisation. The signing secret is shown in the response that creates one and nowhere else.

use actix_web::{HttpResponse, delete, get, post, web};
use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::{DateTime, Utc};
use domain::{
    audit_action::AuditAction,
    policy::Permission,
    random,
    webhook::{WebhookEvent, parse_url},
};
use serde::{Deserialize, Serialize};
use store::webhooks::Webhook;
use utoipa::ToSchema;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::{
    authorization::Allowed,
    documentation::openapi::Problems,
    http::{
        answer::{created, ok},
        body::{Body, id},
        caller::Caller,
        cursor::List,
        problem::Problem,
    },
    state::Management,
};

/// A new webhook.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewWebhook {
    /// https, on the public internet; at most 500 characters.
    #[schema(max_length = 500)]
    pub url: String,
    /// Of `secret.created`, `secret.deleted`, `secret.expiring` and `secret.expired`; all of them when left out.
    #[serde(default)]
    pub events: Option<Vec<String>>,
}

/// A webhook without its signing secret.
#[derive(Serialize, ToSchema)]
pub struct WebhookView {
    /// Permanent identifier.
    pub id: Uuid,
    /// Where events are sent.
    pub url: String,
    /// Which ones.
    pub events: Vec<&'static str>,
    /// Who made it.
    pub created_by: String,
    /// When.
    pub created_at: DateTime<Utc>,
}

/// A webhook with its signing secret, this once.
#[derive(Serialize, ToSchema)]
pub struct CreatedWebhook {
    /// All but the signing secret.
    #[serde(flatten)]
    pub view: WebhookView,
    /// `whsec_` and the base64 of the key; Standard Webhooks libraries take it as it is. Shown this once.
    pub signing_secret: String,
}

impl From<Webhook> for WebhookView {
    fn from(one: Webhook) -> Self {
        Self {
            id: one.id,
            url: one.url,
            events: one.events.into_iter().map(WebhookEvent::as_str).collect(),
            created_by: one.created_by,
            created_at: one.created_at,
        }
    }
}

fn parse_events(named: Option<Vec<String>>) -> Result<Vec<WebhookEvent>, Problem> {
    let Some(named) = named else {
        return Ok(WebhookEvent::ALL.to_vec());
    };
    let parsed: Option<Vec<WebhookEvent>> = named.iter().map(|text| WebhookEvent::parse(text)).collect();
    let wanted = |events: &Vec<WebhookEvent>| {
        let all = WebhookEvent::ALL.iter().copied();
        all.filter(|event| events.contains(event)).collect::<Vec<_>>()
    };
    match parsed.as_ref().map(wanted) {
        Some(events) if !events.is_empty() => Ok(events),
        _ => {
            let known: Vec<&str> = WebhookEvent::ALL.iter().map(|event| event.as_str()).collect();
            let text = format!("events holds one or more of {}", known.join(", "));
            Err(Problem::Invalid(text))
        }
    }
}

impl Management {
    /// Adds a webhook to an organisation.
    pub async fn create_webhook(
        &self,
        allowed: &Allowed,
        organisation_id: Uuid,
        new: NewWebhook,
    ) -> Result<CreatedWebhook, Problem> {
        let url = parse_url(&new.url, self.settings.allow_private_webhooks)
            .map_err(|error| Problem::Invalid(error.to_string()))?;
        let id = self.uuid()?;
        let key = Zeroizing::new(random::bytes::<32>(&*self.random)?);
        let webhook = Webhook {
            id,
            organisation_id,
            url: url.to_string(),
            events: parse_events(new.events)?,
            signing_key: self.pepper.seal(id, &*key, &*self.random)?,
            created_by: allowed.actor.clone(),
            created_at: self.now(),
        };
        let entry = self.done(allowed, AuditAction::WebhookCreate, object(organisation_id, id));
        self.store.create_webhook(webhook.clone(), entry).await?;
        Ok(CreatedWebhook {
            view: webhook.into(),
            signing_secret: format!("whsec_{}", STANDARD.encode(*key)),
        })
    }

    /// The webhooks of an organisation.
    pub async fn webhooks(
        &self,
        allowed: &Allowed,
        organisation_id: Uuid,
    ) -> Result<List<WebhookView>, Problem> {
        self.organisation(allowed, organisation_id).await?;
        let found = self.store.webhooks(organisation_id).await?;
        let items = found.into_iter().map(Into::into).collect();
        Ok(List { items, next: None })
    }

    /// Deletes a webhook with its pending deliveries.
    pub async fn delete_webhook(
        &self,
        allowed: &Allowed,
        organisation_id: Uuid,
        id: Uuid,
    ) -> Result<(), Problem> {
        let entry = self.done(allowed, AuditAction::WebhookDelete, object(organisation_id, id));
        Ok(self.store.delete_webhook(organisation_id, id, entry).await?)
    }
}

fn object(organisation_id: Uuid, id: Uuid) -> String {
    format!("organisation/{organisation_id}/webhook/{id}")
}

/// Adds a webhook and shows its signing secret, this once. Role: admin.
///
/// Requests are signed as Standard Webhooks has it: headers webhook-id, webhook-timestamp and webhook-signature, the last
/// one `v1,` and the base64 of HMAC-SHA-256 over id, timestamp and body, joined by full stops.
#[utoipa::path(tag = "WMDA team", params(("id" = Uuid, Path)), request_body = NewWebhook, responses((status = 201, body = CreatedWebhook), Problems))]
#[post("/organisations/{id}/webhooks")]
pub(crate) async fn create(
    caller: Caller,
    path: web::Path<String>,
    body: Body,
) -> Result<HttpResponse, Problem> {
    let allowed = caller.may(Permission::ManageDirectory).await?;
    let organisation_id = id(&path)?;
    let made = caller
        .service
        .create_webhook(&allowed, organisation_id, body.parse()?)
        .await?;
    let place = format!(
        "/api/v1/organisations/{organisation_id}/webhooks/{}",
        made.view.id
    );
    Ok(created(&place, &made))
}

/// Lists the webhooks of an organisation. Roles: admin, auditor.
#[utoipa::path(tag = "WMDA team", params(("id" = Uuid, Path)), responses((status = 200, body = List<WebhookView>), Problems))]
#[get("/organisations/{id}/webhooks")]
pub(crate) async fn list(caller: Caller, path: web::Path<String>) -> Result<HttpResponse, Problem> {
    let allowed = caller.may(Permission::ReadDirectory).await?;
    ok(caller.service.webhooks(&allowed, id(&path)?).await)
}

/// Ends a webhook. Role: admin.
#[utoipa::path(tag = "WMDA team", params(("id" = Uuid, Path), ("webhook_id" = Uuid, Path)), responses((status = 204), Problems))]
#[delete("/organisations/{id}/webhooks/{webhook_id}")]
pub(crate) async fn remove(
    caller: Caller,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, Problem> {
    let allowed = caller.may(Permission::ManageDirectory).await?;
    let (organisation_id, webhook_id) = (id(&path.0)?, id(&path.1)?);
    caller
        .service
        .delete_webhook(&allowed, organisation_id, webhook_id)
        .await?;
    Ok(HttpResponse::NoContent().finish())
}
