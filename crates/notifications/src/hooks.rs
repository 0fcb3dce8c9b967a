//! Delivery of webhooks, signed by Standard Webhooks (v1): `webhook-signature: v1,` and the base64 of HMAC-SHA-256
//! over `<webhook-id>.<webhook-timestamp>.<body>`; the key follows `whsec_`.

use std::sync::Arc;

use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::{SecondsFormat, TimeDelta};
use domain::{pepper::Pepper, webhook::parse_url};
use fetch::{ClientError, described};
use ring::hmac;
use serde_json::json;
use store::{
    StoreError,
    webhook_deliveries::{ClaimedDelivery, DeliveryOutcome},
};

use crate::{Notifier, notifier::backoff};

const BATCH: i64 = 50;
/// Limit of deliveries per pass, so that a slow receiver does not delay the rest for long.
const PER_PASS: usize = 200;
const CLAIM: TimeDelta = TimeDelta::minutes(2);
/// Attempts with exponential back-off of 1, 2, 4 … minutes: about a day and a half in all.
const ATTEMPTS: i32 = 11;

/// Settings from configuration.
#[derive(Clone, Copy, Debug)]
pub struct HookSettings {
    /// Whether receivers may be in a private network, or by plain http on this machine.
    pub allow_private: bool,
}

/// The HTTP client for webhooks can't be built.
#[derive(Debug, thiserror::Error)]
#[error("webhooks can't be sent: {0}")]
pub struct HookError(#[from] ClientError);

/// Signs and sends webhook deliveries.
pub struct HookSender {
    client: reqwest::Client,
    settings: HookSettings,
    pepper: Arc<Pepper>,
}

impl HookSender {
    /// A client that trusts the system's certificate authorities, follows no redirects and uses no proxy.
    pub fn new(settings: HookSettings, pepper: Arc<Pepper>) -> Result<Self, HookError> {
        let client = fetch::client(settings.allow_private)?;
        Ok(Self {
            client,
            settings,
            pepper,
        })
    }

    async fn send(&self, delivery: &ClaimedDelivery, timestamp: i64) -> Result<(), String> {
        let hook = &delivery.webhook;
        let url = parse_url(&hook.url, self.settings.allow_private).map_err(|error| error.to_string())?;
        let key = self.pepper.open(hook.id, &hook.signing_key);
        let key = key.ok_or("its signing key can't be read: the pepper lacks the version of that time")?;
        let (id, body) = (delivery.id.to_string(), body(delivery));
        let signed = format!("{id}.{timestamp}.{body}");
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), signed.as_bytes());
        let answer = self
            .client
            .post(url)
            .header("content-type", "application/json")
            .header("webhook-id", id)
            .header("webhook-timestamp", timestamp)
            .header("webhook-signature", format!("v1,{}", STANDARD.encode(tag)))
            .body(body)
            .send()
            .await
            .map_err(|error| described(&error))?;
        match answer.status() {
            status if status.is_success() => Ok(()),
            status => Err(format!("it answered {}", status.as_u16())),
        }
    }
}

/// The payload: the same bytes at each attempt, unless the secret itself changes meanwhile.
fn body(delivery: &ClaimedDelivery) -> String {
    let (facts, secret) = (&delivery.facts, &delivery.facts.secret);
    let time = |at: chrono::DateTime<chrono::Utc>| at.to_rfc3339_opts(SecondsFormat::Millis, true);
    json!({
        "type": delivery.event.as_str(),
        "timestamp": time(delivery.at),
        "data": {
            "organisation_id": facts.organisation_id,
            "client_id": facts.client_id,
            "application": facts.application,
            "secret_id": secret.id,
            "kind": secret.public.kind().as_str(),
            "name": secret.name,
            "hint": secret.hint,
            "created_by": secret.created_by,
            "created_at": time(secret.created_at),
            "expires_at": time(secret.expires_at),
            "suspended_until": secret.suspended_until.map(time),
        },
    })
    .to_string()
}

impl Notifier {
    /// Delivers due webhooks; returns the number of successes.
    pub async fn deliver_hooks(&self) -> Result<usize, StoreError> {
        let (mut made, mut tried) = (0, 0);
        while tried < PER_PASS {
            let before = tried;
            for id in self.store.deliveries_due(self.now(), BATCH).await? {
                let now = self.now();
                let Some(delivery) = self.store.claim_delivery(id, now, now + CLAIM).await? else {
                    continue;
                };
                tried += 1;
                let outcome = self.hooks.send(&delivery, now.timestamp()).await;
                made += usize::from(outcome.is_ok());
                let outcome = self.settled(&delivery, outcome);
                self.store.settle_delivery(&delivery, outcome, self.now()).await?;
            }
            if tried == before {
                break;
            }
        }
        // A later pass deletes what remains.
        if let Err(error) = self.store.forget_old_deliveries(self.now()).await {
            log::warn!("webhook deliveries that ended long ago could not be removed: {error}");
        }
        Ok(made)
    }

    fn settled(&self, delivery: &ClaimedDelivery, outcome: Result<(), String>) -> DeliveryOutcome {
        let Err(error) = outcome else {
            return DeliveryOutcome::Sent;
        };
        let (id, hook, event) = (delivery.id, delivery.webhook.id, delivery.event.as_str());
        if delivery.attempts + 1 >= ATTEMPTS {
            log::error!("webhook {hook}: {event} {id} is given up: {error}");
            return DeliveryOutcome::Failed(error);
        }
        log::warn!("webhook {hook}: {event} {id} is put off: {error}");
        DeliveryOutcome::Retry(error, self.now() + backoff(delivery.attempts))
    }
}
