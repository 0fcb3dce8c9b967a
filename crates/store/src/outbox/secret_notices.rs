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

/// The event.
pub(crate) struct Happening<'a> {
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
pub(crate) fn tell_managers(
    connection: &mut AnyConnection,
    happening: &Happening<'_>,
    team: Option<&str>,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let client_id: String = client_secrets::table
        .find(happening.secret_id.to_string())
        .select(client_secrets::client_id)
        .first(connection)?;
    let mut managers = recipients(connection, std::slice::from_ref(&client_id))?;
    let managers = managers.remove(&parse_id(&client_id)?).unwrap_or_default();
    let mut told: Vec<&str> = managers
        .iter()
        .filter(|one| happening.is_urgent || !one.urgent_only)
        .map(|one| one.email.as_str())
        .collect();
    told.extend(team.filter(|team| managers.iter().all(|one| one.email != *team)));
    // A notice about an action is sent each time; one about a lasting condition once a day.
    let occasion = match happening.kind {
        MailKind::KeysUnreachable => now.date_naive().to_string(),
        _ => now.to_rfc3339(),
    };
    for recipient in told {
        let secret_id = happening.secret_id.to_string();
        let key = [happening.kind.as_str(), &secret_id, recipient, &occasion];
        let mail = NewMail {
            id: stable_id(&key).to_string(),
            recipient,
            kind: happening.kind,
            digest_day: None,
            due_at: now,
            sealed: None,
            about: Some(NewAbout {
                secret_id: &secret_id,
                actor: happening.actor,
                source: happening.source,
            }),
        };
        match happening.kind {
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
