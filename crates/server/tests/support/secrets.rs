//! Additional secrets for a demo's client, through the server's store.

use std::{fs, sync::Arc};

use chrono::{TimeDelta, Utc};
use domain::{
    audit::{Entry, Event, Outcome},
    pepper::Pepper,
};
use store::{DatabaseUrl, NewClientSecret, NewProof, Store, client_secrets::SecretLimits};
use uuid::Uuid;

use super::Demo;

/// Adds secrets of unknown value to the client with this id.
pub fn add(demo: &Demo, database_url: &str, client_id: &str, count: u128) {
    let pepper = fs::read_to_string(demo.data_dir().join("pepper")).unwrap();
    let pepper = Pepper::parse(&pepper).unwrap();
    let store = Store::open(&DatabaseUrl::parse(database_url).unwrap(), 1).unwrap();
    let client_id = Uuid::try_parse(client_id).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    for number in 0..count {
        let secret = NewClientSecret {
            id: Uuid::from_u128(number),
            client_id,
            name: format!("further {number}"),
            hint: "---".to_owned(),
            proof: NewProof::Secret(pepper.digest(client_id, &format!("further {number}"))),
            created_by: "test".to_owned(),
            created_at: Utc::now(),
            expires_at: Utc::now() + TimeDelta::days(1),
            replaces: None,
        };
        runtime
            .block_on(store.create_secret(secret, SecretLimits::NONE, entry(&pepper)))
            .unwrap();
    }
}

/// An audit entry for a change in a demo's store.
pub fn record(demo: &Demo) -> Entry {
    let pepper = fs::read_to_string(demo.data_dir().join("pepper")).unwrap();
    entry(&Pepper::parse(&pepper).unwrap())
}

pub fn entry(pepper: &Pepper) -> Entry {
    Entry {
        event: Event {
            at: Utc::now(),
            actor: "test".to_owned(),
            action: "test".to_owned(),
            object: "-".to_owned(),
            source: "-".to_owned(),
            outcome: Outcome::Done.to_string(),
        },
        key: Arc::new(pepper.current_audit_key()),
    }
}
