//! The calendar file of a mail (RFC 5545, RFC 5546): one event per secret, always with the same UID; a deletion
//! cancels it.

use chrono::{DateTime, Duration, Utc};
use domain::{credential::CredentialKind, reminder::ReminderKind};
use icalendar::{Alarm, Calendar, Component, Event, EventLike, EventStatus};
use store::mails::MailItem;

use crate::{noun::Noun, text, words};

/// Days before the event of the calendar's own alarm.
const ALARM_DAYS: i64 = 3;

/// A calendar file and its `METHOD`.
pub(crate) struct CalendarFile {
    pub(crate) text: String,
    pub(crate) method: &'static str,
}

/// The expiries in a mail as events; `None` if all have passed.
pub(crate) fn file(items: &[MailItem], host: &str, from: &str, now: DateTime<Utc>) -> Option<CalendarFile> {
    let cancelled = items.iter().any(|item| item.kind == ReminderKind::Withdrawn);
    let ahead: Vec<&MailItem> = items
        .iter()
        .filter(|item| item.facts.secret.expires_at > now && item.kind != ReminderKind::PleaseDelete)
        .collect();
    if ahead.is_empty() {
        return None;
    }
    let method = if cancelled { "CANCEL" } else { "PUBLISH" };
    let mut calendar = Calendar::new();
    calendar.append_property(("METHOD", method));
    for item in ahead {
        calendar.push(event(item, cancelled, (host, from), now));
    }
    Some(CalendarFile {
        text: calendar.done().to_string(),
        method,
    })
}

fn event(item: &MailItem, cancelled: bool, (host, from): (&str, &str), now: DateTime<Utc>) -> Event {
    let facts = &item.facts;
    let name = text::line(&facts.secret.name, 120);
    let Noun { first, short, .. } = words::noun(facts);
    let hint = match facts.secret.public.kind() {
        CredentialKind::Secret => format!(" (it begins with {})", facts.secret.hint),
        CredentialKind::Key | CredentialKind::Federated => String::new(),
    };
    let summary = format!("{first} \"{name}\" of {} expires", facts.application);
    let description = format!(
        "From {} on, {} gets no tokens with this {short}{hint}. Create a new one before that, and put it into your system.",
        text::instant(facts.secret.expires_at),
        facts.application,
    );
    // An all-day event on the day of expiry, as one without duration is invalid (RFC 5545 section 3.6.1); DTEND is
    // exclusive.
    let day = facts.secret.expires_at.date_naive();
    let mut event = Event::with_uid(&format!("{}@{host}", facts.secret.id));
    event
        .timestamp(now)
        .starts(day)
        .ends(day.succ_opt().unwrap_or(day))
        .summary(&summary)
        .description(&description)
        .add_property("ORGANIZER", format!("mailto:{from}"))
        .add_property("SEQUENCE", if cancelled { "1" } else { "0" })
        .add_property("TRANSP", "TRANSPARENT");
    if cancelled {
        event.status(EventStatus::Cancelled);
    } else {
        event.status(EventStatus::Confirmed);
        event.alarm(Alarm::display(&summary, -Duration::days(ALARM_DAYS)));
    }
    event.done()
}
