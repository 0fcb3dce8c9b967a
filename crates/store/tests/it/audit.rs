//! The audit trail under an attacker who can write to the database but has no pepper, on both databases.

use std::sync::Arc;

use domain::pepper::Pepper;
use store::{
    StoreError,
    audit::{Anchor, AuditVerdict},
};

use crate::support::{Database, NOW, OTHER_PEPPER, PEPPER, RawConnection};

on_both!(
    x04_an_end_that_is_cut_off_is_noticed_and_no_later_event_heals_it,
    x04_a_trail_that_is_emptied_is_noticed_and_no_start_heals_it,
    x04_a_count_that_is_edited_is_noticed,
    x04_an_end_that_is_put_back_with_its_seal_contradicts_its_anchors,
    x04_events_of_an_older_version_come_under_the_seal_with_the_next_one,
    x04_an_event_of_an_older_version_that_was_altered_stays_without_the_seal,
    x04_a_seal_outlives_the_version_of_the_pepper_that_it_was_made_under,
    x04_a_trail_without_a_seal_is_sealed_by_word_alone,
    x04_what_is_gone_is_counted_without_following_the_chain,
);

impl Database {
    /// A new database on which a server has started, with this many events.
    async fn with_events(&self, events: i64) {
        self.start();
        for _ in 0..events {
            self.event().await;
        }
    }

    fn start(&self) {
        self.store.verify_pepper(&self.pepper, NOW).unwrap();
    }

    /// Appends a distinct event.
    async fn event(&self) {
        let mut entry = self.entry();
        entry.event.object = self.new_id().to_string();
        self.store.record(entry).await.unwrap();
    }

    async fn verdict(&self) -> AuditVerdict {
        self.store.verify_audit(&self.pepper).await.unwrap()
    }

    async fn anchor(&self) -> Anchor {
        let key = self.pepper.current_audit_key();
        self.store.audit_anchor(key, NOW).await.unwrap().0
    }

    /// Whether the end is present and sealed, and the number of events.
    async fn seen(&self) -> (bool, i64) {
        let key = self.pepper.current_audit_key();
        let (anchor, ends_well) = self.store.audit_anchor(key, NOW).await.unwrap();
        let found = self.store.count_audit_events(anchor.events).await.unwrap();
        (ends_well, found)
    }

    /// Deletes past the triggers that would prevent it.
    fn delete_after(&self, sequence: i64) {
        let mut connection = self.connection();
        connection.execute(match connection {
            RawConnection::Sqlite(_) => "DROP TRIGGER IF EXISTS audit_events_are_never_deleted",
            RawConnection::Postgres(_) => "ALTER TABLE audit_events DISABLE TRIGGER USER",
        });
        connection.execute(&format!("DELETE FROM audit_events WHERE sequence > {sequence}"));
    }

    fn execute(&self, statements: &str) {
        self.connection().execute(statements);
    }

    fn keep_head(&self, name: &str) {
        self.execute(&format!("CREATE TABLE {name} AS SELECT * FROM audit_head"));
    }

    fn put_back(&self, name: &str, columns: &[&str]) {
        for column in columns {
            self.execute(&format!(
                "UPDATE audit_head SET {column} = (SELECT {column} FROM {name})"
            ));
        }
    }
}

const END: [&str; 2] = ["sequence", "mac"];
const SEAL: [&str; 3] = ["sealed_sequence", "seal_key_version", "seal"];

fn whole(events: i64) -> AuditVerdict {
    AuditVerdict::Whole {
        events,
        sealed: events,
    }
}

