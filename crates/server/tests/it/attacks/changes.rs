//! a change runs to completion and is audited with its source, even if the client disconnects.

use std::{io::Write, thread, time::Duration};

use chrono::{TimeDelta, Utc};
use serde_json::{Value, json};

use super::wire;
use crate::support::{
    Demo, eventually,
    people::{Person, Session},
};

const MANY: (&str, &str) = ("WMDA_AUTH__SECRETS__MAX_PER_APPLICATION", "60");

/// Sends a request on a connection in use, and resets it after a while.
fn send_and_reset(demo: &Demo, head: &str, body: &str, after: Duration) {
    let mut stream = wire::connect(demo.address());
    stream
        .write_all(b"GET /livez HTTP/1.1\r\nHost: here\r\n\r\n")
        .unwrap();
    assert_eq!(wire::status(&wire::read(&mut stream, wire::is_whole)), 200);
    let length = body.len();
    let asked = format!("{head}\r\nHost: here\r\nContent-Length: {length}\r\n\r\n{body}");
    stream.write_all(asked.as_bytes()).unwrap();
    thread::sleep(after);
    wire::reset(stream);
}

fn events(admin: &Session, action: &str) -> Vec<Value> {
    let answer = admin.get("/audit-events?limit=200").json();
    // A busy database may have none to show yet.
    let items = answer["items"].as_array().cloned().into_iter().flatten();
    items.filter(|event| event["action"] == action).collect()
}

fn create(manager: &Session, path: &str, number: usize) -> String {
    let expires_at = (Utc::now() + TimeDelta::days(200)).to_rfc3339();
    let body = json!({ "name": format!("secret {number}"), "expires_at": expires_at });
    let made = manager.post(path, &body);
    assert_eq!(made.status, 201, "{}", made.text);
    made.json()["id"].as_str().unwrap().to_owned()
}

#[test]
fn x03_deletions_whose_connections_are_reset_are_done_and_recorded() {
    let demo = Demo::start_with(None, &[MANY]);
    let manager = Person::of(&demo, "credential_manager", 0).sign_in(&demo);
    let admin = Person::of(&demo, "admin", 0).sign_in(&demo);
    let applications = manager.get("/applications").json();
    let client = applications["items"][0]["client_id"].as_str().unwrap();
    let path = format!("/applications/{client}/secrets");
    let ids: Vec<String> = (0..48).map(|number| create(&manager, &path, number)).collect();
    // Some are reset at once, most while the DELETE waits out the lease.
    let reset_eight = |ids: &[String]| {
        thread::scope(|scope| {
            for (number, id) in ids.iter().enumerate() {
                let (demo, manager, path) = (&demo, &manager, &path);
                let after = Duration::from_millis(number as u64 * 40);
                scope.spawn(move || {
                    let head = format!(
                        "DELETE /api/v1{path}/{id} HTTP/1.1\r\nAuthorization: Bearer {}",
                        manager.token
                    );
                    send_and_reset(demo, &head, "", after);
                });
            }
        });
    };
    ids.chunks(8).for_each(reset_eight);
    let of = |id: &str| {
        let events = events(&admin, "secret.delete").into_iter();
        events
            .filter(|event| event["object"].as_str().unwrap().contains(id))
            .collect::<Vec<Value>>()
    };
    for id in &ids {
        eventually(|| !of(id).is_empty());
        let [event] = &of(id)[..] else {
            panic!("{id} is recorded more than once");
        };
        assert_eq!(event["source"], "127.0.0.1", "{event}");
        assert_eq!(manager.get(&format!("{path}/{id}")).status, 404);
    }
}

#[test]
fn x03_a_sign_in_whose_connection_is_reset_is_counted_and_recorded() {
    let demo = Demo::start_with(None, &[]);
    let admin = Person::of(&demo, "admin", 0).sign_in(&demo);
    let person = Person::of(&demo, "credential_manager", 0);
    let wrong = json!({ "email": person.email, "password": "wrong", "totp": "000000" }).to_string();
    let head = "POST /api/v1/session HTTP/1.1\r\nContent-Type: application/json";
    for _ in 0..5 {
        send_and_reset(&demo, head, &wrong, Duration::from_millis(5));
    }
    eventually(|| {
        events(&admin, "session.create")
            .iter()
            .filter(|event| event["outcome"] == "denied")
            .count()
            == 5
    });
    let refused = events(&admin, "session.create");
    assert!(
        refused.iter().all(|event| event["source"] == "127.0.0.1"),
        "{refused:?}"
    );
}

/// A subscriber has all addresses of an IPv6 network: together they have one limit of concurrent changes.
#[test]
fn x02_the_addresses_of_an_ipv6_network_have_one_share_of_changes() {
    let proxies = ("WMDA_AUTH__SERVER__TRUSTED_PROXIES", "127.0.0.1");
    let demo = Demo::start_with(None, &[proxies]);
    let asked = |source: &str, body: &str| {
        let head = "POST /api/v1/session HTTP/1.1\r\nHost: here\r\nContent-Type: application/json";
        format!("{head}\r\nX-Forwarded-For: {source}\r\nContent-Length: 2\r\n\r\n{body}")
    };
    let unfinished = |number: usize| {
        let mut stream = wire::connect(demo.address());
        let source = format!("2001:db8::{number:x}");
        stream.write_all(asked(&source, "{").as_bytes()).unwrap();
        stream
    };
    let status = |source: &str| {
        wire::status(&wire::ask(
            demo.address(),
            asked(source, "{}").as_bytes(),
            wire::is_whole,
        ))
    };
    // A few more than the limit, as the requests that observe it take a slot, too. On a machine that opens them
    // slowly, the first ones time out waiting for their bodies, and are opened again.
    let all_held = || {
        let held: Vec<_> = (1..=136).map(unfinished).collect();
        let is_full = (0..20).any(|_| {
            thread::sleep(Duration::from_millis(100));
            status("2001:db8::ffff") == 429
        });
        is_full.then_some(held)
    };
    let held = (0..5).find_map(|_| all_held()).expect("there is room for all");
    assert_eq!(status("2001:db8:0:1::1"), 400, "another network");
    drop(held);
    eventually(|| status("2001:db8::ffff") == 400);
}
