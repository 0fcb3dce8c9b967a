//! Composes the message of a claimed mail (RFC 5322): headers, text, HTML, calendar.

use std::{sync::Arc, time::SystemTime};

use askama::Template;
use chrono::{DateTime, Utc};
use domain::{credential::CredentialKind, pepper::Pepper, reminder::ReminderKind, unsubscribe};
use lettre::{
    Message,
    message::{
        Attachment, Mailbox, MultiPart,
        header::{ContentType, HeaderName, HeaderValue},
    },
};
use store::{
    mails::{About, ClaimedMail, MailItem},
    outbox::MailKind,
    secret_facts::Recipient,
};
use uuid::Uuid;

use crate::{
    calendar::{self, CalendarFile},
    credential_notices,
    notice::{self, Notice},
    rules, text,
    words::{self, Words},
};

/// Why a message can't be composed. Not the recipient's fault: a retry may succeed.
#[derive(Debug, thiserror::Error)]
pub enum ComposeError {
    /// A template failed.
    #[error("the mail can't be written: {0}")]
    Template(#[from] askama::Error),
    /// A header or body part is invalid.
    #[error("the mail can't be put together: {0}")]
    Message(#[from] lettre::error::Error),
    /// The mail library rejects the address.
    #[error("the address can't be written to: {0}")]
    Address(#[from] lettre::address::AddressError),
    /// A media type is invalid; all are constants.
    #[error("the mail has an unknown part")]
    Part,
}

/// Composes mails.
pub struct Composer {
    from: Mailbox,
    public_url: String,
    support_address: Option<String>,
    pepper: Arc<Pepper>,
}

#[derive(Template)]
#[template(path = "secret.txt")]
struct SecretText<'a>(&'a Words, &'a Frame);
#[derive(Template)]
#[template(path = "secret.html")]
struct SecretHtml<'a>(&'a Words, &'a Frame);
#[derive(Template)]
#[template(path = "digest.txt")]
struct DigestText<'a>(&'a [Words], &'a Frame);
#[derive(Template)]
#[template(path = "digest.html")]
struct DigestHtml<'a>(&'a [Words], &'a Frame);
#[derive(Template)]
#[template(path = "notice.txt")]
struct NoticeText<'a>(&'a Notice, &'a Frame);
#[derive(Template)]
#[template(path = "notice.html")]
struct NoticeHtml<'a>(&'a Notice, &'a Frame);

/// The parts around a mail's content.
struct Frame {
    /// The URL of the page "Manage API Credentials".
    page: String,
    /// Why the recipient gets this mail.
    reason: String,
    /// The unsubscribe link.
    unsubscribe: Option<String>,
    support: Option<String>,
    /// The noun after the number of items in a digest.
    several: &'static str,
    /// How soon the reader of a digest must act.
    urgency: &'static str,
}

/// A message before it is composed.
struct Draft<'a> {
    id: Uuid,
    recipient: &'a str,
    subject: String,
    text: String,
    html: String,
    calendar: Option<CalendarFile>,
    unsubscribe: Option<String>,
}

impl Composer {
    /// `from` is an address, with an optional display name.
    pub fn new(
        from: &str,
        public_url: String,
        support_address: Option<String>,
        pepper: Arc<Pepper>,
    ) -> Result<Self, ComposeError> {
        Ok(Self {
            from: from.parse()?,
            public_url,
            support_address,
            pepper,
        })
    }

    /// Composes a mail about these of its secrets, or about a person's account.
    pub fn compose(
        &self,
        mail: &ClaimedMail,
        items: &[MailItem],
        now: DateTime<Utc>,
    ) -> Result<Message, ComposeError> {
        if mail.kind == MailKind::Reminders {
            return self.reminders(mail, items, now);
        }
        if let Some(about) = &mail.about {
            return self.credential_notice(mail, about, now);
        }
        let hidden = self.hidden(mail.id, mail.sealed.as_deref());
        let mut notice = notice::of(mail.kind, mail.created_at, hidden.as_deref());
        if !mail.joined.is_empty() {
            let others = mail.joined.iter().map(|one| {
                let hidden = self.hidden(one.id, one.sealed.as_deref());
                notice::once_more(one.created_at, hidden.as_deref())
            });
            notice.why.push_str(" The same happened again: ");
            notice.why.push_str(&others.collect::<Vec<_>>().join("; "));
            notice.why.push('.');
        }
        self.notice((mail.id, &mail.recipient), &notice, now)
    }

    /// A mail to test delivery.
    pub fn test_mail(&self, id: Uuid, recipient: &str, now: DateTime<Utc>) -> Result<Message, ComposeError> {
        let notice = Notice {
            headline: "A test mail of wmda-auth".to_owned(),
            why: format!(
                "It was sent on {} by `wmda-auth notify --send-test`. Reminders reach this address.",
                text::instant(now)
            ),
            link: None,
        };
        self.notice((id, recipient), &notice, now)
    }

    /// Opens the sealed content of a mail.
    fn hidden(&self, id: Uuid, sealed: Option<&[u8]>) -> Option<String> {
        let opened = self.pepper.open(id, sealed?)?;
        std::str::from_utf8(&opened).ok().map(str::to_owned)
    }

    fn notice(
        &self,
        (id, recipient): (Uuid, &str),
        notice: &Notice,
        now: DateTime<Utc>,
    ) -> Result<Message, ComposeError> {
        let mut frame = self.frame(None, String::new());
        // No recipient is referred to themself for help.
        frame.support = frame.support.filter(|team| team != recipient);
        let draft = Draft {
            id,
            recipient,
            subject: notice.headline.clone(),
            text: NoticeText(notice, &frame).render()?,
            html: NoticeHtml(notice, &frame).render()?,
            calendar: None,
            unsubscribe: None,
        };
        self.message(draft, now)
    }

    fn reminders(
        &self,
        mail: &ClaimedMail,
        items: &[MailItem],
        now: DateTime<Utc>,
    ) -> Result<Message, ComposeError> {
        let manager = items
            .iter()
            .flat_map(|item| &item.facts.managers)
            .find(|one| one.email == mail.recipient);
        let unsubscribe = manager.map(|one| self.unsubscribe(one));
        let is_urgent = |item: &MailItem| rules::is_urgent(item.kind, item.threshold_days);
        let mut frame = self.frame(unsubscribe.clone(), reason(items, manager.is_some()));
        let is_secret = |item: &MailItem| item.facts.secret.public.kind() == CredentialKind::Secret;
        if !items.iter().all(is_secret) {
            frame.several = "credentials need your attention";
        }
        if items.iter().any(is_urgent) {
            frame.urgency = "Some of this is urgent.";
        }
        let all: Vec<Words> = items.iter().map(|item| words::of(item, now)).collect();
        let (subject, text, html) = rendered(&all, &frame)?;
        let draft = Draft {
            id: mail.id,
            recipient: &mail.recipient,
            subject,
            text,
            html,
            calendar: calendar::file(items, self.from.email.domain(), self.from.email.as_ref(), now),
            unsubscribe,
        };
        self.message(draft, now)
    }

    /// The notice of an event on one credential.
    fn credential_notice(
        &self,
        mail: &ClaimedMail,
        about: &About,
        now: DateTime<Utc>,
    ) -> Result<Message, ComposeError> {
        let own = std::iter::once((about, mail.created_at));
        let others = mail.joined.iter();
        let others = others.filter_map(|one| Some((one.about.as_ref()?, one.created_at)));
        let all: Vec<Words> = own
            .chain(others)
            .map(|(about, at)| credential_notices::of(mail.kind, about, at, now))
            .collect();
        let (several, urgency) = match mail.kind {
            MailKind::KeysUnreachable => (
                "credentials have keys that can't be read",
                "Each will lose its access.",
            ),
            _ => (
                "changes of credentials",
                "If you did not expect one of them, read below what to do.",
            ),
        };
        let managers = &about.facts.managers;
        let manager = managers.iter().find(|one| one.email == mail.recipient);
        let manager_of_calm = manager.filter(|_| !credential_notices::is_urgent(mail.kind));
        let unsubscribe = manager_of_calm.map(|one| self.unsubscribe(one));
        let frame = Frame {
            several,
            urgency,
            ..self.frame(unsubscribe.clone(), reason_among(managers, manager.is_some()))
        };
        let (subject, text, html) = rendered(&all, &frame)?;
        let draft = Draft {
            id: mail.id,
            recipient: &mail.recipient,
            subject,
            text,
            html,
            calendar: None,
            unsubscribe,
        };
        self.message(draft, now)
    }

    /// The link by which a manager unsubscribes from all but urgent mail.
    fn unsubscribe(&self, manager: &Recipient) -> String {
        let token = unsubscribe::token(&self.pepper, manager.user_id);
        format!("{}/api/v1/unsubscribe/{token}", self.public_url)
    }

    fn frame(&self, unsubscribe: Option<String>, reason: String) -> Frame {
        Frame {
            page: format!("{}/manage-api-credentials", self.public_url),
            reason,
            unsubscribe,
            support: self.support_address.clone(),
            several: "client secrets need your attention",
            urgency: "None of this is urgent today.",
        }
    }

    fn message(&self, draft: Draft<'_>, now: DateTime<Utc>) -> Result<Message, ComposeError> {
        let mut builder = Message::builder()
            .from(self.from.clone())
            .to(draft.recipient.parse()?)
            .subject(text::line(&draft.subject, 180))
            .date(SystemTime::from(now))
            .message_id(Some(format!("<{}@{}>", draft.id, self.from.email.domain())))
            .raw_header(raw("Auto-Submitted", "auto-generated"))
            // Exchange has a header of its own to suppress out-of-office replies.
            .raw_header(raw("X-Auto-Response-Suppress", "All"));
        if let Some(url) = draft.unsubscribe {
            builder = builder
                .raw_header(raw("List-Unsubscribe", &format!("<{url}>")))
                .raw_header(raw("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"));
        }
        let both = MultiPart::alternative_plain_html(draft.text, draft.html);
        let Some(file) = draft.calendar else {
            return Ok(builder.multipart(both)?);
        };
        let kind = format!("text/calendar; charset=utf-8; method={}", file.method);
        let kind = ContentType::parse(&kind).map_err(|_| ComposeError::Part)?;
        let attachment = Attachment::new("expiry.ics".to_owned()).body(file.text, kind);
        Ok(builder.multipart(MultiPart::mixed().multipart(both).singlepart(attachment))?)
    }
}

/// Subject, text and HTML: a single item, or a digest.
fn rendered(all: &[Words], frame: &Frame) -> Result<(String, String, String), ComposeError> {
    Ok(match all {
        [one] => (
            one.subject.clone(),
            SecretText(one, frame).render()?,
            SecretHtml(one, frame).render()?,
        ),
        all => (
            format!("{} {}", all.len(), frame.several),
            DigestText(all, frame).render()?,
            DigestHtml(all, frame).render()?,
        ),
    })
}

/// Constants and our own URLs only: ASCII, without line breaks.
fn raw(name: &'static str, value: &str) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned())
}

fn reason(items: &[MailItem], is_manager: bool) -> String {
    let withdrawn = items.iter().all(|item| item.kind == ReminderKind::Withdrawn);
    match withdrawn {
        true => "You get this because an earlier mail told you of its expiry.".to_owned(),
        false => reason_among(items.iter().flat_map(|item| &item.facts.managers), is_manager),
    }
}

fn reason_among<'a>(managers: impl IntoIterator<Item = &'a Recipient>, is_manager: bool) -> String {
    let mut addresses: Vec<&str> = managers.into_iter().map(|one| one.email.as_str()).collect();
    addresses.sort_unstable();
    addresses.dedup();
    match is_manager {
        true => "You get this as a credential manager of the application.".to_owned(),
        false if addresses.is_empty() => {
            "You get this as the WMDA team: the application has no credential manager who can get this e-mail."
                .to_owned()
        }
        false => format!(
            "You get this as the WMDA team. Its credential managers: {}.",
            addresses.join(", ")
        ),
    }
}
