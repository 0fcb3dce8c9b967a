//! Attacks on the management API of the built binary by outsiders and by members who exceed their rights; on both
//! databases.

use std::{process::Command, thread, time::Duration};

use serde_json::{Value, json};

use crate::support::{
    Answer, Demo, http,
    people::{Person, Session, attempt, code_in},
    succeeded, timed,
};

on_both!(
    fields_that_only_the_server_sets_are_refused,
    ids_of_others_lead_nowhere,
    a_cursor_is_good_for_its_own_list_alone,
    an_admin_steps_in_by_an_assignment_that_ends_with_the_role,
    who_loses_the_managers_role_manages_nothing_any_more,
    guesses_at_once_are_counted_one_by_one,
    a_secrets_value_is_in_no_column_log_or_error,
    disabling_an_organisation_ends_its_sessions_for_good_and_its_sign_ins_are_recorded_as_refused,
);

fn in_200_days() -> String {
    let day = chrono::Utc::now() + chrono::TimeDelta::days(200);
    day.format("%Y-%m-%d").to_string()
}

fn new_secret(name: &str) -> Value {
    json!({ "name": name, "expires_at": in_200_days() })
}

/// The third client belongs to another organisation.
fn foreign(demo: &Demo) -> &Value {
    &demo.summary["clients"][2]
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn fields_that_only_the_server_sets_are_refused(demo: &Demo) {
    let admin = Person::of(demo, "admin", 0).sign_in(demo);
    let manager = Person::of(demo, "credential_manager", 0).sign_in(demo);
    let application = format!("/applications/{}", demo.search.id);
    let organisation = admin.get(&application).json()["organisation_id"].clone();
    let with = |base: Value, field: &str, value: Value| {
        let mut body = base;
        body[field] = value;
        body
    };
    let user = json!({ "email": "m@example.org", "display_name": "M", "organisation_id": organisation, "roles": [] });
    for (field, value) in [
        ("id", json!("00000000-0000-4000-8000-000000000001")),
        ("enabled", json!(false)),
        ("password_hash", json!("x")),
        ("totp_secret", json!("x")),
        ("identity_subject", json!("x")),
        ("created_at", json!("2020-01-01T00:00:00Z")),
    ] {
        assert_eq!(
            admin.post("/users", &with(user.clone(), field, value)).status,
            400,
            "{field}"
        );
    }
    for (field, value) in [
        ("client_id", json!(foreign(demo)["client_id"])),
        ("organisation_id", organisation.clone()),
    ] {
        let body = with(json!({ "enabled": true }), field, value);
        assert_eq!(
            admin.patch(&application, &body).status,
            400,
            "the client id never changes"
        );
    }
    for field in [
        "id",
        "client_id",
        "created_by",
        "created_at",
        "hint",
        "digest",
        "secret",
        "status_index",
    ] {
        let body = with(new_secret("mass"), field, json!("x"));
        let answer = manager.post(&format!("{application}/secrets"), &body);
        assert_eq!(answer.status, 400, "Z-03 {field}");
        assert!(!answer.text.contains("\"x\""), "nothing is echoed");
    }
    let me = text(&manager.get("/session").json()["user"]["id"]).to_owned();
    for body in [json!({ "roles": ["admin"] }), json!({ "enabled": true })] {
        assert_eq!(
            manager.patch(&format!("/users/{me}"), &body).status,
            403,
            "oneself"
        );
    }
    let unknown = json!({ "roles": ["root"] });
    assert_eq!(admin.patch(&format!("/users/{me}"), &unknown).status, 400);
    for path in [
        application,
        format!("/users/{me}"),
        format!("/organisations/{}", text(&organisation)),
    ] {
        assert_eq!(
            admin.patch(&path, &json!({})).status,
            400,
            "nothing to change: {path}"
        );
        assert_eq!(admin.patch(&path, &json!({ "enabled": "false" })).status, 400);
    }
}

fn disabling_an_organisation_ends_its_sessions_for_good_and_its_sign_ins_are_recorded_as_refused(
    demo: &Demo,
) {
    let admin = Person::of(demo, "admin", 0).sign_in(demo);
    let person = Person::of(demo, "credential_manager", 0);
    let manager = person.sign_in(demo);
    let application = admin.get(&format!("/applications/{}", demo.search.id)).json();
    let organisation = format!("/organisations/{}", text(&application["organisation_id"]));
    let enable = |enabled: bool| {
        let answer = admin.patch(&organisation, &json!({ "enabled": enabled }));
        assert_eq!(answer.status, 200, "{}", answer.text);
    };
    enable(false);
    assert_eq!(manager.get("/session").status, 401);
    let proof = json!({
        "email": person.email,
        "password": person.password,
        "totp": code_in(&person.totp_secret, 1),
    });
    assert_eq!(attempt(demo, &proof).status, 401, "everything was right");
    enable(true);
    assert_eq!(manager.get("/session").status, 401, "ended for good");
    let trail = format!("/audit-events?action=session.create&actor={}", person.email);
    let events = admin.get(&trail).json();
    let outcomes: Vec<&str> = events["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| text(&event["outcome"]))
        .collect();
    assert_eq!(outcomes, ["denied", "done"], "L-01, the newest first");
}

fn ids_of_others_lead_nowhere(demo: &Demo) {
    let manager = Person::of(demo, "credential_manager", 0).sign_in(demo);
    let (own, other) = (&demo.search.id, text(&foreign(demo)["client_id"]));
    let (own_secret, other_secret) = (
        text(&demo.summary["clients"][0]["secret_id"]),
        text(&foreign(demo)["secret_id"]),
    );
    let absent = manager.get(&format!(
        "/applications/{own}/secrets/00000000-0000-4000-8000-000000000000"
    ));
    assert_eq!(absent.status, 404);
    for path in [
        // A foreign secret under one's own application, one's own under a foreign one, and a foreign one under its
        // own.
        format!("/applications/{own}/secrets/{other_secret}"),
        format!("/applications/{other}/secrets/{own_secret}"),
        format!("/applications/{other}/secrets/{other_secret}"),
        // One's own ids in other collections, and ids that are almost right.
        format!("/applications/{own_secret}"),
        format!("/applications/{own}/secrets/{own}"),
        format!("/applications/{own}/secrets/{own_secret}%20"),
        format!("/applications/{own}/secrets/{{{own_secret}}}"),
    ] {
        for method in ["GET", "DELETE"] {
            if method == "DELETE" && !path.contains("/secrets/") {
                continue;
            }
            let answer = Answer::of(manager.request(method, &path));
            assert_eq!(
                (answer.status, &answer.text),
                (404, &absent.text),
                "Z-01 {method} {path}"
            );
        }
    }
    for sub in ["secrets", "managers", "permissions"] {
        let answer = manager.post(&format!("/applications/{other}/{sub}"), &new_secret("mine"));
        assert!(matches!(answer.status, 403 | 404), "{sub}: {}", answer.text);
    }
    let answers = |client: &Value| {
        let credentials = crate::support::Credentials::read(client);
        let body = format!("{}&resource={}", credentials.body(), credentials.resources[0]);
        Answer::of(demo.token(body)).status
    };
    assert_eq!(answers(foreign(demo)), 200, "nothing happened to it");
    // A deleted secret's id is never reused.
    let path = format!("/applications/{own}/secrets");
    assert_eq!(manager.delete(&format!("{path}/{own_secret}")).status, 204);
    let again = manager.post(&path, &new_secret("demo")).json();
    assert_ne!(text(&again["id"]), own_secret);
    assert_eq!(manager.get(&format!("{path}/{own_secret}")).status, 404);
}

fn a_cursor_is_good_for_its_own_list_alone(demo: &Demo) {
    let admin = Person::of(demo, "admin", 0).sign_in(demo);
    let manager = Person::of(demo, "credential_manager", 0).sign_in(demo);
    let next = |session: &Session, path: &str| {
        let page = session.get(path);
        assert_eq!(page.status, 200, "{}", page.text);
        page.json()["next"].as_str().map(str::to_owned)
    };
    let everything = next(&admin, "/applications?limit=1").unwrap();
    for list in ["/users", "/organisations", "/audit-events"] {
        assert_eq!(
            admin.get(&format!("{list}?after={everything}")).status,
            400,
            "{list}"
        );
    }
    // The first application is not the manager's: the cursor holds a position, never an object.
    let page = manager.get(&format!("/applications?after={everything}")).json();
    let seen: Vec<&str> = page["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| text(&one["client_id"]))
        .collect();
    assert!(
        seen.iter()
            .all(|id| [demo.search.id.as_str(), &demo.upload.id].contains(id)),
        "{seen:?}"
    );
    let secrets = next(
        &manager,
        &format!("/applications/{}/secrets?limit=1", demo.search.id),
    )
    .unwrap();
    let elsewhere = format!("/applications/{}/secrets?after={secrets}", demo.upload.id);
    assert_eq!(manager.get(&elsewhere).status, 400, "another application's");
    let mut flipped = secrets.clone();
    flipped.replace_range(..1, if secrets.starts_with('A') { "B" } else { "A" });
    for bad in [flipped.as_str(), &secrets[1..], "", "AAAA", "%00", "%F0%9F%92%A9"] {
        let path = format!("/applications/{}/secrets?after={bad}", demo.search.id);
        assert_eq!(manager.get(&path).status, 400, "{bad}");
    }
}

fn an_admin_steps_in_by_an_assignment_that_ends_with_the_role(demo: &Demo) {
    let admin = Person::of(demo, "admin", 0).sign_in(demo);
    let me = text(&admin.get("/session").json()["user"]["id"]).to_owned();
    let path = format!("/applications/{}", demo.search.id);
    let create = || {
        admin
            .post(&format!("{path}/secrets"), &new_secret("emergency"))
            .status
    };
    assert_eq!(create(), 403, "an admin is no manager");
    let late = json!({ "user_id": me, "confirmed_at": "2199-01-01T00:00:00Z" });
    let early = json!({ "user_id": me, "confirmed_at": "-9999-01-01T00:00:00Z" });
    for when in [late, early] {
        assert_eq!(admin.post(&format!("{path}/managers"), &when).status, 400);
    }
    let assigned = admin.post(
        &format!("{path}/managers"),
        &json!({ "user_id": me, "confirmed_by": "an emergency" }),
    );
    assert_eq!(assigned.status, 201, "{}", assigned.text);
    assert_eq!(create(), 201, "from the next request on");
    let trail = admin.get("/audit-events?action=manager.assign&limit=1").json();
    let shown = &trail["items"][0];
    assert_eq!(
        text(&shown["object"]),
        format!("application/{}/manager/{me}", demo.search.id)
    );
    assert_eq!(shown["actor"], Person::of(demo, "admin", 0).email.as_str());
    for field in ["at", "actor", "action", "object", "source", "outcome"] {
        assert!(!text(&shown[field]).is_empty(), "{field}");
    }
    // Another admin revokes the role: what only an admin may hold goes with it.
    succeeded(&mut demo.admin(&["set-roles", &me, "--role", "auditor"]));
    assert_eq!(create(), 403, "Z-02");
    let managers = admin.get(&format!("{path}/managers")).text;
    assert!(!managers.contains(&me), "{managers}");
    assert_eq!(admin.post("/organisations", &json!({})).status, 403);
}

fn who_loses_the_managers_role_manages_nothing_any_more(demo: &Demo) {
    let admin = Person::of(demo, "admin", 0).sign_in(demo);
    let manager = Person::of(demo, "credential_manager", 0).sign_in(demo);
    let me = text(&manager.get("/session").json()["user"]["id"]).to_owned();
    let path = format!("/applications/{}", demo.search.id);
    let roles = |roles: Value| {
        admin
            .patch(&format!("/users/{me}"), &json!({ "roles": roles }))
            .status
    };
    assert_eq!(roles(json!(["credential_manager", "auditor"])), 200);
    assert_eq!(
        manager
            .post(&format!("{path}/secrets"), &new_secret("still"))
            .status,
        201
    );
    assert_eq!(roles(json!([])), 200);
    assert_eq!(manager.get(&path).status, 404, "Z-02: from the next request on");
    assert!(!admin.get(&path).text.contains(&me));
    assert_eq!(roles(json!(["credential_manager"])), 200);
    assert_eq!(
        manager.get(&path).status,
        404,
        "it does not come back by itself: the organisation has to confirm again"
    );
}

fn guesses_at_once_are_counted_one_by_one(demo: &Demo) {
    let auditor = Person::of(demo, "auditor", 0);
    let mut proof = auditor.proof();
    proof["totp"] = json!("000000");
    let outcomes: Vec<u16> = thread::scope(|scope| {
        let tries: Vec<_> = (0..24)
            .map(|_| scope.spawn(|| attempt(demo, &proof).status))
            .collect();
        tries.into_iter().map(|one| one.join().unwrap()).collect()
    });
    let count = |wanted: u16| outcomes.iter().filter(|status| **status == wanted).count();
    assert!(
        count(201) == 0 && count(401) <= 10,
        "P-03: the right password, ten guesses of the code: {outcomes:?}"
    );
    assert_eq!(count(401) + count(429) + count(503), 24, "{outcomes:?}");
    assert_eq!(
        attempt(demo, &auditor.proof()).status,
        429,
        "and the owner waits too"
    );
}

fn a_secrets_value_is_in_no_column_log_or_error(demo: &Demo) {
    let manager = Person::of(demo, "credential_manager", 0).sign_in(demo);
    let admin = Person::of(demo, "admin", 0).sign_in(demo);
    let path = format!("/applications/{}/secrets", demo.search.id);
    let made = manager.post(&path, &new_secret("hidden"));
    let (id, value) = (
        text(&made.json()["id"]).to_owned(),
        text(&made.json()["secret"]).to_owned(),
    );
    assert_eq!(made.text.matches(&value).count(), 1);
    let resource = text(&demo.summary["resource_servers"][0]["resources"][0]).to_owned();
    let new = json!({ "name": "hidden", "resources": [resource] });
    let server = admin.post("/resource-servers", &new);
    assert_eq!(
        (server.status, server.header("cache-control")),
        (201, "no-store"),
        "{}",
        server.text
    );
    let server_secret = text(&server.json()["client_secret"]).to_owned();
    // Used correctly, incorrectly, and in the wrong places.
    let body = format!(
        "{}&client_id={}&client_secret={value}",
        crate::support::GRANT,
        demo.search.id
    );
    let mut seen = Answer::of(demo.token(format!("{body}&resource={}", demo.search.resources[0]))).text;
    seen.clear();
    for wrong in [
        manager.post(&path, &json!({ "name": value, "expires_at": value })),
        manager.post(&path, &json!({ (value.as_str()): 1 })),
        manager.get(&format!("{path}?search={value}&status={value}")),
        manager.get(&format!("{path}/{value}")),
        manager.get(&format!("/{value}")),
        attempt(demo, &json!({ "email": value, "password": value, "totp": value })),
        Session::new(demo, &value).get("/session"),
        Answer::of(demo.token(format!("{body}x&resource=none"))),
        manager.get(&path),
        manager.get(&format!("{path}/{id}")),
        admin.get("/audit-events?limit=200"),
        admin.get("/resource-servers"),
    ] {
        seen += &wrong.text;
        seen += &format!("{:?}", wrong.headers);
    }
    seen += &demo.log();
    seen += &every_column(demo);
    let hex = |text: &str| text.bytes().map(|byte| format!("{byte:02x}")).collect::<String>();
    for hidden in [&value, &server_secret] {
        assert!(hidden.len() > 40);
        for form in [hidden.clone(), hidden[9..].to_owned(), hex(&hidden[9..])] {
            assert!(!seen.to_lowercase().contains(&form.to_lowercase()), "Z-04, L-02");
        }
    }
    assert!(seen.contains(&id), "what was searched is the right thing");
}

/// The whole database as text; bytes in hexadecimal.
fn every_column(demo: &Demo) -> String {
    if demo.database_url().starts_with("postgres") {
        let folder = std::env::var("WMDA_AUTH_TEST_POSTGRES_BIN").unwrap_or_default();
        let mut dump = Command::new(std::path::Path::new(&folder).join("pg_dump"));
        return succeeded(dump.args(["--data-only", "--inserts", demo.database_url()]));
    }
    let files = ["wmda-auth.db", "wmda-auth.db-wal"].map(|name| std::fs::read(demo.data_dir().join(name)));
    let bytes = files.into_iter().flatten().flatten().collect::<Vec<u8>>();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The timing of a failure reveals neither whether an account exists, nor which factor was wrong.
#[test]
fn sign_in_takes_the_same_time_whatever_is_wrong() {
    const ROUNDS: usize = 15;
    /// Tolerates a busy machine; a password that is not hashed takes a fifth of the time, far outside.
    const FACTOR: f64 = 1.6;
    let variables = [
        ("WMDA_AUTH__LIMITS__LOGIN_FAILURES", "100000"),
        ("WMDA_AUTH__SERVER__TRUSTED_PROXIES", "127.0.0.1"),
    ];
    let demo = Demo::start_with(None, &variables);
    let (known, password) = {
        let person = Person::of(&demo, "auditor", 0);
        (person.email, person.password)
    };
    let kinds = [
        json!({ "email": "nobody@wmda.example", "password": "a wrong password", "totp": "000000" }),
        json!({ "email": known, "password": "a wrong password", "totp": "000000" }),
        json!({ "email": known, "password": password, "totp": "000000" }),
        json!({ "email": known, "password": "a wrong password", "recovery_code": "AAAA" }),
        json!({ "email": known, "password": password, "recovery_code": "AAAA" }),
        json!({ "email": "no address", "password": "a wrong password", "totp": "000000" }),
    ];
    let mut sources = 0;
    let mut refuse = |proof: &Value| {
        // Each has its own source, as the limit per source is not measured here.
        sources += 1;
        let source = format!("10.{}.{}.1", sources / 250, sources % 250);
        let request = http().post(demo.url("/api/v1/session")).json(proof);
        let (took, answer) = timed(|| Answer::of(request.header("x-forwarded-for", source)));
        assert_eq!(answer.status, 401, "{}", answer.text);
        took
    };
    let mut spread = String::new();
    // Noise affects one kind or another; a systematic difference affects them all.
    let even = (0..4).any(|_| {
        let mut times: [Vec<Duration>; 6] = Default::default();
        for _ in 0..ROUNDS {
            for (kind, times) in kinds.iter().zip(&mut times) {
                times.push(refuse(kind));
            }
        }
        let medians = times.map(|mut times| {
            times.sort_unstable();
            times[ROUNDS / 2].as_secs_f64()
        });
        let least = medians.iter().copied().fold(f64::INFINITY, f64::min);
        let most = medians.iter().copied().fold(0.0, f64::max);
        spread = format!("{medians:?}");
        most <= least * FACTOR
    });
    assert!(even, "seconds: {spread}");
}
