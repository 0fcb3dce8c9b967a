//! The texts of notices about an event on one credential.

use std::net::IpAddr;

use chrono::{DateTime, Utc};
use domain::{client_key::ClientKey, credential::PublicPart};
use store::{mails::About, outbox::MailKind};

use crate::{
    noun::Noun,
    text,
    words::{self, Words},
};

/// The longest name of an actor.
const ACTOR: usize = 120;
/// The longest address shown.
const ADDRESS: usize = 200;

/// Whether managers who want urgent mail only are recipients, too.
pub(crate) fn is_urgent(kind: MailKind) -> bool {
    !matches!(
        kind,
        MailKind::SecretCreated | MailKind::SecretDeleted | MailKind::SecretRotated
    )
}

/// `at` is when the event happened.
pub(crate) fn of(kind: MailKind, about: &About, at: DateTime<Utc>, now: DateTime<Utc>) -> Words {
    let (headline, why, steps) = match kind {
        MailKind::SecretSuspended => suspended(about, at),
        MailKind::SecretRotated => rotated(about, at),
        MailKind::SecretGraced => graced(about, at),
        MailKind::SecretLeaked => leaked(about, at),
        MailKind::KeysUnreachable => unreachable(about),
        MailKind::SecretCreated => created(about, at),
        MailKind::SecretDeleted => deleted(about, at),
        _ => resumed(about, at),
    };
    let facts = &about.facts;
    Words {
        subject: format!("{headline} ({})", facts.application),
        link: words::place(facts),
        headline,
        why,
        steps,
        facts: words::listed(facts, now),
    }
}

/// Headline, cause, and what to do.
type NoticeParts = (String, String, Vec<String>);

fn by(about: &About, at: DateTime<Utc>) -> String {
    let actor = text::line(&about.actor, ACTOR);
    // On the command line there is no source address.
    let from = about
        .source
        .parse::<IpAddr>()
        .map_or_else(|_| String::new(), |source| format!(", from {source}"));
    format!("{actor} did this on {}{from}.", text::instant(at))
}

fn created(about: &About, at: DateTime<Utc>) -> NoticeParts {
    let (facts, by) = (&about.facts, by(about, at));
    let (full, name) = (words::noun(facts).full, words::name(facts));
    (
        format!("A new {full} \"{name}\" was created"),
        format!(
            "{by} A system that has it gets tokens for {} until {}.",
            words::apis(facts),
            text::instant(facts.secret.expires_at)
        ),
        vec![
            "If you expected this, there is nothing to do.".to_owned(),
            format!(
                "If you did not expect it: ask who did it. If nobody of your organisation did, delete the {full} in Manage API \
                 Credentials at once, and tell the WMDA team."
            ),
        ],
    )
}

fn deleted(about: &About, at: DateTime<Utc>) -> NoticeParts {
    let (facts, by) = (&about.facts, by(about, at));
    let (full, name) = (words::noun(facts).full, words::name(facts));
    (
        format!("The {full} \"{name}\" was deleted"),
        format!(
            "{by} A system that still has it gets no tokens any more, and the tokens that it has are refused. This can't be \
             undone."
        ),
        vec![
            "If you expected this, there is nothing to do.".to_owned(),
            format!(
                "If you did not expect it: ask who did it. If a system of yours stopped working, create a new {full} for {} in \
                 Manage API Credentials and give it to that system. If nobody of your organisation did this, tell the WMDA team.",
                facts.application
            ),
        ],
    )
}

fn suspended(about: &About, at: DateTime<Utc>) -> NoticeParts {
    let (facts, by) = (&about.facts, by(about, at));
    let name = words::name(facts);
    let Noun { first, short, .. } = words::noun(facts);
    let end = facts.secret.suspended_until.map_or_else(
        || "It has been put back since.".to_owned(),
        |until| format!("It ends by itself on {}.", text::instant(until)),
    );
    (
        format!("{first} \"{name}\" is suspended"),
        format!(
            "{by} {end} Until then a system that uses this {short} has no access to {}, and the tokens that it has are refused.",
            words::apis(facts)
        ),
        vec![
            format!(
                "If a system of yours stops working: put the {short} back in Manage API Credentials. It works again at once."
            ),
            format!("If nothing is missed: delete the {short} for good."),
        ],
    )
}

