//! Secret rotation over time, for which tests of the built binary can't wait, on both databases.

use chrono::{DateTime, TimeDelta, Utc};
use domain::digest::Digest;
use store::{
    NewClientSecret, NewProof,
    client_secrets::SecretLimits,
    rotation::{NewSuccessor, Rotated, RotationRefusal, RotationRules},
};
use uuid::Uuid;

use crate::support::{Database, NOW};

const RULES: RotationRules = RotationRules {
    overlap: TimeDelta::days(7),
    max_lifetime_days: 365,
    max_live: 10,
};

/// An application that may rotate, with a secret that lives for a year.
async fn prepared(database: &Database) -> (Uuid, Uuid) {
    let client_id = database.client().await.client_id;
    let on = database
        .store
        .set_self_rotation(client_id, true, database.entry());
    on.await.unwrap();
    let id = database.new_id();
    let new = NewClientSecret {
        id,
        client_id,
        name: "year".to_owned(),
        hint: "yea".to_owned(),
        proof: NewProof::Secret(database.pepper.digest(client_id, "year")),
        created_by: "test".to_owned(),
        created_at: NOW,
        expires_at: NOW + TimeDelta::days(365),
        replaces: None,
    };
    database
        .store
        .create_secret(new, SecretLimits::NONE, database.entry())
        .await
        .unwrap();
    (client_id, id)
}

/// The successor and the outcome of the rotation.
async fn rotate(
    database: &Database,
    client_id: Uuid,
    old: Uuid,
    now: DateTime<Utc>,
) -> Result<(Uuid, Rotated), RotationRefusal> {
    let id = database.new_id();
    let digest: (i32, Digest) = database.pepper.digest(client_id, &id.to_string());
    let new = NewSuccessor {
        id,
        hint: "new".to_owned(),
        digest,
        now,
    };
    let outcome = database
        .store
        .rotate_secret((client_id, old), new, RULES, database.entry());
    outcome.await.unwrap().map(|rotated| (id, rotated))
}

async fn a_chain_of_exchanges_keeps_the_length_of_a_life(database: &Database) {
    let (client_id, mut secret) = prepared(database).await;
    let (mut now, mut end) = (NOW, NOW + TimeDelta::days(365));
    for _ in 0..5 {
        now += TimeDelta::days(300);
        let (next, rotated) = rotate(database, client_id, secret, now).await.unwrap();
        assert_eq!(rotated.previous_expires_at, now + TimeDelta::days(7));
        assert!(rotated.previous_expires_at < end);
        let life = rotated.expires_at - now;
        assert!((364..=365).contains(&life.num_days()), "{life}");
        let known = database.store.confirm_first_use((client_id, next), now).await;
        assert!(known.unwrap());
        (secret, end) = (next, rotated.expires_at);
    }
}

async fn an_exchange_waits_a_day_once_the_successor_is_used_and_none_is_lost(database: &Database) {
    let (client_id, old) = prepared(database).await;
    let (lost, _) = rotate(database, client_id, old, NOW).await.unwrap();
    let soon = NOW + TimeDelta::days(5);
    let (kept, rotated) = rotate(database, client_id, old, soon).await.unwrap();
    assert_eq!(
        rotated.previous_expires_at,
        soon + TimeDelta::days(7),
        "the exchange begins anew, and so does the overlap"
    );
    let confirm = async |id| {
        database
            .store
            .confirm_first_use((client_id, id), soon)
            .await
            .unwrap()
    };
    assert!(!confirm(lost).await, "it was replaced");
    assert!(confirm(kept).await);
    let refused = rotate(database, client_id, old, soon + TimeDelta::hours(23)).await;
    assert!(matches!(refused, Err(RotationRefusal::TooSoon(_))), "{refused:?}");
    // A second system that shares the old secret is not locked out: it gets a secret of its own.
    let (second, rotated) = rotate(database, client_id, old, soon + TimeDelta::hours(25))
        .await
        .unwrap();
    let end = soon + TimeDelta::days(7);
    assert_eq!(rotated.previous_expires_at, end, "and no day is added");
    assert!(confirm(kept).await && confirm(second).await, "both live");
    let refused = rotate(database, client_id, old, end).await;
    assert_eq!(refused.unwrap_err(), RotationRefusal::Expired);
}

async fn an_overlap_never_outlives_what_was_planned_and_losses_are_bounded(database: &Database) {
    let (client_id, old) = prepared(database).await;
    let late = NOW + TimeDelta::days(363);
    let (_, rotated) = rotate(database, client_id, old, late).await.unwrap();
    assert_eq!(rotated.previous_expires_at, NOW + TimeDelta::days(365));
    let mut made = 1;
    let mut now = late;
    loop {
        now += TimeDelta::seconds(11);
        match rotate(database, client_id, old, now).await {
            Ok(_) => made += 1,
            Err(refusal) => {
                assert_eq!(refusal, RotationRefusal::TooSoon(3600));
                break;
            }
        }
    }
    assert_eq!(made, 10, "a job that runs wild is stopped");
    let filter = store::client_secrets::SecretFilter {
        kind: domain::credential::CredentialKind::Secret,
        status: None,
        search: "year".to_owned(),
        after: None,
        limit: 100,
    };
    let listed = database.store.secrets(client_id, filter, now).await.unwrap();
    assert_eq!(listed.secrets.len(), 2, "nothing piles up");
}

on_both! {
    a_chain_of_exchanges_keeps_the_length_of_a_life
    an_exchange_waits_a_day_once_the_successor_is_used_and_none_is_lost
    an_overlap_never_outlives_what_was_planned_and_losses_are_bounded
}
