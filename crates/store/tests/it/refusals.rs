//! The refusal record on both databases: search, counts, limits, retention.

use std::net::{IpAddr, Ipv4Addr};

use chrono::{DateTime, TimeDelta, Utc};
use store::refusals::{RefusalFilter, RefusalRecord, RefusalRecorder, RefusedRequest};
use uuid::Uuid;

use crate::support::{Database, NOW};

on_both! {
    a_flood_pushes_out_neither_holders_of_credentials_nor_other_networks
    two_nodes_count_the_same_refusal_together
    a_refusal_is_forgotten_after_thirty_days
}

fn refused(
    database: &Database,
    client_id: Uuid,
    credential_id: Option<Uuid>,
    at: DateTime<Utc>,
) -> RefusedRequest {
    RefusedRequest {
        at,
        trace_id: database.new_id(),
        client_id: Some(client_id),
        credential_id,
        cause: "wrong_secret",
        route: "/oauth2/token".to_owned(),
        source: Ipv4Addr::LOCALHOST.into(),
        user_agent: "test".to_owned(),
        resource: None,
    }
}

/// Two nodes may insert a row at once; the second one tries again.
async fn flush(recorder: &RefusalRecorder, database: &Database) {
    for _ in 0..10 {
        if recorder.flush(&database.store).await.is_ok() {
            return;
        }
    }
    recorder.flush(&database.store).await.unwrap();
}

async fn all(database: &Database, filter: RefusalFilter) -> Vec<RefusalRecord> {
    database.store.refusals(filter, 10_000).await.unwrap()
}

async fn a_flood_pushes_out_neither_holders_of_credentials_nor_other_networks(database: &Database) {
    let sample = database.client().await;
    let client_id = sample.client_id;
    let recorder = RefusalRecorder::default();
    let useful = refused(database, client_id, Some(sample.secret_id), NOW);
    let trace_id = useful.trace_id;
    recorder.record(useful);
    let mut stranger = refused(database, database.new_id(), None, NOW);
    stranger.source = IpAddr::from([203, 0, 113, 7]);
    recorder.record(stranger);
    flush(&recorder, database).await;
    for round in 0..8_u8 {
        for number in 0..200 {
            let at = NOW + TimeDelta::seconds(i64::from(round));
            recorder.record(refused(database, database.new_id(), None, at));
            // The application is named from many networks.
            let mut one = refused(database, client_id, None, at);
            one.source = IpAddr::from([10, round, 0, number]);
            recorder.record(one);
        }
        flush(&recorder, database).await;
    }
    let of_client = RefusalFilter {
        client_id: Some(client_id),
        ..RefusalFilter::default()
    };
    let of_client = all(database, of_client).await;
    let held = of_client.iter().filter(|one| one.credential_id.is_some());
    assert_eq!(held.count(), 1, "who holds a credential stays");
    assert_eq!(of_client.len(), 101);
    let from = |source: [u8; 4]| RefusalFilter {
        source: Some(source.into()),
        ..RefusalFilter::default()
    };
    assert!(all(database, from([127, 0, 0, 1])).await.len() <= 21);
    assert_eq!(all(database, from([203, 0, 113, 7])).await.len(), 1);
    let traced = RefusalFilter {
        trace_id: Some(trace_id),
        ..RefusalFilter::default()
    };
    let found = all(database, traced).await;
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].trace_id, trace_id.to_string());
    assert_eq!(found[0].credential_id, Some(sample.secret_id));
    assert!(found[0].hint.is_some());
}

async fn two_nodes_count_the_same_refusal_together(database: &Database) {
    let sample = database.client().await;
    let nodes = [RefusalRecorder::default(), RefusalRecorder::default()];
    let mut traces = Vec::new();
    for second in 0..30 {
        for node in &nodes {
            let at = NOW + TimeDelta::seconds(second);
            let one = refused(database, sample.client_id, Some(sample.secret_id), at);
            traces.push(one.trace_id);
            node.record(one);
        }
        tokio::join!(flush(&nodes[0], database), flush(&nodes[1], database));
    }
    let rows = all(database, RefusalFilter::default()).await;
    assert_eq!((rows.len(), rows[0].times), (1, 60));
    assert_eq!(rows[0].at, NOW);
    assert_eq!((rows[0].last_at - NOW).num_seconds(), 29);
    for trace_id in traces {
        let traced = RefusalFilter {
            trace_id: Some(trace_id),
            ..RefusalFilter::default()
        };
        assert_eq!(all(database, traced).await.len(), 1, "each is found");
    }
}

async fn a_refusal_is_forgotten_after_thirty_days(database: &Database) {
    let sample = database.client().await;
    let recorder = RefusalRecorder::default();
    for days in [0, 29, 31] {
        let at = NOW + TimeDelta::days(days);
        recorder.record(refused(database, sample.client_id, None, at));
        flush(&recorder, database).await;
    }
    let rows = all(database, RefusalFilter::default()).await;
    let days: Vec<i64> = rows.iter().map(|row| (row.at - NOW).num_days()).collect();
    assert_eq!(days, [31, 29], "the latest first");
    let traces = database
        .connection()
        .number("SELECT count(*) AS number FROM refusal_traces");
    assert_eq!(traces, 2);
}
