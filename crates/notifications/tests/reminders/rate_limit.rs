//! The rate limit of mails per recipient and hour, without losses.

use chrono::TimeDelta;
use domain::reminder::DeliveryState;
use notifications::Report;
use store::{Notice, outbox::MailKind};

use crate::{
    on_both,
    smtp::{Mood, Received},
    world::{Managed, START, TEAM, World},
};

on_both! {
    x02_the_last_mail_of_an_hour_tells_what_else_is_waiting
    x02_what_comes_later_waits_for_room
    x02_a_mail_that_tells_others_too_fails_and_is_repeated_as_one
    x02_notices_of_one_kind_are_told_together_and_links_are_not_held_back
    x02_two_nodes_keep_to_the_limit
}

const MANAGER: &str = "manager@example.org";
const PER_HOUR: i64 = 3;

/// Creates secrets that expire in three days.
async fn urgent(world: &World, managed: Managed, names: std::ops::Range<u32>) {
    let expires = START + TimeDelta::days(3);
    for number in names {
        let name = format!("secret-{number:02}.");
        world
            .secret(managed.client_id, &name, (START - TimeDelta::days(300), expires))
            .await;
    }
}

fn to<'a>(mails: &'a [Received], recipient: &str) -> Vec<&'a Received> {
    mails.iter().filter(|mail| mail.to == recipient).collect()
}

/// Which of the secrets each mail names.
fn told(mails: &[&Received]) -> Vec<usize> {
    let names = |text: String| {
        (0..30)
            .filter(|number| text.contains(&format!("secret-{number:02}.")))
            .count()
    };
    mails.iter().map(|mail| names(mail.text())).collect()
}

/// The delivery states of the current threshold, by secret and recipient; earlier thresholds were suppressed.
async fn states(world: &World, managed: Managed) -> Vec<DeliveryState> {
    let filter = store::client_secrets::SecretFilter {
        kind: domain::credential::CredentialKind::Secret,
        status: None,
        search: String::new(),
        after: None,
        limit: 100,
    };
    let found = world
        .store
        .secrets(managed.client_id, filter, world.clock.get())
        .await;
    let secrets = found.unwrap().secrets.into_iter();
    secrets
        .flat_map(|one| one.notifications)
        .filter(|one| one.threshold_days == 3)
        .map(|one| one.state)
        .collect()
}

async fn x02_the_last_mail_of_an_hour_tells_what_else_is_waiting(world: &World) {
    let managed = world.managed(MANAGER).await;
    urgent(world, managed, 0..10).await;
    let node = world.rate_limited_node(PER_HOUR);
    let report = node.pass().await.unwrap();
    assert_eq!(report.sent, 6, "{report:?}");
    let mails = world.server.take();
    assert_eq!(told(&to(&mails, MANAGER)), [1, 1, 8]);
    assert_eq!(told(&to(&mails, TEAM)), [1, 1, 8]);
    let states = states(world, managed).await;
    assert_eq!(states.len(), 20);
    assert!(
        states.iter().all(|state| *state == DeliveryState::Sent),
        "{states:?}"
    );
    assert_eq!(node.pass().await.unwrap(), Report::default());
}

async fn x02_what_comes_later_waits_for_room(world: &World) {
    let managed = world.managed(MANAGER).await;
    urgent(world, managed, 0..3).await;
    let node = world.rate_limited_node(PER_HOUR);
    assert_eq!(node.pass().await.unwrap().sent, 6);
    world.server.take();
    urgent(world, managed, 3..8).await;
    for minutes in [1, 30, 59] {
        world.clock.set(START + TimeDelta::minutes(minutes));
        assert_eq!(node.pass().await.unwrap().sent, 0, "{minutes}");
    }
    let states = states(world, managed).await;
    let pending = states.iter().filter(|state| **state == DeliveryState::Pending);
    assert_eq!(pending.count(), 10);
    world.clock.set(START + TimeDelta::minutes(61));
    assert_eq!(node.pass().await.unwrap().sent, 6);
    let mails = world.server.take();
    assert_eq!(told(&to(&mails, MANAGER)), [1, 1, 3]);
}

async fn x02_a_mail_that_tells_others_too_fails_and_is_repeated_as_one(world: &World) {
    let managed = world.managed(MANAGER).await;
    urgent(world, managed, 0..6).await;
    let node = world.rate_limited_node(1);
    world.server.set(Mood::BreaksAfterData);
    assert!(node.pass().await.unwrap().trouble.is_some());
    world.server.take();
    world.server.set(Mood::Well);
    world.clock.set(START + TimeDelta::minutes(30));
    assert_eq!(node.pass().await.unwrap().sent, 2);
    let mails = world.server.take();
    assert_eq!(told(&to(&mails, MANAGER)), [6]);
    let states = states(world, managed).await;
    assert!(
        states.iter().all(|state| *state == DeliveryState::Sent),
        "{states:?}"
    );
}

async fn notice(world: &World, kind: MailKind, hidden: &str) {
    let id = world.id();
    let random = ring::rand::SystemRandom::new();
    let sealed = world.pepper.seal(id, hidden.as_bytes(), &random).unwrap();
    let notice = Notice {
        id,
        recipient: TEAM.to_owned(),
        kind,
        sealed: Some(sealed),
    };
    world
        .store
        .record_with_notices(world.entry(), vec![notice])
        .await
        .unwrap();
}

async fn x02_notices_of_one_kind_are_told_together_and_links_are_not_held_back(world: &World) {
    for number in 0..5 {
        notice(
            world,
            MailKind::SignInBlockedOf,
            &format!("person{number}@example.org"),
        )
        .await;
    }
    let node = world.rate_limited_node(2);
    assert_eq!(node.pass().await.unwrap().sent, 2);
    notice(world, MailKind::SignInBlockedOf, "late@example.org").await;
    notice(world, MailKind::Invitation, "https://auth.wmda.example/enrol").await;
    assert_eq!(node.pass().await.unwrap().sent, 1, "the link alone");
    let mails = world.server.take();
    let people = |mail: &Received| {
        let text = mail.text();
        (0..5)
            .filter(|number| text.contains(&format!("person{number}@example.org")))
            .count()
    };
    assert_eq!(mails.iter().map(people).collect::<Vec<_>>(), [1, 4, 0]);
    assert!(mails[2].text().contains("https://auth.wmda.example/enrol"));
    world.clock.set(START + TimeDelta::minutes(61));
    assert_eq!(node.pass().await.unwrap().sent, 1);
    assert!(world.server.take()[0].text().contains("late@example.org"));
}

async fn x02_two_nodes_keep_to_the_limit(world: &World) {
    let managed = world.managed(MANAGER).await;
    urgent(world, managed, 0..12).await;
    let (one, other) = (
        world.rate_limited_node(PER_HOUR),
        world.rate_limited_node(PER_HOUR),
    );
    let (first, second) = tokio::join!(one.pass(), other.pass());
    first.unwrap();
    second.unwrap();
    world.clock.set(START + TimeDelta::minutes(2));
    one.pass().await.unwrap();
    let mails = world.server.take();
    let mails = to(&mails, MANAGER);
    assert!(mails.len() <= 3, "{}", mails.len());
    world.clock.set(START + TimeDelta::minutes(70));
    one.pass().await.unwrap();
    let states = states(world, managed).await;
    assert_eq!(states.len(), 24);
    assert!(
        states.iter().all(|state| *state == DeliveryState::Sent),
        "{states:?}"
    );
}
