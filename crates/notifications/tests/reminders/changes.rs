//! Mails about created or deleted credentials, and about expired ones still in use.

use std::sync::Arc;

use chrono::TimeDelta;
use domain::{
    client_key::ClientKey,
    credential::{CredentialKind, PublicPart},
    federation::FederatedIdentity,
    reminder::{DeliveryState, ReminderKind, STILL_TRIED},
};
use store::{
    NewClientSecret, NewProof,
    client_secrets::{NoticeRecipients, SecretLimits},
    outbox::Plan,
};
use uuid::Uuid;

use crate::{
    on_both,
    smtp::Received,
    world::{Managed, START, World},
};

on_both! {
    the_managers_are_told_who_created_and_deleted_what_and_from_where
    keys_and_federated_credentials_are_called_what_they_are
    many_changes_within_an_hour_are_told_together
    what_an_expired_secret_is_tried_with_is_told_as_somebody_elses_text
    the_end_after_a_grace_is_told_as_the_first_one_was
}

const MANAGER: &str = "manager@example.org";
const QUIET: &str = "quiet@example.org";
const ACTOR: &str = "anna@registry.example";

async fn create(world: &World, managed: Managed, name: &str, proof: NewProof) -> Uuid {
    let id = world.id();
    let new = NewClientSecret {
        id,
        client_id: managed.client_id,
        name: name.to_owned(),
        hint: "q7X".to_owned(),
        proof,
        created_by: ACTOR.to_owned(),
        created_at: world.clock.get(),
        expires_at: world.clock.get() + TimeDelta::days(365),
        replaces: None,
    };
    world
        .store
        .create_credential(
            new,
            SecretLimits::NONE,
            NoticeRecipients::Managers,
            world.entry_by(ACTOR, "192.0.2.44"),
        )
        .await
        .unwrap();
    id
}

async fn create_secret(world: &World, managed: Managed, name: &str) -> Uuid {
    let value = world.id().to_string();
    let proof = NewProof::Secret(world.pepper.digest(managed.client_id, &value));
    create(world, managed, name, proof).await
}

async fn delete(world: &World, managed: Managed, which: (CredentialKind, Uuid)) {
    let entry = world.entry_by(ACTOR, "192.0.2.45");
    let now = world.clock.get();
    world
        .store
        .delete_credential(
            (which.0, managed.client_id, which.1),
            NoticeRecipients::Managers,
            now,
            entry,
        )
        .await
        .unwrap();
}

async fn only(world: &World) -> Received {
    world.node().pass().await.unwrap();
    let mut mails = world.server.take();
    assert_eq!(mails.len(), 1);
    mails.remove(0)
}

async fn the_managers_are_told_who_created_and_deleted_what_and_from_where(world: &World) {
    let managed = world.managed(MANAGER).await;
    let quiet = world.colleague(managed, QUIET).await;
    world
        .store
        .set_urgent_mail_only(quiet, true, world.entry())
        .await
        .unwrap();
    let id = create_secret(world, managed, "Search server").await;
    let mail = only(world).await;
    assert_eq!(mail.to, MANAGER, "whoever wants urgent mail only gets none");
    assert!(
        mail.header("Subject")
            .starts_with("A new client secret \"Search server\" was created ")
    );
    let text = mail.text();
    for said in [
        "anna@registry.example did this on 15 January 2027, 08:00 UTC, from 192.0.2.44.",
        "\"Search server\", begins with q7X",
        "If you did not expect it",
        "tell the WMDA team",
        &format!("/secrets/{id}"),
        "Get only urgent e-mails: https://auth.wmda.example/api/v1/unsubscribe/",
    ] {
        assert!(text.contains(said), "{said} in {text}");
    }
    assert!(mail.header("List-Unsubscribe").contains("/api/v1/unsubscribe/"));
    let now = world.clock.get();
    let listed = world.store.secret(managed.client_id, id, now).await.unwrap();
    assert_eq!(listed.unwrap().notifications, [], "what was done is no reminder");
    delete(world, managed, (CredentialKind::Secret, id)).await;
    let mail = only(world).await;
    assert!(
        mail.header("Subject")
            .starts_with("The client secret \"Search server\" was deleted ")
    );
    assert!(mail.text().contains("from 192.0.2.45."));
    assert!(!mail.text().contains("/secrets/"), "it has no place any more");
}

async fn keys_and_federated_credentials_are_called_what_they_are(world: &World) {
    let managed = world.managed(MANAGER).await;
    let published = ClientKey::Published("https://registry.example/jwks".to_owned());
    let key = NewProof::Public(PublicPart::Key(Arc::new(published)));
    let about = ["https://issuer.example", "subject", "audience"];
    let identity = FederatedIdentity::register(about, None, (&[], false)).unwrap();
    let identity = NewProof::Public(PublicPart::Federated(Arc::new(identity)));
    for (kind, proof, noun) in [
        (CredentialKind::Key, key, "key"),
        (CredentialKind::Federated, identity, "federated credential"),
    ] {
        let id = create(world, managed, "Laboratory", proof).await;
        let mail = only(world).await;
        let subject = format!("A new {noun} \"Laboratory\" was created");
        assert!(mail.header("Subject").starts_with(&subject), "{noun}");
        assert!(!mail.text().to_lowercase().contains("secret"), "{}", mail.text());
        delete(world, managed, (kind, id)).await;
        let mail = only(world).await;
        let subject = format!("The {noun} \"Laboratory\" was deleted");
        assert!(mail.header("Subject").starts_with(&subject), "{noun}");
        assert!(!mail.text().to_lowercase().contains("secret"), "{}", mail.text());
    }
}

