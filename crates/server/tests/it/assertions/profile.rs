//! An application with the profile `fapi2` authenticates with keys only, and only at the standard's endpoint.

use serde_json::json;

use crate::support::{
    Answer, Demo,
    assertions::{Signer, body},
    people::Person,
};

on_both! {
    a_fapi2_application_is_refused_with_anything_weaker
    a_profile_is_set_by_the_team_and_counts_at_once
}

fn a_fapi2_application_is_refused_with_anything_weaker(demo: &Demo) {
    let signer = Signer::of(demo, "fapi2", "ES256");
    for (path, scope) in [
        (demo.v1(), format!("&resource={}", signer.resource)),
        (demo.v2(), format!("&scope={}/.default", signer.resource)),
    ] {
        let form = body(&signer.assertion(&demo.url(&path)), &scope);
        let answer = Answer::of(demo.post(&path, form));
        assert_eq!((answer.status, answer.error().as_str()), (401, "invalid_client"));
        assert!(answer.text.contains("fapi2"), "{}", answer.text);
    }
}

fn a_profile_is_set_by_the_team_and_counts_at_once(demo: &Demo) {
    let admin = Person::of(demo, "admin", 0).sign_in(demo);
    let path = format!("/applications/{}", demo.upload.id);
    let ask = || Answer::of(demo.token(demo.upload.body()));
    assert_eq!(admin.get(&path).json()["profile"], "standard");
    assert_eq!(ask().status, 200);
    let answer = admin.patch(&path, &json!({ "profile": "fapi2" }));
    assert_eq!(
        (answer.status, answer.json()["profile"].as_str()),
        (200, Some("fapi2"))
    );
    let answer = ask();
    assert_eq!((answer.status, answer.error().as_str()), (401, "invalid_client"));
    assert!(answer.text.contains("private_key_jwt"), "{}", answer.text);
    assert_eq!(admin.patch(&path, &json!({ "profile": "fapi1" })).status, 400);
    assert_eq!(admin.patch(&path, &json!({ "profile": "standard" })).status, 200);
    assert_eq!(ask().status, 200);
}
