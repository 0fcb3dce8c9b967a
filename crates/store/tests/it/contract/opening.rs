//! Migrations, schema and pepper at start-up, and overload.

use std::{
    sync::{Arc, Barrier},
    thread,
    time::{Duration, Instant},
};

use domain::pepper::Pepper;
use store::{DatabaseUrl, Store, StoreError};

use crate::support::{Database, NOW, OTHER_PEPPER, PEPPER, set_organisation_enabled};

on_both! {
    nodes_may_migrate_at_the_same_time
    a_newer_schema_is_refused
    y02_a_pepper_that_differs_is_refused
    t14_whoever_cannot_be_served_in_time_is_told_busy
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
    let disable = || set_organisation_enabled(&narrow, organisation, false);
    let mut took = Duration::MAX;
    // Noise affects one attempt or another, a wait that is too long all.
    for _ in 0..3 {
        let began = Instant::now();
        let outcomes = tokio::join!(disable(), disable(), disable(), node.memory.poll());
        took = took.min(began.elapsed());
        for outcome in [outcomes.0, outcomes.1, outcomes.2] {
            assert!(matches!(outcome, Err(StoreError::Busy)), "{outcome:?}");
        }
        assert!(outcomes.3.is_ok(), "a poll never queues behind changes");
        if took < Duration::from_secs(2) {
            break;
        }
    }
    assert!(took < Duration::from_secs(2), "it took {took:?}");
    lock.execute("ROLLBACK");
    let until = Instant::now() + Duration::from_secs(10);
    while let Err(error) = disable().await {
        assert!(Instant::now() < until, "it does not recover: {error}");
    }
}
