//! Delivery of mails: a node claims a mail, loads the current state of what it is about, and settles the attempt.

use chrono::{DateTime, Utc};
use diesel::{Connection, OptionalExtension, prelude::*};
use domain::reminder::{DeliveryState, ReminderKind};
use uuid::Uuid;

pub use crate::outbox::claimed_mail::{About, ClaimedMail, JoinedMail, MailItem};
use crate::{
    Store, StoreError,
    database::{
        connection::AnyConnection,
        schema::{mails, reminders},
    },
    outbox::{
        claimed_mail::load,
        plans::{MailKind, NewMail, add_mail, add_reminder, own_mail},
        queue::{Attempt, Mails},
        stable_ids::stable_id,
    },
};

/// The outcome of a delivery attempt.
#[derive(Clone, Debug)]
pub enum Settlement {
    /// The receiving server accepted it.
    Sent,
    /// Suppressed: nothing is left to report.
    Suppressed,
    /// Permanent failure, and the fallback recipient.
    Failed {
        /// The mail server's response.
        error: String,
        /// The fallback recipient; nobody if that is the recipient.
        instead: Option<String>,
    },
    /// Temporary failure, to be retried.
    Retry {
        /// The error.
        error: String,
        /// When to retry.
        due_at: DateTime<Utc>,
        /// The fallback recipient meanwhile.
        instead: Option<String>,
    },
}

impl Settlement {
    /// The fallback recipient.
    fn instead(&self) -> Option<&str> {
        match self {
            Self::Failed { instead, .. } | Self::Retry { instead, .. } => instead.as_deref(),
            Self::Sent | Self::Suppressed => None,
        }
    }
}

impl Store {
    /// Due mails that are not claimed, the longest due first.
    pub async fn mails_due(&self, now: DateTime<Utc>, limit: i64) -> Result<Vec<Uuid>, StoreError> {
        self.run_to_end(move |connection| Mails::due(connection, now, limit))
            .await
    }

    /// Claims a mail until an instant; `None` if another node has claimed it.
    pub async fn claim_mail(
        &self,
        id: Uuid,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<Option<ClaimedMail>, StoreError> {
        self.write_to_end(
            move |connection| match Mails::claim(connection, id, now, until)? {
                true => load(connection, id, now, until).map(Some),
                false => Ok(None),
            },
        )
        .await
    }

    /// Records the outcome, and which reminders were suppressed. If this node's claim has ended meanwhile, only
    /// `Sent` is recorded.
    pub async fn settle_mail(
        &self,
        mail: &ClaimedMail,
        settlement: Settlement,
        left_out: Vec<(Uuid, i32)>,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let (id, recipient, until) = (mail.id, mail.recipient.clone(), mail.claimed_until);
        let attempts = mail.attempts + 1;
        let is_told_instead = |item: &&MailItem| {
            let line = (item.facts.secret.id, item.threshold_days);
            settlement.instead().is_some() && !left_out.contains(&line)
        };
        let items: Vec<MailItem> = mail.items.iter().filter(is_told_instead).cloned().collect();
        self.write_to_end(move |connection| {
            connection.transaction(|connection| {
                if !settle(connection, (id, until), (attempts, &settlement), now)? {
                    return Ok(());
                }
                for (secret_id, threshold_days) in left_out {
                    suppress(connection, (secret_id, threshold_days), &recipient, now)?;
                }
                match settlement.instead() {
                    Some(other) => items
                        .iter()
                        .try_for_each(|item| tell_instead(connection, item, other, now)),
                    None => Ok(()),
                }
            })
        })
        .await
    }
}

/// `Sent` is recorded even if another node has claimed the mail meanwhile.
fn settle(
    connection: &mut AnyConnection,
    (id, until): (Uuid, DateTime<Utc>),
    (attempts, settlement): (i32, &Settlement),
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let (state, error, due_at) = match settlement {
        Settlement::Sent => (DeliveryState::Sent, None, None),
        Settlement::Suppressed => (DeliveryState::Suppressed, None, None),
        Settlement::Failed { error, .. } => (DeliveryState::Failed, Some(error.as_str()), None),
        Settlement::Retry { error, due_at, .. } => {
            (DeliveryState::Pending, Some(error.as_str()), Some(*due_at))
        }
    };
    let attempt = Attempt {
        state,
        attempts,
        error,
        due_at,
    };
    let held = (state != DeliveryState::Sent).then_some(until);
    let is_settled = Mails::settle(connection, (id, held), &attempt, now)?;
    if is_settled && state != DeliveryState::Pending {
        end(connection, id, &attempt, now)?;
    }
    Ok(is_settled)
}

/// Settles the mails merged into this one too, and deletes sealed content once it was sent or never will be.
fn end(
    connection: &mut AnyConnection,
    id: Uuid,
    attempt: &Attempt<'_>,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let end = (
        mails::state.eq(attempt.state.as_str()),
        mails::state_at.eq(now.naive_utc()),
        mails::last_error.eq(attempt.error),
    );
    let joined = mails::table
        .filter(mails::joined_to.eq(id.to_string()))
        .filter(mails::state.eq(DeliveryState::Pending.as_str()));
    diesel::update(joined).set(end).execute(connection)?;
    let told = mails::id
        .eq(id.to_string())
        .or(mails::joined_to.eq(id.to_string()));
    diesel::update(mails::table.filter(told))
        .set(mails::sealed.eq(None::<Vec<u8>>))
        .execute(connection)?;
    Ok(())
}

