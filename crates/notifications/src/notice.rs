//! The texts of notices about an account.

use chrono::{DateTime, Utc};
use store::outbox::MailKind;

use crate::text;

/// A notice about an account.
pub(crate) struct Notice {
    pub(crate) headline: String,
    pub(crate) why: String,
    /// The confidential link, opened for this recipient.
    pub(crate) link: Option<String>,
}

/// `hidden` is the opened sealed content.
pub(crate) fn of(kind: MailKind, at: DateTime<Utc>, hidden: Option<&str>) -> Notice {
    let at = text::instant(at);
    let changed = |sessions: &str| {
        format!("This happened on {at}. {sessions} were ended. If it was you, there is nothing to do.")
    };
    let link = hidden.filter(|_| matches!(kind, MailKind::Invitation | MailKind::Reset));
    let (headline, why) = match kind {
        // These have texts of their own.
        MailKind::Reminders
        | MailKind::SecretSuspended
        | MailKind::SecretResumed
        | MailKind::SecretRotated
        | MailKind::SecretGraced
        | MailKind::KeysUnreachable
        | MailKind::SecretCreated
        | MailKind::SecretDeleted
        | MailKind::SecretLeaked => ("Reminders".to_owned(), String::new()),
        MailKind::PasswordChanged => (
            "Your password for Manage API Credentials was changed".to_owned(),
            changed("Your other sessions"),
        ),
        MailKind::AuthenticatorChanged => (
            "Your authenticator for Manage API Credentials was changed".to_owned(),
            changed("Your other sessions"),
        ),
        MailKind::RecoveryCodesReplaced => (
            "Your recovery codes for Manage API Credentials were replaced".to_owned(),
            changed("Your other sessions"),
        ),
        MailKind::IdentityBound => (
            "Sign-in through the OpenID provider was added to your account".to_owned(),
            format!("This happened on {at}. If it was you, there is nothing to do."),
        ),
        MailKind::Invitation => (
            "You are invited to Manage API Credentials".to_owned(),
            "The WMDA team has made an account for you. The link below works once, within 72 hours: choose a password and \
             set up an authenticator app. Do not forward this mail."
                .to_owned(),
        ),
        MailKind::Reset => (
            "Set a new password for Manage API Credentials".to_owned(),
            "The WMDA team has reset your account at your request. The link below works once, within 72 hours. Do not \
             forward this mail."
                .to_owned(),
        ),
        MailKind::SignInBlocked => (
            "Sign-in to your account failed several times".to_owned(),
            format!(
                "On {at} somebody gave a wrong password or code for your account too often. Whoever it was has to wait \
                 before trying again. A browser in which you have signed in before still lets you in. If it was you, \
                 wait for 15 minutes, or ask the WMDA team for a new link."
            ),
        ),
        MailKind::SignInBlockedOf => (
            "Sign-in to an account failed several times".to_owned(),
            format!(
                "On {at} somebody gave a wrong password or code for {} too often. A new enrolment link for this person \
                 lifts the limit.",
                hidden.unwrap_or("an account")
            ),
        ),
    };
    Notice {
        headline,
        why,
        link: link.map(str::to_owned),
    }
}

/// One more notice of the same kind, merged into one mail.
pub(crate) fn once_more(at: DateTime<Utc>, hidden: Option<&str>) -> String {
    let at = text::instant(at);
    match hidden {
        Some(account) => format!("{at}, {account}"),
        None => at,
    }
}
