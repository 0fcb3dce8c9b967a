//! Sending what the outbox holds: a node claims a mail by a conditional update, looks at what it is about as it is now, and
//! settles it. A claim ends by itself, so that a node that dies holds nothing up.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::{Connection, OptionalExtension, prelude::*};
use domain::reminder::{DeliveryState, ReminderKind};
use uuid::Uuid;

use crate::{
    Store, StoreError,
    database::{
        connection::AnyConnection,
        ids::parse_id,
        schema::{mails, reminders},
    },
    outbox::{
        plans::{MailKind, NewMail, add_mail, add_reminder, own_mail},
        stable_ids::stable_id,
    },
    secrets::secret_facts::{SecretFacts, facts},
};

/// A mail that this node alone may send until the claim ends.
#[derive(Clone, Debug)]
pub struct ClaimedMail {
    /// Permanent: the Message-ID is made of it.
    pub id: Uuid,
    /// The address.
    pub recipient: String,
    /// What it says.
    pub kind: MailKind,
    /// When it was queued.
    pub created_at: DateTime<Utc>,
    /// How often it was tried before.
    pub attempts: i32,
    /// The secrets that it is about.
    pub items: Vec<MailItem>,
    /// What only the recipient may read; bound to the mail's id.
    pub sealed: Option<Vec<u8>>,
    /// What happened to one credential, where it tells of that.
    pub about: Option<About>,
    /// Mails of the same kind whose matter this one tells too, the oldest first. Their secrets are among the items.
    pub joined: Vec<JoinedMail>,
    pub(crate) claimed_until: DateTime<Utc>,
}

/// A mail whose matter another one tells.
#[derive(Clone, Debug)]
pub struct JoinedMail {
    /// Permanent: what is sealed is bound to it.
    pub id: Uuid,
    /// When it was queued.
    pub created_at: DateTime<Utc>,
    /// What only the recipient may read.
    pub sealed: Option<Vec<u8>>,
    /// What happened to one credential.
    pub about: Option<About>,
}

/// A credential to which something was done.
#[derive(Clone, Debug)]
pub struct About {
    /// By whom.
    pub actor: String,
    /// From where; empty where that was not written down.
    pub source: String,
    /// The credential as it is now.
    pub facts: SecretFacts,
}

/// One secret in a mail.
#[derive(Clone, Debug)]
pub struct MailItem {
    /// The threshold.
    pub threshold_days: i32,
    /// What is told.
    pub kind: ReminderKind,
    /// The secret as it is now.
    pub facts: SecretFacts,
}

/// How an attempt ended.
#[derive(Clone, Debug)]
pub enum Settlement {
    /// The receiving server took it.
    Sent,
    /// There is nothing left to say.
    Suppressed,
    /// Refused for good, and who is told instead.
    Failed {
        /// What the server said.
        error: String,
        /// Told instead; nobody when it is the recipient.
        instead: Option<String>,
    },
    /// To be tried again at this time.
    Retry {
        /// What went wrong.
        error: String,
        /// When.
        due_at: DateTime<Utc>,
        /// Told in the meantime.
        instead: Option<String>,
    },
}

impl Store {
    /// The mails that are due and not claimed, the longest due first.
    pub async fn mails_due(&self, now: DateTime<Utc>, limit: i64) -> Result<Vec<Uuid>, StoreError> {
        self.run_to_end(move |connection| {
            let ids: Vec<String> = mails::table
                .filter(mails::state.eq(DeliveryState::Pending.as_str()))
                .filter(mails::due_at.le(now.naive_utc()))
                .filter(mails::joined_to.is_null())
                .filter(
                    mails::claimed_until
                        .is_null()
                        .or(mails::claimed_until.le(now.naive_utc())),
                )
                .order((mails::due_at, mails::created_at))
                .limit(limit)
                .select(mails::id)
                .load(connection)?;
            ids.iter().map(|id| parse_id(id)).collect()
        })
        .await
    }

