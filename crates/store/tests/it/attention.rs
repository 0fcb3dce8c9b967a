//! Rotations, and the WMDA team's overview, on both databases.

use chrono::TimeDelta;
use store::StoreError;

use crate::support::{Database, NOW};

#[tokio::test]
async fn sqlite_a_secret_replaces_one_of_its_application_that_is_there() {
    a_secret_replaces_one_of_its_application_that_is_there(&Database::sqlite()).await;
}

#[tokio::test]
async fn sqlite_what_needs_attention_is_found_the_most_urgent_first() {
    what_needs_attention_is_found_the_most_urgent_first(&Database::sqlite()).await;
}

#[tokio::test]
async fn postgres_a_secret_replaces_one_of_its_application_that_is_there() {
    a_secret_replaces_one_of_its_application_that_is_there(&Database::postgres()).await;
}

#[tokio::test]
async fn postgres_what_needs_attention_is_found_the_most_urgent_first() {
    what_needs_attention_is_found_the_most_urgent_first(&Database::postgres()).await;
}

async fn a_secret_replaces_one_of_its_application_that_is_there(database: &Database) {
    let sample = database.client().await;
    let other = database
        .application(sample.organisation_id, "Partner-NL-Example-DM")
        .await
        .unwrap();
    let foreign = database.secret(other, "foreign").await.unwrap();
    let gone = database.secret(sample.client_id, "gone").await.unwrap();
    assert!(database.delete_secret(sample.client_id, gone).await);
    for replaced in [foreign, gone, database.new_id()] {
        let outcome = database
            .secret_that_replaces(sample.client_id, "new", replaced)
            .await;
        assert!(matches!(outcome, Err(StoreError::Forbidden(_))), "{outcome:?}");
    }
    let fresh = database
        .secret_that_replaces(sample.client_id, "new", sample.secret_id)
        .await
        .unwrap();
    let read = database.store.secret(sample.client_id, fresh, NOW).await.unwrap();
    assert_eq!(read.unwrap().replaces, Some(sample.secret_id));
    assert!(database.delete_secret(sample.client_id, sample.secret_id).await);
    let read = database.store.secret(sample.client_id, fresh, NOW).await.unwrap();
    assert_eq!(
        read.unwrap().replaces,
        Some(sample.secret_id),
        "it stays on record"
    );
}

async fn what_needs_attention_is_found_the_most_urgent_first(database: &Database) {
    let sample = database.client().await;
    let month = NOW + TimeDelta::days(31);
    let ending = |limit| database.store.ending_secrets(NOW, month, limit);
    let tried = |now| database.store.tried_secrets(now, 10);
    let found = ending(10).await.unwrap();
    assert_eq!(
        found.iter().map(|one| one.id).collect::<Vec<_>>(),
        [sample.secret_id]
    );
    assert_eq!(found[0].application.organisation_name, "Example");
    let sooner = database.secret(sample.client_id, "sooner").await.unwrap();
    database.connection().execute(&format!(
        "UPDATE client_secrets SET expires_at = '2027-01-15 09:00:00' WHERE id = '{sooner}'"
    ));
    let ids =
        |found: Vec<store::attention::EndingSecret>| found.into_iter().map(|one| one.id).collect::<Vec<_>>();
    assert_eq!(ids(ending(10).await.unwrap()), [sooner, sample.secret_id]);
    assert_eq!(ids(ending(1).await.unwrap()), [sooner]);
    let later = NOW + TimeDelta::days(2);
    assert!(tried(later).await.unwrap().is_empty());
    database.connection().execute(&format!(
        "UPDATE client_secrets SET tried_after_expiry_at = '2027-01-16 10:00:00' WHERE id = '{sooner}'"
    ));
    assert_eq!(ids(tried(later).await.unwrap()), [sooner]);
    assert!(tried(NOW).await.unwrap().is_empty(), "it has not expired yet");

    let thin = || database.store.thinly_managed(2, NOW, 10);
    let able = |found: Vec<(store::attention::Named, i64)>| {
        found
            .into_iter()
            .map(|one| (one.0.client_id, one.1))
            .collect::<Vec<_>>()
    };
    assert_eq!(able(thin().await.unwrap()), [(sample.client_id, 0)]);
    let first = database.manager(sample, "first@example.org").await.unwrap();
    assert_eq!(
        able(thin().await.unwrap()),
        [(sample.client_id, 0)],
        "who has not enrolled can't sign in"
    );
    let enrol = |id| {
        database.connection().execute(&format!(
            "UPDATE users SET identity_issuer = 'https://id.example.org', identity_subject = id WHERE id = '{id}'"
        ));
    };
    enrol(first);
    assert_eq!(able(thin().await.unwrap()), [(sample.client_id, 1)]);
    enrol(database.manager(sample, "second@example.org").await.unwrap());
    assert!(thin().await.unwrap().is_empty());
    database
        .connection()
        .execute(&format!("UPDATE users SET enabled = FALSE WHERE id = '{first}'"));
    assert_eq!(able(thin().await.unwrap()), [(sample.client_id, 1)]);
    database
        .enable_application(sample.client_id, false)
        .await
        .unwrap();
    assert!(
        thin().await.unwrap().is_empty(),
        "what is disabled needs no attention"
    );
    assert!(ending(10).await.unwrap().is_empty());
    assert!(tried(later).await.unwrap().is_empty());
}
