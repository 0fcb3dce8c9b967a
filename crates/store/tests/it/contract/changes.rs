//! Changes: the counters that they bump, and how they are refused.

use domain::resource::Environment;
use store::StoreError;

use crate::support::{Database, ROLES};

on_both! {
    each_change_that_bears_on_tokens_raises_the_version_by_one
    a_refused_change_leaves_no_trace
    unique_values_conflict
    missing_rows_are_told
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
