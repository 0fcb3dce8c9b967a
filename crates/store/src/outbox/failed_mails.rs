//! Mails that were given up: what the WMDA team looks at, and sends again once the relay is mended.

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use diesel::{Connection, prelude::*};
use domain::reminder::DeliveryState;
use uuid::Uuid;

use crate::{
    Store, StoreError,
    database::{ids::parse_id, schema::mails},
    outbox::MailKind,
};

/// For so long a failure is shown and can be undone; who was told nothing for longer has learned it otherwise.
pub const SHOWN_FOR: TimeDelta = TimeDelta::days(30);

/// What only the recipient may read is forgotten with the failure: these can't be sent again.
const SEALED: [MailKind; 3] = [MailKind::Invitation, MailKind::Reset, MailKind::SignInBlockedOf];

/// A mail that reached nobody.
#[derive(Clone, Debug)]
pub struct FailedMail {
    /// Permanent.
    pub id: Uuid,
    /// The address.
    pub recipient: String,
    /// What it says.
    pub kind: MailKind,
    /// When it was given up.
    pub failed_at: DateTime<Utc>,
    /// What the mail server said last.
    pub error: Option<String>,
    /// Whether it can be sent again as it is.
    pub can_be_resent: bool,
}

/// What became of mails that were given up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Resent {
    /// They are due again.
    pub queued: usize,
    /// They held what is forgotten by now.
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
    /// What failed lately, the last first; at most `limit`.
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

    /// Puts what failed lately into the outbox again, as if it had never been tried.
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
