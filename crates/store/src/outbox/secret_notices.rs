//! Notices to an application's managers about an event on one of its credentials.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use uuid::Uuid;

use crate::{
    StoreError,
    database::{connection::AnyConnection, ids::parse_id, schema::client_secrets},
    outbox::{
        plans::{MailKind, NewAbout, NewMail, add_mail, insert_mail},
        stable_ids::stable_id,
    },
    secrets::secret_facts::recipients,
};

/// A notice.
pub(crate) struct CredentialNotice<'a> {
    /// The credential.
    pub(crate) secret_id: Uuid,
    /// The kind of mail.
    pub(crate) kind: MailKind,
    /// The actor.
    pub(crate) actor: &'a str,
    /// The source address.
    pub(crate) source: &'a str,
    /// Whether managers who want urgent mail only are recipients, too.
    pub(crate) is_urgent: bool,
}

/// Queues one mail for each enabled manager, and one for the WMDA team if it has an address.
pub(crate) fn notify_managers(
    connection: &mut AnyConnection,
    notice: &CredentialNotice<'_>,
    team: Option<&str>,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let client_id: String = client_secrets::table
        .find(notice.secret_id.to_string())
        .select(client_secrets::client_id)
        .first(connection)?;
    let mut managers = recipients(connection, std::slice::from_ref(&client_id))?;
    let managers = managers.remove(&parse_id(&client_id)?).unwrap_or_default();
    let mut addresses: Vec<&str> = managers
        .iter()
        .filter(|one| notice.is_urgent || !one.urgent_only)
        .map(|one| one.email.as_str())
        .collect();
    addresses.extend(team.filter(|team| managers.iter().all(|one| one.email != *team)));
    // A notice about an action is sent each time; one about a lasting condition once a day.
    let occasion = match notice.kind {
        MailKind::KeysUnreachable => now.date_naive().to_string(),
        _ => now.to_rfc3339(),
    };
    for recipient in addresses {
        let secret_id = notice.secret_id.to_string();
        let key = [notice.kind.as_str(), &secret_id, recipient, &occasion];
        let mail = NewMail {
            id: stable_id(&key).to_string(),
            recipient,
            kind: notice.kind,
            digest_day: None,
            due_at: now,
            sealed: None,
            about: Some(NewAbout {
                secret_id: &secret_id,
                actor: notice.actor,
                source: notice.source,
            }),
        };
        match notice.kind {
            // A credential is created and deleted once, and changes are serialised, so the id is fresh.
            MailKind::SecretCreated | MailKind::SecretDeleted => {
                insert_mail(connection, mail, now)?;
            }
            _ => {
                add_mail(connection, mail, now)?;
            }
        }
    }
    Ok(())
}
