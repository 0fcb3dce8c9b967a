//! Whether managers get a mail about a credential that is created or deleted.

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

/// Who gets a mail about a credential that is created or deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// The application's managers who want more than urgent mail.
    Managers,
    /// Nobody: it is told in another way, or nobody has to know.
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