fn resumed(about: &About, at: DateTime<Utc>) -> NoticeParts {
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
        format!("{} \"{name}\" works again", words::noun(&about.facts).first),
        format!("Its suspension was taken back. {} {tried}", by(about, at)),
        Vec::new(),
    )
}

fn rotated(about: &About, at: DateTime<Utc>) -> NoticeParts {
    let (facts, name) = (&about.facts, words::name(&about.facts));
    (
        "A system rotated its client secret by itself".to_owned(),
        format!(
            "This happened on {}, because self-rotation is switched on for {}. The new secret is \"{name}\", which works until {}; \
             the old one ends by itself. There is nothing to do.",
            text::instant(at),
            facts.application,
            text::instant(facts.secret.expires_at)
        ),
        Vec::new(),
    )
}

fn leaked(about: &About, at: DateTime<Utc>) -> NoticeParts {
    let (facts, name) = (&about.facts, words::name(&about.facts));
    let from = facts.secret.leak.as_ref().map_or("", |leak| &leak.from);
    let apis = words::apis(facts);
    let because =
        format!("because anybody could have used it. A system that uses it has no access to {apis} now.");
    let done = match (facts.deleted, facts.secret.suspended_until) {
        (true, _) => format!("It was deleted at once, {because}"),
        (false, Some(until)) => {
            format!(
                "It was suspended at once, until {}, {because}",
                text::instant(until)
            )
        }
        (false, None) => {
            "It was suspended at once. Somebody has put it back since: whoever knows it can use it."
                .to_owned()
        }
    };
    let mut steps = vec![
        format!(
            "Create a new secret for {} in Manage API Credentials.",
            facts.application
        ),
        format!("Put the new value into {}.", words::system(facts)),
    ];
    if !facts.deleted {
        steps.push("Delete the old secret. Do not put it back: others may know it.".to_owned());
    }
    steps.push(
        "Find out where it was: a repository, a log, a ticket. Look whether somebody else used it."
            .to_owned(),
    );
    (
        format!("Urgent: client secret \"{name}\" was reported as leaked"),
        format!(
            "On {} somebody reported from {} that they had found it where it should not be. {done}",
            text::instant(at),
            text::line(from, 60)
        ),
        steps,
    )
}

fn unreachable(about: &About) -> NoticeParts {
    let facts = &about.facts;
    let (name, address) = (words::name(facts), address(&facts.secret.public));
    (
        format!("Urgent: the keys of \"{name}\" can't be read"),
        format!(
            "They are published at {address}, which gives no answer that can be used. What was read there before counts for a \
             day after it was read. From then on {} gets no tokens with this {}, and has no access to {}.",
            facts.application,
            words::noun(facts).short,
            words::apis(facts)
        ),
        vec![
            "See to it that the address answers within five seconds, by HTTPS, from the internet, without a redirect, with a JWK \
             Set of at most 64 KiB."
                .to_owned(),
            "Or register the key itself in Manage API Credentials: then nothing has to be read.".to_owned(),
        ],
    )
}

/// Where the credential's keys are published.
fn address(public: &PublicPart) -> String {
    let address = match public {
        PublicPart::Key(key) => match &**key {
            ClientKey::Published(url) => url,
            ClientKey::Registered(_) => "",
        },
        PublicPart::Federated(identity) => &identity.issuer,
        PublicPart::Secret => "",
    };
    text::line(address, ADDRESS)
}

fn graced(about: &About, at: DateTime<Utc>) -> NoticeParts {
    let (facts, name) = (&about.facts, words::name(&about.facts));
    let until = text::instant(facts.secret.expires_at);
    (
        format!("Urgent: client secret \"{name}\" was extended until {until}, and no longer"),
        format!(
            "{} A system uses the secret, no newer one is in use, and its time was up. This is done once. After it a system that \
             uses this secret has no access to {}.",
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
