//! The management API against the built binary, on both databases: every role on every route, and attacks.

use std::{collections::BTreeSet, thread};

use serde_json::{Value, json};

use crate::support::{
    Answer, Demo, binary, http,
    people::{Person, Session, attempt, code},
};

on_both!(
    a_manager_creates_uses_and_deletes_a_secret,
    each_role_on_each_route,
    sign_in_tells_nothing_and_each_code_works_once,
    too_many_failures_wait,
    a_cookie_alone_changes_nothing,
    secrets_follow_the_rules,
    a_person_enrols_and_is_disabled,
    the_audit_trail_is_whole_and_holds_no_secret,
);

fn next_year() -> String {
    (chrono::Utc::now() + chrono::TimeDelta::days(200))
        .format("%Y-%m-%d")
        .to_string()
}

fn new_secret(name: &str) -> Value {
    json!({ "name": name, "expires_at": next_year() })
}

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
        crate::support::GRANT,
        demo.search.id
    );
    assert_eq!(Answer::of(demo.token(body.as_str())).status, 200, "at once");
    crate::support::eventually(|| !manager.get(&path).json()["last_used_at"].is_null());
    assert!(!manager.get(&path).text.contains(&value), "Z-04");
    assert_eq!(manager.delete(&path).status, 204);
    assert_eq!(Answer::of(demo.token(body.as_str())).status, 401, "at once");
    assert_eq!(manager.delete(&path).status, 404, "Z-07");
    assert_eq!(manager.get(&path).status, 404);
}

