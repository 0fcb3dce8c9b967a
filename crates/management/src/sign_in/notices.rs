//! Notices about accounts. Confidential content is sealed.

use store::{Notice, outbox::MailKind};
use uuid::{Builder, Uuid};

use crate::{http::problem::Problem, state::Management};

impl Management {
    /// Notices of a lock-out after failed sign-ins: to the account's owner and the WMDA team, at most once a day.
    pub(crate) fn blocked_notices(&self, email: &str) -> Result<Vec<Notice>, Problem> {
        let day = self.now().date_naive().to_string();
        let id = |to: &str| {
            let tag = self
                .pepper
                .tag("blocked notice", format!("{to} {email} {day}").as_bytes());
            let mut bytes = [0; 16];
            bytes.copy_from_slice(&tag[..16]);
            Builder::from_custom_bytes(bytes).into_uuid()
        };
        let mut notices = vec![Notice {
            id: id("owner"),
            recipient: email.to_owned(),
            kind: MailKind::SignInBlocked,
            sealed: None,
        }];
        if let Some(team) = &self.settings.support_address {
            notices.push(self.sealed_notice((id("team"), team), MailKind::SignInBlockedOf, email)?);
        }
        Ok(notices)
    }

    /// A notice with content that must not be readable in the database.
    pub(crate) fn sealed_notice(
        &self,
        (id, recipient): (Uuid, &str),
        kind: MailKind,
        text: &str,
    ) -> Result<Notice, Problem> {
        Ok(Notice {
            id,
            recipient: recipient.to_owned(),
            kind,
            sealed: Some(self.pepper.seal(id, text.as_bytes(), &*self.random)?),
        })
    }
}
