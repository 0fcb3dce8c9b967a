//! The mails in `docs/mails` equal those sent. With `WMDA_AUTH_WRITE_MAILS` set they are rewritten.

use std::{fs, path::PathBuf};

use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    credential::CredentialKind,
    resource::{Environment, Resource},
};
use store::{
    NewClientSecret, NewProof,
    client_secrets::{NoticeRecipients, SecretLimits},
};
use uuid::Uuid;

use crate::{
    smtp::Received,
    world::{TEAM, World},
};

pub const MANAGER: &str = "anna@registry.example";

pub fn at(text: &str) -> DateTime<Utc> {
    DateTime::parse_from_rfc3339(text).unwrap().to_utc()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_mails_in_docs_are_what_is_sent() {
    let world = World::sqlite();
    world.clock.set(at("2027-10-24T23:59:59Z"));
    let [client_id, second] = example(&world).await;
    let node = world.node();
    let pass = async |name: &str, to: &str| {
        node.pass().await.unwrap();
        let mails = world.server.take();
        let mail = mails.iter().find(|mail| mail.to == to).unwrap();
        compare(name, mail);
    };
    let end = at("2027-11-23T23:59:59Z");
    let secret = world
        .secret(
            client_id,
            "Search, production server",
            (end - TimeDelta::days(365), end),
        )
        .await;
    world.clock.set(at("2027-10-24T08:15:00Z"));
    world.using(secret).await;
    world.clock.set(end - TimeDelta::days(30));
    pass("30-days", MANAGER).await;
    world.clock.set(end - TimeDelta::days(1) - TimeDelta::hours(9));
    world.using(secret).await;
    world.clock.set(end - TimeDelta::days(1));
    pass("1-day", MANAGER).await;
    world.clock.set(end + TimeDelta::hours(7));
    world.trying(client_id, secret).await;
    pass("expired-still-tried", MANAGER).await;
    let old = world
        .secret(
            client_id,
            "Search, test server",
            (at("2027-03-01T09:00:00Z"), at("2027-12-24T12:00:00Z")),
        )
        .await;
    for day in ["2027-11-20", "2027-11-21", "2027-11-22"] {
        world.clock.set(at(&format!("{day}T06:00:00Z")));
        world.using(old).await;
    }
    let new = world
        .secret(
            client_id,
            "Search, test server 2028",
            (at("2027-11-22T09:00:00Z"), at("2028-11-21T23:59:59Z")),
        )
        .await;
    world.clock.set(at("2027-11-26T06:00:00Z"));
    world.using(new).await;
    pass("please-delete", MANAGER).await;
    world.clock.set(at("2027-11-28T00:30:00Z"));
    for (name, end) in [
        ("Nightly upload", "2027-12-11T23:59:59Z"),
        ("Laboratory system", "2027-12-27T23:59:59Z"),
        ("Test bench", "2028-01-25T10:00:00Z"),
    ] {
        let id = world
            .secret(second, name, (at("2027-02-01T10:00:00Z"), at(end)))
            .await;
        world.using(id).await;
    }
    pass("digest", MANAGER).await;
    world.clock.set(at("2027-12-10T23:59:59Z"));
    pass("1-day-copy-of-the-team", TEAM).await;
    let (id, entry) = (world.id(), world.entry_by("jonas@registry.example", "192.0.2.44"));
    let now = world.clock.get();
    let new = NewClientSecret {
        id,
        client_id,
        name: "Search, second server".to_owned(),
        hint: "q7X".to_owned(),
        proof: NewProof::Secret(world.pepper.digest(client_id, "second")),
        created_by: "jonas@registry.example".to_owned(),
        created_at: now,
        expires_at: now + TimeDelta::days(365),
        replaces: None,
    };
    let limits = SecretLimits::NONE;
    let recipients = NoticeRecipients::Managers;
    let made = world
        .store
        .create_credential(new, limits, recipients, entry.clone());
    made.await.unwrap();
    pass("secret-created", MANAGER).await;
    let which = (CredentialKind::Secret, client_id, id);
    let gone = world.store.delete_credential(which, recipients, now, entry);
    gone.await.unwrap();
    pass("secret-deleted", MANAGER).await;
}

/// A registry with two applications that may call two APIs.
pub async fn example(world: &World) -> [Uuid; 2] {
    let organisation = world.organisation("Example Registry").await;
    let first = world
        .application(organisation, "Partner-NL-ExampleRegistry-SMC")
        .await;
    let second = world
        .application(organisation, "Partner-NL-ExampleRegistry-DM")
        .await;
    let user_id = world.person(organisation, MANAGER).await;
    world.assign(first, user_id).await;
    world.assign(second, user_id).await;
    for name in ["Search & Match", "Match-Connect"] {
        let id = world.id();
        let resource = Resource {
            id,
            uri: None,
            name: name.to_owned(),
            environment: Environment::Production,
            token_lifetime_seconds: None,
            signing_algorithm: None,
            roles: vec!["Search.Read".to_owned()],
        };
        world
            .store
            .create_resource(resource, world.entry())
            .await
            .unwrap();
        for client_id in [first, second] {
            let roles = vec!["Search.Read".to_owned()];
            world
                .store
                .grant(client_id, id, roles, world.entry())
                .await
                .unwrap();
        }
    }
    [first, second]
}

pub fn compare(name: &str, mail: &Received) {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/mails");
    let text = format!(
        "Subject: {}\n\n{}",
        mail.header("Subject"),
        mail.text().replace('\r', "")
    );
    let html = mail.part("text/html").unwrap().replace('\r', "");
    let file = |end: &str| folder.join(format!("{name}.{end}"));
    if std::env::var_os("WMDA_AUTH_WRITE_MAILS").is_some() {
        fs::create_dir_all(&folder).unwrap();
        fs::write(file("txt"), &text).unwrap();
        fs::write(file("html"), &html).unwrap();
        fs::write(file("eml"), &mail.raw).unwrap();
    }
    let hint = "write docs/mails anew: WMDA_AUTH_WRITE_MAILS=1 cargo test -p notifications mails_in_docs";
    assert_eq!(
        fs::read_to_string(file("txt")).unwrap_or_default(),
        text,
        "{hint}"
    );
    assert_eq!(
        fs::read_to_string(file("html")).unwrap_or_default(),
        html,
        "{hint}"
    );
}
