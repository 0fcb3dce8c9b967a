//! Self-rotation, the policy of an organisation, and the last day, from outside and on both databases; attacks on each.

use std::{fs, path::Path, process::Command, thread, time::Duration};

use chrono::{TimeDelta, Utc};
use serde_json::{Value, json};

use crate::{
    notifications::{hasty, written},
    support::{
        Answer, Credentials, Demo, binary, eventually, finished,
        people::{Person, Session},
        succeeded,
    },
};

on_both! {
    a_system_exchanges_its_secret_once_its_manager_lets_it
    an_exchange_can_be_repeated_until_the_new_secret_is_used_and_no_more
    of_several_exchanges_at_once_one_wins
    what_is_no_live_secret_is_not_exchanged
    a_policy_binds_what_is_created_and_what_is_exchanged
}

fn rotate(demo: &Demo, client: &Credentials) -> Answer {
    let body = format!("client_id={}&client_secret={}", client.id, client.secret);
    Answer::of(demo.post("/oauth2/rotate-secret", body))
}

fn successor(demo: &Demo, client: &Credentials) -> Credentials {
    let answer = rotate(demo, client);
    assert_eq!(answer.status, 201, "{}", answer.text);
    Credentials {
        secret: answer.json()["client_secret"].as_str().unwrap().to_owned(),
        ..client.clone()
    }
}

fn works(demo: &Demo, client: &Credentials) -> bool {
    let answer = Answer::of(demo.token(client.body()));
    match answer.status {
        200 => true,
        401 => false,
        _ => panic!("{}", answer.text),
    }
}

fn command_line(demo: &Demo, words: &[&str]) -> Command {
    let mut command = binary();
    command
        .arg("admin")
        .args(words)
        .arg("--data-dir")
        .arg(demo.data_dir());
    command.env("WMDA_AUTH__DATABASE__URL", demo.database_url());
    command
}

fn manager(demo: &Demo) -> Session {
    Person::of(demo, "credential_manager", 0).sign_in(demo)
}

fn application(demo: &Demo) -> String {
    format!("/applications/{}", demo.upload.id)
}

fn switch_on(demo: &Demo, manager: &Session) {
    let answer = manager.patch(&application(demo), &json!({ "self_rotation": true }));
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.json()["self_rotation"], true);
}

fn sample_secret(demo: &Demo) -> String {
    let id = demo.summary["clients"][1]["secret_id"].as_str().unwrap();
    format!("{}/secrets/{id}", application(demo))
}