fn suppress(
    connection: &mut AnyConnection,
    (secret_id, threshold_days): (Uuid, i32),
    recipient: &str,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let line = reminders::table.find((secret_id.to_string(), threshold_days, recipient));
    let gone = (reminders::suppressed.eq(true), reminders::at.eq(now.naive_utc()));
    diesel::update(line).set(gone).execute(connection)?;
    Ok(())
}

/// Queues a reminder for a fallback recipient, unless that one has it already.
fn tell_instead(
    connection: &mut AnyConnection,
    item: &MailItem,
    other: &str,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let line = (item.facts.secret.id, item.threshold_days, other);
    let told: Option<bool> = reminders::table
        .find((line.0.to_string(), item.threshold_days, other))
        .select(reminders::suppressed)
        .first(connection)
        .optional()?;
    if told.is_some() || item.kind == ReminderKind::Withdrawn {
        return Ok(());
    }
    let mail_id = own_mail(connection, line.0, item.threshold_days, other, now)?;
    add_reminder(connection, line, item.kind, Some(mail_id), now).map(drop)
}

/// A notice about an account rather than about secrets.
#[derive(Clone, Debug)]
pub struct Notice {
    /// Permanent; makes queueing idempotent.
    pub id: Uuid,
    /// The recipient's address.
    pub recipient: String,
    /// The kind of mail.
    pub kind: MailKind,
    /// Confidential content, sealed.
    pub sealed: Option<Vec<u8>>,
}

/// Queues a notice.
pub(crate) fn add_notice(
    connection: &mut AnyConnection,
    notice: Notice,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let mail = NewMail {
        id: notice.id.to_string(),
        recipient: &notice.recipient,
        kind: notice.kind,
        digest_day: None,
        due_at: now,
        sealed: notice.sealed,
        about: None,
    };
    add_mail(connection, mail, now).map(drop)
}

/// Queues a notice to a person, in the transaction of the change it is about.
pub(crate) fn add_notice_to(
    connection: &mut AnyConnection,
    (recipient, kind): (&str, MailKind),
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let notice = Notice {
        id: stable_id(&["notice", kind.as_str(), recipient, &now.to_rfc3339()]),
        recipient: recipient.to_owned(),
        kind,
        sealed: None,
    };
    add_notice(connection, notice, now)
}
