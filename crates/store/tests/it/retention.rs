//! Retention, erasure of personal data, and the gauges for operators, on both databases.

use chrono::TimeDelta;
use store::{StoreError, figures::Outbox, retention::Kept, usage::UsageRecorder};

use crate::support::{Database, NOW, record};

on_both!(
    token_counts_are_forgotten_in_batches_and_no_younger_ones,
    mails_are_forgotten_once_nothing_depends_on_them,
    who_used_a_deleted_secret_is_forgotten_and_the_secret_stays_deleted,
    an_erased_person_is_a_pseudonym_everywhere,
    what_waits_what_failed_and_what_secrets_have_left_is_counted,
);

const YEAR: TimeDelta = TimeDelta::days(365);

async fn forget_all(database: &Database, kept: Kept) -> usize {
    let mut all = 0;
    loop {
        match database.store.forget(kept, YEAR, NOW).await.unwrap() {
            0 => return all,
            rows => all += rows,
        }
    }
}

async fn token_counts_are_forgotten_in_batches_and_no_younger_ones(database: &Database) {
    let client = database.client().await;
    let usage = UsageRecorder::default();
    for day in 0..700 {
        record(&usage, client.secret_id, NOW - TimeDelta::days(day), 1);
        usage.flush(&database.store).await.unwrap();
    }
    assert_eq!(forget_all(database, Kept::TokenCounts).await, 700 - 366);
    assert_eq!(database.tokens(client.secret_id), 366);
}

async fn mails_are_forgotten_once_nothing_depends_on_them(database: &Database) {
    let client = database.client().await;
    let ended = database.secret(client.client_id, "ended").await.unwrap();
    let mail = |id: &str, state: &str, at: &str| {
        format!(
            "INSERT INTO mails (id, recipient, kind, created_at, state, state_at, attempts, due_at)
             VALUES ('{id}', 'who@example.org', 'reminders', '{at}', '{state}', '{at}', 1, '{at}');"
        )
    };
    let reminder = |secret: uuid::Uuid, mail: &str, days: i32| {
        format!(
            "INSERT INTO reminders (secret_id, threshold_days, recipient, kind, mail_id, suppressed, at)
             VALUES ('{secret}', {days}, 'who@example.org', 'reminder', '{mail}', FALSE, '2025-01-01 00:00:00');"
        )
    };
    let old = "2025-01-01 00:00:00";
    let statements = [
        mail("old", "sent", old),
        mail("waits", "pending", old),
        mail("young", "failed", "2027-01-01 00:00:00"),
        mail("told", "sent", old),
        mail("over", "sent", old),
        reminder(client.secret_id, "told", 30),
        reminder(ended, "over", 30),
        format!("UPDATE client_secrets SET expires_at = '2025-06-01 00:00:00' WHERE id = '{ended}'"),
    ];
    database.connection().execute(&statements.join("\n"));
    // The reminder of the expired secret, then the mails without reminders.
    assert_eq!(forget_all(database, Kept::Mails).await, 3);
    let count = |query: &str| database.connection().number(query);
    assert_eq!(
        count("SELECT count(*) AS number FROM mails WHERE id IN ('old', 'over')"),
        0
    );
    assert_eq!(count("SELECT count(*) AS number FROM mails"), 3);
    assert_eq!(count("SELECT count(*) AS number FROM reminders"), 1);
}

async fn who_used_a_deleted_secret_is_forgotten_and_the_secret_stays_deleted(database: &Database) {
    let client = database.client().await;
    let index = database.status_index(client.client_id, "value").await;
    let usage = UsageRecorder::default();
    record(&usage, client.secret_id, NOW, 1);
    usage.flush(&database.store).await.unwrap();
    assert_eq!(forget_all(database, Kept::DeletedSecrets).await, 0);
    assert!(database.delete_secret(client.client_id, client.secret_id).await);
    database
        .connection()
        .execute("UPDATE client_secrets SET deleted_at = '2025-01-01 00:00:00'");
    assert_eq!(forget_all(database, Kept::DeletedSecrets).await, 1);
    let kept = "SELECT count(*) AS number FROM client_secrets WHERE last_used_from IS NULL AND deleted_at IS NOT NULL";
    assert_eq!(database.connection().number(kept), 1);
    database.secret(client.client_id, "next").await.unwrap();
    assert_ne!(database.status_index(client.client_id, "next").await, index);
}

