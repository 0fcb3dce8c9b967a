//! The status index of each secret, and whose tokens are INVALID.

use std::collections::BTreeSet;

use store::TokenStatus;

use crate::support::{Database, NOW};

on_both! {
    s01_a_status_index_is_never_given_twice
    s01_secrets_that_are_dead_are_listed_by_their_index
}

async fn s01_a_status_index_is_never_given_twice(database: &Database) {
    let client = database.client().await;
    let id = client.client_id;
    let mut seen = BTreeSet::from([database.status_index(id, "value").await]);
    database.delete_secret(id, client.secret_id).await;
    for value in ["second", "third", "fourth"] {
        let secret = database.secret(id, value).await.unwrap();
        let index = database.status_index(id, value).await;
        assert!(seen.insert(index), "{index} was given before");
        database.delete_secret(id, secret).await;
    }
    let created = tokio::join!(
        database.secret(id, "a"),
        database.secret(id, "b"),
        database.secret(id, "c"),
        database.secret(id, "d")
    );
    assert!(
        [&created.0, &created.1, &created.2, &created.3]
            .iter()
            .all(|one| one.is_ok())
    );
    for value in ["a", "b", "c", "d"] {
        let index = database.status_index(id, value).await;
        assert!(seen.insert(index), "{index} was given to two at once");
    }
}

async fn s01_secrets_that_are_dead_are_listed_by_their_index(database: &Database) {
    let client = database.client().await;
    let (id, organisation) = (client.client_id, client.organisation_id);
    let first = database.status_index(id, "value").await;
    database.secret(id, "second").await.unwrap();
    let second = database.status_index(id, "second").await;
    let invalid = async || {
        let listed = database.store.status_indexes((0, 1_000), NOW).await.unwrap();
        assert!(listed.iter().all(|(_, status)| *status == TokenStatus::Invalid));
        listed
            .into_iter()
            .map(|(index, _)| index)
            .collect::<BTreeSet<_>>()
    };
    assert_eq!(invalid().await, BTreeSet::new());
    database.delete_secret(id, client.secret_id).await;
    assert_eq!(invalid().await, BTreeSet::from([first]));
    let outside = database.store.status_indexes((first + 1, 1_000), NOW).await;
    assert_eq!(outside.unwrap(), Vec::new(), "only what was asked for is listed");
    database.enable_application(id, false).await.unwrap();
    assert_eq!(invalid().await, BTreeSet::from([first, second]));
    database.enable_application(id, true).await.unwrap();
    database.enable_organisation(organisation, false).await.unwrap();
    assert_eq!(invalid().await, BTreeSet::from([first, second]));
    database.enable_organisation(organisation, true).await.unwrap();
    assert_eq!(invalid().await, BTreeSet::from([first]), "a deletion is for ever");
}