async fn many_changes_within_an_hour_are_told_together(world: &World) {
    let managed = world.managed(MANAGER).await;
    for number in 0..10 {
        create_secret(world, managed, &format!("Secret {number}.")).await;
    }
    world.rate_limited_node(3).pass().await.unwrap();
    let told: Vec<usize> = world
        .server
        .take()
        .iter()
        .map(|mail| {
            let text = mail.text();
            (0..10)
                .filter(|number| text.contains(&format!("Secret {number}.")))
                .count()
        })
        .collect();
    assert_eq!(told, [1, 1, 8]);
}

async fn what_an_expired_secret_is_tried_with_is_told_as_somebody_elses_text(world: &World) {
    let managed = world.managed(MANAGER).await;
    let span = (START - TimeDelta::days(300), START - TimeDelta::days(60));
    let secret = world.secret(managed.client_id, "Old", span).await;
    let program = format!("<b>curl</b>\u{202e}\r\nBcc: x@example.org {}", "long ".repeat(40));
    world.trying_with(managed.client_id, secret, &program).await;
    world.node().pass().await.unwrap();
    let mails = world.server.take();
    let mail = mails.iter().find(|mail| mail.to == MANAGER).unwrap();
    let line = "15 January 2027, 08:00 UTC, from 192.0.2.44 with <b>curl</b>Bcc: x@example.org long long";
    assert!(mail.text().contains(line), "{}", mail.text());
    assert!(!mail.text().contains('\u{202e}') && !mail.text().contains(&"long ".repeat(12)));
    assert_eq!(mail.header("Bcc"), "");
    let html = mail.part("text/html").unwrap();
    assert!(
        html.contains("&lt;b&gt;curl") || html.contains("&#60;b&#62;curl"),
        "{html}"
    );
    assert!(!html.contains("<b>curl"));
}

/// The subjects of the manager's mails in a pass.
async fn told(world: &World) -> Vec<String> {
    world.node().pass().await.unwrap();
    let mails = world.server.take().into_iter();
    mails
        .filter(|mail| mail.to == MANAGER)
        .map(|mail| mail.header("Subject"))
        .collect()
}

async fn the_end_after_a_grace_is_told_as_the_first_one_was(world: &World) {
    let managed = world.managed(MANAGER).await;
    let span = (START - TimeDelta::days(300), START + TimeDelta::hours(1));
    let secret = world.secret(managed.client_id, "Nightly", span).await;
    world.using(secret).await;
    told(world).await;
    let ends = async |hours: i64| {
        world.clock.set(START + TimeDelta::hours(hours));
        let expired = told(world).await;
        assert!(
            matches!(&expired[..], [one] if one.starts_with("Urgent: Client secret \"Nightly\" expired on")),
            "{expired:?}"
        );
        for expected in [1, 0] {
            world.trying(managed.client_id, secret).await;
            let tried = told(world).await;
            assert_eq!(tried.len(), expected, "once: {tried:?}");
            assert!(
                tried
                    .iter()
                    .all(|one| one.starts_with("Urgent: A system still uses the expired client secret"))
            );
        }
    };
    ends(2).await;
    let grace = (TimeDelta::hours(24), None);
    let which = (managed.client_id, secret);
    let now = world.clock.get();
    let granted = world.store.grant_grace(which, grace, now, world.entry());
    granted.await.unwrap();
    let decided_before = Plan {
        secret_id: secret,
        threshold_days: STILL_TRIED,
        kind: ReminderKind::StillTried,
        urgent: true,
        recipients: vec![MANAGER.to_owned()],
        suppressed: Vec::new(),
        event: None,
    };
    let planned = world.store.plan(vec![decided_before], now).await.unwrap();
    assert!(planned.is_empty(), "it lives");
    let extended = told(world).await;
    assert!(
        matches!(&extended[..], [one] if one.contains("was extended until")),
        "{extended:?}"
    );
    world.clock.set(START + TimeDelta::hours(25));
    assert!(told(world).await.is_empty());
    ends(27).await;
    let now = world.clock.get();
    let listed = world.store.secret(managed.client_id, secret, now).await.unwrap();
    let sent: Vec<ReminderKind> = listed
        .unwrap()
        .notifications
        .iter()
        .filter(|one| one.recipient == MANAGER && one.state == DeliveryState::Sent)
        .map(|one| one.kind)
        .collect();
    assert!(sent.contains(&ReminderKind::Expired) && sent.contains(&ReminderKind::StillTried));
}
