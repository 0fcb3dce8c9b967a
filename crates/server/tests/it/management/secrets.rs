//! Secrets as managers create, list and delete them, and the rules for that.

use std::{collections::BTreeSet, thread};

use serde_json::json;

use super::{new_secret, next_year};
use crate::support::{Answer, Demo, GRANT, eventually, people::Person};

on_both!(
    a_manager_creates_uses_and_deletes_a_secret,
    secrets_follow_the_rules,
);

fn a_manager_creates_uses_and_deletes_a_secret(demo: &Demo) {
    let manager = Person::of(demo, "credential_manager", 0).sign_in(demo);
    let listed = manager.get("/applications").json();
    let ids: Vec<&str> = listed["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["client_id"].as_str().unwrap())
        .collect();
    assert_eq!(ids.len(), 2, "the manager's own and nothing else: {listed}");
    let secrets = format!("/applications/{}/secrets", demo.search.id);
    let made = manager.post(&secrets, &new_secret("walk"));
    assert_eq!(
        (made.status, made.header("cache-control")),
        (201, "no-store"),
        "{}",
        made.text
    );
    let (id, value) = (
        made.json()["id"].clone(),
        made.json()["secret"].as_str().unwrap().to_owned(),
    );
    let path = format!("{secrets}/{}", id.as_str().unwrap());
    assert_eq!(made.header("location"), format!("/api/v1{path}"));
    assert_eq!(made.json()["hint"], value[..3]);
    let resource = &demo.search.resources[0];
    let body = format!(
        "{}&client_id={}&client_secret={value}&resource={resource}",
        GRANT, demo.search.id
    );
    assert_eq!(Answer::of(demo.token(body.as_str())).status, 200, "at once");
    eventually(|| !manager.get(&path).json()["last_used_at"].is_null());
    assert!(!manager.get(&path).text.contains(&value), "Z-04");
    assert_eq!(manager.delete(&path).status, 204);
    assert_eq!(Answer::of(demo.token(body.as_str())).status, 401, "at once");
    assert_eq!(manager.delete(&path).status, 404, "Z-07");
    assert_eq!(manager.get(&path).status, 404);
}

fn secrets_follow_the_rules(demo: &Demo) {
    let manager = Person::of(demo, "credential_manager", 0).sign_in(demo);
    let path = format!("/applications/{}/secrets", demo.upload.id);
    let long = "x".repeat(121);
    let bad = [
        json!({ "name": "a" }),
        json!({ "name": "", "expires_at": next_year() }),
        json!({ "name": long, "expires_at": next_year() }),
        json!({ "name": "a\r\nb", "expires_at": next_year() }),
        json!({ "name": "a", "expires_at": "2020-01-01" }),
        json!({ "name": "a", "expires_at": "2199-01-01" }),
        json!({ "name": "a", "expires_at": "2027-02-30" }),
        json!({ "name": "a", "expires_at": "+262143-01-01T00:00:00Z" }),
        json!({ "name": "a", "expires_at": "2027-01-01T00:00:00" }),
        json!({ "name": "a", "expires_at": -1 }),
        json!({ "name": "a", "expires_at": next_year(), "client_id": demo.search.id }),
        json!({ "name": "a", "expires_at": next_year(), "secret": "mine" }),
        json!([]),
    ];
    for body in bad {
        let answer = manager.post(&path, &body);
        assert_eq!(answer.status, 400, "Z-03, Z-05 {body}: {}", answer.text);
    }
    let plain = manager
        .request("POST", &path)
        .header("content-type", "text/plain")
        .body("{}");
    assert_eq!(Answer::of(plain).status, 415);
    let huge = json!({ "name": "x".repeat(20_000), "expires_at": next_year() });
    assert_eq!(manager.post(&path, &huge).status, 413);
    // Z-06: one exists, nine more are allowed, however many are requested concurrently.
    let outcomes: Vec<u16> = thread::scope(|scope| {
        let create = || manager.post(&path, &new_secret("race")).status;
        let tries: Vec<_> = (0..14).map(|_| scope.spawn(create)).collect();
        tries.into_iter().map(|one| one.join().unwrap()).collect()
    });
    let count = |wanted: u16| outcomes.iter().filter(|status| **status == wanted).count();
    assert!(
        count(201) <= 9 && count(201) + count(409) + count(503) == 14,
        "{outcomes:?}"
    );
    while manager.post(&path, &new_secret("fill")).status == 201 {}
    let mut cursor = String::new();
    let mut seen = BTreeSet::new();
    loop {
        let page = manager.get(&format!("{path}?limit=3{cursor}")).json();
        let ids = page["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["id"].to_string());
        seen.extend(ids);
        match page["next"].as_str() {
            Some(next) => cursor = format!("&after={next}"),
            None => break,
        }
    }
    assert_eq!(seen.len(), 10);
    let tampered = format!("{path}?limit=3{}x", cursor);
    assert_eq!(manager.get(&tampered).status, 400);
    let long_search = format!("search={}", "x".repeat(121));
    for query in [
        "limit=0",
        "limit=201",
        "limit=x",
        "unknown=1",
        "after=AAAA",
        "status=other",
        "search=%00",
        long_search.as_str(),
    ] {
        assert_eq!(manager.get(&format!("{path}?{query}")).status, 400, "{query}");
        let applications = format!("/applications?{query}");
        assert_eq!(manager.get(&applications).status, 400, "{applications}");
    }
    let soon = format!("/applications/{}/secrets?status=expiring", demo.search.id);
    assert_eq!(manager.get(&soon).json()["items"].as_array().unwrap().len(), 1);
}
