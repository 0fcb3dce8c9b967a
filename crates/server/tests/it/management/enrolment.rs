//! A person from the enrolment link to the last sign-in.

use serde_json::json;

use crate::support::{
    Demo,
    people::{Person, Session, attempt, code},
};

on_both!(a_person_enrols_and_is_disabled,);

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
    // A reset keeps the authenticator, and requires its code.
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
