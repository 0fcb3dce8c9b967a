//! Rules of time, under a clock set by hand, on both databases: sessions, codes, links, rate limits, expiry.

use chrono::{DateTime, TimeDelta, Utc};
use management::{
    applications::NewApplication,
    enrolment::{EnrolmentOrder, INVITATION},
    managers::NewManager,
};
use serde_json::{Value, json};

use crate::support::{PASSWORD, World, token_of};

/// Runs a test on both databases.
macro_rules! on_both {
    ($($name:ident),+ $(,)?) => {
        mod sqlite { $(#[actix_web::test] async fn $name() { super::$name(&super::World::sqlite()).await; })+ }
        mod postgres { $(#[actix_web::test] async fn $name() { super::$name(&super::World::postgres()).await; })+ }
    };
}

on_both!(
    w01_a_session_ends_an_hour_after_its_last_request_and_after_twelve_hours,
    p02_a_code_works_once_and_for_its_neighbours_only,
    p03_whoever_failed_too_often_is_back_after_fifteen_minutes,
    links_live_as_long_as_they_say_and_not_longer,
    p03_looking_a_link_up_costs_its_holder_nothing_and_guesses_are_counted,
    p04_a_new_password_needs_the_old_authenticator_and_ends_sessions,
    secrets_grow_old_and_make_room,
);

async fn w01_a_session_ends_an_hour_after_its_last_request_and_after_twelve_hours(world: &World) {
    let person = world.person("a@wmda.example", "auditor", None).await;
    let token = world.sign_in(&person).await;
    let began = world.now();
    let told = |view: &Value| {
        view["expires_at"]
            .as_str()
            .unwrap()
            .parse::<DateTime<Utc>>()
            .unwrap()
    };
    let (_, view) = world.call("GET", "/session", &token, &Value::Null).await;
    assert_eq!(told(&view), began + TimeDelta::hours(1));
    let idle = world.sign_in(&person).await;
    for _ in 0..12 {
        world.pass(TimeDelta::minutes(59));
        assert!(world.alive(&token).await, "used within the hour");
    }
    let (_, view) = world.call("GET", "/session", &token, &Value::Null).await;
    assert_eq!(told(&view), began + TimeDelta::hours(12), "the end is told truly");
    assert!(!world.alive(&idle).await, "an hour without a request");
    world.pass(TimeDelta::minutes(11));
    assert!(world.alive(&token).await, "{}", world.now() - began);
    world.pass(TimeDelta::minutes(1));
    assert!(!world.alive(&token).await, "twelve hours");
    let fresh = world.sign_in(&person).await;
    world.pass(TimeDelta::minutes(60));
    assert!(!world.alive(&fresh).await, "exactly an hour");
}

async fn p02_a_code_works_once_and_for_its_neighbours_only(world: &World) {
    let person = world.person("a@wmda.example", "auditor", None).await;
    let secret = person.totp_secret.as_str();
    for (steps, expected) in [(-2, 401), (2, 401), (0, 201), (0, 401), (-1, 401), (1, 201)] {
        let code = world.code(secret, steps);
        let (status, _) = world.attempt(&person, PASSWORD, &code).await;
        assert_eq!(status, expected, "{steps} steps from now");
    }
    world.pass(TimeDelta::seconds(30));
    let used = world.code(secret, 0);
    let (status, _) = world.attempt(&person, PASSWORD, &used).await;
    assert_eq!(status, 401, "its step was used up when it lay ahead");
}

async fn p03_whoever_failed_too_often_is_back_after_fifteen_minutes(world: &World) {
    let person = world.person("a@wmda.example", "auditor", None).await;
    // A success resets the counter: twice nine failures are not eighteen.
    for _ in 0..2 {
        for _ in 0..9 {
            assert_eq!(world.attempt(&person, "a wrong one", "000000").await.0, 401);
        }
        world.sign_in(&person).await;
    }
    for _ in 0..10 {
        assert_eq!(world.attempt(&person, "a wrong one", "000000").await.0, 401);
    }
    world.pass(TimeDelta::minutes(14));
    let proof =
        json!({ "email": person.email, "password": PASSWORD, "totp": world.code(&person.totp_secret, 0) });
    let answer = world.answer("POST", "/session", "", &proof).await;
    assert_eq!(answer.status(), 429, "the right proof waits too");
    let wait = answer.headers().get("retry-after").unwrap().to_str().unwrap();
    let wait: i64 = wait.parse().unwrap();
    assert!((1..=61).contains(&wait), "{wait}");
    world.pass(TimeDelta::seconds(wait));
    world.sign_in(&person).await;
}

async fn links_live_as_long_as_they_say_and_not_longer(world: &World) {
    let begin = async |token: &str| {
        let step = json!({ "token": token, "password": PASSWORD });
        world.call("POST", "/enrolment", "", &step).await
    };
    let (id, first) = world.invite("a@wmda.example", "auditor", None).await;
    world.pass(INVITATION);
    assert_eq!(begin(&first).await.0, 400, "72 hours to the first use");
    let open = async |life| {
        let order = EnrolmentOrder {
            life,
            ..EnrolmentOrder::SHOWN
        };
        let link = world
            .service
            .open_enrolment(&world.allowed, (id, "a@wmda.example"), order)
            .await;
        token_of(&link.unwrap().enrolment_url.unwrap())
    };
    let late = open(INVITATION).await;
    world.pass(INVITATION);
    assert_eq!(begin(&late).await.0, 400, "72 hours for the invited");
    let token = open(INVITATION).await;
    world.pass(INVITATION - TimeDelta::minutes(1));
    let (status, _) = begin(&token).await;
    assert_eq!(status, 200);
    world.pass(TimeDelta::minutes(10));
    let (status, shown) = begin(&token).await;
    assert_eq!(status, 200, "again, with another password");
    world.pass(TimeDelta::minutes(5));
    let code = world.code(shown["totp_secret"].as_str().unwrap(), 0);
    let confirm = json!({ "token": token, "totp": code });
    let (status, _) = world.call("POST", "/enrolment/confirm", "", &confirm).await;
    assert_eq!(status, 400, "beginning again wins no time");
    let replaced = open(INVITATION).await;
    let newest = open(INVITATION).await;
    assert_eq!(begin(&replaced).await.0, 400, "a newer link ends it");
    assert_eq!(begin(&newest).await.0, 200);
}

async fn p03_looking_a_link_up_costs_its_holder_nothing_and_guesses_are_counted(world: &World) {
    let look_up = async |token: &str| {
        let asked = json!({ "token": token });
        world.call("POST", "/enrolment/lookup", "", &asked).await
    };
    let (id, token) = world.invite("a@wmda.example", "auditor", None).await;
    for _ in 0..15 {
        let (status, link) = look_up(&token).await;
        assert_eq!((status, &link["purpose"]), (200, &json!("enrol")));
    }
    let begin = json!({ "token": token, "password": PASSWORD });
    assert_eq!(world.call("POST", "/enrolment", "", &begin).await.0, 200);
    let wrong = json!({ "token": token, "totp": "000000" });
    for _ in 0..9 {
        assert_eq!(world.call("POST", "/enrolment/confirm", "", &wrong).await.0, 400);
        look_up(&token).await;
    }
    assert_eq!(
        look_up(&token).await.0,
        429,
        "asking does not make wrong codes forgotten"
    );
    world.pass(TimeDelta::minutes(15));
    assert_eq!(look_up(&token).await.0, 400, "too old");
    let order = EnrolmentOrder::SHOWN;
    let link = world
        .service
        .open_enrolment(&world.allowed, (id, "a@wmda.example"), order)
        .await;
    let token = token_of(&link.unwrap().enrolment_url.unwrap());
    // With the code that was too old there were a hundred.
    for guess in 1..100 {
        assert_eq!(look_up(&format!("guess-{guess}")).await.0, 400);
    }
    assert_eq!(look_up(&token).await.0, 429, "too many guesses of this source");
}

async fn p04_a_new_password_needs_the_old_authenticator_and_ends_sessions(world: &World) {
    let person = world.person("a@wmda.example", "auditor", None).await;
    let session = world.sign_in(&person).await;
    let link = world
        .service
        .open_enrolment(&world.allowed, (person.id, &person.email), EnrolmentOrder::SHOWN)
        .await;
    let token = token_of(&link.unwrap().enrolment_url.unwrap());
    let begin = json!({ "token": token, "password": "another password" });
    let (status, shown) = world.call("POST", "/enrolment", "", &begin).await;
    assert_eq!((status, &shown["totp_secret"]), (200, &Value::Null));
    assert!(world.alive(&session).await, "nothing has changed yet");
    let confirm = async |code: &str| {
        let step = json!({ "token": token, "totp": code });
        world.call("POST", "/enrolment/confirm", "", &step).await
    };
    assert_eq!(confirm("000000").await.0, 400);
    assert!(world.alive(&session).await);
    world.pass(TimeDelta::seconds(30));
    let (status, codes) = confirm(&world.code(&person.totp_secret, 0)).await;
    assert_eq!(
        (status, &codes["recovery_codes"]),
        (201, &json!([])),
        "the old codes stay"
    );
    assert!(!world.alive(&session).await, "W-01: a new password ends sessions");
    world.pass(TimeDelta::seconds(30));
    let code = world.code(&person.totp_secret, 0);
    assert_eq!(world.attempt(&person, PASSWORD, &code).await.0, 401);
    assert_eq!(world.attempt(&person, "another password", &code).await.0, 201);
}

async fn secrets_grow_old_and_make_room(world: &World) {
    let owner = world.organisation("Registry").await;
    let person = world
        .person("a@example.org", "credential_manager", Some(owner))
        .await;
    let new = NewApplication {
        name: "Partner-NL-Registry-SMC".to_owned(),
        organisation_id: owner,
        client_id: None,
    };
    let made = world
        .service
        .create_application(&world.allowed, new)
        .await
        .unwrap();
    let manager = NewManager {
        user_id: person.id,
        confirmed_by: None,
        confirmed_at: None,
    };
    let assigned = world
        .service
        .assign_manager(&world.allowed, made.client_id, manager)
        .await;
    assert!(assigned.is_ok());
    let path = format!("/applications/{}/secrets", made.client_id);
    let create = async |token: &str, days: i64| {
        let expires_at = world.now() + TimeDelta::days(days);
        let body = json!({ "name": format!("{days} days"), "expires_at": expires_at.to_rfc3339() });
        world.call("POST", &path, token, &body).await
    };
    let listed = async |token: &str, status: &str| {
        let (_, list) = world
            .call("GET", &format!("{path}?status={status}"), token, &Value::Null)
            .await;
        let items = list["items"].as_array().unwrap().iter();
        items
            .map(|one| one["name"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let token = world.sign_in(&person).await;
    assert_eq!(create(&token, 40).await.0, 201);
    assert_eq!(create(&token, 365).await.0, 201);
    assert_eq!(create(&token, 1).await.0, 409, "Z-06: two are the limit here");
    assert_eq!(listed(&token, "active").await, ["40 days", "365 days"]);
    // One calendar month before the expiry.
    world.pass(TimeDelta::days(10));
    let token = world.sign_in(&person).await;
    assert_eq!(listed(&token, "expiring").await, ["40 days"]);
    assert_eq!(listed(&token, "active").await, ["365 days"]);
    world.pass(TimeDelta::days(30));
    let token = world.sign_in(&person).await;
    assert_eq!(listed(&token, "expired").await, ["40 days"]);
    assert_eq!(listed(&token, "expiring").await, [""; 0]);
    assert_eq!(create(&token, 1).await.0, 201, "the expired one counts no more");
    // Expired secrets stay and may be many: a page is found among them all the same.
    for _ in 0..3 {
        world.pass(TimeDelta::days(2));
        let token = world.sign_in(&person).await;
        assert_eq!(create(&token, 1).await.0, 201);
    }
    let token = world.sign_in(&person).await;
    let (mut seen, mut after) = (Vec::new(), String::new());
    loop {
        let (_, page) = world
            .call("GET", &format!("{path}?limit=2{after}"), &token, &Value::Null)
            .await;
        let items = page["items"].as_array().unwrap();
        seen.extend(items.iter().map(|one| one["id"].to_string()));
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => break,
        }
    }
    let once: std::collections::BTreeSet<&String> = seen.iter().collect();
    assert_eq!((seen.len(), once.len()), (6, 6));
}