    /// Claims a mail until an instant; `None` when another node was faster.
    pub async fn claim_mail(
        &self,
        id: Uuid,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<Option<ClaimedMail>, StoreError> {
        self.write_to_end(move |connection| {
            let free = mails::table
                .find(id.to_string())
                .filter(mails::state.eq(DeliveryState::Pending.as_str()))
                .filter(mails::joined_to.is_null())
                .filter(
                    mails::claimed_until
                        .is_null()
                        .or(mails::claimed_until.le(now.naive_utc())),
                );
            let claim = mails::claimed_until.eq(Some(until.naive_utc()));
            match diesel::update(free).set(claim).execute(connection)? {
                0 => Ok(None),
                _ => load(connection, id, now, until).map(Some),
            }
        })
        .await
    }

    /// Writes down how it ended, and which of its lines were left out. A node whose claim has ended in the meantime
    /// changes nothing, except that what was sent stays sent.
    pub async fn settle_mail(
        &self,
        mail: &ClaimedMail,
        settlement: Settlement,
        left_out: Vec<(Uuid, i32)>,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let (id, recipient, until) = (mail.id, mail.recipient.clone(), mail.claimed_until);
        let attempts = mail.attempts + 1;
        let items: Vec<_> = mail
            .items
            .iter()
            .map(|item| (item.facts.secret.id, item.threshold_days, item.kind))
            .filter(|(secret_id, days, _)| !left_out.contains(&(*secret_id, *days)))
            .collect();
        self.write_to_end(move |connection| {
            connection.transaction(|connection| {
                if !settle(connection, (id, until, attempts), &settlement, now)? {
                    return Ok(());
                }
                for (secret_id, threshold_days) in left_out {
                    suppress(connection, (secret_id, threshold_days, &recipient), now)?;
                }
                if let Settlement::Failed {
                    instead: Some(other), ..
                }
                | Settlement::Retry {
                    instead: Some(other), ..
                } = &settlement
                {
                    for (secret_id, threshold_days, kind) in items {
                        tell_instead(connection, (secret_id, threshold_days, kind), other, now)?;
                    }
                }
                Ok(())
            })
        })
        .await
    }

    /// Gives a claim back untouched.
    pub async fn release_mail(&self, mail: &ClaimedMail) -> Result<(), StoreError> {
        let (id, until) = (mail.id.to_string(), mail.claimed_until.naive_utc());
        self.write_to_end(move |connection| {
            let own = mails::table.find(id).filter(mails::claimed_until.eq(Some(until)));
            diesel::update(own)
                .set(mails::claimed_until.eq(None::<NaiveDateTime>))
                .execute(connection)?;
            Ok(())
        })
        .await
    }
}

pub(crate) fn load(
    connection: &mut AnyConnection,
    id: Uuid,
    now: DateTime<Utc>,
    claimed_until: DateTime<Utc>,
) -> Result<ClaimedMail, StoreError> {
    type Matter = (Option<Vec<u8>>, AboutRow);
    type Own = (String, String, NaiveDateTime, i32, Matter);
    let (recipient, kind, created_at, attempts, matter): Own = mails::table
        .find(id.to_string())
        .select((
            mails::recipient,
            mails::kind,
            mails::created_at,
            mails::attempts,
            (mails::sealed, (mails::secret_id, mails::actor, mails::source)),
        ))
        .first(connection)?;
    let (sealed, matter) = matter;
    let about = about(connection, matter, now)?;
    let joined = joined(connection, id, now)?;
    let mail_ids = std::iter::once(id).chain(joined.iter().map(|one| one.id));
    let mail_ids: Vec<String> = mail_ids.map(|id| id.to_string()).collect();
    let lines: Vec<(String, i32, String)> = reminders::table
        .filter(reminders::mail_id.eq_any(mail_ids))
        .filter(reminders::suppressed.eq(false))
        .order(reminders::threshold_days.desc())
        .select((reminders::secret_id, reminders::threshold_days, reminders::kind))
        .load(connection)?;
    let items = items(connection, lines, now)?;
    Ok(ClaimedMail {
        id,
        recipient,
        kind: MailKind::parse(&kind)?,
        created_at: created_at.and_utc(),
        attempts,
        items,
        sealed,
        about,
        joined,
        claimed_until,
    })
}

/// What is told of each secret, which may be more than one thing.
fn items(
    connection: &mut AnyConnection,
    lines: Vec<(String, i32, String)>,
    now: DateTime<Utc>,
) -> Result<Vec<MailItem>, StoreError> {
    let ids: BTreeSet<String> = lines.iter().map(|line| line.0.clone()).collect();
    let mut told: HashMap<Uuid, Vec<(i32, ReminderKind)>> = HashMap::new();
    for (secret_id, days, kind) in lines {
        let kind = kind
            .parse()
            .map_err(|_| StoreError::Corrupt("kind of reminder"))?;
        told.entry(parse_id(&secret_id)?).or_default().push((days, kind));
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

/// Credential, by whom, from where.
type AboutRow = (Option<String>, Option<String>, Option<String>);

fn about(
    connection: &mut AnyConnection,
    (secret_id, actor, source): AboutRow,
    now: DateTime<Utc>,
) -> Result<Option<About>, StoreError> {
    let Some(secret_id) = secret_id else {
        return Ok(None);
    };
    let found = facts(connection, vec![secret_id], now)?.pop();
    Ok(found.map(|facts| About {
        actor: actor.unwrap_or_default(),
        source: source.unwrap_or_default(),
        facts,
    }))
}

fn joined(
    connection: &mut AnyConnection,
    id: Uuid,
    now: DateTime<Utc>,
) -> Result<Vec<JoinedMail>, StoreError> {
    type Row = (String, NaiveDateTime, Option<Vec<u8>>, AboutRow);
    let rows: Vec<Row> = mails::table
        .filter(mails::joined_to.eq(id.to_string()))
        .filter(mails::state.eq(DeliveryState::Pending.as_str()))
        .order((mails::created_at, mails::id))
        .select((
            mails::id,
            mails::created_at,
            mails::sealed,
            (mails::secret_id, mails::actor, mails::source),
        ))
        .load(connection)?;
    let one = |(id, created_at, sealed, matter): Row| {
        Ok(JoinedMail {
            id: parse_id(&id)?,
            created_at: created_at.and_utc(),
            sealed,
            about: about(connection, matter, now)?,
        })
    };
    rows.into_iter().map(one).collect()
}

fn settle(
    connection: &mut AnyConnection,
    (id, until, attempts): (Uuid, DateTime<Utc>, i32),
    settlement: &Settlement,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let (state, error, due_at) = match settlement {
        Settlement::Sent => (DeliveryState::Sent, None, None),
        Settlement::Suppressed => (DeliveryState::Suppressed, None, None),
        Settlement::Failed { error, .. } => (DeliveryState::Failed, Some(error), None),
        Settlement::Retry { error, due_at, .. } => (DeliveryState::Pending, Some(error), Some(due_at)),
    };
    let pending = mails::table
        .find(id.to_string())
        .filter(mails::state.eq(DeliveryState::Pending.as_str()));
    let own = mails::claimed_until.eq(Some(until.naive_utc()));
    let outcome = (
        mails::state.eq(state.as_str()),
        mails::state_at.eq(now.naive_utc()),
        mails::attempts.eq(attempts),
        mails::claimed_until.eq(None::<NaiveDateTime>),
        mails::last_error.eq(error),
    );
    let rows = match (settlement, due_at) {
        (Settlement::Sent, _) => diesel::update(pending).set(outcome).execute(connection)?,
        (_, Some(due_at)) => diesel::update(pending.filter(own))
            .set((outcome, mails::due_at.eq(due_at.naive_utc())))
            .execute(connection)?,
        (_, None) => diesel::update(pending.filter(own))
            .set(outcome)
            .execute(connection)?,
    };
    if rows == 1 && !matches!(settlement, Settlement::Retry { .. }) {
        let end = (
            mails::state.eq(state.as_str()),
            mails::state_at.eq(now.naive_utc()),
            mails::last_error.eq(error),
        );
        let joined = mails::table
            .filter(mails::joined_to.eq(id.to_string()))
            .filter(mails::state.eq(DeliveryState::Pending.as_str()));
        diesel::update(joined).set(end).execute(connection)?;
        // What was told, or never will be, is kept no longer.
        let told = mails::id
            .eq(id.to_string())
            .or(mails::joined_to.eq(id.to_string()));
        diesel::update(mails::table.filter(told))
            .set(mails::sealed.eq(None::<Vec<u8>>))
            .execute(connection)?;
    }
    Ok(rows == 1)
}

fn suppress(
    connection: &mut AnyConnection,
    (secret_id, threshold_days, recipient): (Uuid, i32, &str),
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let line = reminders::table.find((secret_id.to_string(), threshold_days, recipient));
    let gone = (reminders::suppressed.eq(true), reminders::at.eq(now.naive_utc()));
    diesel::update(line).set(gone).execute(connection)?;
    Ok(())
}

/// What could not be told to one is told to another, unless that one is told already.
fn tell_instead(
    connection: &mut AnyConnection,
    (secret_id, threshold_days, kind): (Uuid, i32, ReminderKind),
    other: &str,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let told: Option<bool> = reminders::table
        .find((secret_id.to_string(), threshold_days, other))
        .select(reminders::suppressed)
        .first(connection)
        .optional()?;
    if told.is_some() || kind == ReminderKind::Withdrawn {
        return Ok(());
    }
    let mail_id = own_mail(connection, secret_id, threshold_days, other, now)?;
    let line = (secret_id, threshold_days, other);
    add_reminder(connection, line, kind, Some(mail_id), now).map(drop)
}

/// A mail about an account, which is not about secrets.
#[derive(Clone, Debug)]
pub struct Notice {
    /// Permanent: a notice that is queued twice under one id is sent once.
    pub id: Uuid,
    /// The address.
    pub recipient: String,
    /// What it says.
    pub kind: MailKind,
    /// What only the recipient may read.
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

/// Queues a notice to a person about the change that is being made.
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
