//! Webhooks: an organisation's subscriptions to events on its secrets.

use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::prelude::*;
use domain::{audit::Entry, webhook::WebhookEvent};
use uuid::Uuid;

use crate::{
    Store, StoreError,
    database::{
        ids::parse_id,
        schema::{organisations, webhook_deliveries, webhooks},
    },
    error::require_rows,
};

/// Limit per organisation.
const PER_ORGANISATION: i64 = 10;

/// A webhook: a URL and the subscribed event types.
#[derive(Clone, Debug)]
pub struct Webhook {
    /// Permanent identifier.
    pub id: Uuid,
    /// Its organisation.
    pub organisation_id: Uuid,
    /// The receiver's URL.
    pub url: String,
    /// The subscribed event types.
    pub events: Vec<WebhookEvent>,
    /// The key that signs payloads, sealed.
    pub signing_key: Vec<u8>,
    /// Who created it.
    pub created_by: String,
    /// When it was created.
    pub created_at: DateTime<Utc>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = webhooks)]
pub(crate) struct Row {
    id: String,
    organisation_id: String,
    url: String,
    events: String,
    signing_key: Vec<u8>,
    created_by: String,
    created_at: NaiveDateTime,
}

impl Store {
    /// Adds a webhook to an organisation.
    pub async fn create_webhook(&self, new: Webhook, entry: Entry) -> Result<(), StoreError> {
        self.audited(entry, move |connection| {
            let organisation = new.organisation_id.to_string();
            // Locking the organisation's row serialises concurrent additions.
            let owner = diesel::update(organisations::table.find(&organisation))
                .set(organisations::id.eq(&organisation));
            require_rows(owner.execute(connection)?)?;
            let own = webhooks::table.filter(webhooks::organisation_id.eq(&organisation));
            if own.count().get_result::<i64>(connection)? >= PER_ORGANISATION {
                return Err(StoreError::Forbidden(
                    "an organisation has ten webhooks at most: delete one first",
                ));
            }
            let events: Vec<&str> = new.events.iter().map(|event| event.as_str()).collect();
            let row = (
                webhooks::id.eq(new.id.to_string()),
                webhooks::organisation_id.eq(&organisation),
                webhooks::url.eq(new.url),
                webhooks::events.eq(events.join(" ")),
                webhooks::signing_key.eq(new.signing_key),
                webhooks::created_by.eq(new.created_by),
                webhooks::created_at.eq(new.created_at.naive_utc()),
            );
            diesel::insert_into(webhooks::table)
                .values(row)
                .execute(connection)?;
            Ok(())
        })
        .await
    }

    /// The webhooks of an organisation, the oldest first.
    pub async fn webhooks(&self, organisation_id: Uuid) -> Result<Vec<Webhook>, StoreError> {
        self.run(move |connection| {
            let rows = webhooks::table
                .filter(webhooks::organisation_id.eq(organisation_id.to_string()))
                .order((webhooks::created_at, webhooks::id))
                .select(Row::as_select())
                .load(connection)?;
            rows.into_iter().map(webhook).collect()
        })
        .await
    }

    /// Deletes a webhook with its pending deliveries.
    pub async fn delete_webhook(
        &self,
        organisation_id: Uuid,
        id: Uuid,
        entry: Entry,
    ) -> Result<(), StoreError> {
        self.audited(entry, move |connection| {
            let own = || {
                let one = webhooks::table.find(id.to_string());
                one.filter(webhooks::organisation_id.eq(organisation_id.to_string()))
            };
            let told = webhook_deliveries::webhook_id.eq_any(own().select(webhooks::id));
            diesel::delete(webhook_deliveries::table.filter(told)).execute(connection)?;
            require_rows(diesel::delete(own()).execute(connection)?)
        })
        .await
    }
}

pub(crate) fn webhook(row: Row) -> Result<Webhook, StoreError> {
    let event = |text: &str| WebhookEvent::parse(text).ok_or(StoreError::Corrupt("event"));
    Ok(Webhook {
        id: parse_id(&row.id)?,
        organisation_id: parse_id(&row.organisation_id)?,
        url: row.url,
        events: row
            .events
            .split_whitespace()
            .map(event)
            .collect::<Result<_, _>>()?,
        signing_key: row.signing_key,
        created_by: row.created_by,
        created_at: row.created_at.and_utc(),
    })
}
