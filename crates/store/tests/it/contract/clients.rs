//! Client look-up by digest, from the database and from the cache under a lease.

use std::{collections::BTreeSet, time::Duration};

use chrono::TimeDelta;
use domain::resource::Environment;
use store::StoreError;
use uuid::Uuid;

use crate::support::{Database, LEASE, NOW, ROLES};

on_both! {
    a_new_secret_is_found_by_its_digest_on_the_next_read
    a_deleted_secret_is_found_no_more
    a_deletion_reaches_the_memory_of_other_nodes_by_the_next_poll
    memory_answers_only_under_a_lease
    a_node_that_missed_more_than_is_remembered_forgets_everything
    who_is_disabled_is_not_found
    granted_roles_are_found_and_stay_when_granted_again
    what_may_not_be_granted_is_refused
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
