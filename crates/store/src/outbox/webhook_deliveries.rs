//! Webhook deliveries: queued in the transaction of the change, claimed and settled like mails.

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use diesel::prelude::*;
use domain::{reminder::DeliveryState, webhook::WebhookEvent};
use uuid::Uuid;

use crate::{
    Store, StoreError,
    database::{
        connection::AnyConnection,
        insert::unless_there,
        schema::{applications, client_secrets, webhook_deliveries as deliveries, webhooks},
    },
    outbox::{
        queue::{Attempt, Deliveries},
        stable_ids::stable_id,
        webhooks::{Row, Webhook, webhook},
    },
    secrets::secret_facts::{SecretFacts, facts},
};

/// Retention of settled deliveries, in days.
const KEPT_DAYS: i64 = 30;

/// A delivery that only this node may make until the claim ends.
#[derive(Clone, Debug)]
pub struct ClaimedDelivery {
    /// Permanent; receivers deduplicate by it.
    pub id: Uuid,
    /// The webhook.
    pub webhook: Webhook,
    /// The event type.
    pub event: WebhookEvent,
    /// When the event happened.
    pub at: DateTime<Utc>,
    /// Earlier delivery attempts.
    pub attempts: i32,
    /// The secret; the payload must omit what changes with time, so that each attempt sends the same.
    pub facts: SecretFacts,
    claimed_until: DateTime<Utc>,
}

/// The outcome of a delivery attempt.
#[derive(Clone, Debug)]
pub enum DeliveryOutcome {
    /// The receiver accepted it.
    Sent,
    /// Permanent failure, with the reason.
    Failed(String),
    /// Temporary failure, with the reason and when to retry.
    Retry(String, DateTime<Utc>),
}

impl Store {
    /// Due deliveries that are not claimed, the longest due first.
    pub async fn deliveries_due(&self, now: DateTime<Utc>, limit: i64) -> Result<Vec<Uuid>, StoreError> {
        self.run_to_end(move |connection| Deliveries::due(connection, now, limit))
            .await
    }

    /// Claims a delivery until an instant; `None` if another node has claimed it.
    pub async fn claim_delivery(
        &self,
        id: Uuid,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<Option<ClaimedDelivery>, StoreError> {
        self.write_to_end(
            move |connection| match Deliveries::claim(connection, id, now, until)? {
                true => load(connection, id, now, until).map(Some),
                false => Ok(None),
            },
        )
        .await
    }

    /// Records the outcome; only while this node holds the claim.
    pub async fn settle_delivery(
        &self,
        delivery: &ClaimedDelivery,
        outcome: DeliveryOutcome,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let held = (delivery.id, Some(delivery.claimed_until));
        let attempts = delivery.attempts + 1;
        self.write_to_end(move |connection| {
            let (state, error, due_at) = match &outcome {
                DeliveryOutcome::Sent => (DeliveryState::Sent, None, None),
                DeliveryOutcome::Failed(error) => (DeliveryState::Failed, Some(error.as_str()), None),
                DeliveryOutcome::Retry(error, due_at) => {
                    (DeliveryState::Pending, Some(error.as_str()), Some(*due_at))
                }
            };
            let attempt = Attempt {
                state,
                attempts,
                error,
                due_at,
            };
            Deliveries::settle(connection, held, &attempt, now).map(drop)
        })
        .await
    }

    /// Deletes deliveries settled long ago.
    pub async fn forget_old_deliveries(&self, now: DateTime<Utc>) -> Result<(), StoreError> {
        self.write_to_end(move |connection| {
            let old = deliveries::table
                .filter(deliveries::state.ne(DeliveryState::Pending.as_str()))
                .filter(deliveries::state_at.lt((now - TimeDelta::days(KEPT_DAYS)).naive_utc()));
            diesel::delete(old).execute(connection)?;
            Ok(())
        })
        .await
    }
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = deliveries)]
struct DeliveryRow {
    event: String,
    secret_id: String,
    created_at: NaiveDateTime,
    attempts: i32,
    #[diesel(embed)]
    webhook: Row,
}

fn load(
    connection: &mut AnyConnection,
    id: Uuid,
    now: DateTime<Utc>,
    claimed_until: DateTime<Utc>,
) -> Result<ClaimedDelivery, StoreError> {
    let row = deliveries::table
        .inner_join(webhooks::table)
        .filter(deliveries::id.eq(id.to_string()))
        .select(DeliveryRow::as_select())
        .first(connection)?;
    let facts = facts(connection, vec![row.secret_id], now)?.pop();
    Ok(ClaimedDelivery {
        id,
        webhook: webhook(row.webhook)?,
        event: WebhookEvent::parse(&row.event).ok_or(StoreError::Corrupt("event"))?,
        at: row.created_at.and_utc(),
        attempts: row.attempts,
        facts: facts.ok_or(StoreError::Missing)?,
        claimed_until,
    })
}

/// Queues an event for each webhook of the secret's organisation that subscribes to it.
pub(crate) fn queue(
    connection: &mut AnyConnection,
    secret_id: Uuid,
    event: WebhookEvent,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let secret_id = secret_id.to_string();
    let owner = client_secrets::table
        .inner_join(applications::table)
        .filter(client_secrets::id.eq(&secret_id))
        .select(applications::organisation_id);
    let hooks: Vec<(String, String)> = webhooks::table
        .filter(webhooks::organisation_id.eq_any(owner))
        .select((webhooks::id, webhooks::events))
        .load(connection)?;
    for (webhook_id, events) in hooks {
        if !events.split_whitespace().any(|wanted| wanted == event.as_str()) {
            continue;
        }
        let key = [&webhook_id, event.as_str(), &secret_id, &now.to_rfc3339()];
        let row = (
            deliveries::id.eq(stable_id(&key).to_string()),
            deliveries::webhook_id.eq(&webhook_id),
            deliveries::event.eq(event.as_str()),
            deliveries::secret_id.eq(&secret_id),
            deliveries::created_at.eq(now.naive_utc()),
            deliveries::state.eq(DeliveryState::Pending.as_str()),
            deliveries::state_at.eq(now.naive_utc()),
            deliveries::attempts.eq(0),
            deliveries::due_at.eq(now.naive_utc()),
        );
        unless_there(connection, |connection| {
            diesel::insert_into(deliveries::table)
                .values(row)
                .execute(connection)
        })?;
    }
    Ok(())
}
