//! Failed mails: shown to the WMDA team, which can resend them once the mail relay works again.

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use diesel::{Connection, prelude::*};
use domain::reminder::DeliveryState;
use uuid::Uuid;

use crate::{
    Store, StoreError,
    database::{ids::parse_id, schema::mails},
    outbox::MailKind,
};

/// For how long a failed mail is shown and can be resent; later the news is stale.
pub const SHOWN_FOR: TimeDelta = TimeDelta::days(30);

/// Kinds with sealed content, which is deleted on failure: they can't be resent.
const SEALED: [MailKind; 3] = [MailKind::Invitation, MailKind::Reset, MailKind::SignInBlockedOf];

/// A mail that could not be delivered.
#[derive(Clone, Debug)]
pub struct FailedMail {
    /// Permanent.
    pub id: Uuid,
    /// The recipient's address.
    pub recipient: String,
    /// The kind of mail.
    pub kind: MailKind,
    /// When it was given up.
    pub failed_at: DateTime<Utc>,
    /// The mail server's last response.
    pub error: Option<String>,
    /// Whether it can be resent.
    pub can_be_resent: bool,
}

/// The result of resending.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Resent {
    /// Mails queued again.
    pub queued: usize,
    /// Mails whose sealed content is deleted, so that they can't be resent.
    pub forgotten: usize,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = mails)]
struct Row {
    id: String,
    recipient: String,
    kind: String,
    state_at: NaiveDateTime,
    last_error: Option<String>,
}

impl Store {
    /// Recently failed mails, latest first; at most `limit`.
    pub async fn failed_mails(&self, now: DateTime<Utc>, limit: i64) -> Result<Vec<FailedMail>, StoreError> {
        self.run(move |connection| {
            let rows = mails::table
                .filter(mails::state.eq(DeliveryState::Failed.as_str()))
                .filter(mails::state_at.gt((now - SHOWN_FOR).naive_utc()))
                .order((mails::state_at.desc(), mails::id))
                .limit(limit)
                .select(Row::as_select())
                .load(connection)?;
            rows.into_iter().map(read).collect()
        })
        .await
    }

    /// Queues recently failed mails again, with their attempts reset.
    pub async fn resend_failed_mails(&self, now: DateTime<Utc>) -> Result<Resent, StoreError> {
        self.write_to_end(move |connection| {
            connection.transaction(|connection| {
                let failed = mails::table
                    .filter(mails::state.eq(DeliveryState::Failed.as_str()))
                    .filter(mails::state_at.gt((now - SHOWN_FOR).naive_utc()));
                let sealed = SEALED.map(MailKind::as_str);
                let queued = diesel::update(failed.filter(mails::kind.ne_all(sealed)))
                    .set((
                        mails::state.eq(DeliveryState::Pending.as_str()),
                        mails::state_at.eq(now.naive_utc()),
                        mails::due_at.eq(now.naive_utc()),
                        mails::attempts.eq(0),
                        mails::claimed_until.eq(None::<NaiveDateTime>),
                    ))
                    .execute(connection)?;
                let forgotten: i64 = failed
                    .filter(mails::kind.eq_any(sealed))
                    .count()
                    .get_result(connection)?;
                Ok(Resent {
                    queued,
                    forgotten: usize::try_from(forgotten).unwrap_or_default(),
                })
            })
        })
        .await
    }
}

fn read(row: Row) -> Result<FailedMail, StoreError> {
    let kind = MailKind::parse(&row.kind)?;
    Ok(FailedMail {
        id: parse_id(&row.id)?,
        recipient: row.recipient,
        kind,
        failed_at: row.state_at.and_utc(),
        error: row.last_error,
        can_be_resent: !SEALED.contains(&kind),
    })
}
