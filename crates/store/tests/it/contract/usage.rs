//! Collected usage: added up, kept on failure, and never written twice.

use std::{thread, time::Duration};

use chrono::TimeDelta;
use store::usage::UsageRecorder;

use crate::support::{Database, NOW, record};

on_both! {
    use_is_added_up_over_flushes_and_nodes
    use_that_the_database_refuses_is_kept
    use_that_is_written_late_is_not_written_twice
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
    // Longer than a request's time-out, shorter than the database's lock time-out.
    let unlock = thread::spawn(move || {
        thread::sleep(Duration::from_millis(1_350));
        lock.execute("ROLLBACK");
    });
    // Whatever the result: the next flush knows whether it was written.
    let _ = recorder.flush(&database.store).await;
    unlock.join().unwrap();
    record(&recorder, secret, NOW, 4);
    recorder.flush(&database.store).await.unwrap();
    // Abandoned work would complete meanwhile.
    tokio::time::sleep(Duration::from_millis(500)).await;
    recorder.flush(&database.store).await.unwrap();
    assert_eq!(database.tokens(secret), 7);
}
