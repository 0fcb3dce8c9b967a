//! Mails to an application's managers about something that happened to one of its credentials.

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

/// What is told.
pub(crate) struct Happening<'a> {
    /// The credential.
    pub(crate) secret_id: Uuid,
    /// What happened.
    pub(crate) kind: MailKind,
    /// Who did it.
    pub(crate) actor: &'a str,
    /// From where.
    pub(crate) source: &'a str,
    /// Whether those who want urgent mail only are told.
    pub(crate) is_urgent: bool,
}

/// Queues one mail for each enabled manager, and one for the WMDA team where it has an address.
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
    // What somebody did is told each time, what goes on by itself once a day.
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
            // A credential begins and ends once, and changes wait for one another.
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
