//! One's own account on the built binary: authentication factors change only after re-authentication, and lock-outs
//! are lifted; on both databases.

use std::fs;

use serde_json::{Value, json};

use crate::support::{
    Answer, Demo, eventually,
    people::{Person, Session, attempt, code_in, sign_in_from, status_from, wrong},
};

const VARIABLES: [(&str, &str); 3] = [
    ("WMDA_AUTH__SERVER__TRUSTED_PROXIES", "127.0.0.1"),
    ("WMDA_AUTH__MAIL__INTERVAL_SECONDS", "1"),
    ("WMDA_AUTH__MAIL__SUPPORT_ADDRESS", "team@wmda.example"),
];

/// Runs each test on each database, behind a proxy, with mail every second.
macro_rules! with_mail {
    ($($name:ident),+ $(,)?) => {
        mod sqlite { $(#[test] fn $name() { super::$name(&super::start(None)); })+ }
        mod postgres { $(#[test] fn $name() {
            super::$name(&super::start(Some(&crate::support::postgres_database())));
        })+ }
    };
}

with_mail!(
    p04_what_proves_who_one_is_changes_after_reauthentication_only,
    p04_an_authenticator_is_replaced_by_one_that_works,
    p03_a_lock_out_concerns_its_source_and_a_reset_lifts_it,
    p03_many_sources_lock_an_account_but_no_browser_that_is_known,
    an_invitation_comes_by_mail_and_is_kept_nowhere,
);

fn start(database: Option<&str>) -> Demo {
    Demo::start_with(database, &VARIABLES)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

/// The demo's mails to an address, decoded as far as tests need.
fn mails(demo: &Demo, recipient: &str) -> Vec<String> {
    let Ok(folder) = fs::read_dir(demo.data_dir().join("mail")) else {
        return Vec::new();
    };
    let texts = folder.map(|file| fs::read_to_string(file.unwrap().path()).unwrap());
    // Soft line breaks of quoted-printable.
    let texts = texts.map(|text| text.replace("=\r\n", "").replace("=3D", "="));
    texts
        .filter(|text| text.contains(&format!("To: {recipient}")))
        .collect()
}

fn told(demo: &Demo, recipient: &str, subject: &str) {
    let wanted = format!("Subject: {subject}");
    eventually(|| mails(demo, recipient).iter().any(|mail| mail.contains(&wanted)));
}

/// A session opened with the previous TOTP code, and one with the current code.
fn two_sessions(demo: &Demo, person: &Person) -> (Session, Session) {
    let open = |steps| {
        let proof = json!({ "email": person.email, "password": person.password,
                            "totp": code_in(&person.totp_secret, steps) });
        let answer = attempt(demo, &proof);
        assert_eq!(answer.status, 201, "{}", answer.text);
        Session::new(demo, text(&answer.json()["token"]))
    };
    (open(-1), open(0))
}

fn p04_what_proves_who_one_is_changes_after_reauthentication_only(demo: &Demo) {
    let person = Person::of(demo, "credential_manager", 0);
    let (other, own) = two_sessions(demo, &person);
    let change = |session: &Session, proof: Value, wanted: &str| {
        let mut body = proof;
        body["new_password"] = json!(wanted);
        session.post("/account/password", &body)
    };
    let wrong_code = json!({ "password": person.password, "totp": "000000" });
    for path in ["/account/authenticator", "/account/recovery-codes"] {
        assert_eq!(own.post(path, &wrong_code).status, 403, "{path}");
        assert_eq!(
            own.post(path, &json!({ "password": person.password })).status,
            400
        );
        assert_eq!(Session::new(demo, "").post(path, &wrong_code).status, 401);
    }
    let good = "tulp zebra kettle nine";
    assert_eq!(change(&own, wrong_code, good).status, 403);
    let right = json!({ "password": person.password, "totp": code_in(&person.totp_secret, 1) });
    let codes = own.post("/account/recovery-codes", &right);
    assert_eq!(codes.status, 201, "{}", codes.text);
    let codes = codes.json()["recovery_codes"].clone();
    assert_eq!(codes.as_array().unwrap().len(), 10);
    assert_eq!(other.get("/session").status, 401, "other sessions end");
    let account = own.get("/account").json();
    assert_eq!(
        (&account["recovery_codes_left"], &account["has_password"]),
        (&json!(10), &json!(true))
    );
    let by_code = |at: usize| json!({ "password": person.password, "recovery_code": codes[at] });
    for weak in ["password1", "12345678", &person.email, "short"] {
        let answer = change(&own, by_code(0), weak);
        assert_eq!(answer.status, 400, "P-01 {weak}: {}", answer.text);
    }
    assert_eq!(change(&own, by_code(0), good).status, 204);
    assert_eq!(
        change(&own, by_code(0), good).status,
        403,
        "P-02: the code was used"
    );
    assert_eq!(own.get("/session").status, 200, "the session that asked stays");
    let proof = json!({ "email": person.email, "password": good, "recovery_code": codes[1] });
    let signed_in = attempt(demo, &proof);
    assert_eq!(signed_in.status, 201, "{}", signed_in.text);
    let sessions = own.get("/account/sessions").json();
    assert_eq!(sessions["items"].as_array().unwrap().len(), 2);
    let current = |one: &&Value| one["current"] == true;
    assert_eq!(
        sessions["items"]
            .as_array()
            .unwrap()
            .iter()
            .filter(current)
            .count(),
        1
    );
    assert_eq!(own.delete("/account/sessions").status, 204);
    let signed_in = Session::new(demo, text(&signed_in.json()["token"]));
    assert_eq!(
        (signed_in.get("/session").status, own.get("/session").status),
        (401, 200)
    );
    told(
        demo,
        &person.email,
        "Your password for Manage API Credentials was changed",
    );
    told(
        demo,
        &person.email,
        "Your recovery codes for Manage API Credentials were replaced",
    );
    for token in codes.as_array().unwrap() {
        assert!(!demo.log().contains(text(token)), "L-02");
    }
}

fn p04_an_authenticator_is_replaced_by_one_that_works(demo: &Demo) {
    let person = Person::of(demo, "credential_manager", 0);
    let (other, own) = two_sessions(demo, &person);
    let right = json!({ "password": person.password, "totp": code_in(&person.totp_secret, 1) });
    let begun = own.post("/account/authenticator", &right);
    assert_eq!(begun.status, 200, "{}", begun.text);
    let begun = begun.json();
    let secret = text(&begun["totp_secret"]);
    let confirm = |session: &Session, code: String| {
        let body = json!({ "token": begun["token"], "totp": code });
        session.post("/account/authenticator/confirm", &body)
    };
    assert_eq!(
        confirm(&own, code_in(&person.totp_secret, 0)).status,
        400,
        "a code of the old one"
    );
    assert_eq!(
        confirm(&other, code_in(secret, 0)).status,
        400,
        "another session's token"
    );
    let codes = confirm(&own, code_in(secret, 0));
    assert_eq!(codes.status, 201, "{}", codes.text);
    assert_eq!(codes.json()["recovery_codes"].as_array().unwrap().len(), 10);
    assert_eq!(other.get("/session").status, 401);
    let proof = |secret: &str| json!({ "email": person.email, "password": person.password, "totp": code_in(secret, 1) });
    assert_eq!(
        attempt(demo, &proof(&person.totp_secret)).status,
        401,
        "the old one is gone"
    );
    assert_eq!(attempt(demo, &proof(secret)).status, 201);
    told(
        demo,
        &person.email,
        "Your authenticator for Manage API Credentials was changed",
    );
}

fn p03_a_lock_out_concerns_its_source_and_a_reset_lifts_it(demo: &Demo) {
    let person = Person::of(demo, "credential_manager", 0);
    for _ in 0..10 {
        assert_eq!(status_from(demo, "192.0.2.1", &wrong(&person)), 401);
    }
    let refused = Answer::of(sign_in_from(demo, "192.0.2.1", &person.proof()));
    assert_eq!(refused.status, 429);
    assert!((1..=901).contains(&refused.header("retry-after").parse::<u64>().unwrap()));
    assert_eq!(
        status_from(demo, "192.0.2.2", &person.proof()),
        201,
        "the owner elsewhere"
    );
    // An IPv6 network of 64 bits is one source.
    for last in 0..10 {
        let source = format!("2001:db8::{last}");
        assert_eq!(status_from(demo, &source, &wrong(&person)), 401);
    }
    assert_eq!(status_from(demo, "2001:db8::ffff", &wrong(&person)), 429);
    told(
        demo,
        &person.email,
        "Sign-in to your account failed several times",
    );
    told(
        demo,
        "team@wmda.example",
        "Sign-in to an account failed several times",
    );
    let of_this = |mail: &&String| mail.contains("Subject: Sign-in to an account failed");
    let told_team = mails(demo, "team@wmda.example").iter().filter(of_this).count();
    assert_eq!(told_team, 1, "once a day");
    let admin = Person::of(demo, "admin", 0).sign_in(demo);
    let users = admin.get(&format!("/users?search={}", person.email)).json();
    let id = text(&users["items"][0]["id"]);
    assert_eq!(
        admin.post(&format!("/users/{id}/enrolment"), &json!({})).status,
        201
    );
    let again = status_from(demo, "192.0.2.1", &wrong(&person));
    assert_eq!(again, 401, "the reset lifted it");
}

fn p03_many_sources_lock_an_account_but_no_browser_that_is_known(demo: &Demo) {
    let person = Person::of(demo, "credential_manager", 0);
    let mut by_cookie = person.proof();
    by_cookie["cookie"] = json!(true);
    let known = Answer::of(sign_in_from(demo, "192.0.2.200", &by_cookie));
    assert_eq!(known.status, 201, "{}", known.text);
    let cookies = known.headers.get_all("set-cookie").iter();
    let device = cookies
        .map(|value| value.to_str().unwrap())
        .find(|value| value.starts_with("__Host-wmda-device="))
        .unwrap();
    assert!(device.contains("Secure") && device.contains("HttpOnly") && device.contains("SameSite=Strict"));
    let device = device.split(';').next().unwrap();
    for source in 0..10 {
        for _ in 0..10 {
            let status = status_from(demo, &format!("198.51.100.{source}"), &wrong(&person));
            assert_eq!(status, 401, "{source}");
        }
    }
    assert_eq!(
        status_from(demo, "198.51.100.200", &wrong(&person)),
        429,
        "the back-stop"
    );
    let mut proof = person.proof();
    proof["totp"] = json!(code_in(&person.totp_secret, 1));
    let with_cookie = |cookie: &str| {
        Answer::of(sign_in_from(demo, "198.51.100.201", &proof).header("cookie", cookie)).status
    };
    let forged = device.replace("device=", "device=AAAA");
    assert_eq!(with_cookie(&forged), 429);
    assert_eq!(with_cookie(device), 201, "the owner's browser");
    let auditor = Person::of(demo, "auditor", 0);
    assert_eq!(
        status_from(demo, "198.51.100.0", &auditor.proof()),
        201,
        "others are not concerned"
    );
}

fn an_invitation_comes_by_mail_and_is_kept_nowhere(demo: &Demo) {
    let admin = Person::of(demo, "admin", 0).sign_in(demo);
    let new = json!({ "email": "new@wmda.example", "display_name": "New", "roles": ["auditor"], "send_mail": true });
    let made = admin.post("/users", &new);
    assert_eq!(made.status, 201, "{}", made.text);
    let made = made.json();
    assert_eq!(
        (&made["enrolment_url"], &made["mailed_to"], &made["enrolled"]),
        (&Value::Null, &json!("new@wmda.example"), &json!(false))
    );
    told(
        demo,
        "new@wmda.example",
        "You are invited to Manage API Credentials",
    );
    let mail = mails(demo, "new@wmda.example").remove(0);
    let token = mail.split_once("#token=").unwrap().1;
    let token: String = token
        .chars()
        .take_while(|one| one.is_ascii_alphanumeric() || "-_".contains(*one))
        .collect();
    let nobody = Session::new(demo, "");
    let begun = nobody.post(
        "/enrolment",
        &json!({ "token": token, "password": "tulp zebra kettle nine" }),
    );
    assert_eq!(begun.status, 200, "{}", begun.text);
    let code = code_in(text(&begun.json()["totp_secret"]), 0);
    let done = nobody.post("/enrolment/confirm", &json!({ "token": token, "totp": code }));
    assert_eq!(done.status, 201, "{}", done.text);
    let user = admin.get(&format!("/users/{}", text(&made["id"]))).json();
    assert_eq!(user["enrolled"], true);
}
