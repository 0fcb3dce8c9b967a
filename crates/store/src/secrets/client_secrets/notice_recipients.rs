//! Whether managers are notified when a credential is created or deleted.

use chrono::{DateTime, Utc};
use domain::audit::Event;
use uuid::Uuid;

use crate::{
    StoreError,
    database::connection::AnyConnection,
    outbox::{
        plans::MailKind,
        secret_notices::{CredentialNotice, notify_managers},
    },
};

/// The recipients of a notice about a created or deleted credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoticeRecipients {
    /// The application's managers, except those who want urgent mail only.
    Managers,
    /// Nobody: another notice covers it, or nobody needs to know.
    Nobody,
}

pub(super) fn notify(
    connection: &mut AnyConnection,
    (recipients, kind): (NoticeRecipients, MailKind),
    (secret_id, event): (Uuid, &Event),
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let notice = CredentialNotice {
        secret_id,
        kind,
        actor: &event.actor,
        source: &event.source,
        is_urgent: false,
    };
    match recipients {
        NoticeRecipients::Managers => notify_managers(connection, &notice, None, now),
        NoticeRecipients::Nobody => Ok(()),
    }
}
