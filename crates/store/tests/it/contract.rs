//! What the store promises, each behaviour once, on SQLite and on PostgreSQL.

use std::{
    collections::BTreeSet,
    sync::{Arc, Barrier},
    thread,
    time::{Duration, Instant},
};

use chrono::TimeDelta;
use domain::{pepper::Pepper, resource::Environment};
use store::{DatabaseUrl, Store, StoreError, TokenStatus, usage::UsageRecorder};
use uuid::Uuid;

use crate::support::{Database, LEASE, NOW, OTHER_PEPPER, PEPPER, ROLES, record, set_organisation_enabled};

/// Each test on each database, a fresh one.
macro_rules! on_both {
    ($($test:ident)*) => {
        mod sqlite {
            $(#[tokio::test] async fn $test() { super::$test(&crate::support::Database::sqlite()).await; })*
        }
        mod postgres {
            $(#[tokio::test] async fn $test() { super::$test(&crate::support::Database::postgres()).await; })*
        }
    };
}

on_both! {
    a_new_secret_is_found_by_its_digest_on_the_next_read
    a_deleted_secret_is_found_no_more
    a_deletion_reaches_the_memory_of_other_nodes_by_the_next_poll
    memory_answers_only_under_a_lease
    a_node_that_missed_more_than_is_remembered_forgets_everything
    each_change_that_bears_on_tokens_raises_the_version_by_one
    a_refused_change_leaves_no_trace
    who_is_disabled_is_not_found
    granted_roles_are_found_and_stay_when_granted_again
    what_may_not_be_granted_is_refused
    unique_values_conflict
    missing_rows_are_told
    s01_a_status_index_is_never_given_twice
    s01_secrets_that_are_dead_are_listed_by_their_index
    use_is_added_up_over_flushes_and_nodes
    use_that_the_database_refuses_is_kept
    use_that_is_written_late_is_not_written_twice
    nodes_may_migrate_at_the_same_time
    a_newer_schema_is_refused
    y02_a_pepper_that_differs_is_refused
    t14_whoever_cannot_be_served_in_time_is_told_busy
}

async fn a_new_secret_is_found_by_its_digest_on_the_next_read(database: &Database) {
    let client_id = database.client().await.client_id;
    let node = database.node();
    node.memory.poll().await.unwrap();
    assert!(node.found(database, client_id, "value").await.is_some());
    assert!(node.found(database, client_id, "second").await.is_none());
    database.secret(client_id, "second").await.unwrap();
    let client = node.found(database, client_id, "second").await.unwrap();
    assert_eq!(client.client_id, client_id);
    assert_eq!(client.credentials.len(), 2);
    let expires_at = NOW + TimeDelta::days(1);
    assert!(
        client
            .credentials
            .iter()
            .all(|secret| secret.expires_at == expires_at)
    );
}

async fn a_deleted_secret_is_found_no_more(database: &Database) {
    let client = database.client().await;
    let other = database.secret(client.client_id, "second").await.unwrap();
    assert!(
        !database.delete_secret(database.new_id(), client.secret_id).await,
        "it is not another client's to delete"
    );
    assert!(database.delete_secret(client.client_id, client.secret_id).await);
    assert!(database.found(client.client_id, "value").await.is_none());
    let rest = database.found(client.client_id, "second").await.unwrap();
    let rest: Vec<_> = rest.credentials.iter().map(|secret| secret.id).collect();
    assert_eq!(rest, [other], "the other one stays");
    assert!(!database.delete_secret(client.client_id, client.secret_id).await);
}

async fn a_deletion_reaches_the_memory_of_other_nodes_by_the_next_poll(database: &Database) {
    let client = database.client().await;
    let node = database.node();
    node.memory.poll().await.unwrap();
    assert!(node.found(database, client.client_id, "value").await.is_some());
    database.delete_secret(client.client_id, client.secret_id).await;
    assert!(
        node.found(database, client.client_id, "value").await.is_some(),
        "under its lease a node answers from memory"
    );
    node.memory.poll().await.unwrap();
    assert!(node.found(database, client.client_id, "value").await.is_none());
}

async fn memory_answers_only_under_a_lease(database: &Database) {
    let client = database.client().await;
    let node = database.node();
    assert!(!node.memory.has_lease());
    node.memory.poll().await.unwrap();
    assert!(node.found(database, client.client_id, "value").await.is_some());
    database.delete_secret(client.client_id, client.secret_id).await;
    node.clock.set(LEASE - Duration::from_nanos(1));
    assert!(node.found(database, client.client_id, "value").await.is_some());
    node.clock.set(LEASE);
    assert!(node.found(database, client.client_id, "value").await.is_none());
}

async fn a_node_that_missed_more_than_is_remembered_forgets_everything(database: &Database) {
    let client = database.client().await;
    let node = database.node();
    node.memory.poll().await.unwrap();
    assert!(node.found(database, client.client_id, "value").await.is_some());
    database.delete_secret(client.client_id, client.secret_id).await;
    database.connection().execute("DELETE FROM changes");
    node.memory.poll().await.unwrap();
    assert!(node.found(database, client.client_id, "value").await.is_none());
}

async fn each_change_that_bears_on_tokens_raises_the_version_by_one(database: &Database) {
    let client = database.client().await;
    let mut known = database.version();
    let mut raised = |what: &str| {
        let now = database.version();
        assert_eq!(now, known + 1, "{what}");
        known = now;
    };
    let second = database.secret(client.client_id, "second").await.unwrap();
    raised("a new secret");
    database.delete_secret(client.client_id, second).await;
    raised("a deletion");
    database
        .enable_application(client.client_id, false)
        .await
        .unwrap();
    raised("a disabled application");
    database
        .enable_organisation(client.organisation_id, false)
        .await
        .unwrap();
    raised("a disabled organisation");
    let resource = database.resource("Search & Match", Environment::Sandbox).await;
    raised("a resource");
    database
        .grant(client.client_id, resource.unwrap(), &ROLES)
        .await
        .unwrap();
    raised("a grant");
}

async fn a_refused_change_leaves_no_trace(database: &Database) {
    let client = database.client().await;
    let before = database.version();
    let nobody = database.new_id();
    database.secret(client.client_id, "value").await.unwrap_err();
    database.secret(nobody, "other").await.unwrap_err();
    database.enable_application(nobody, false).await.unwrap_err();
    let resource = database
        .resource("Search & Match", Environment::Sandbox)
        .await
        .unwrap();
    database
        .grant(client.client_id, resource, &[ROLES[0], "Nonsense"])
        .await
        .unwrap_err();
    assert_eq!(database.version(), before + 1, "the resource alone");
    let client = database.found(client.client_id, "value").await.unwrap();
    assert_eq!((client.credentials.len(), client.grants.len()), (1, 0));
}

async fn who_is_disabled_is_not_found(database: &Database) {
    let client = database.client().await;
    let (id, organisation) = (client.client_id, client.organisation_id);
    let node = database.node();
    node.memory.poll().await.unwrap();
    let standing = async |id: Uuid, value: &str| {
        let digests = vec![database.digest(id, "other"), database.digest(id, value)];
        let found = database.store.client_standing(id, digests).await.unwrap();
        [
            found.known,
            found.enabled,
            found.organisation_enabled,
            found.matches,
        ]
    };
    let state = async |application: bool, organisation: bool, why: &str| {
        node.memory.poll().await.unwrap();
        let found = node.found(database, id, "value").await;
        assert_eq!(found.is_some(), application && organisation, "{why}");
        let expected = [true, application, organisation, true];
        assert_eq!(standing(id, "value").await, expected, "{why}");
    };
    state(true, true, "at first").await;
    database.enable_application(id, false).await.unwrap();
    state(false, true, "the application").await;
    database.enable_application(id, true).await.unwrap();
    state(true, true, "enabled again").await;
    database.enable_organisation(organisation, false).await.unwrap();
    state(true, false, "its organisation").await;
    database.enable_application(id, true).await.unwrap();
    state(true, false, "its organisation still").await;
    database.enable_organisation(organisation, true).await.unwrap();
    state(true, true, "both enabled").await;
    assert_eq!(standing(id, "wrong").await, [true, true, true, false]);
    assert_eq!(standing(database.new_id(), "value").await, [false; 4]);
}

async fn granted_roles_are_found_and_stay_when_granted_again(database: &Database) {
    let id = database.client().await.client_id;
    let sandbox = database
        .resource("Search & Match", Environment::Sandbox)
        .await
        .unwrap();
    let production = database
        .resource("Search & Match", Environment::Production)
        .await
        .unwrap();
    let node = database.node();
    let granted = async || {
        node.memory.poll().await.unwrap();
        let client = node.found(database, id, "value").await.unwrap();
        let grants = client.grants.iter();
        grants
            .map(|grant| (grant.resource.id, grant.scope.clone()))
            .collect::<Vec<_>>()
    };
    assert_eq!(granted().await, []);
    database.grant(id, sandbox, &[ROLES[1]]).await.unwrap();
    assert_eq!(granted().await, [(sandbox, ROLES[1].to_owned())]);
    database.grant(id, sandbox, &ROLES).await.unwrap();
    assert_eq!(granted().await, [(sandbox, ROLES.join(" "))]);
    database.grant(id, production, &ROLES[..1]).await.unwrap();
    let both = [(sandbox, ROLES.join(" ")), (production, ROLES[0].to_owned())];
    assert_eq!(
        granted().await.into_iter().collect::<BTreeSet<_>>(),
        BTreeSet::from(both)
    );
}

async fn what_may_not_be_granted_is_refused(database: &Database) {
    let client = database.client().await;
    let name = "PartnerAlternative-NL-Example-SMC";
    let alternative = database.application(client.organisation_id, name).await.unwrap();
    database.secret(alternative, "alternative").await.unwrap();
    let cases = [
        ("Match-Connect", Environment::Sandbox, true),
        ("Match-Connect", Environment::Production, false),
        ("Search & Match", Environment::Sandbox, false),
    ];
    for (name, environment, allowed) in cases {
        let resource = database.resource(name, environment).await.unwrap();
        let outcome = database.grant(alternative, resource, &ROLES).await;
        match outcome {
            Ok(()) => assert!(allowed, "{name} {environment:?}"),
            Err(StoreError::Forbidden(_)) => assert!(!allowed, "{name} {environment:?}"),
            Err(other) => unreachable!("{name} {environment:?}: {other}"),
        }
    }
    let found = database.found(alternative, "alternative").await.unwrap();
    assert_eq!(found.grants.len(), 1);
}

async fn unique_values_conflict(database: &Database) {
    let client = database.client().await;
    let (organisation, id) = (client.organisation_id, client.client_id);
    let (same, other) = ("Partner-NL-Example-SMC", "Partner-NL-Example-DM");
    database
        .resource("Data Manager", Environment::Sandbox)
        .await
        .unwrap();
    let outcomes = [
        ("organisation name", database.organisation("Example").await),
        (
            "organisation id",
            database.organisation_as(organisation, "Other").await,
        ),
        ("application name", database.application(organisation, same).await),
        (
            "client id",
            database.application_as(id, organisation, other).await,
        ),
        (
            "resource name and environment",
            database.resource("Data Manager", Environment::Sandbox).await,
        ),
        ("secret", database.secret(id, "value").await),
    ];
    for (what, outcome) in outcomes {
        assert!(
            matches!(outcome, Err(StoreError::Conflict)),
            "{what}: {outcome:?}"
        );
    }
    assert!(
        database
            .resource("Data Manager", Environment::Production)
            .await
            .is_ok()
    );
    let named = database.store.organisation_named("Other".to_owned()).await;
    assert!(named.unwrap().is_none());
}

async fn missing_rows_are_told(database: &Database) {
    let id = database.client().await.client_id;
    let nobody = database.new_id();
    let resource = database
        .resource("Data Manager", Environment::Sandbox)
        .await
        .unwrap();
    let application = database.application(nobody, "Partner-NL-Nobody-SMC").await;
    let outcomes = [
        ("the organisation", application.map(drop)),
        (
            "the application of a secret",
            database.secret(nobody, "other").await.map(drop),
        ),
        (
            "the application",
            database.enable_application(nobody, false).await,
        ),
        (
            "the organisation to disable",
            database.enable_organisation(nobody, false).await,
        ),
        (
            "the application of a grant",
            database.grant(nobody, resource, &ROLES).await,
        ),
        (
            "the resource of a grant",
            database.grant(id, nobody, &ROLES).await,
        ),
        ("the role", database.grant(id, resource, &["Nonsense"]).await),
    ];
    for (what, outcome) in outcomes {
        assert!(matches!(outcome, Err(StoreError::Missing)), "{what}: {outcome:?}");
    }
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

async fn use_is_added_up_over_flushes_and_nodes(database: &Database) {
    let client = database.client().await;
    let second = database.secret(client.client_id, "second").await.unwrap();
    let nodes = [UsageRecorder::default(), UsageRecorder::default()];
    for _ in 0..5 {
        record(&nodes[0], client.secret_id, NOW, 3);
        record(&nodes[0], second, NOW, 1);
        record(&nodes[1], second, NOW + TimeDelta::seconds(2), 2);
        record(&nodes[1], client.secret_id, NOW + TimeDelta::days(1), 4);
        let (left, right) = tokio::join!(nodes[0].flush(&database.store), nodes[1].flush(&database.store));
        assert!(left.is_ok() && right.is_ok(), "{left:?} {right:?}");
    }
    let (last, tokens) = database.usage(client.client_id, client.secret_id).await;
    assert_eq!((last, tokens), (Some(NOW + TimeDelta::days(1)), 35));
    let (last, tokens) = database.usage(client.client_id, second).await;
    assert_eq!((last, tokens), (Some(NOW + TimeDelta::seconds(2)), 15));
    let days = database
        .connection()
        .number("SELECT count(*) AS number FROM token_counts");
    assert_eq!(days, 3, "one row for each secret and day");
}

async fn use_that_the_database_refuses_is_kept(database: &Database) {
    let secret = database.client().await.secret_id;
    let recorder = UsageRecorder::default();
    record(&recorder, secret, NOW, 3);
    let mut lock = database.connection();
    lock.execute("BEGIN; UPDATE client_secrets SET name = name");
    recorder
        .flush(&database.store)
        .await
        .expect_err("the row is locked for longer than the database waits");
    record(&recorder, secret, NOW, 4);
    lock.execute("ROLLBACK");
    recorder.flush(&database.store).await.unwrap();
    recorder.flush(&database.store).await.unwrap();
    assert_eq!(database.tokens(secret), 7);
}

async fn use_that_is_written_late_is_not_written_twice(database: &Database) {
    let secret = database.client().await.secret_id;
    let recorder = UsageRecorder::default();
    record(&recorder, secret, NOW, 3);
    let mut lock = database.connection();
    lock.execute("BEGIN; UPDATE client_secrets SET name = name");
    // Longer than a request waits for its answer, shorter than the database waits for the lock.
    let unlock = thread::spawn(move || {
        thread::sleep(Duration::from_millis(1_350));
        lock.execute("ROLLBACK");
    });
    // However this ends: the next flush knows whether it was written.
    let _ = recorder.flush(&database.store).await;
    unlock.join().unwrap();
    record(&recorder, secret, NOW, 4);
    recorder.flush(&database.store).await.unwrap();
    // Work that nobody waits for any more would come to its end meanwhile.
    tokio::time::sleep(Duration::from_millis(500)).await;
    recorder.flush(&database.store).await.unwrap();
    assert_eq!(database.tokens(secret), 7);
}

async fn nodes_may_migrate_at_the_same_time(database: &Database) {
    const NODES: usize = 4;
    let url = database.another_empty();
    let start = Arc::new(Barrier::new(NODES));
    let nodes: Vec<_> = (0..NODES)
        .map(|_| {
            let (start, url) = (Arc::clone(&start), url.clone());
            thread::spawn(move || -> Result<(), StoreError> {
                start.wait();
                let store = Store::create(&DatabaseUrl::parse(&url)?, 1)?;
                store.migrate()?;
                store.verify_schema()?;
                store.verify_pepper(&Pepper::parse(PEPPER).unwrap(), NOW)
            })
        })
        .collect();
    for node in nodes {
        node.join().unwrap().unwrap();
    }
}

async fn a_newer_schema_is_refused(database: &Database) {
    assert!(database.store.verify_schema().is_ok());
    database.store.migrate().unwrap();
    database
        .connection()
        .execute("INSERT INTO __diesel_schema_migrations (version) VALUES ('29991231000001')");
    for outcome in [database.store.verify_schema(), database.store.migrate()] {
        let Err(StoreError::Schema(text)) = outcome else {
            unreachable!("{outcome:?}");
        };
        assert!(text.contains("newer version"), "{text}");
    }
    database.connection().execute(
        "DELETE FROM __diesel_schema_migrations WHERE version = (SELECT min(version) FROM \
         __diesel_schema_migrations)",
    );
    database
        .connection()
        .execute("DELETE FROM __diesel_schema_migrations WHERE version = '29991231000001'");
    let Err(StoreError::Schema(text)) = database.store.verify_schema() else {
        unreachable!("an older schema was accepted");
    };
    assert!(text.contains("wmda-auth migrate"), "{text}");
}

async fn y02_a_pepper_that_differs_is_refused(database: &Database) {
    let verify = |lines: &[&str]| {
        let pepper = Pepper::parse(&lines.join("\n")).unwrap();
        database.store.verify_pepper(&pepper, NOW)
    };
    let second = OTHER_PEPPER.replacen('1', "2", 1);
    let wrong_second = PEPPER.replacen('1', "2", 1);
    verify(&[PEPPER]).unwrap();
    verify(&[PEPPER]).unwrap();
    assert!(matches!(verify(&[OTHER_PEPPER]), Err(StoreError::WrongPepper(1))));
    verify(&[PEPPER, &second]).unwrap();
    assert!(matches!(
        verify(&[PEPPER, &wrong_second]),
        Err(StoreError::WrongPepper(2))
    ));
    verify(&[PEPPER, &second]).unwrap();
}

async fn t14_whoever_cannot_be_served_in_time_is_told_busy(database: &Database) {
    let organisation = database.client().await.organisation_id;
    let narrow = database.open(1);
    let node = database.node();
    node.memory.poll().await.unwrap();
    let mut lock = database.connection();
    lock.execute("BEGIN; UPDATE change_counter SET version = version");
    let began = Instant::now();
    let disable = || set_organisation_enabled(&narrow, organisation, false);
    let outcomes = tokio::join!(disable(), disable(), disable(), node.memory.poll());
    assert!(
        began.elapsed() < Duration::from_secs(2),
        "it took {:?}",
        began.elapsed()
    );
    for outcome in [outcomes.0, outcomes.1, outcomes.2] {
        assert!(matches!(outcome, Err(StoreError::Busy)), "{outcome:?}");
    }
    assert!(outcomes.3.is_ok(), "a poll never queues behind changes");
    lock.execute("ROLLBACK");
    let until = Instant::now() + Duration::from_secs(10);
    while let Err(error) = disable().await {
        assert!(Instant::now() < until, "it does not recover: {error}");
    }
}
