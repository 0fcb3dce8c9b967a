//! What the answer to a change promises on every node: revoked access gets no token, and granted access gets one,
//! from the next request on. The nodes poll rarely and their caches are warm, so that only the wait before the answer
//! makes it true.

use std::{thread, time::Duration};

use serde_json::{Value, json};

use crate::{
    alone,
    support::{
        Answer, Credentials, Demo, FORM, http,
        node::Node,
        people::{Person, Session},
        postgres_database, timed,
    },
};

const LEASE: Duration = Duration::from_millis(500);
/// The longest poll interval: a node learns of a change late.
const RARELY: &[(&str, &str)] = &[("WMDA_AUTH__CACHE__POLL_MS", "250")];

/// The nodes of one installation.
struct Nodes {
    demo: Demo,
    addresses: Vec<String>,
    _further: Option<Node>,
}

impl Nodes {
    fn one() -> Self {
        let demo = Demo::start_with(None, RARELY);
        let addresses = vec![demo.base.clone()];
        Self {
            demo,
            addresses,
            _further: None,
        }
    }

    /// Two nodes on one Postgres; the second one has this lease.
    fn two(lease: Duration) -> Self {
        let demo = Demo::start_with(Some(&postgres_database()), RARELY);
        let lease = lease.as_millis().to_string();
        let variables = [RARELY, &[("WMDA_AUTH__CACHE__LEASE_MS", &lease)]].concat();
        let further = Node::beside(&demo, &variables);
        Self {
            addresses: vec![demo.base.clone(), further.base.clone()],
            demo,
            _further: Some(further),
        }
    }

    fn admin(&self) -> Session {
        Person::of(&self.demo, "admin", 0).sign_in(&self.demo)
    }

    /// Each node's answer to a token request: `token`, or the error.
    fn say(&self, client: &Credentials) -> Vec<String> {
        let body = format!("{}&resource={}", client.body(), client.resources[0]);
        let ask = |address: &String| {
            let request = http().post(format!("{address}/oauth2/token"));
            let request = request.header("content-type", FORM).body(body.clone());
            let answer = Answer::of(request);
            if answer.status == 200 {
                "token".to_owned()
            } else {
                answer.error()
            }
        };
        self.addresses.iter().map(ask).collect()
    }

    #[track_caller]
    fn all_say(&self, client: &Credentials, expected: &str, when: &str) {
        let said = self.say(client);
        assert!(said.iter().all(|one| one == expected), "{when}: {said:?}");
    }
}

/// Runs each test on SQLite with one node, and on PostgreSQL with two.
macro_rules! on_both {
    ($($name:ident)+) => {
        mod sqlite {
            $(#[test] fn $name() {
                let _alone = crate::alone();
                super::$name(&super::Nodes::one());
            })+
        }
        mod postgres {
            $(#[test] fn $name() {
                let _alone = crate::alone();
                super::$name(&super::Nodes::two(super::LEASE));
            })+
        }
    };
}

on_both! {
    a_secret_works_once_created_and_no_more_once_deleted
    a_secret_is_refused_once_suspended_and_works_once_put_back
    an_application_gets_no_token_once_disabled_and_one_once_enabled
    an_organisations_applications_get_no_token_once_disabled_and_one_once_enabled
    a_permission_counts_once_granted_and_no_more_once_taken_away
}

fn create(manager: &Session, application: &Credentials, name: &str) -> (Credentials, String) {
    let expiry = (chrono::Utc::now() + chrono::TimeDelta::days(9)).format("%Y-%m-%d");
    let secrets = format!("/applications/{}/secrets", application.id);
    let body = json!({ "name": name, "expires_at": expiry.to_string() });
    let made = manager.post(&secrets, &body);
    assert_eq!(made.status, 201, "{}", made.text);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let path = format!("{secrets}/{}", text(&made.json()["id"]));
    let client = Credentials {
        secret: text(&made.json()["secret"]),
        ..application.clone()
    };
    (client, path)
}

fn a_secret_works_once_created_and_no_more_once_deleted(nodes: &Nodes) {
    let demo = &nodes.demo;
    let manager = Person::of(demo, "credential_manager", 0).sign_in(demo);
    // The client is cached, without the secret that is created later.
    nodes.all_say(&demo.search, "token", "before");
    let (client, path) = create(&manager, &demo.search, "promise");
    nodes.all_say(&client, "token", "created");
    assert_eq!(manager.delete(&path).status, 204);
    nodes.all_say(&client, "invalid_client", "deleted");
    nodes.all_say(&demo.search, "token", "the other secret stays");
}