async fn an_erased_person_is_a_pseudonym_everywhere(database: &Database) {
    let client = database.client().await;
    let person = database.manager(client, "gone@example.org").await.unwrap();
    database.connection().execute(&format!(
        "UPDATE client_secrets SET created_by = 'gone@example.org' WHERE id = '{}';
         INSERT INTO mails (id, recipient, kind, created_at, state, state_at, attempts, due_at)
         VALUES ('m', 'gone@example.org', 'reset', '2027-01-01 00:00:00', 'pending', '2027-01-01 00:00:00', 0, '2027-01-01 00:00:00');",
        client.secret_id
    ));
    let refused = database.store.erase_user(person, database.entry()).await;
    assert!(matches!(refused, Err(StoreError::Forbidden(_))), "{refused:?}");
    database
        .connection()
        .execute(&format!("UPDATE users SET enabled = FALSE WHERE id = '{person}'"));
    database.store.erase_user(person, database.entry()).await.unwrap();
    for (table, column) in [
        ("users", "email"),
        ("users", "display_name"),
        ("mails", "recipient"),
        ("client_secrets", "created_by"),
    ] {
        let there = format!("SELECT count(*) AS number FROM {table} WHERE {column} LIKE '%gone@%'");
        assert_eq!(database.connection().number(&there), 0, "{table}.{column}");
    }
    let count = |query: &str| database.connection().number(query);
    assert_eq!(
        count("SELECT count(*) AS number FROM mails WHERE state = 'suppressed'"),
        1
    );
    assert_eq!(count("SELECT count(*) AS number FROM credential_managers"), 0);
    let again = database
        .store
        .erase_user(database.new_id(), database.entry())
        .await;
    assert!(matches!(again, Err(StoreError::Missing)), "{again:?}");
}

async fn what_waits_what_failed_and_what_secrets_have_left_is_counted(database: &Database) {
    let client = database.client().await;
    let later = database.secret(client.client_id, "later").await.unwrap();
    let gone = database.secret(client.client_id, "gone").await.unwrap();
    assert!(database.delete_secret(client.client_id, gone).await);
    let mail = |id: &str, state: &str, at: &str| {
        format!(
            "INSERT INTO mails (id, recipient, kind, created_at, state, state_at, attempts, due_at)
             VALUES ('{id}', '{id}@example.org', 'reset', '{at}', '{state}', '{at}', 1, '{at}');"
        )
    };
    let due = (NOW - TimeDelta::hours(2))
        .format("%Y-%m-%d %H:%M:%S")
        .to_string();
    let statements = [
        format!("UPDATE client_secrets SET expires_at = '2028-01-01 00:00:00' WHERE id = '{later}';"),
        mail("waits", "pending", &due),
        mail("failed", "failed", &due),
        mail("failed-long-ago", "failed", "2026-01-01 00:00:00"),
        mail("sent", "sent", &due),
    ];
    database.connection().execute(&statements.join("\n"));
    let figures = database.store.figures(NOW).await.unwrap();
    let expected = Outbox {
        waiting: 1,
        failed: 1,
        overdue: TimeDelta::hours(2),
    };
    assert_eq!((figures.mails, figures.webhooks), (expected, Outbox::default()));
    assert_eq!(figures.secrets, [0, 1, 0, 0, 1]);
    assert_eq!(
        database
            .store
            .figures(NOW + TimeDelta::days(2))
            .await
            .unwrap()
            .secrets,
        [1, 0, 0, 0, 1]
    );
}
