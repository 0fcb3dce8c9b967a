//! The rate limit of mails per recipient and hour. The last mail within the limit is merged with those pending; later
//! ones wait. Nothing is dropped.

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use diesel::{Connection, OptionalExtension, prelude::*};
use domain::reminder::DeliveryState;

use crate::{
    Store, StoreError,
    database::{connection::AnyConnection, schema::mails},
    outbox::{
        claimed_mail::{ClaimedMail, load},
        plans::MailKind,
    },
};

/// How many mails are merged into one.
const JOINED: i64 = 500;
/// Mails with a one-time link, for which the recipient waits.
const LINKS: [MailKind; 2] = [MailKind::Invitation, MailKind::Reset];
/// When to retry while another node may be about to use up the limit.
const SOON: TimeDelta = TimeDelta::minutes(1);

impl Store {
    /// Applies the rate limit to a claimed mail: returns it, perhaps with others merged into it, or releases the
    /// claim and returns `None`. Mails with one-time links are exempt.
    pub async fn rate_limit_mail(
        &self,
        mail: ClaimedMail,
        per_hour: i64,
        now: DateTime<Utc>,
    ) -> Result<Option<ClaimedMail>, StoreError> {
        if LINKS.contains(&mail.kind) {
            return Ok(Some(mail));
        }
        self.write_to_end(move |connection| {
            connection.transaction(|connection| {
                // A write comes first: SQLite refuses a transaction that reads before it writes while another
                // connection writes.
                diesel::update(mails::table.find(mail.id.to_string()))
                    .set(mails::claimed_until.eq(Some(mail.claimed_until.naive_utc())))
                    .execute(connection)?;
                let taken = sent(connection, &mail.recipient, now)? + ahead(connection, &mail, now)?;
                if taken >= per_hour {
                    let until = room_from(connection, &mail.recipient, per_hour, now)?;
                    hold_back(connection, &mail, until)?;
                    return Ok(None);
                }
                if taken + 1 == per_hour && take_along(connection, &mail, now)? > 0 {
                    return load(connection, mail.id, now, mail.claimed_until).map(Some);
                }
                Ok(Some(mail))
            })
        })
        .await
    }
}

fn hour_before(now: DateTime<Utc>) -> NaiveDateTime {
    (now - TimeDelta::hours(1)).naive_utc()
}

fn sent(connection: &mut AnyConnection, recipient: &str, now: DateTime<Utc>) -> Result<i64, StoreError> {
    Ok(mails::table
        .filter(mails::recipient.eq(recipient))
        .filter(mails::state.eq(DeliveryState::Sent.as_str()))
        .filter(mails::state_at.gt(hour_before(now)))
        .filter(mails::joined_to.is_null())
        .count()
        .get_result(connection)?)
}

/// Mails claimed by other nodes; of two concurrent claims, the one with the greater id yields.
fn ahead(connection: &mut AnyConnection, mail: &ClaimedMail, now: DateTime<Utc>) -> Result<i64, StoreError> {
    Ok(mails::table
        .filter(mails::recipient.eq(&mail.recipient))
        .filter(mails::state.eq(DeliveryState::Pending.as_str()))
        .filter(mails::claimed_until.gt(now.naive_utc()))
        .filter(mails::id.lt(mail.id.to_string()))
        .count()
        .get_result(connection)?)
}

fn room_from(
    connection: &mut AnyConnection,
    recipient: &str,
    per_hour: i64,
    now: DateTime<Utc>,
) -> Result<DateTime<Utc>, StoreError> {
    let in_the_way: Option<NaiveDateTime> = mails::table
        .filter(mails::recipient.eq(recipient))
        .filter(mails::state.eq(DeliveryState::Sent.as_str()))
        .filter(mails::state_at.gt(hour_before(now)))
        .filter(mails::joined_to.is_null())
        .order(mails::state_at.desc())
        .offset(per_hour - 1)
        .limit(1)
        .select(mails::state_at)
        .first(connection)
        .optional()?;
    Ok(in_the_way.map_or(now + SOON, |at| at.and_utc() + TimeDelta::hours(1)))
}

/// Postpones all of the recipient's unclaimed mails until then.
fn hold_back(
    connection: &mut AnyConnection,
    mail: &ClaimedMail,
    until: DateTime<Utc>,
) -> Result<(), StoreError> {
    let own = mails::table
        .find(mail.id.to_string())
        .filter(mails::claimed_until.eq(Some(mail.claimed_until.naive_utc())));
    diesel::update(own)
        .set(mails::claimed_until.eq(None::<NaiveDateTime>))
        .execute(connection)?;
    let waiting = mails::table
        .filter(mails::recipient.eq(&mail.recipient))
        .filter(mails::state.eq(DeliveryState::Pending.as_str()))
        .filter(mails::claimed_until.is_null())
        .filter(mails::due_at.lt(until.naive_utc()))
        .filter(mails::kind.ne_all(LINKS.map(MailKind::as_str)));
    diesel::update(waiting)
        .set(mails::due_at.eq(until.naive_utc()))
        .execute(connection)?;
    Ok(())
}

fn take_along(
    connection: &mut AnyConnection,
    mail: &ClaimedMail,
    now: DateTime<Utc>,
) -> Result<usize, StoreError> {
    let ids: Vec<String> = mails::table
        .filter(mails::recipient.eq(&mail.recipient))
        .filter(mails::state.eq(DeliveryState::Pending.as_str()))
        .filter(mails::kind.eq(mail.kind.as_str()))
        .filter(mails::claimed_until.is_null())
        .filter(mails::joined_to.is_null())
        .filter(mails::due_at.le(now.naive_utc()))
        .order((mails::created_at, mails::id))
        .limit(JOINED)
        .select(mails::id)
        .load(connection)?;
    // Mails that another node has claimed meanwhile are sent separately.
    let free = mails::table
        .filter(mails::id.eq_any(ids))
        .filter(mails::state.eq(DeliveryState::Pending.as_str()))
        .filter(mails::claimed_until.is_null())
        .filter(mails::joined_to.is_null());
    Ok(diesel::update(free)
        .set(mails::joined_to.eq(Some(mail.id.to_string())))
        .execute(connection)?)
}
