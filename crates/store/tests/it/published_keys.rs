//! Cached JWK Sets of clients and issuers, on both databases.

use std::collections::HashSet;

use chrono::{DateTime, TimeDelta, Utc};
use domain::key_place::KeyPlace;

use crate::support::{Database, NOW};

on_both! {
    a_later_reading_takes_the_place_of_an_earlier_one
    what_no_credential_needs_is_forgotten_and_what_is_new_is_not
}

const SECOND: TimeDelta = TimeDelta::seconds(1);

fn set() -> KeyPlace {
    KeyPlace::Set("https://member.example/keys".to_owned())
}

async fn keep(database: &Database, place: KeyPlace, jwks: &str, read_at: DateTime<Utc>) -> bool {
    let kept = database
        .store
        .keep_published_keys(place, jwks.to_owned(), read_at);
    kept.await.unwrap()
}

async fn kept(database: &Database, place: KeyPlace) -> Option<(String, DateTime<Utc>)> {
    database.store.published_keys(place).await.unwrap()
}

async fn a_later_reading_takes_the_place_of_an_earlier_one(database: &Database) {
    assert_eq!(kept(database, set()).await, None);
    for (jwks, read_at, is_kept) in [
        ("one", NOW, true),
        ("two", NOW + SECOND, true),
        ("late", NOW, false),
        ("three", NOW + SECOND, true),
    ] {
        assert_eq!(keep(database, set(), jwks, read_at).await, is_kept, "{jwks}");
    }
    let last = Some(("three".to_owned(), NOW + SECOND));
    assert_eq!(kept(database, set()).await, last);
    let issuer = KeyPlace::Issuer(set().name().to_owned());
    assert_eq!(
        kept(database, issuer.clone()).await,
        None,
        "another kind of place"
    );
    assert!(keep(database, issuer, "four", NOW).await);
    assert_eq!(kept(database, set()).await, last);
}

async fn what_no_credential_needs_is_forgotten_and_what_is_new_is_not(database: &Database) {
    let place = |number: i32| KeyPlace::Issuer(format!("https://{number}.example"));
    for (number, read_at) in [(1, NOW), (2, NOW), (3, NOW + SECOND)] {
        assert!(keep(database, place(number), "keys", read_at).await);
    }
    let used = HashSet::from([place(1)]);
    let forgotten = database.store.forget_published_keys(used, NOW + SECOND);
    forgotten.await.unwrap();
    assert!(kept(database, place(1)).await.is_some());
    assert_eq!(kept(database, place(2)).await, None);
    assert!(
        kept(database, place(3)).await.is_some(),
        "read since the credentials were asked for"
    );
}
