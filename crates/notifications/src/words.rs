//! The texts of each kind of reminder, for the people who manage the secret.

use chrono::{DateTime, Utc};
use domain::{credential::CredentialKind, reminder::ReminderKind, secret::Origin};
use store::{mails::MailItem, secret_facts::SecretFacts};

use crate::{
    noun::{self, Noun},
    rules, text,
};

const NAME: usize = 60;

/// The text about one secret.
pub(crate) struct Words {
    pub(crate) subject: String,
    /// The secret's fragment of the page's URL.
    pub(crate) link: String,
    pub(crate) headline: String,
    pub(crate) why: String,
    pub(crate) steps: Vec<String>,
    /// Label and value.
    pub(crate) facts: Vec<(&'static str, String)>,
}

pub(crate) fn of(item: &MailItem, now: DateTime<Utc>) -> Words {
    let facts = &item.facts;
    let headline = headline(item, now);
    let mark = match rules::is_urgent(item.kind, item.threshold_days) {
        true => "Urgent: ",
        false => "",
    };
    Words {
        subject: format!("{mark}{headline} ({})", facts.application),
        link: link(item),
        why: why(item, now),
        steps: steps(item),
        facts: listed(facts, now),
        headline,
    }
}

fn link(item: &MailItem) -> String {
    let facts = &item.facts;
    match item.kind {
        ReminderKind::Withdrawn => format!("#/applications/{}", facts.client_id),
        _ => place(facts),
    }
}

/// The page's fragment for a credential: a secret has one of its own while it exists.
pub(crate) fn place(facts: &SecretFacts) -> String {
    let application = format!("#/applications/{}", facts.client_id);
    match facts.secret.public.kind() {
        CredentialKind::Secret if !facts.deleted => format!("{application}/secrets/{}", facts.secret.id),
        _ => application,
    }
}

pub(crate) fn name(facts: &SecretFacts) -> String {
    text::line(&facts.secret.name, NAME)
}

pub(crate) fn noun(facts: &SecretFacts) -> Noun {
    noun::of(facts.secret.public.kind())
}

fn headline(item: &MailItem, now: DateTime<Utc>) -> String {
    let (name, expires_at) = (name(&item.facts), item.facts.secret.expires_at);
    let Noun { first, full, .. } = noun(&item.facts);
    match item.kind {
        ReminderKind::Reminder if expires_at > now => format!(
            "{first} \"{name}\" expires {}, on {}",
            text::distance(expires_at, now),
            text::day(expires_at)
        ),
        ReminderKind::Reminder | ReminderKind::Expired => {
            format!("{first} \"{name}\" expired on {}", text::day(expires_at))
        }
        ReminderKind::StillTried => format!("A system still uses the expired {full} \"{name}\""),
        ReminderKind::PleaseDelete => format!("Please delete the old {full} \"{name}\""),
        ReminderKind::Withdrawn => format!("{first} \"{name}\" was deleted"),
    }
}

fn why(item: &MailItem, now: DateTime<Utc>) -> String {
    let facts = &item.facts;
    let (application, expiry) = (&facts.application, text::instant(facts.secret.expires_at));
    let short = noun(facts).short;
    match item.kind {
        ReminderKind::Reminder if facts.secret.expires_at > now => format!(
            "From {expiry} on, {application} gets no tokens with this {short}. A system that still uses it loses its access to \
             {}.{}",
            apis(facts),
            not_yet_switched(facts)
        ),
        ReminderKind::Reminder | ReminderKind::Expired => format!(
            "Since {expiry} {application} gets no tokens with this {short}. A system that still uses it now has no \
             access to {}.{}",
            apis(facts),
            not_yet_switched(facts)
        ),
        ReminderKind::StillTried => format!(
            "The {short} expired on {expiry}. {} a system asked for a token with it and got none. That system now has no \
             access to {}.{}",
            tried(facts),
            apis(facts),
            used_before(facts)
        ),
        ReminderKind::PleaseDelete => please_delete(facts, now),
        ReminderKind::Withdrawn => format!(
            "It would have expired on {expiry}. An earlier e-mail gave you that date for your calendar. The attached file \
             removes it."
        ),
    }
}

pub(crate) fn apis(facts: &SecretFacts) -> String {
    match facts.apis.as_slice() {
        [] => "WMDA's APIs".to_owned(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// Describes a rotation that has begun but is not complete.
fn not_yet_switched(facts: &SecretFacts) -> String {
    match (facts.successors.last(), &facts.secret.last_use) {
        (Some(newer), Some(_)) => format!(
            " A newer {}, \"{}\", is already in use, but this one is still used too: not every system has the newer one.",
            noun::of(newer.kind).short,
            text::line(&newer.name, NAME)
        ),
        (None, None) => " It was never used. If no system needs it, delete it.".to_owned(),
        _ => String::new(),
    }
}

/// When an expired secret was last presented, its source and user agent.
fn tried(facts: &SecretFacts) -> String {
    let at = facts.secret.tried_after_expiry_at.map_or_else(
        || "Since then".to_owned(),
        |at| format!("On {}", text::instant(at)),
    );
    match &facts.secret.tried_after_expiry_origin {
        Some(found) => format!("{at}, {},", origin(found)),
        None => at,
    }
}

/// Where to look for a system that still uses an expired secret, if its last attempts don't tell.
fn used_before(facts: &SecretFacts) -> String {
    let used = facts.secret.last_use.as_ref();
    let used = used.filter(|_| facts.secret.tried_after_expiry_origin.is_none());
    used.map_or_else(String::new, |last| {
        format!(
            " Before that, the {} was used {}: look there first.",
            noun(facts).short,
            origin(&last.origin)
        )
    })
}

fn please_delete(facts: &SecretFacts, now: DateTime<Utc>) -> String {
    let short = noun(facts).short;
    let newer = facts.successors.last().map_or_else(
        || format!("A newer {short} is in use"),
        |newer| {
            let (name, used) = (text::line(&newer.name, NAME), text::instant(newer.last_used_at));
            let short = noun::of(newer.kind).short;
            format!("Your newer {short} \"{name}\" is in use (last on {used})")
        },
    );
    let silent = facts.secret.last_use.as_ref().map_or_else(
        || "this one has never been used".to_owned(),
        |last| {
            let (at, ago) = (text::instant(last.at), text::distance(last.at, now));
            format!("this one was last used on {at}, {ago}")
        },
    );
    let end = match facts.secret.expires_at > now {
        true => format!("Somebody who finds a forgotten {short} can use it until it expires."),
        false => "It has expired.".to_owned(),
    };
    format!("{newer}, and {silent}. As far as this service can see, no system needs it any more. {end}")
}

fn steps(item: &MailItem) -> Vec<String> {
    let facts = &item.facts;
    let application = &facts.application;
    let Noun {
        short,
        make,
        make_within,
        give,
        ..
    } = noun(facts);
    let delete = format!("When the old {short} has not been used for a day, delete it there.");
    match item.kind {
        ReminderKind::Reminder => vec![
            format!("{make} for {application} in Manage API Credentials. The old one still works."),
            format!("{give} {}.", system(facts)),
            delete,
        ],
        ReminderKind::Expired => vec![
            format!(
                "If a system still needs it: {make_within} for {application} in Manage API Credentials now."
            ),
            format!("{give} {}.", system(facts)),
            format!("Delete the expired {short}, so that nobody tries it again."),
        ],
        ReminderKind::StillTried => vec![
            format!("{make} for {application} in Manage API Credentials now."),
            format!("{give} {}.", system(facts)),
            format!("Delete the expired {short}."),
        ],
        ReminderKind::PleaseDelete => vec![
            "Check that none of your systems uses it only from time to time, for example once a month."
                .to_owned(),
            "Delete it in Manage API Credentials.".to_owned(),
        ],
        ReminderKind::Withdrawn => Vec::new(),
    }
}

/// The system that must be changed, as identified by the last use.
pub(crate) fn system(facts: &SecretFacts) -> String {
    let last = facts.secret.last_use.as_ref().map(|last| &last.origin);
    match facts.secret.tried_after_expiry_origin.as_ref().or(last) {
        Some(last) => format!("the system that uses the old one: it last asked {}", origin(last)),
        None => "the system that uses the old one".to_owned(),
    }
}

/// Source and user agent; the latter is the client's own claim and may be anything.
fn origin(Origin { from, with }: &Origin) -> String {
    match text::line(with, 60).as_str() {
        "" => format!("from {}", text::line(from, 60)),
        with => format!("from {} with {with}", text::line(from, 60)),
    }
}

/// Its name, and how its owner can recognise it.
fn known_by(facts: &SecretFacts) -> String {
    let name = text::line(&facts.secret.name, 120);
    match (facts.secret.public.kind(), facts.secret.hint.as_str()) {
        (_, "") => format!("\"{name}\""),
        (CredentialKind::Secret, hint) => format!("\"{name}\", begins with {hint}"),
        (_, hint) => format!("\"{name}\", its thumbprint begins with {hint}"),
    }
}

pub(crate) fn listed(facts: &SecretFacts, now: DateTime<Utc>) -> Vec<(&'static str, String)> {
    let secret = &facts.secret;
    let last_use = secret.last_use.as_ref().map_or_else(
        || "never".to_owned(),
        |last| format!("{}, {}", text::instant(last.at), origin(&last.origin)),
    );
    let created = format!(
        "{} by {}",
        text::instant(secret.created_at),
        text::line(&secret.created_by, 120)
    );
    let expires = format!(
        "{} ({})",
        text::instant(secret.expires_at),
        text::distance(secret.expires_at, now)
    );
    let mut rows = vec![
        ("Application", facts.application.clone()),
        ("Organisation", text::line(&facts.organisation, 120)),
        ("Access to", apis(facts)),
        (noun(facts).row, known_by(facts)),
        ("Created", created),
        (
            if secret.expires_at > now {
                "Expires"
            } else {
                "Expired"
            },
            expires,
        ),
        ("Last used", last_use),
    ];
    if let Some(until) = secret.suspended_until.filter(|until| *until > now) {
        rows.push(("Suspended until", text::instant(until)));
    }
    if let Some(at) = secret.tried_after_expiry_at {
        let found = secret.tried_after_expiry_origin.as_ref();
        let from = found.map_or_else(String::new, |found| format!(", {}", origin(found)));
        rows.push(("Last refused", format!("{}{from}", text::instant(at))));
    }
    rows
}
