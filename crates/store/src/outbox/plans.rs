//! Planning reminders: a plan and the mark on its secret are one transaction, so that two nodes never plan the same
//! reminder.

use std::collections::BTreeMap;

use chrono::{DateTime, Days, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Utc};
use diesel::{Connection, prelude::*};
use domain::{
    reminder::{DeliveryState, ReminderKind, WITHDRAWN},
    webhook::WebhookEvent,
};
use uuid::Uuid;

use crate::{
    Store, StoreError,
    database::{
        connection::AnyConnection,
        insert::unless_there,
        schema::{client_secrets, mails, reminders},
    },
    outbox::{stable_ids::stable_id, webhook_deliveries},
};

/// How many days ahead a digest may be postponed: more than one only after a clock was set back.
const DIGEST_DAYS: u64 = 400;

/// The reminder to be queued for one secret.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The secret.
    pub secret_id: Uuid,
    /// The threshold that was reached.
    pub threshold_days: i32,
    /// The kind of reminder.
    pub kind: ReminderKind,
    /// Urgent: a mail of its own, at once; otherwise part of the recipient's next digest.
    pub urgent: bool,
    /// The recipients.
    pub recipients: Vec<String>,
    /// Suppressed thresholds and recipients.
    pub suppressed: Vec<(i32, String)>,
    /// The event for the organisation's webhooks.
    pub event: Option<WebhookEvent>,
}

/// The kind of a mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailKind {
    /// Reminders for one secret or more.
    Reminders,
    /// The person's password was changed.
    PasswordChanged,
    /// The person's authenticator was changed.
    AuthenticatorChanged,
    /// The person's recovery codes were replaced.
    RecoveryCodesReplaced,
    /// An identity of the external provider was bound to the person's account.
    IdentityBound,
    /// The enrolment link for a new person, sealed.
    Invitation,
    /// The enrolment link after a reset of password or authenticator, sealed.
    Reset,
    /// To the account's owner: sign-in is blocked after too many failures.
    SignInBlocked,
    /// The same to the WMDA team; the account is sealed.
    SignInBlockedOf,
    /// A credential was suspended.
    SecretSuspended,
    /// A suspension was taken back.
    SecretResumed,
    /// A system rotated a secret.
    SecretRotated,
    /// The WMDA team granted a secret a grace period.
    SecretGraced,
    /// A credential's published keys can't be fetched.
    KeysUnreachable,
    /// A credential was created.
    SecretCreated,
    /// A credential was deleted.
    SecretDeleted,
    /// A secret was reported as leaked, and suspended or deleted.
    SecretLeaked,
}

/// The database name of each kind.
const KINDS: &[(MailKind, &str)] = &[
    (MailKind::Reminders, "reminders"),
    (MailKind::PasswordChanged, "password_changed"),
    (MailKind::AuthenticatorChanged, "authenticator_changed"),
    (MailKind::RecoveryCodesReplaced, "recovery_codes_replaced"),
    (MailKind::IdentityBound, "identity_bound"),
    (MailKind::Invitation, "invitation"),
    (MailKind::Reset, "reset"),
    (MailKind::SignInBlocked, "sign_in_blocked"),
    (MailKind::SignInBlockedOf, "sign_in_blocked_of"),
    (MailKind::SecretSuspended, "secret_suspended"),
    (MailKind::SecretResumed, "secret_resumed"),
    (MailKind::SecretRotated, "secret_rotated"),
    (MailKind::SecretGraced, "secret_graced"),
    (MailKind::KeysUnreachable, "keys_unreachable"),
    (MailKind::SecretCreated, "secret_created"),
    (MailKind::SecretDeleted, "secret_deleted"),
    (MailKind::SecretLeaked, "secret_leaked"),
];

impl MailKind {
    /// The name in the database and the API.
    pub fn as_str(self) -> &'static str {
        KINDS
            .iter()
            .find(|(kind, _)| *kind == self)
            .map_or("reminders", |(_, name)| name)
    }

    pub(crate) fn parse(text: &str) -> Result<Self, StoreError> {
        let known = KINDS.iter().find(|(_, name)| *name == text);
        known
            .map(|(kind, _)| *kind)
            .ok_or(StoreError::Corrupt("kind of mail"))
    }
}

impl Store {
    /// Queues plans that no other node has queued, and returns their secrets; all or nothing.
    pub async fn plan(&self, mut plans: Vec<Plan>, now: DateTime<Utc>) -> Result<Vec<Uuid>, StoreError> {
        // Nodes that plan for, or record usage of, the same secrets lock them in the same order.
        plans.sort_unstable_by_key(|plan| plan.secret_id);
        self.write_to_end(move |connection| {
            connection.transaction(|connection| {
                let mut won = Vec::new();
                for plan in plans {
                    if mark(connection, &plan, now)? {
                        won.push(plan);
                    }
                }
                let digests = join_digests(connection, &won, now)?;
                for plan in &won {
                    queue(connection, plan, &digests, now)?;
                }
                Ok(won.iter().map(|plan| plan.secret_id).collect())
            })
        })
        .await
    }
}