fn secrets(demo: &Demo, session: &Session) -> Vec<Value> {
    let listed = session
        .get(&format!("{}/secrets?limit=200", application(demo)))
        .json();
    listed["items"].as_array().unwrap().clone()
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
    // Switched off, it is refused again, also for the new secret.
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

/// GitLab's trap: a repeated exchange must not end a new secret that somebody uses already.
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
    let get = Answer::of(crate::support::http().get(demo.url("/oauth2/rotate-secret")));
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
    // Ten live secrets are the limit here too.
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

/// The organisation of the sample applications.
fn organisation(demo: &Demo, session: &Session) -> String {
    let view = session.get(&application(demo)).json();
    format!(
        "/organisations/{}/policy",
        view["organisation_id"].as_str().unwrap()
    )
}

fn new_secret(demo: &Demo, manager: &Session, days: i64) -> Answer {
    let expiry = (Utc::now() + TimeDelta::days(days))
        .format("%Y-%m-%d")
        .to_string();
    let path = format!("{}/secrets", application(demo));
    manager.post(&path, &json!({ "name": "policy", "expires_at": expiry }))
}

fn a_policy_binds_what_is_created_and_what_is_exchanged(demo: &Demo) {
    let (manager, admin) = (manager(demo), Person::of(demo, "admin", 0).sign_in(demo));
    let policy = organisation(demo, &manager);
    let set = |change: Value| {
        let answer = admin.patch(&policy, &change);
        assert_eq!(answer.status, 200, "{change}: {}", answer.text);
        answer.json()
    };
    let default = json!({ "max_lifetime_days": null, "max_live_secrets": null, "keys_only": false,
        "self_rotation": "allowed", "networks_required": false, "on_leak": "suspend" });
    assert_eq!(
        manager.get(&policy).json(),
        default,
        "managers read what binds them"
    );
    assert_eq!(manager.patch(&policy, &json!({ "keys_only": true })).status, 403);
    let other = Person::of(demo, "credential_manager", 1).sign_in(demo);
    assert_eq!(other.get(&policy).status, 404);
    for bad in [
        json!({ "max_lifetime_days": 0 }),
        json!({ "max_lifetime_days": 366 }),
        json!({ "max_live_secrets": -1 }),
        json!({ "self_rotation": "on" }),
        json!({ "on_leak": null, "unknown": 1 }),
    ] {
        assert_eq!(admin.patch(&policy, &bad).status, 400, "{bad}");
    }
    assert_eq!(set(json!({ "max_lifetime_days": 30 }))["max_lifetime_days"], 30);
    let refused = new_secret(demo, &manager, 40);
    assert_eq!(refused.status, 400, "{}", refused.text);
    assert!(refused.text.contains("30 days"), "{}", refused.text);
    assert_eq!(new_secret(demo, &manager, 30).status, 201);
    switch_on(demo, &manager);
    let answer = rotate(demo, &demo.upload).json();
    let life = answer["client_secret_expires_at"].as_i64().unwrap() - Utc::now().timestamp();
    assert!(life <= 30 * 86_400, "an exchange obeys too: {life}");
    set(json!({ "max_lifetime_days": null, "max_live_secrets": 3 }));
    assert_eq!(new_secret(demo, &manager, 40).status, 409);
    set(json!({ "max_live_secrets": null, "self_rotation": "off" }));
    assert_eq!(rotate(demo, &demo.upload).status, 403);
    assert_eq!(
        manager
            .patch(&application(demo), &json!({ "self_rotation": true }))
            .status,
        409
    );
    set(json!({ "self_rotation": "required" }));
    assert_eq!(
        manager
            .patch(&application(demo), &json!({ "self_rotation": false }))
            .status,
        409
    );
    set(json!({ "self_rotation": "allowed", "keys_only": true }));
    assert_eq!(new_secret(demo, &manager, 40).status, 409);
    assert_eq!(rotate(demo, &demo.upload).status, 403);
    assert!(works(demo, &demo.upload), "what lives goes on");
    assert_eq!(
        manager.get(&application(demo)).json()["policy"]["keys_only"],
        true
    );
    let id = policy.split('/').nth(2).unwrap();
    let shown = succeeded(&mut command_line(
        demo,
        &["policy", id, "--keys-only", "false", "--json"],
    ));
    assert_eq!(serde_json::from_str::<Value>(&shown).unwrap()["keys_only"], false);
    let events = admin.get("/audit-events?action=organisation.policy").json();
    assert_eq!(events["items"].as_array().unwrap().len(), 6);
}

on_both_with! {
    [
        ("WMDA_AUTH__SECRETS__MAX_PER_APPLICATION", "1000"),
        ("WMDA_AUTH__SECRETS__MIN_LIFETIME_MINUTES", "0"),
        ("WMDA_AUTH__LIMITS__SECRETS_PER_HOUR", "100000"),
    ],
    a_policy_is_obeyed_by_whatever_begins_after_its_answer
    a_secret_that_is_needed_on_its_last_day_lives_on_once
}

/// Secrets are made as fast as can be while the policy changes: none that begins after its answer gets through.
fn a_policy_is_obeyed_by_whatever_begins_after_its_answer(demo: &Demo) {
    let (manager, admin) = (manager(demo), Person::of(demo, "admin", 0).sign_in(demo));
    let policy = organisation(demo, &manager);
    thread::scope(|scope| {
        let makers: Vec<_> = (0..3)
            .map(|_| scope.spawn(|| while new_secret(demo, &manager, 9).status != 409 {}))
            .collect();
        thread::sleep(Duration::from_millis(50));
        assert_eq!(admin.patch(&policy, &json!({ "keys_only": true })).status, 200);
        let there = secrets(demo, &manager).len();
        assert_eq!(new_secret(demo, &manager, 9).status, 409);
        makers.into_iter().for_each(|maker| maker.join().unwrap());
        assert_eq!(secrets(demo, &manager).len(), there);
    });
}

fn a_secret_that_is_needed_on_its_last_day_lives_on_once(demo: &Demo) {
    let (manager, admin) = (manager(demo), Person::of(demo, "admin", 0).sign_in(demo));
    let grace = |session: &Session, path: &str, hours: i64| {
        session.post(&format!("{path}/grace"), &json!({ "hours": hours }))
    };
    let early = grace(&admin, &sample_secret(demo), 24);
    assert_eq!(early.status, 409, "{}", early.text);
    let soon = (Utc::now() + TimeDelta::seconds(4)).to_rfc3339();
    let path = format!("{}/secrets", application(demo));
    let make = || {
        let made = manager.post(&path, &json!({ "name": "last day", "expires_at": soon }));
        let made = made.json();
        let client = Credentials {
            secret: made["secret"].as_str().unwrap().to_owned(),
            ..demo.upload.clone()
        };
        (client, format!("{path}/{}", made["id"].as_str().unwrap()))
    };
    let ((_, unused_path), (used, used_path)) = (make(), make());
    assert!(works(demo, &used));
    eventually(|| !manager.get(&used_path).json()["last_used_at"].is_null());
    eventually(|| !works(demo, &used));
    assert_eq!(grace(&manager, &used_path, 24).status, 403, "the team's alone");
    for hours in [0, 73, -1] {
        assert_eq!(grace(&admin, &used_path, hours).status, 400);
    }
    let granted = grace(&admin, &used_path, 72);
    assert_eq!(granted.status, 200, "{}", granted.text);
    assert!(granted.json()["graced_at"].is_string());
    assert_ne!(granted.json()["status"], "expired");
    assert!(works(demo, &used), "by the next request");
    assert_eq!(grace(&admin, &used_path, 1).status, 409, "once");
    let unused_id = unused_path.rsplit('/').next().unwrap();
    let words = ["grant-grace", &demo.upload.id, unused_id, "--hours", "1"];
    let refused = finished(&mut command_line(demo, &words));
    assert!(!refused.status.success());
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(said.contains("no system has used"), "{said}");
    let events = admin.get("/audit-events?action=secret.grace").json();
    let outcomes: Vec<&Value> = events["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["outcome"])
        .collect();
    assert_eq!(outcomes, ["done", "denied"], "{events}");
}

/// Each question locks the counter of changes: a client that asks in a loop is answered from memory.
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

/// What stands in the guide between a line and the end of its block.
fn block_of_guide(first_line: &str) -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/member-systems.md");
    let text = fs::read_to_string(file).unwrap();
    let block = text.split_once(&format!("{first_line}\n")).unwrap().1;
    block.split("\n```").next().unwrap().to_owned()
}

#[test]
fn the_job_of_the_guide_exchanges_a_secret_that_ends_soon_and_no_other() {
    let demo = Demo::sqlite();
    let manager = manager(&demo);
    switch_on(&demo, &manager);
    let folder = tempfile::tempdir().unwrap();
    let (job, file) = (folder.path().join("job"), folder.path().join("secret"));
    fs::write(&job, block_of_guide("#!/bin/bash")).unwrap();
    let run = |days: &str| {
        let mut bash = Command::new("bash");
        let out = finished(bash.arg(&job).envs([
            ("BASE", demo.base.as_str()),
            ("CLIENT_ID", &demo.upload.id),
            ("SECRET_FILE", file.to_str().unwrap()),
            ("ROTATE_AT_DAYS", days),
            ("AFTERWARDS", "true"),
        ]));
        assert!(out.status.success(), "{out:?}");
        fs::read_to_string(&file).unwrap()
    };
    fs::write(&file, &demo.upload.secret).unwrap();
    assert_eq!(run("90"), demo.upload.secret, "it has a year");
    let new = Credentials {
        secret: run("400"),
        ..demo.upload.clone()
    };
    assert_ne!(new.secret, demo.upload.secret);
    assert!(works(&demo, &new));
    assert_eq!(secrets(&demo, &manager).len(), 2);
    // What is left of an interrupted run is used, and nothing is exchanged twice.
    let pending = folder.path().join("secret.new");
    fs::rename(&file, &pending).unwrap();
    fs::write(&file, &demo.upload.secret).unwrap();
    assert_eq!(run("90"), new.secret);
    assert_eq!(secrets(&demo, &manager).len(), 2);
}
