//! Limits per application, and the cost of a list, on SQLite and on PostgreSQL.

use chrono::TimeDelta;
use domain::{credential::CredentialKind, secret::SecretStatus};
use store::{
    NewClientSecret, NewProof, StoreError,
    client_secrets::{PageKey, SecretFilter, SecretLimits},
};
use uuid::Uuid;

use crate::support::{Database, NOW};

on_both! {
    x02_an_application_gets_so_many_secrets_an_hour
    names_are_found_in_any_case_of_any_script
    x02_a_search_looks_at_so_many_secrets_and_says_where_to_go_on
}

fn new(database: &Database, client_id: Uuid, name: &str, at: TimeDelta) -> NewClientSecret {
    let id = database.new_id();
    NewClientSecret {
        id,
        client_id,
        name: name.to_owned(),
        hint: "abc".to_owned(),
        proof: NewProof::Secret(database.pepper.digest(client_id, &id.to_string())),
        created_by: "bounded".to_owned(),
        created_at: NOW + at,
        expires_at: NOW + TimeDelta::days(9),
        replaces: None,
    }
}

async fn x02_an_application_gets_so_many_secrets_an_hour(database: &Database) {
    let one = database.client().await;
    let other = database
        .application(one.organisation_id, "Partner-NL-Other-SMC")
        .await
        .unwrap();
    let limits = SecretLimits {
        live: 100,
        per_hour: 3,
    };
    let create = async |client_id, minutes| {
        let new = new(database, client_id, "paced", TimeDelta::minutes(minutes));
        database.store.create_secret(new, limits, database.entry()).await
    };
    // The first one was created with the client, at the beginning.
    assert!(database.delete_secret(one.client_id, one.secret_id).await);
    create(one.client_id, 10).await.unwrap();
    create(one.client_id, 20).await.unwrap();
    let refused = create(one.client_id, 30).await;
    assert!(
        matches!(refused, Err(StoreError::TooMany(1_801))),
        "a deleted one counts: {refused:?}"
    );
    create(other, 30).await.unwrap();
    create(one.client_id, 60).await.unwrap();
    let refused = create(one.client_id, 61).await;
    assert!(matches!(refused, Err(StoreError::TooMany(541))), "{refused:?}");
}

async fn names(database: &Database, client_id: Uuid, search: &str) -> Vec<String> {
    let filter = SecretFilter {
        kind: CredentialKind::Secret,
        status: None,
        search: search.to_owned(),
        after: None,
        limit: 10,
    };
    let page = database.store.secrets(client_id, filter, NOW).await.unwrap();
    assert_eq!(page.next, None);
    page.secrets.into_iter().map(|one| one.name).collect()
}

async fn names_are_found_in_any_case_of_any_script(database: &Database) {
    let client = database.client().await;
    for name in ["ÉCOLE Zürich", "Αθήνα", "ЙОДЛЬ", "100 %_\\ done"] {
        let new = new(database, client.client_id, name, TimeDelta::zero());
        database
            .store
            .create_secret(new, SecretLimits::NONE, database.entry())
            .await
            .unwrap();
    }
    for (search, expected) in [
        ("école", "ÉCOLE Zürich"),
        ("ZÜRICH", "ÉCOLE Zürich"),
        ("ΑΘΉΝΑ", "Αθήνα"),
        ("йодль", "ЙОДЛЬ"),
        ("%_\\", "100 %_\\ done"),
    ] {
        assert_eq!(
            names(database, client.client_id, search).await,
            [expected],
            "{search}"
        );
    }
    assert_eq!(names(database, client.client_id, "e%z").await, [""; 0]);
    let organisation = database.organisation("Ørsted").await.unwrap();
    let page = store::Page::new(None, "øRSTED", 10);
    let found = database.store.organisations(page).await.unwrap();
    assert_eq!(found.iter().map(|one| one.id).collect::<Vec<_>>(), [organisation]);
}

/// Ten thousand secrets that expired long ago, one after the other; the last one has another name.
fn fill(database: &Database, client_id: Uuid) {
    let digest = match database.url.starts_with("sqlite:") {
        true => "randomblob(32)",
        false => "sha256(CAST(CAST(n AS TEXT) AS BYTEA))",
    };
    let id = "'00000000-0000-4000-8000-' || substr(CAST(1000000000000 + n AS TEXT), 2)";
    let (client, past) = (client_id, "'2026-01-01 00:00:00'");
    database.connection().execute(&format!(
        "INSERT INTO client_secrets (id, client_id, name, hint, digest, pepper_version, created_by, created_at, expires_at, \
         status_index) WITH RECURSIVE counted (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counted WHERE n < 10000) \
         SELECT {id}, '{client}', CASE n WHEN 10000 THEN 'Needle' ELSE 'hay' END, 'abc', {digest}, 1, 'test', {past}, {past}, \
         1000000 + n FROM counted"
    ));
}

async fn x02_a_search_looks_at_so_many_secrets_and_says_where_to_go_on(database: &Database) {
    let client = database.client().await;
    fill(database, client.client_id);
    let ask = async |search: &str, after: Option<PageKey>| {
        let filter = SecretFilter {
            kind: CredentialKind::Secret,
            status: Some(SecretStatus::Expired),
            search: search.to_owned(),
            after,
            limit: 50,
        };
        database
            .store
            .secrets(client.client_id, filter, NOW)
            .await
            .unwrap()
    };
    let (mut found, mut after, mut asked) = (Vec::new(), None, 0);
    loop {
        let page = ask("needle", after).await;
        found.extend(page.secrets.into_iter().map(|one| one.name));
        (after, asked) = (page.next, asked + 1);
        if after.is_none() {
            break;
        }
    }
    assert_eq!((found, asked), (vec!["Needle".to_owned()], 2));
    let many = ask("hay", None).await;
    assert_eq!(many.secrets.len(), 50);
    let next = ask("hay", many.next).await;
    assert!(
        next.secrets[0].id > many.secrets[49].id,
        "no page repeats another"
    );
    assert_eq!(ask("", None).await.secrets.len(), 50);
}