/// Marks the threshold as handled; true for one node only. A secret extended meanwhile is not due.
fn mark(connection: &mut AnyConnection, plan: &Plan, now: DateTime<Utc>) -> Result<bool, StoreError> {
    let reach = now + TimeDelta::days(i64::from(plan.threshold_days.max(0)));
    let open = client_secrets::table
        .find(plan.secret_id.to_string())
        .filter(client_secrets::deleted_at.is_null())
        .filter(client_secrets::expires_at.le(reach.naive_utc()))
        .filter(client_secrets::reminded_days.gt(plan.threshold_days));
    let rows = diesel::update(open)
        .set(client_secrets::reminded_days.eq(plan.threshold_days))
        .execute(connection)?;
    Ok(rows == 1)
}

fn join_digests(
    connection: &mut AnyConnection,
    plans: &[Plan],
    now: DateTime<Utc>,
) -> Result<BTreeMap<String, String>, StoreError> {
    let calm = plans.iter().filter(|plan| !plan.urgent);
    let mut digests: BTreeMap<String, String> = calm
        .flat_map(|plan| &plan.recipients)
        .map(|recipient| (recipient.clone(), String::new()))
        .collect();
    for (recipient, digest) in &mut digests {
        *digest = join_digest(connection, recipient, now)?;
    }
    Ok(digests)
}

/// The recipient's first digest from today on that is not being sent yet; created if there is none.
fn join_digest(
    connection: &mut AnyConnection,
    recipient: &str,
    now: DateTime<Utc>,
) -> Result<String, StoreError> {
    for ahead in 0..DIGEST_DAYS {
        let day = now.date_naive() + Days::new(ahead);
        let id = stable_id(&["digest", recipient, &day.to_string()]).to_string();
        let due_at = now.max(day.and_time(NaiveTime::MIN).and_utc());
        let mail = NewMail {
            id: id.clone(),
            recipient,
            kind: MailKind::Reminders,
            digest_day: Some(day),
            due_at,
            sealed: None,
            about: None,
        };
        // The update locks the digest: a node about to send it waits for this reminder.
        let open = mails::table
            .find(&id)
            .filter(mails::state.eq(DeliveryState::Pending.as_str()))
            .filter(mails::claimed_until.is_null())
            .filter(mails::joined_to.is_null())
            .filter(mails::attempts.eq(0));
        let joined = diesel::update(open).set(mails::attempts.eq(0));
        if joined.execute(connection)? == 1
            || add_mail(connection, mail, now)?
            || diesel::update(open)
                .set(mails::attempts.eq(0))
                .execute(connection)?
                == 1
        {
            return Ok(id);
        }
    }
    Err(StoreError::Conflict)
}

/// A mail to be queued.
pub(crate) struct NewMail<'a> {
    pub(crate) id: String,
    pub(crate) recipient: &'a str,
    pub(crate) kind: MailKind,
    pub(crate) digest_day: Option<NaiveDate>,
    pub(crate) due_at: DateTime<Utc>,
    pub(crate) sealed: Option<Vec<u8>>,
    pub(crate) about: Option<NewAbout<'a>>,
}

/// The credential of a notice, and the event's actor and source.
#[derive(Clone, Copy)]
pub(crate) struct NewAbout<'a> {
    pub(crate) secret_id: &'a str,
    pub(crate) actor: &'a str,
    pub(crate) source: &'a str,
}

/// Queues a mail; false if its id is queued already.
pub(crate) fn add_mail(
    connection: &mut AnyConnection,
    new: NewMail<'_>,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    unless_there(connection, |connection| insert_mail(connection, new, now))
}

/// Queues a mail with a fresh id.
pub(crate) fn insert_mail(
    connection: &mut AnyConnection,
    new: NewMail<'_>,
    now: DateTime<Utc>,
) -> QueryResult<usize> {
    let row = (
        mails::id.eq(new.id),
        mails::recipient.eq(new.recipient),
        mails::kind.eq(new.kind.as_str()),
        mails::digest_day.eq(new.digest_day),
        mails::created_at.eq(now.naive_utc()),
        mails::state.eq(DeliveryState::Pending.as_str()),
        mails::state_at.eq(now.naive_utc()),
        mails::attempts.eq(0),
        mails::due_at.eq(new.due_at.naive_utc()),
        mails::sealed.eq(new.sealed),
        mails::secret_id.eq(new.about.map(|about| about.secret_id)),
        mails::actor.eq(new.about.map(|about| about.actor)),
        mails::source.eq(new.about.map(|about| about.source)),
    );
    diesel::insert_into(mails::table).values(row).execute(connection)
}

