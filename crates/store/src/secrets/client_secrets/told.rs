//! Whether managers are notified when a credential is created or deleted.

use chrono::{DateTime, Utc};
use domain::audit::Event;
use uuid::Uuid;

use crate::{
    StoreError,
    database::connection::AnyConnection,
    outbox::{
        plans::MailKind,
        secret_notices::{Happening, tell_managers},
    },
};

/// The recipients of a notice about a created or deleted credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// The application's managers, except those who want urgent mail only.
    Managers,
    /// Nobody: another notice covers it, or nobody needs to know.
    Nobody,
}

pub(super) fn tell(
    connection: &mut AnyConnection,
    (told, kind): (Told, MailKind),
    (secret_id, event): (Uuid, &Event),
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let happening = Happening {
        secret_id,
        kind,
        actor: &event.actor,
        source: &event.source,
        is_urgent: false,
    };
    match told {
        Told::Managers => tell_managers(connection, &happening, None, now),
        Told::Nobody => Ok(()),
    }
}