/// Admin, auditor, the application's manager, another organisation's manager, nobody.
const MATRIX: &[(&str, &str, [u16; 5])] = &[
    ("POST", "/session", [400, 400, 400, 400, 400]),
    ("GET", "/session", [200, 200, 200, 200, 401]),
    ("DELETE", "/session", [204, 204, 204, 204, 401]),
    ("GET", "/session/options", [200, 200, 200, 200, 200]),
    // No provider is configured.
    ("GET", "/session/openid", [404, 404, 404, 404, 404]),
    ("GET", "/session/openid/callback", [404, 404, 404, 404, 404]),
    ("GET", "/session/preferences", [200, 200, 200, 200, 401]),
    ("PATCH", "/session/preferences", [400, 400, 400, 400, 401]),
    ("GET", "/unsubscribe/{token}", [404, 404, 404, 404, 404]),
    ("POST", "/unsubscribe/{token}", [404, 404, 404, 404, 404]),
    ("GET", "/organisations/{id}/webhooks", [404, 404, 403, 403, 401]),
    ("POST", "/organisations/{id}/webhooks", [400, 403, 403, 403, 401]),
    (
        "DELETE",
        "/organisations/{id}/webhooks/{webhook_id}",
        [404, 403, 403, 403, 401],
    ),
    ("POST", "/enrolment", [400, 400, 400, 400, 400]),
    ("POST", "/enrolment/lookup", [400, 400, 400, 400, 400]),
    ("POST", "/enrolment/confirm", [400, 400, 400, 400, 400]),
    ("GET", "/applications", [200, 200, 200, 200, 401]),
    ("POST", "/applications", [400, 403, 403, 403, 401]),
    ("GET", "/applications/{client_id}", [200, 200, 200, 404, 401]),
    ("PATCH", "/applications/{client_id}", [400, 403, 400, 404, 401]),
    (
        "GET",
        "/applications/{client_id}/networks",
        [200, 200, 200, 404, 401],
    ),
    (
        "GET",
        "/applications/{client_id}/secrets",
        [200, 200, 200, 404, 401],
    ),
    (
        "POST",
        "/applications/{client_id}/secrets",
        [403, 403, 400, 404, 401],
    ),
    (
        "GET",
        "/applications/{client_id}/secrets/{secret_id}",
        [200, 200, 200, 404, 401],
    ),
    (
        "PATCH",
        "/applications/{client_id}/keys/{key_id}",
        [400, 403, 400, 404, 401],
    ),
    (
        "PATCH",
        "/applications/{client_id}/federated-credentials/{id}",
        [400, 403, 400, 404, 401],
    ),
    (
        "PATCH",
        "/applications/{client_id}/secrets/{secret_id}",
        [400, 403, 400, 404, 401],
    ),
    (
        "POST",
        "/applications/{client_id}/secrets/{secret_id}/grace",
        [400, 403, 403, 403, 401],
    ),
    ("GET", "/organisations/{id}/policy", [404, 404, 404, 404, 401]),
    ("PATCH", "/organisations/{id}/policy", [400, 403, 403, 403, 401]),
    (
        "DELETE",
        "/applications/{client_id}/secrets/{secret_id}",
        [204, 403, 404, 404, 401],
    ),
    (
        "GET",
        "/applications/{client_id}/federated-credentials",
        [200, 200, 200, 404, 401],
    ),
    (
        "POST",
        "/applications/{client_id}/federated-credentials",
        [403, 403, 400, 404, 401],
    ),
    (
        "GET",
        "/applications/{client_id}/federated-credentials/{id}",
        [404, 404, 404, 404, 401],
    ),
    (
        "DELETE",
        "/applications/{client_id}/federated-credentials/{id}",
        [404, 403, 404, 404, 401],
    ),
    ("GET", "/applications/{client_id}/keys", [200, 200, 200, 404, 401]),
    (
        "POST",
        "/applications/{client_id}/keys",
        [403, 403, 400, 404, 401],
    ),
    (
        "GET",
        "/applications/{client_id}/keys/{key_id}",
        [404, 404, 404, 404, 401],
    ),
    (
        "DELETE",
        "/applications/{client_id}/keys/{key_id}",
        [404, 403, 404, 404, 401],
    ),
    (
        "GET",
        "/applications/{client_id}/permissions",
        [200, 200, 200, 404, 401],
    ),
    (
        "POST",
        "/applications/{client_id}/permissions",
        [400, 403, 403, 403, 401],
    ),
    (
        "DELETE",
        "/applications/{client_id}/permissions/{resource_id}",
        [204, 403, 403, 403, 401],
    ),
    (
        "GET",
        "/applications/{client_id}/managers",
        [200, 200, 200, 404, 401],
    ),
    (
        "POST",
        "/applications/{client_id}/managers",
        [400, 403, 403, 403, 401],
    ),
    (
        "DELETE",
        "/applications/{client_id}/managers/{user_id}",
        [404, 403, 403, 403, 401],
    ),
    ("GET", "/attention", [200, 200, 403, 403, 401]),
    ("GET", "/organisations", [200, 200, 403, 403, 401]),
    ("POST", "/organisations", [400, 403, 403, 403, 401]),
    ("GET", "/organisations/{id}", [404, 404, 403, 403, 401]),
    ("PATCH", "/organisations/{id}", [400, 403, 403, 403, 401]),
    ("GET", "/resources", [200, 200, 403, 403, 401]),
    ("POST", "/resources", [400, 403, 403, 403, 401]),
    ("GET", "/resources/{id}", [404, 404, 403, 403, 401]),
    ("PATCH", "/resources/{id}", [400, 403, 403, 403, 401]),
    ("GET", "/resource-servers", [200, 200, 403, 403, 401]),
    ("POST", "/resource-servers", [400, 403, 403, 403, 401]),
    // An application is no resource server.
    (
        "POST",
        "/resource-servers/{client_id}/secret",
        [404, 403, 403, 403, 401],
    ),
    (
        "DELETE",
        "/resource-servers/{client_id}",
        [404, 403, 403, 403, 401],
    ),
    ("DELETE", "/users/{id}/identity", [404, 403, 403, 403, 401]),
    ("GET", "/users", [200, 200, 403, 403, 401]),
    ("POST", "/users", [400, 403, 403, 403, 401]),
    ("GET", "/users/{id}", [404, 404, 403, 403, 401]),
    ("PATCH", "/users/{id}", [400, 403, 403, 403, 401]),
    ("POST", "/users/{id}/enrolment", [404, 403, 403, 403, 401]),
    ("GET", "/audit-events", [200, 200, 403, 403, 401]),
    ("GET", "/refusals", [200, 200, 403, 403, 401]),
    (
        "GET",
        "/applications/{client_id}/refusals",
        [200, 200, 200, 404, 401],
    ),
    ("GET", "/account", [200, 200, 200, 200, 401]),
    ("PATCH", "/account", [400, 400, 400, 400, 401]),
    ("POST", "/account/password", [400, 400, 400, 400, 401]),
    ("POST", "/account/authenticator", [400, 400, 400, 400, 401]),
    (
        "POST",
        "/account/authenticator/confirm",
        [400, 400, 400, 400, 401],
    ),
    ("POST", "/account/recovery-codes", [400, 400, 400, 400, 401]),
    // There is no provider here.
    ("POST", "/account/identity", [404, 404, 404, 404, 401]),
    ("GET", "/account/sessions", [200, 200, 200, 200, 401]),
    ("DELETE", "/account/sessions", [204, 204, 204, 204, 401]),
    ("DELETE", "/account/sessions/{id}", [404, 404, 404, 404, 401]),
    (
        "GET",
        "/applications/{client_id}/history",
        [200, 200, 200, 404, 401],
    ),
    ("GET", "/reports/secrets", [200, 200, 403, 403, 401]),
    ("POST", "/attention/snooze", [400, 403, 403, 403, 401]),
    ("GET", "/openapi.json", [200, 200, 200, 200, 200]),
];