fn queue(
    connection: &mut AnyConnection,
    plan: &Plan,
    digests: &BTreeMap<String, String>,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    for recipient in &plan.recipients {
        let mail_id = match plan.urgent {
            false => digests.get(recipient).cloned(),
            true => Some(own_mail(
                connection,
                plan.secret_id,
                plan.threshold_days,
                recipient,
                now,
            )?),
        };
        let told = (plan.secret_id, plan.threshold_days, recipient.as_str());
        add_reminder(connection, told, plan.kind, mail_id, now)?;
    }
    for (threshold, recipient) in &plan.suppressed {
        let passed_over = (plan.secret_id, *threshold, recipient.as_str());
        add_reminder(connection, passed_over, plan.kind, None, now)?;
    }
    match plan.event {
        Some(event) => webhook_deliveries::queue(connection, plan.secret_id, event, now),
        None => Ok(()),
    }
}

/// When an expired secret gets a grace period, its second expiry must be announced like the first.
pub(crate) fn forget_end(connection: &mut AnyConnection, secret_id: Uuid) -> Result<(), StoreError> {
    let id = secret_id.to_string();
    let told = reminders::table
        .filter(reminders::secret_id.eq(&id))
        .filter(reminders::threshold_days.le(0));
    diesel::delete(told).execute(connection)?;
    let ended = client_secrets::table
        .find(&id)
        .filter(client_secrets::reminded_days.le(0));
    diesel::update(ended)
        .set(client_secrets::reminded_days.eq(1))
        .execute(connection)?;
    Ok(())
}

/// A mail about one secret alone. Its id depends on the grace period, after which the same threshold is reached
/// again.
pub(crate) fn own_mail(
    connection: &mut AnyConnection,
    secret_id: Uuid,
    threshold_days: i32,
    recipient: &str,
    now: DateTime<Utc>,
) -> Result<String, StoreError> {
    let graced_at: Option<NaiveDateTime> = client_secrets::table
        .find(secret_id.to_string())
        .select(client_secrets::graced_at)
        .first(connection)?;
    let graced_at = graced_at.map(|at| at.to_string());
    let (secret, days) = (secret_id.to_string(), threshold_days.to_string());
    let mut key = vec!["reminder", &secret, &days, recipient];
    key.extend(graced_at.as_deref());
    let id = stable_id(&key).to_string();
    let mail = NewMail {
        id: id.clone(),
        recipient,
        kind: MailKind::Reminders,
        digest_day: None,
        due_at: now,
        sealed: None,
        about: None,
    };
    add_mail(connection, mail, now)?;
    Ok(id)
}

/// Adds a reminder; an existing one stays as it is. Without a mail it is suppressed.
pub(crate) fn add_reminder(
    connection: &mut AnyConnection,
    (secret_id, threshold_days, recipient): (Uuid, i32, &str),
    kind: ReminderKind,
    mail_id: Option<String>,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let row = (
        reminders::secret_id.eq(secret_id.to_string()),
        reminders::threshold_days.eq(threshold_days),
        reminders::recipient.eq(recipient),
        reminders::kind.eq(kind.as_str()),
        reminders::suppressed.eq(mail_id.is_none()),
        reminders::mail_id.eq(mail_id),
        reminders::at.eq(now.naive_utc()),
    );
    unless_there(connection, |connection| {
        diesel::insert_into(reminders::table)
            .values(row)
            .execute(connection)
    })
}

/// When a secret is deleted, tells recipients who have its expiry in their calendars to remove it.
pub(crate) fn withdraw(
    connection: &mut AnyConnection,
    secret_id: Uuid,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let unexpired = client_secrets::table
        .find(secret_id.to_string())
        .filter(client_secrets::expires_at.gt(now.naive_utc()))
        .select(client_secrets::id);
    let told: Vec<String> = reminders::table
        .inner_join(mails::table)
        .filter(reminders::secret_id.eq_any(unexpired))
        .filter(reminders::suppressed.eq(false))
        .filter(reminders::kind.eq(ReminderKind::Reminder.as_str()))
        .filter(mails::state.eq(DeliveryState::Sent.as_str()))
        .select(reminders::recipient)
        .distinct()
        .order(reminders::recipient)
        .load(connection)?;
    for recipient in told {
        let mail_id = own_mail(connection, secret_id, WITHDRAWN, &recipient, now)?;
        let line = (secret_id, WITHDRAWN, recipient.as_str());
        add_reminder(connection, line, ReminderKind::Withdrawn, Some(mail_id), now)?;
    }
    Ok(())
}
