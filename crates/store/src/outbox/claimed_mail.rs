//! A claimed mail with its current content.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::prelude::*;
use domain::reminder::{DeliveryState, ReminderKind};
use uuid::Uuid;

use crate::{
    StoreError,
    database::{
        connection::AnyConnection,
        ids::parse_id,
        schema::{mails, reminders},
    },
    outbox::plans::MailKind,
    secrets::secret_facts::{SecretFacts, facts},
};

/// A mail that only this node may send until the claim ends.
#[derive(Clone, Debug)]
pub struct ClaimedMail {
    /// Permanent; the Message-ID is derived from it.
    pub id: Uuid,
    /// The recipient's address.
    pub recipient: String,
    /// The kind of mail.
    pub kind: MailKind,
    /// When it was queued.
    pub created_at: DateTime<Utc>,
    /// Earlier delivery attempts.
    pub attempts: i32,
    /// The reminders that it contains.
    pub items: Vec<MailItem>,
    /// Confidential content, sealed and bound to the mail's id.
    pub sealed: Option<Vec<u8>>,
    /// For a notice about one credential: the event.
    pub about: Option<About>,
    /// Mails of the same kind that were merged into this one, oldest first. Their reminders are among the items.
    pub joined: Vec<JoinedMail>,
    pub(crate) claimed_until: DateTime<Utc>,
}

/// A mail whose content was merged into another.
#[derive(Clone, Debug)]
pub struct JoinedMail {
    /// Permanent; the sealed content is bound to it.
    pub id: Uuid,
    /// When it was queued.
    pub created_at: DateTime<Utc>,
    /// Confidential content, sealed.
    pub sealed: Option<Vec<u8>>,
    /// For a notice about one credential: the event.
    pub about: Option<About>,
}

/// An event on a credential.
#[derive(Clone, Debug)]
pub struct About {
    /// The actor.
    pub actor: String,
    /// The source address; empty if unknown.
    pub source: String,
    /// The credential as it is now.
    pub facts: SecretFacts,
}

/// One reminder in a mail.
#[derive(Clone, Debug)]
pub struct MailItem {
    /// The threshold in days.
    pub threshold_days: i32,
    /// The kind of reminder.
    pub kind: ReminderKind,
    /// The secret as it is now.
    pub facts: SecretFacts,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = mails)]
struct MailRow {
    recipient: String,
    kind: String,
    created_at: NaiveDateTime,
    attempts: i32,
    sealed: Option<Vec<u8>>,
    #[diesel(embed)]
    about: AboutRow,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = mails)]
struct JoinedRow {
    id: String,
    created_at: NaiveDateTime,
    sealed: Option<Vec<u8>>,
    #[diesel(embed)]
    about: AboutRow,
}

/// The credential of a notice, and the event's actor and source.
#[derive(Queryable, Selectable)]
#[diesel(table_name = mails)]
struct AboutRow {
    secret_id: Option<String>,
    actor: Option<String>,
    source: Option<String>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = reminders)]
struct LineRow {
    secret_id: String,
    threshold_days: i32,
    kind: String,
}

pub(super) fn load(
    connection: &mut AnyConnection,
    id: Uuid,
    now: DateTime<Utc>,
    claimed_until: DateTime<Utc>,
) -> Result<ClaimedMail, StoreError> {
    let mail = mails::table
        .find(id.to_string())
        .select(MailRow::as_select())
        .first(connection)?;
    let about = about(connection, mail.about, now)?;
    let joined = joined(connection, id, now)?;
    let mail_ids = std::iter::once(id).chain(joined.iter().map(|one| one.id));
    let mail_ids: Vec<String> = mail_ids.map(|id| id.to_string()).collect();
    let lines = reminders::table
        .filter(reminders::mail_id.eq_any(mail_ids))
        .filter(reminders::suppressed.eq(false))
        .order(reminders::threshold_days.desc())
        .select(LineRow::as_select())
        .load(connection)?;
    Ok(ClaimedMail {
        id,
        recipient: mail.recipient,
        kind: MailKind::parse(&mail.kind)?,
        created_at: mail.created_at.and_utc(),
        attempts: mail.attempts,
        items: items(connection, lines, now)?,
        sealed: mail.sealed,
        about,
        joined,
        claimed_until,
    })
}

/// The reminders of a mail; a secret may have several.
fn items(
    connection: &mut AnyConnection,
    lines: Vec<LineRow>,
    now: DateTime<Utc>,
) -> Result<Vec<MailItem>, StoreError> {
    let ids: BTreeSet<String> = lines.iter().map(|line| line.secret_id.clone()).collect();
    let mut told: HashMap<Uuid, Vec<(i32, ReminderKind)>> = HashMap::new();
    for line in lines {
        let kind = line.kind.parse();
        let kind = kind.map_err(|_| StoreError::Corrupt("kind of reminder"))?;
        let of_secret = told.entry(parse_id(&line.secret_id)?).or_default();
        of_secret.push((line.threshold_days, kind));
    }
    let mut items = Vec::new();
    for facts in facts(connection, ids.into_iter().collect(), now)? {
        for (threshold_days, kind) in told.remove(&facts.secret.id).unwrap_or_default() {
            items.push(MailItem {
                threshold_days,
                kind,
                facts: facts.clone(),
            });
        }
    }
    Ok(items)
}

fn about(
    connection: &mut AnyConnection,
    row: AboutRow,
    now: DateTime<Utc>,
) -> Result<Option<About>, StoreError> {
    let Some(secret_id) = row.secret_id else {
        return Ok(None);
    };
    let found = facts(connection, vec![secret_id], now)?.pop();
    Ok(found.map(|facts| About {
        actor: row.actor.unwrap_or_default(),
        source: row.source.unwrap_or_default(),
        facts,
    }))
}

fn joined(
    connection: &mut AnyConnection,
    id: Uuid,
    now: DateTime<Utc>,
) -> Result<Vec<JoinedMail>, StoreError> {
    let rows = mails::table
        .filter(mails::joined_to.eq(id.to_string()))
        .filter(mails::state.eq(DeliveryState::Pending.as_str()))
        .order((mails::created_at, mails::id))
        .select(JoinedRow::as_select())
        .load(connection)?;
    let one = |row: JoinedRow| {
        Ok(JoinedMail {
            id: parse_id(&row.id)?,
            created_at: row.created_at.and_utc(),
            sealed: row.sealed,
            about: about(connection, row.about, now)?,
        })
    };
    rows.into_iter().map(one).collect()
}