fn each_role_on_each_route(demo: &Demo) {
    let people = [
        Person::of(demo, "admin", 0).sign_in(demo),
        Person::of(demo, "auditor", 0).sign_in(demo),
        Person::of(demo, "credential_manager", 0).sign_in(demo),
        Person::of(demo, "credential_manager", 1).sign_in(demo),
        Session::new(demo, ""),
    ];
    let document = people[4].get("/openapi.json").json();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    let documented: BTreeSet<(String, String)> = document["paths"]
        .as_object()
        .unwrap()
        .iter()
        .flat_map(|(path, item)| {
            let methods = item
                .as_object()
                .unwrap()
                .keys()
                .map(|method| method.to_uppercase());
            methods
                .map(|method| (method, path.strip_prefix("/api/v1").unwrap().to_owned()))
                .collect::<Vec<_>>()
        })
        .collect();
    let named = MATRIX
        .iter()
        .map(|row| (row.0.to_owned(), row.1.to_owned()))
        .collect();
    assert_eq!(
        documented, named,
        "the matrix names each route, and each route exists"
    );
    let absent = "00000000-0000-4000-8000-000000000000";
    // Z-01: a foreign object and an absent one are the same bytes, for whoever may not see it.
    let other = &people[3];
    for path in ["", "/secrets", "/keys", "/managers", "/permissions"] {
        let of = |id: &str| other.get(&format!("/applications/{id}{path}"));
        assert_eq!(of(&demo.search.id).text, of(absent).text);
        assert_eq!(of(absent).text, of("no-guid").text);
    }
    let put = Answer::of(other.request("PUT", "/applications"));
    assert_eq!((put.status, put.header("allow")), (405, "GET, POST"));
    assert_eq!(other.get("/nothing").status, 404);
    // What ends a session or an object comes last.
    let (last, first): (Vec<_>, Vec<_>) = MATRIX
        .iter()
        .partition(|row| row.0 == "DELETE" && row.1 == "/session");
    for (method, template, expected) in first.into_iter().chain(last) {
        let path = template
            .replace("{client_id}", &demo.search.id)
            .replace(
                "{secret_id}",
                demo.summary["clients"][0]["secret_id"].as_str().unwrap(),
            )
            .replace("{resource_id}", &demo.search.resources[0])
            .replace("{key_id}", absent)
            .replace("{user_id}", absent)
            .replace("{webhook_id}", absent)
            .replace("{id}", absent);
        for (person, expected) in people.iter().zip(expected) {
            let mut request = person.request(method, &path);
            if matches!(method, "POST" | "PATCH") {
                request = request.json(&json!({ "unknown": 1 }));
            }
            let answer = Answer::of(request);
            assert_eq!(answer.status, expected, "{method} {template}: {}", answer.text);
            assert!(!answer.header("x-request-id").is_empty());
            if answer.status >= 400 {
                assert_eq!(answer.header("content-type"), "application/problem+json");
            }
        }
    }
}