async fn x04_an_end_that_is_cut_off_is_noticed_and_no_later_event_heals_it(database: &Database) {
    database.with_events(5).await;
    assert_eq!(database.verdict().await, whole(5));
    database.delete_after(3);
    assert_eq!(database.verdict().await, AuditVerdict::Cut(3));
    database.execute(
        "UPDATE audit_head SET sequence = 3, mac = (SELECT mac FROM audit_events WHERE sequence = 3)",
    );
    assert_eq!(database.verdict().await, AuditVerdict::Cut(3));
    database.event().await;
    assert_eq!(database.verdict().await, AuditVerdict::Cut(4));
    for events in 5..9 {
        database.event().await;
        assert_eq!(
            database.verdict().await,
            AuditVerdict::Cut(5),
            "{events} events: the fifth is not the one that was sealed"
        );
    }
    let forged = "UPDATE audit_head SET sealed_sequence = sequence, seal = mac";
    database.execute(forged);
    assert_eq!(database.verdict().await, AuditVerdict::Cut(8));
    database.execute("UPDATE audit_head SET seal = NULL");
    assert_eq!(database.verdict().await, AuditVerdict::Unsealed(8));
    database.start();
    database.event().await;
    assert_eq!(database.verdict().await, AuditVerdict::Unsealed(9));
}

async fn x04_a_trail_that_is_emptied_is_noticed_and_no_start_heals_it(database: &Database) {
    database.start();
    assert_eq!(database.verdict().await, whole(0));
    database.keep_head("at_first");
    database.organisation("One").await.unwrap();
    database.event().await;
    database.delete_after(0);
    assert_eq!(database.verdict().await, AuditVerdict::Cut(0));
    database.put_back("at_first", &END);
    assert_eq!(database.verdict().await, AuditVerdict::Cut(0));
    database.execute("UPDATE audit_head SET sealed_sequence = 0");
    assert_eq!(database.verdict().await, AuditVerdict::Cut(0));
    database.execute("UPDATE audit_head SET sealed_sequence = NULL, seal_key_version = NULL, seal = NULL");
    database.start();
    assert_eq!(database.verdict().await, AuditVerdict::Unsealed(0));
}

async fn x04_a_count_that_is_edited_is_noticed(database: &Database) {
    database.with_events(4).await;
    database.keep_head("true_head");
    for edited in ["sequence", "sealed_sequence"] {
        for count in [-1, 0, 3, 5, 1_000_000] {
            database.execute(&format!("UPDATE audit_head SET {edited} = {count}"));
            let verdict = database.verdict().await;
            assert!(
                matches!(verdict, AuditVerdict::Cut(_)),
                "{edited} = {count}: {verdict:?}"
            );
            database.put_back("true_head", &[edited]);
        }
    }
    assert_eq!(database.verdict().await, whole(4));
    database.execute("UPDATE audit_head SET seal_key_version = 2");
    assert_eq!(database.verdict().await, AuditVerdict::UnknownKey(4));
}

async fn x04_an_end_that_is_put_back_with_its_seal_contradicts_its_anchors(database: &Database) {
    database.start();
    let mut anchors = vec![database.anchor().await];
    for _ in 0..3 {
        database.event().await;
        anchors.push(database.anchor().await);
    }
    let contradicting = async || {
        let found = database
            .store
            .contradicting_anchor(anchors.clone())
            .await
            .unwrap();
        found.map(|anchor| anchor.events)
    };
    assert_eq!(contradicting().await, None);
    database.keep_head("earlier");
    database.event().await;
    assert_eq!(contradicting().await, None, "a trail goes on");
    let later = database.anchor().await;
    database.delete_after(3);
    database.put_back("earlier", &END);
    database.put_back("earlier", &SEAL);
    assert_eq!(
        database.verdict().await,
        whole(3),
        "without an anchor nothing tells"
    );
    assert_eq!(contradicting().await, None);
    let found = database
        .store
        .contradicting_anchor(vec![later.clone()])
        .await
        .unwrap();
    assert_eq!(found.as_ref(), Some(&later), "it had one event more");
    database.event().await;
    assert_eq!(database.verdict().await, whole(4));
    let found = database
        .store
        .contradicting_anchor(vec![later.clone()])
        .await
        .unwrap();
    assert_eq!(found, Some(later), "its last one was another");
}

