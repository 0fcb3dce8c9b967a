//! Rotation by the system itself: who may, how often, and what a retry does.

use std::{thread, time::Duration};

use chrono::{TimeDelta, Utc};
use serde_json::json;

use super::{application, manager, rotate, sample_secret, secrets, successor, switch_on, works};
use crate::{
    notifications::{hasty, written},
    support::{Answer, Credentials, Demo, eventually, http, people::Person},
};

on_both! {
    a_system_exchanges_its_secret_once_its_manager_lets_it
    an_exchange_can_be_repeated_until_the_new_secret_is_used_and_no_more
    of_several_exchanges_at_once_one_wins
    what_is_no_live_secret_is_not_exchanged
}

fn a_system_exchanges_its_secret_once_its_manager_lets_it(demo: &Demo) {
    let manager = manager(demo);
    let refused = rotate(demo, &demo.upload);
    assert_eq!(
        (refused.status, refused.error().as_str()),
        (403, "unauthorized_client")
    );
    assert!(refused.text.contains("not switched on"), "{}", refused.text);
    switch_on(demo, &manager);
    let before = Utc::now().timestamp();
    let answer = rotate(demo, &demo.upload);
    assert_eq!(answer.status, 201, "{}", answer.text);
    assert_eq!(answer.header("cache-control"), "no-store");
    let made = answer.json();
    assert_eq!(made["client_id"], *demo.upload.id);
    let life = made["client_secret_expires_at"].as_i64().unwrap() - before;
    assert!((364 * 86_400..=366 * 86_400).contains(&life), "{life}");
    let overlap = made["previous_expires_at"].as_i64().unwrap() - before;
    assert!((7 * 86_400 - 5..=7 * 86_400 + 60).contains(&overlap), "{overlap}");
    let new = Credentials {
        secret: made["client_secret"].as_str().unwrap().to_owned(),
        ..demo.upload.clone()
    };
    assert!(works(demo, &new), "at once");
    assert!(works(demo, &demo.upload), "for the overlap");
    let id = made["secret_id"].as_str().unwrap();
    let view = manager.get(&format!("{}/secrets/{id}", application(demo))).json();
    assert_eq!(view["replaces"], demo.summary["clients"][1]["secret_id"]);
    assert_eq!(view["created_by"], "Partner-NL-ExampleRegistry-DM (itself)");
    assert!(
        view["name"].as_str().unwrap().starts_with("demo (rotated 20"),
        "{view}"
    );
    assert!(manager.get(&sample_secret(demo)).json()["rotated_itself_at"].is_string());
    let admin = Person::of(demo, "admin", 0).sign_in(demo);
    let events = admin.get("/audit-events?action=secret.rotate").json();
    assert_eq!(
        events["items"][0]["actor"],
        "Partner-NL-ExampleRegistry-DM (itself)"
    );
    assert!(
        !manager
            .get(&format!("{}/secrets", application(demo)))
            .text
            .contains(&new.secret)
    );
    // Once switched off it is refused again, for the new secret too.
    manager.patch(&application(demo), &json!({ "self_rotation": false }));
    assert_eq!(rotate(demo, &new).status, 403);
    let name = json!({ "self_rotation": true, "name": "Partner-NL-ExampleRegistry-SMC" });
    assert_eq!(
        manager.patch(&application(demo), &name).status,
        403,
        "a name is the team's"
    );
    let other = Person::of(demo, "credential_manager", 1).sign_in(demo);
    assert_eq!(
        other
            .patch(&application(demo), &json!({ "self_rotation": true }))
            .status,
        404
    );
}

/// GitLab's trap: a repeated rotation must not revoke a new secret that is already in use.
fn an_exchange_can_be_repeated_until_the_new_secret_is_used_and_no_more(demo: &Demo) {
    let manager = manager(demo);
    switch_on(demo, &manager);
    let lost = successor(demo, &demo.upload);
    let again = rotate(demo, &demo.upload);
    assert_eq!(
        again.status, 429,
        "the first answer may still be under way: {}",
        again.text
    );
    let wait: u64 = again.header("retry-after").parse().unwrap();
    assert!((1..=11).contains(&wait), "{wait}");
    thread::sleep(Duration::from_secs(wait));
    let kept = successor(demo, &demo.upload);
    assert_eq!(secrets(demo, &manager).len(), 2, "nothing piles up");
    assert!(!works(demo, &lost), "replaced");
    assert!(works(demo, &kept));
    thread::sleep(Duration::from_secs(11));
    let replay = rotate(demo, &demo.upload);
    assert_eq!(
        (replay.status, replay.error().as_str()),
        (429, "temporarily_unavailable")
    );
    let wait: i64 = replay.header("retry-after").parse().unwrap();
    assert!((86_000..=86_400).contains(&wait), "once a day: {wait}");
    assert!(works(demo, &kept), "a replay ends nothing that is used");
    assert_eq!(
        rotate(demo, &kept).status,
        429,
        "nor is the new one exchanged on the same day"
    );
    assert_eq!(secrets(demo, &manager).len(), 2);
}

