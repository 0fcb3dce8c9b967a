//! Sign-in: what it reveals, its lock-out, and what a cookie alone can do.

use std::thread;

use serde_json::json;

use super::new_secret;
use crate::support::{
    Answer, Demo, http,
    people::{Person, attempt},
};

on_both!(
    sign_in_tells_nothing_and_each_code_works_once,
    too_many_failures_wait,
    a_cookie_alone_changes_nothing,
);

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
    // P-02: the same code, eight times concurrently.
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
