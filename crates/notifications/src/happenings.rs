//! What mails say about something that was done to one credential.

use chrono::{DateTime, Utc};
use store::{mails::About, outbox::MailKind};

use crate::{
    text,
    words::{self, Words},
};

/// The longest name of whoever did it.
const ACTOR: usize = 120;

/// `at` is when it was done.
pub(crate) fn of(kind: MailKind, about: &About, at: DateTime<Utc>, now: DateTime<Utc>) -> Words {
    let (headline, why, steps) = match kind {
        MailKind::SecretSuspended => suspended(about, at),
        MailKind::SecretRotated => rotated(about, at),
        MailKind::SecretGraced => graced(about, at),
        _ => resumed(about, at),
    };
    let facts = &about.facts;
    Words {
        subject: format!("{headline} ({})", facts.application),
        link: format!("#/applications/{}/secrets/{}", facts.client_id, facts.secret.id),
        headline,
        why,
        steps,
        facts: words::listed(facts, now),
    }
}

type Said = (String, String, Vec<String>);

fn by(about: &About, at: DateTime<Utc>) -> String {
    let actor = text::line(&about.actor, ACTOR);
    format!("{actor} did this on {}.", text::instant(at))
}

fn suspended(about: &About, at: DateTime<Utc>) -> Said {
    let (facts, by) = (&about.facts, by(about, at));
    let name = words::name(facts);
    let end = facts.secret.suspended_until.map_or_else(
        || "It has been put back since.".to_owned(),
        |until| format!("It ends by itself on {}.", text::instant(until)),
    );
    (
        format!("Client secret \"{name}\" is suspended"),
        format!(
            "{by} {end} Until then a system that uses this secret has no access to {}, and the tokens that it has are refused.",
            words::apis(facts)
        ),
        vec![
            "If a system of yours stops working: put the secret back in Manage API Credentials. It works again at once."
                .to_owned(),
            "If nothing is missed: delete the secret for good.".to_owned(),
        ],
    )
}

fn resumed(about: &About, at: DateTime<Utc>) -> Said {
    let name = words::name(&about.facts);
    let tried = about.facts.secret.tried_while_suspended_at.map_or_else(
        || "No system asked for a token with it during the suspension.".to_owned(),
        |tried| {
            format!(
                "A system asked for a token with it during the suspension, last on {}: it is still needed.",
                text::instant(tried)
            )
        },
    );
    (
        format!("Client secret \"{name}\" works again"),
        format!("Its suspension was taken back. {} {tried}", by(about, at)),
        Vec::new(),
    )
}

fn rotated(about: &About, at: DateTime<Utc>) -> Said {
    let (facts, name) = (&about.facts, words::name(&about.facts));
    (
        format!("{} rotated its client secret by itself", facts.application),
        format!(
            "This happened on {}, because you switched self-rotation on. The new secret is \"{name}\", which lives until {}; the \
             old one ends by itself. There is nothing to do.",
            text::instant(at),
            text::instant(facts.secret.expires_at)
        ),
        Vec::new(),
    )
}

fn graced(about: &About, at: DateTime<Utc>) -> Said {
    let (facts, name) = (&about.facts, words::name(&about.facts));
    let until = text::instant(facts.secret.expires_at);
    (
        format!("Urgent: client secret \"{name}\" lives on until {until}, and no longer"),
        format!(
            "{} It was needed, it had no successor, and its time was up. This is granted once. After it a system that uses this \
             secret has no access to {}.",
            by(about, at),
            words::apis(facts)
        ),
        vec![
            format!(
                "Create a new secret for {} in Manage API Credentials now. The old one still works.",
                facts.application
            ),
            "Put the new value into the system that uses the old one.".to_owned(),
            "When the old secret has not been used for a day, delete it there.".to_owned(),
        ],
    )
}