fn of_several_exchanges_at_once_one_wins(demo: &Demo) {
    let manager = manager(demo);
    switch_on(demo, &manager);
    let answers: Vec<Answer> = thread::scope(|scope| {
        let tries: Vec<_> = (0..6)
            .map(|_| scope.spawn(|| rotate(demo, &demo.upload)))
            .collect();
        tries.into_iter().map(|one| one.join().unwrap()).collect()
    });
    let won: Vec<&Answer> = answers.iter().filter(|answer| answer.status == 201).collect();
    let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    assert_eq!(won.len(), 1, "{statuses:?}");
    assert!(
        statuses.iter().all(|status| matches!(status, 201 | 429 | 503)),
        "{statuses:?}"
    );
    let new = Credentials {
        secret: won[0].json()["client_secret"].as_str().unwrap().to_owned(),
        ..demo.upload.clone()
    };
    assert!(works(demo, &new));
    assert_eq!(secrets(demo, &manager).len(), 2);
}

fn what_is_no_live_secret_is_not_exchanged(demo: &Demo) {
    let manager = manager(demo);
    switch_on(demo, &manager);
    manager.patch(
        &format!("/applications/{}", demo.search.id),
        &json!({ "self_rotation": true }),
    );
    let foreign = Credentials {
        secret: demo.search.secret.clone(),
        ..demo.upload.clone()
    };
    let wrong = Credentials {
        secret: "wrong".to_owned(),
        ..demo.upload.clone()
    };
    let said = |client: &Credentials| {
        let answer = rotate(demo, client);
        (answer.status, answer.error())
    };
    let invalid = (401, "invalid_client".to_owned());
    for client in [&foreign, &wrong, &demo.expired] {
        assert_eq!(said(client), invalid);
    }
    assert!(rotate(demo, &demo.expired).text.contains("expired"));
    let get = Answer::of(http().get(demo.url("/oauth2/rotate-secret")));
    assert_eq!(get.status, 405);
    let in_url = demo.post(
        &format!("/oauth2/rotate-secret?client_secret={}", demo.upload.secret),
        "",
    );
    assert_eq!(Answer::of(in_url).status, 400);
    let assertion =
        "client_assertion=a.b.c&client_assertion_type=urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
    assert_eq!(
        Answer::of(demo.post("/oauth2/rotate-secret", assertion)).status,
        401
    );
    let until = (Utc::now() + TimeDelta::hours(1)).to_rfc3339();
    let suspended = manager.patch(&sample_secret(demo), &json!({ "suspended_until": until }));
    assert_eq!(suspended.status, 200);
    let refused = rotate(demo, &demo.upload);
    assert_eq!(refused.status, 401);
    assert!(refused.text.contains("suspended"), "{}", refused.text);
    manager.patch(&sample_secret(demo), &json!({ "suspended_until": null }));
    // The limit of ten live secrets applies here too.
    let expiry = (Utc::now() + TimeDelta::days(9)).format("%Y-%m-%d").to_string();
    let path = format!("{}/secrets", application(demo));
    while manager
        .post(&path, &json!({ "name": "fill", "expires_at": expiry }))
        .status
        == 201
    {}
    assert_eq!(rotate(demo, &demo.upload).status, 409);
    assert_eq!(manager.delete(&sample_secret(demo)).status, 204);
    assert_eq!(said(&demo.upload), invalid, "deleted");
    assert_eq!(secrets(demo, &manager).len(), 9);
}

/// Each request locks the version counter: a client in a loop is refused from memory.
#[test]
fn a_client_that_asks_for_exchanges_in_a_loop_waits_and_gets_its_tokens() {
    let demo = Demo::sqlite();
    let answers: Vec<Answer> = (0..40).map(|_| rotate(&demo, &demo.upload)).collect();
    let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    assert_eq!((statuses[0], statuses[9]), (403, 403), "{statuses:?}");
    let waiting: Vec<&Answer> = answers.iter().filter(|answer| answer.status == 429).collect();
    assert!(waiting.len() > 15, "{statuses:?}");
    for answer in &waiting {
        assert_eq!(answer.error(), "temporarily_unavailable");
        let seconds: u64 = answer.header("retry-after").parse().unwrap();
        assert!((1..=6).contains(&seconds), "one in five seconds: {seconds}");
        assert!(
            answer.text.contains("too often") && !answer.text.contains("once a day"),
            "nothing was exchanged today: {}",
            answer.text
        );
    }
    let admin = Person::of(&demo, "admin", 0).sign_in(&demo);
    let trace = waiting[0].header("x-request-id");
    let told = admin.get(&format!("/refusals?trace_id={trace}")).json();
    assert_eq!(told["items"][0]["code"], "too_often");
    assert!(works(&demo, &demo.upload));
    assert_eq!(
        rotate(&demo, &demo.search).status,
        403,
        "others are not concerned"
    );
}

#[test]
fn managers_are_told_of_an_exchange_and_that_there_is_nothing_to_do() {
    let demo = hasty(None);
    let person = Person::of(&demo, "credential_manager", 0);
    switch_on(&demo, &person.sign_in(&demo));
    successor(&demo, &demo.upload);
    let told = |mail: &String| {
        mail.contains("rotated its client secret by itself") && mail.contains("nothing to do")
    };
    eventually(|| {
        written(&demo, &person.email)
            .iter()
            .any(|mail| told(&mail.replace("=\r\n", "")))
    });
}