fn a_secret_is_refused_once_suspended_and_works_once_put_back(nodes: &Nodes) {
    let demo = &nodes.demo;
    let manager = Person::of(demo, "credential_manager", 0).sign_in(demo);
    let (client, path) = create(&manager, &demo.search, "promise");
    let suspend = |until: Value| {
        let (time, answer) = timed(|| manager.patch(&path, &json!({ "suspended_until": until })));
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert!(time >= LEASE, "answered after {time:?}");
    };
    let in_an_hour = (chrono::Utc::now() + chrono::TimeDelta::hours(1)).to_rfc3339();
    nodes.all_say(&client, "token", "before");
    for _ in 0..3 {
        suspend(json!(in_an_hour));
        nodes.all_say(&client, "invalid_client", "suspended");
        nodes.all_say(&demo.search, "token", "the other secret stays");
        suspend(Value::Null);
        nodes.all_say(&client, "token", "put back");
    }
}

fn an_application_gets_no_token_once_disabled_and_one_once_enabled(nodes: &Nodes) {
    let client = &nodes.demo.search;
    let (admin, path) = (nodes.admin(), format!("/applications/{}", client.id));
    nodes.all_say(client, "token", "before");
    assert_eq!(admin.patch(&path, &json!({ "enabled": false })).status, 200);
    nodes.all_say(client, "invalid_client", "disabled");
    assert_eq!(admin.patch(&path, &json!({ "enabled": true })).status, 200);
    nodes.all_say(client, "token", "enabled");
}

fn an_organisations_applications_get_no_token_once_disabled_and_one_once_enabled(nodes: &Nodes) {
    let (demo, admin) = (&nodes.demo, nodes.admin());
    let application = admin.get(&format!("/applications/{}", demo.search.id)).json();
    let path = format!(
        "/organisations/{}",
        application["organisation_id"].as_str().unwrap()
    );
    let clients = [&demo.search, &demo.upload];
    for client in clients {
        nodes.all_say(client, "token", "before");
    }
    assert_eq!(admin.patch(&path, &json!({ "enabled": false })).status, 200);
    for client in clients {
        nodes.all_say(client, "invalid_client", "disabled");
    }
    assert_eq!(admin.patch(&path, &json!({ "enabled": true })).status, 200);
    for client in clients {
        nodes.all_say(client, "token", "enabled");
    }
}

fn a_permission_counts_once_granted_and_no_more_once_taken_away(nodes: &Nodes) {
    let (client, admin) = (&nodes.demo.search, nodes.admin());
    let permissions = format!("/applications/{}/permissions", client.id);
    let resource = &client.resources[0];
    nodes.all_say(client, "token", "before");
    let taken = admin.delete(&format!("{permissions}/{resource}"));
    assert_eq!(taken.status, 204);
    nodes.all_say(client, "invalid_target", "taken away");
    let body = json!({ "resource_id": resource, "roles": ["Search.Read"] });
    // The client is cached again, without the permission.
    let other = Credentials {
        resources: vec![client.resources[1].clone()],
        ..client.clone()
    };
    nodes.all_say(&other, "token", "the other permission stays");
    assert_eq!(admin.post(&permissions, &body).status, 201);
    nodes.all_say(client, "token", "granted");
}

/// Nodes need not agree: a DELETE waits for the longest lease of any, whichever node answers it.
#[test]
fn a_node_with_a_longer_lease_makes_every_delete_wait_for_it() {
    let _alone = alone();
    let longer = Duration::from_millis(1500);
    let nodes = Nodes::two(longer);
    let manager = Person::of(&nodes.demo, "credential_manager", 0).sign_in(&nodes.demo);
    let (client, path) = create(&manager, &nodes.demo.search, "promise");
    nodes.all_say(&client, "token", "created");
    let (time, answer) = timed(|| manager.delete(&path));
    assert_eq!(answer.status, 204);
    assert!(time >= longer, "answered after {time:?}");
    nodes.all_say(&client, "invalid_client", "deleted");
}

/// The price of the promise is one lease. What comes on top is printed.
#[test]
fn a_delete_is_answered_after_one_lease_and_hardly_later() {
    let _alone = alone();
    let nodes = Nodes::two(LEASE);
    let manager = Person::of(&nodes.demo, "credential_manager", 0).sign_in(&nodes.demo);
    let applications = [&nodes.demo.search, &nodes.demo.upload];
    let delete = |path: &str| {
        let (time, answer) = timed(|| manager.delete(path));
        assert_eq!(answer.status, 204);
        assert!(time >= LEASE, "answered after {time:?}");
        time
    };
    let mut times = Vec::new();
    for round in 0..17 {
        let made = (0..6).map(|number| {
            let name = format!("promise {round}.{number}");
            create(&manager, applications[number % 2], &name).1
        });
        let made: Vec<String> = made.collect();
        thread::scope(|scope| {
            let threads: Vec<_> = made.iter().map(|path| scope.spawn(|| delete(path))).collect();
            times.extend(threads.into_iter().map(|thread| thread.join().unwrap()));
        });
    }
    times.sort();
    let (median, p99) = (times[times.len() / 2], times[times.len() * 99 / 100]);
    println!(
        "{} deletions, six at a time: answered after {median:.0?} (median), {p99:.0?} (p99)",
        times.len()
    );
    assert!(median <= LEASE + Duration::from_millis(50), "{median:?}");
}
