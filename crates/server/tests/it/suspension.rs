//! Suspension over HTTP: a secret and its tokens are refused for a while, and accepted again afterwards.

use chrono::{TimeDelta, Utc};
use serde_json::{Value, json};

use crate::{
    notifications::{hasty, written},
    status_list::{index_of, status_of},
    support::{
        Answer, Credentials, Demo, eventually,
        people::{Person, Session},
        postgres_database,
    },
};

mod sqlite {
    #[test]
    fn a_suspended_secret_is_refused_and_good_again_afterwards() {
        super::a_suspended_secret_is_refused_and_good_again_afterwards(&super::hasty(None));
    }
    #[test]
    fn a_suspension_follows_the_rules() {
        super::a_suspension_follows_the_rules(&super::hasty(None));
    }
}

mod postgres {
    #[test]
    fn a_suspended_secret_is_refused_and_good_again_afterwards() {
        let demo = super::hasty(Some(&super::postgres_database()));
        super::a_suspended_secret_is_refused_and_good_again_afterwards(&demo);
    }
    #[test]
    fn a_suspension_follows_the_rules() {
        super::a_suspension_follows_the_rules(&super::hasty(Some(&super::postgres_database())));
    }
}

fn hours(from_now: i64) -> Value {
    json!((Utc::now() + TimeDelta::hours(from_now)).to_rfc3339())
}

fn minutes(from_now: i64) -> Value {
    json!((Utc::now() + TimeDelta::minutes(from_now)).to_rfc3339())
}

/// The path of the upload client's sample secret.
fn path(demo: &Demo) -> String {
    let secret = demo.summary["clients"][1]["secret_id"].as_str().unwrap();
    format!("/applications/{}/secrets/{secret}", demo.upload.id)
}

fn set(session: &Session, path: &str, until: &Value) -> Answer {
    session.patch(path, &json!({ "suspended_until": until }))
}

fn is_active(demo: &Demo, token: &str) -> bool {
    let server = demo.resource_server(&demo.upload.resources[0]);
    let request = demo.post("/oauth2/introspect", format!("token={token}"));
    let answer = Answer::of(request.basic_auth(&server.id, Some(&server.secret)));
    answer.json()["active"].as_bool().unwrap()
}

fn token(demo: &Demo, client: &Credentials) -> String {
    let answer = Answer::of(demo.token(client.body()));
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json()["access_token"].as_str().unwrap().to_owned()
}

fn a_suspended_secret_is_refused_and_good_again_afterwards(demo: &Demo) {
    let person = Person::of(demo, "credential_manager", 0);
    let (manager, path) = (person.sign_in(demo), path(demo));
    let old = token(demo, &demo.upload);
    let index = index_of(demo, &demo.upload);
    let end = hours(24);
    let suspended = set(&manager, &path, &end);
    assert_eq!(suspended.status, 200, "{}", suspended.text);
    let view = suspended.json();
    assert_eq!(view["status"], "suspended");
    assert!(view["suspended_until"].is_string(), "{view}");
    assert_eq!(view["tried_while_suspended_at"], Value::Null);
    let refused = Answer::of(demo.token(demo.upload.body()));
    assert_eq!(
        (refused.status, refused.error().as_str()),
        (401, "invalid_client")
    );
    assert!(refused.text.contains("suspended"), "{}", refused.text);
    for route in [demo.v1(), demo.v2()] {
        let refused = Answer::of(demo.post(&route, demo.upload.body()));
        assert_eq!(
            (refused.status, &refused.json()["error_codes"]),
            (401, &json!([53_003]))
        );
    }
    assert!(!is_active(demo, &old));
    assert_eq!(status_of(demo, index), 2, "SUSPENDED");
    eventually(|| !manager.get(&path).json()["tried_while_suspended_at"].is_null());
    let listed = |status: &str| {
        let path = format!("/applications/{}/secrets?status={status}", demo.upload.id);
        manager.get(&path).json()["items"].as_array().unwrap().len()
    };
    assert_eq!((listed("suspended"), listed("active")), (1, 0));
    let told = |what: &str| {
        written(demo, &person.email)
            .iter()
            .any(|mail| mail.contains(what))
    };
    eventually(|| told("is suspended"));
    let back = set(&manager, &path, &Value::Null);
    assert_eq!((back.status, &back.json()["status"]), (200, &json!("active")));
    assert_eq!(back.json()["suspended_until"], Value::Null);
    token(demo, &demo.upload);
    assert!(
        is_active(demo, &old),
        "issued before the suspension, and good again"
    );
    assert_eq!(status_of(demo, index), 0, "VALID");
    eventually(|| told("works again"));
    // Deleted while suspended, it is INVALID instead of SUSPENDED.
    assert_eq!(set(&manager, &path, &end).status, 200);
    assert_eq!(manager.delete(&path).status, 204);
    assert_eq!(status_of(demo, index), 1, "INVALID");
    let admin = Person::of(demo, "admin", 0).sign_in(demo);
    for (action, count) in [("secret.suspend", 2), ("secret.resume", 1)] {
        let events = admin.get(&format!("/audit-events?action={action}")).json();
        assert_eq!(events["items"].as_array().unwrap().len(), count, "{events}");
    }
}

fn a_suspension_follows_the_rules(demo: &Demo) {
    let manager = Person::of(demo, "credential_manager", 0).sign_in(demo);
    let path = path(demo);
    for bad in [
        json!({}),
        json!({ "suspended_until": "" }),
        json!({ "suspended_until": "2027-01-01" }),
        json!({ "suspended_until": 1 }),
        json!({ "suspended_until": hours(-1) }),
        json!({ "suspended_until": minutes(8) }),
        json!({ "suspended_until": hours(7 * 24 + 1) }),
        json!({ "suspended_until": hours(1), "enabled": false }),
    ] {
        let answer = manager.patch(&path, &bad);
        assert_eq!(answer.status, 400, "{bad}: {}", answer.text);
    }
    for good in [minutes(10), hours(7 * 24), Value::Null, Value::Null] {
        assert_eq!(set(&manager, &path, &good).status, 200, "{good}");
    }
    let expired = manager.get(&format!(
        "/applications/{}/secrets?status=expired",
        demo.search.id
    ));
    let expired = expired.json()["items"][0]["id"].as_str().unwrap().to_owned();
    let answer = set(
        &manager,
        &format!("/applications/{}/secrets/{expired}", demo.search.id),
        &hours(1),
    );
    assert_eq!(answer.status, 409, "{}", answer.text);
    // Another application's secret, in the path of one's own.
    let crossed = path.replace(&demo.upload.id, &demo.search.id);
    assert_eq!(set(&manager, &crossed, &hours(1)).status, 404);
    let other = Person::of(demo, "credential_manager", 1).sign_in(demo);
    assert_eq!(set(&other, &path, &hours(1)).status, 404);
    assert_eq!(
        set(&Person::of(demo, "auditor", 0).sign_in(demo), &path, &hours(1)).status,
        403
    );
    let admin = Person::of(demo, "admin", 0).sign_in(demo);
    assert_eq!(set(&admin, &path, &hours(1)).status, 200, "in an emergency");
    assert_eq!(set(&admin, &path, &Value::Null).status, 200);
    token(demo, &demo.upload);
}