async fn x04_events_of_an_older_version_come_under_the_seal_with_the_next_one(database: &Database) {
    database.with_events(2).await;
    database.keep_head("sealed");
    for _ in 0..3 {
        database.event().await;
    }
    // As left by an older version without seals.
    database.put_back("sealed", &SEAL);
    let verdict = AuditVerdict::Whole { events: 5, sealed: 2 };
    assert_eq!(database.verdict().await, verdict);
    database.event().await;
    assert_eq!(database.verdict().await, whole(6));
    database.put_back("sealed", &SEAL);
    database.delete_after(1);
    database.execute(
        "UPDATE audit_head SET sequence = 1, mac = (SELECT mac FROM audit_events WHERE sequence = 1)",
    );
    assert_eq!(database.verdict().await, AuditVerdict::Cut(1));
}

async fn x04_an_event_of_an_older_version_that_was_altered_stays_without_the_seal(database: &Database) {
    database.with_events(2).await;
    database.keep_head("sealed");
    database.event().await;
    database.put_back("sealed", &SEAL);
    // An attacker without the key forges a link, in the row and in the head.
    database.delete_after(2);
    database.execute(
        "INSERT INTO audit_events (sequence, at, actor, action, object, source, outcome, key_version, mac)
         SELECT 3, at, 'somebody', action, object, source, outcome, key_version, mac FROM audit_events WHERE sequence = 2;
         UPDATE audit_head SET mac = (SELECT mac FROM audit_events WHERE sequence = 2)",
    );
    database.event().await;
    assert_eq!(database.verdict().await, AuditVerdict::Broken(3));
    let sealed = database
        .connection()
        .number("SELECT sealed_sequence AS number FROM audit_head");
    assert_eq!(sealed, 2);
}

async fn x04_a_seal_outlives_the_version_of_the_pepper_that_it_was_made_under(database: &Database) {
    database.with_events(2).await;
    let second = OTHER_PEPPER.replacen('1', "2", 1);
    let both = Arc::new(Pepper::parse(&format!("{PEPPER}\n{second}")).unwrap());
    database.store.verify_pepper(&both, NOW).unwrap();
    let random = Arc::new(ring::rand::SystemRandom::new());
    let activated = database
        .store
        .activate_pepper(2, Arc::clone(&both), random, database.entry());
    activated.await.unwrap();
    let verified = async |pepper: &Pepper| database.store.verify_audit(pepper).await.unwrap();
    assert_eq!(verified(&both).await, whole(3), "sealed under the first version");
    let alone = Pepper::parse(&second).unwrap();
    database.store.verify_pepper(&alone, NOW).unwrap();
    assert_eq!(verified(&alone).await, whole(3));
    let mut entry = database.entry();
    entry.key = Arc::new(alone.current_audit_key());
    database.store.record(entry).await.unwrap();
    assert_eq!(verified(&alone).await, whole(4), "sealed under the second");
    database.event().await;
    let verdict = AuditVerdict::Whole { events: 5, sealed: 4 };
    assert_eq!(
        verified(&alone).await,
        verdict,
        "a node that knows the first alone"
    );
}

async fn x04_a_trail_without_a_seal_is_sealed_by_word_alone(database: &Database) {
    // As a database made before there were seals.
    database.event().await;
    database.event().await;
    database.start();
    assert_eq!(database.verdict().await, AuditVerdict::Unsealed(2));
    let found = database.store.seal_audit(database.entry()).await.unwrap();
    assert_eq!(found, AuditVerdict::Unsealed(2));
    assert_eq!(database.verdict().await, whole(3), "it is recorded");
    let found = database.store.seal_audit(database.entry()).await.unwrap();
    assert_eq!(found, whole(3));
    assert_eq!(database.verdict().await, whole(3), "once");
    database.delete_after(2);
    let refused: Result<AuditVerdict, StoreError> = database.store.seal_audit(database.entry()).await;
    assert_eq!(refused.unwrap(), AuditVerdict::Cut(2));
    assert_eq!(
        database.verdict().await,
        AuditVerdict::Cut(2),
        "what was cut is not sealed again"
    );
}

async fn x04_what_is_gone_is_counted_without_following_the_chain(database: &Database) {
    database.with_events(5).await;
    assert_eq!(database.seen().await, (true, 5));
    database.delete_after(3);
    assert_eq!(database.seen().await, (false, 3));
    database.event().await;
    assert_eq!(
        database.seen().await,
        (true, 4),
        "the sixth is the end again, and the fourth and fifth are not there"
    );
}