fn sign_in_tells_nothing_and_each_code_works_once(demo: &Demo) {
    let person = Person::of(demo, "admin", 0);
    let wrong = |field: &str, value: &str| {
        let mut proof = person.proof();
        proof[field] = json!(value);
        attempt(demo, &proof)
    };
    let refused = [
        wrong("password", "a wrong password"),
        wrong("totp", "000000"),
        wrong("email", "nobody@wmda.example"),
        wrong("email", "no\0address"),
    ];
    for answer in &refused {
        assert_eq!((answer.status, &answer.text), (401, &refused[0].text));
    }
    // P-02: the same code, eight times at once.
    let proof = person.proof();
    let outcomes: Vec<u16> = thread::scope(|scope| {
        let tries: Vec<_> = (0..6)
            .map(|_| scope.spawn(|| attempt(demo, &proof).status))
            .collect();
        tries.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert_eq!(
        outcomes.iter().filter(|status| **status == 201).count(),
        1,
        "{outcomes:?}"
    );
}

fn too_many_failures_wait(demo: &Demo) {
    let known = Person::of(demo, "auditor", 0).email;
    for email in [known.as_str(), "nobody@wmda.example"] {
        let proof = json!({ "email": email, "password": "a wrong password", "totp": "000000" });
        let outcomes: Vec<u16> = (0..12).map(|_| attempt(demo, &proof).status).collect();
        assert_eq!(
            outcomes,
            [[401; 10].as_slice(), &[429; 2]].concat(),
            "P-03 {email}"
        );
        let wait: u64 = attempt(demo, &proof).header("retry-after").parse().unwrap();
        assert!((1..=3600).contains(&wait));
    }
    Person::of(demo, "admin", 0).sign_in(demo);
}

fn a_cookie_alone_changes_nothing(demo: &Demo) {
    let mut proof = Person::of(demo, "credential_manager", 0).proof();
    proof["cookie"] = json!(true);
    let answer = attempt(demo, &proof);
    assert_eq!((answer.status, answer.json().get("token")), (201, None));
    let cookie = answer.header("set-cookie").to_owned();
    assert!(cookie.starts_with("__Host-wmda-session="), "W-01");
    for attribute in ["Secure", "HttpOnly", "SameSite=Strict", "Path=/"] {
        assert!(cookie.contains(attribute), "W-01 {attribute}");
    }
    let cookie = cookie.split(';').next().unwrap().to_owned();
    let csrf = answer.json()["csrf_token"].as_str().unwrap().to_owned();
    let url = demo.url(&format!("/api/v1/applications/{}/secrets", demo.search.id));
    let create = |headers: &[(&str, &str)]| {
        let mut request = http()
            .post(&url)
            .header("cookie", &cookie)
            .json(&new_secret("page"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Answer::of(request).status
    };
    assert_eq!(Answer::of(http().get(&url).header("cookie", &cookie)).status, 200);
    assert_eq!(create(&[]), 403, "W-02");
    assert_eq!(create(&[("x-csrf-token", "wrong")]), 403);
    assert_eq!(
        create(&[("x-csrf-token", &csrf), ("origin", "https://evil.example")]),
        403,
        "Z-08"
    );
    assert_eq!(
        create(&[("x-csrf-token", &csrf), ("sec-fetch-site", "cross-site")]),
        403,
        "Z-08"
    );
    assert_eq!(create(&[("x-csrf-token", &csrf), ("origin", &demo.base)]), 201);
    let out = http()
        .delete(demo.url("/api/v1/session"))
        .header("cookie", &cookie)
        .header("x-csrf-token", &csrf);
    assert_eq!(Answer::of(out).status, 204);
    assert_eq!(
        Answer::of(http().get(&url).header("cookie", &cookie)).status,
        401,
        "W-01: ended on the server"
    );
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
    // Z-06: one is there, nine more fit, however many are asked for at once.
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

fn a_person_enrols_and_is_disabled(demo: &Demo) {
    let admin = Person::of(demo, "admin", 0).sign_in(demo);
    let application = admin.get(&format!("/applications/{}", demo.search.id)).json();
    let organisation = &application["organisation_id"];
    assert_eq!(
        application["warnings"].as_array().unwrap().len(),
        1,
        "one manager only"
    );
    let new = json!({
        "email": "Second@Example-Registry.example", "display_name": "Second", "organisation_id": organisation,
        "roles": ["credential_manager"],
    });
    let made = admin.post("/users", &new);
    assert_eq!(made.status, 201, "{}", made.text);
    assert_eq!(admin.post("/users", &new).status, 409);
    let url = made.json()["enrolment_url"].as_str().unwrap().to_owned();
    let token = url.split_once("#token=").unwrap().1;
    let nobody = Session::new(demo, "");
    let look_up = |token: &str| nobody.post("/enrolment/lookup", &json!({ "token": token }));
    let good =
        json!({ "email": "second@example-registry.example", "display_name": "Second", "purpose": "enrol" });
    assert_eq!(look_up(token).json(), good);
    let short = json!({ "token": token, "password": "seven77" });
    assert_eq!(nobody.post("/enrolment", &short).status, 400, "P-01");
    let begun = nobody.post(
        "/enrolment",
        &json!({ "token": token, "password": "correct horse battery" }),
    );
    assert_eq!(begun.status, 200, "{}", begun.text);
    let secret = begun.json()["totp_secret"].as_str().unwrap().to_owned();
    let wrong = json!({ "token": token, "totp": "000000" });
    assert_eq!(nobody.post("/enrolment/confirm", &wrong).status, 400);
    let right = json!({ "token": token, "totp": code(&secret) });
    let confirmed = nobody.post("/enrolment/confirm", &right);
    assert_eq!(confirmed.status, 201, "{}", confirmed.text);
    assert_eq!(nobody.post("/enrolment/confirm", &right).status, 400, "once");
    let begin_again = nobody.post(
        "/enrolment",
        &json!({ "token": token, "password": "correct horse battery" }),
    );
    for used in [look_up(token), look_up("never-made"), begin_again] {
        assert_eq!(used.status, 400);
        assert!(
            used.text.contains("is unknown, was used, or is too old"),
            "{}",
            used.text
        );
    }
    let recovery = confirmed.json()["recovery_codes"][0].clone();
    let proof = json!({
        "email": "second@example-registry.example", "password": "correct horse battery", "recovery_code": recovery,
    });
    let signed_in = attempt(demo, &proof);
    assert_eq!(signed_in.status, 201, "{}", signed_in.text);
    assert_eq!(attempt(demo, &proof).status, 401, "a recovery code works once");
    let second = Session::new(demo, signed_in.json()["token"].as_str().unwrap());
    assert_eq!(second.get("/applications").json()["items"], json!([]));
    let managers = format!("/applications/{}/managers", demo.search.id);
    let id = made.json()["id"].clone();
    assert_eq!(admin.post(&managers, &json!({ "user_id": id })).status, 201);
    assert_eq!(
        second.get("/applications").json()["items"][0]["warnings"],
        json!([]),
        "Z-02"
    );
    let foreign = format!(
        "/applications/{}/managers",
        demo.summary["clients"][2]["client_id"].as_str().unwrap()
    );
    assert_eq!(
        admin.post(&foreign, &json!({ "user_id": id })).status,
        400,
        "another organisation's"
    );
    let user = format!("/users/{}", id.as_str().unwrap());
    // A reset keeps the authenticator, and asks for it.
    let link = admin.post(&format!("{user}/enrolment"), &json!({})).json();
    let token = link["enrolment_url"]
        .as_str()
        .unwrap()
        .split_once("#token=")
        .unwrap()
        .1
        .to_owned();
    assert_eq!(look_up(&token).json()["purpose"], "reset");
    let begun = nobody.post(
        "/enrolment",
        &json!({ "token": token, "password": "another password" }),
    );
    assert!(begun.json()["totp_secret"].is_null(), "P-04");
    assert_eq!(admin.patch(&user, &json!({ "enabled": false })).status, 200);
    assert_eq!(second.get("/session").status, 401, "the session ended");
    let myself = admin.get("/session").json()["user"]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(
        admin
            .patch(&format!("/users/{myself}"), &json!({ "enabled": false }))
            .status,
        409
    );
}

fn the_audit_trail_is_whole_and_holds_no_secret(demo: &Demo) {
    let person = Person::of(demo, "credential_manager", 0);
    let manager = person.sign_in(demo);
    let auditor = Person::of(demo, "auditor", 0).sign_in(demo);
    let path = format!("/applications/{}/secrets", demo.search.id);
    let made = manager.post(&path, &new_secret("audited")).json();
    assert_eq!(manager.get("/users").status, 403);
    let events = auditor.get("/audit-events?limit=200").json();
    let found = |action: &str, outcome: &str| {
        events["items"].as_array().unwrap().iter().any(|event| {
            event["actor"] == person.email && event["action"] == action && event["outcome"] == outcome
        })
    };
    assert!(found("secret.create", "done") && found("session.create", "done"));
    assert!(found("directory.read", "denied"), "L-01");
    let mut kept = events.to_string() + &demo.log();
    for name in ["wmda-auth.db", "wmda-auth.db-wal"] {
        kept += &String::from_utf8_lossy(&std::fs::read(demo.data_dir().join(name)).unwrap_or_default());
    }
    let secret = made["secret"].as_str().unwrap();
    for hidden in [
        secret,
        &secret[9..],
        &person.password,
        &person.totp_secret,
        &manager.token,
    ] {
        assert!(!kept.contains(hidden), "Z-04, L-02");
    }
    let mut command = binary();
    let database = demo.database_url();
    let verified = command
        .args(["admin", "verify-audit", "--json", "--data-dir"])
        .arg(demo.data_dir())
        .env("WMDA_AUTH__DATABASE__URL", database)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&verified.stdout).into_owned();
    assert!(
        verified.status.success() && text.contains("\"whole\":true"),
        "{verified:?}"
    );
}
