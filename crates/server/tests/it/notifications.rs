//! Mails and late use in a secret's view, on the built binary, on both databases.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpListener,
    sync::mpsc::{self, Receiver},
    thread,
    time::Duration,
};

use ring::hmac;
use serde_json::{Value, json};

use crate::support::{
    Answer, Demo, eventually,
    people::{Person, Session, code},
    postgres_database,
};

/// Runs a test on both databases.
macro_rules! on_both {
    ($($name:ident),+ $(,)?) => {
        mod sqlite { $(#[test] fn $name() { super::$name(&super::hasty(None)); })+ }
        mod postgres { $(#[test] fn $name() { super::$name(&super::hasty(Some(&super::postgres_database()))); })+ }
    };
}

on_both!(
    the_value_of_an_expired_secret_is_noticed_and_no_other,
    mails_are_written_and_turned_down_by_their_link,
    webhooks_are_told_and_signed,
);

fn expired_secrets(session: &Session, demo: &Demo) -> Vec<Value> {
    let path = format!("/applications/{}/secrets?status=expired", demo.search.id);
    session.get(&path).json()["items"].as_array().unwrap().clone()
}

fn the_value_of_an_expired_secret_is_noticed_and_no_other(demo: &Demo) {
    let manager = Person::of(demo, "credential_manager", 0).sign_in(demo);
    let wrong = format!("{}x", demo.expired.body());
    assert_eq!(Answer::of(demo.token(wrong)).status, 401);
    let resource = &demo.search.resources[0];
    let right = format!("{}&resource={resource}", demo.search.body());
    assert_eq!(Answer::of(demo.token(right)).status, 200);
    // The live secret's usage is flushed together with late use.
    eventually(|| {
        let path = format!("/applications/{}/secrets", demo.search.id);
        let listed = manager.get(&path).json();
        listed["items"]
            .as_array()
            .unwrap()
            .iter()
            .any(|one| !one["last_used_at"].is_null())
    });
    let [expired] = &expired_secrets(&manager, demo)[..] else {
        panic!("the demo has one expired secret");
    };
    assert_eq!(expired["tried_after_expiry_at"], Value::Null);
    assert!(expired["notifications"].is_array());
    assert_eq!(Answer::of(demo.token(demo.expired.body())).status, 401);
    eventually(|| expired_secrets(&manager, demo)[0]["tried_after_expiry_at"].is_string());
    let expired = &expired_secrets(&manager, demo)[0];
    assert_eq!(expired["last_used_at"], Value::Null, "it got no token");
    assert_eq!(expired["tried_after_expiry_from"], "127.0.0.1");
    let auditor = Person::of(demo, "auditor", 0).sign_in(demo);
    let attention = auditor.get("/attention").json();
    let items = attention["items"].as_array().unwrap().iter();
    let tried: Vec<&Value> = items
        .filter(|one| one["kind"] == "secret_expired_yet_tried")
        .collect();
    assert_eq!(tried.len(), 1);
    assert_eq!(tried[0]["tried_after_expiry_from"], "127.0.0.1");
    assert_eq!(
        tried[0]["tried_after_expiry_with"],
        expired["tried_after_expiry_with"]
    );
}

/// A demo that looks for due mails every second.
pub fn hasty(database: Option<&str>) -> Demo {
    Demo::start_with(database, &[("WMDA_AUTH__MAIL__INTERVAL_SECONDS", "1")])
}

/// The mails to somebody so far.
pub fn written(demo: &Demo, to: &str) -> Vec<String> {
    let Ok(files) = std::fs::read_dir(demo.data_dir().join("mail")) else {
        return Vec::new();
    };
    let mails = files
        .flatten()
        .map(|file| std::fs::read_to_string(file.path()).unwrap());
    mails
        .filter(|mail| mail.contains(&format!("To: {to}\r\n")))
        .collect()
}

fn mails_are_written_and_turned_down_by_their_link(demo: &Demo) {
    let person = Person::of(demo, "credential_manager", 0);
    let manager = person.sign_in(demo);
    eventually(|| !written(demo, &person.email).is_empty());
    let mail = written(demo, &person.email).remove(0).replace("\r\n ", " ");
    assert!(
        mail.contains("Subject: Urgent: Client secret \"demo, expired\" expired on"),
        "{mail}"
    );
    let shown = &expired_secrets(&manager, demo)[0]["notifications"];
    let sent = shown
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["recipient"] == person.email)
        .unwrap();
    assert_eq!(
        (&sent["kind"], &sent["state"], &sent["threshold_days"]),
        (&json!("expired"), &json!("sent"), &json!(0))
    );
    // RFC 8058: viewing the page changes nothing, one click does, without sign-in.
    let link = mail
        .split_once("List-Unsubscribe: <")
        .unwrap()
        .1
        .split_once('>')
        .unwrap()
        .0;
    let path = link.split_once("/api/v1").unwrap().1;
    let wanted = || manager.get("/session/preferences").json()["reminders"].clone();
    let nobody = Session::new(demo, "");
    let page = nobody.get(path);
    assert_eq!((page.status, wanted()), (200, json!("all")));
    assert!(
        page.header("content-type").starts_with("text/html") && page.text.contains("<form method=\"post\">")
    );
    let click = nobody
        .request("POST", path)
        .header("content-type", crate::support::FORM)
        .body("List-Unsubscribe=One-Click");
    assert_eq!((Answer::of(click).status, wanted()), (200, json!("urgent")));
    let (kept, cut) = (path.len() - 1, nobody.get(&path[..path.len() - 1]));
    assert_eq!(
        (cut.status, kept),
        (404, path.len() - 1),
        "a shortened token is nobody's"
    );
    let back = manager.patch("/session/preferences", &json!({ "reminders": "all" }));
    assert_eq!((back.status, wanted()), (200, json!("all")));
    assert_eq!(
        manager
            .patch("/session/preferences", &json!({ "reminders": "none" }))
            .status,
        400
    );
    p04_a_changed_password_is_told(demo, &person);
}

fn p04_a_changed_password_is_told(demo: &Demo, person: &Person) {
    let admin = Person::of(demo, "admin", 0).sign_in(demo);
    let users = admin.get("/users?limit=200").json();
    let user = users["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["email"] == person.email)
        .unwrap();
    let link = admin
        .post(
            &format!("/users/{}/enrolment", user["id"].as_str().unwrap()),
            &json!({}),
        )
        .json();
    let token = link["enrolment_url"]
        .as_str()
        .unwrap()
        .split_once("#token=")
        .unwrap()
        .1
        .to_owned();
    let nobody = Session::new(demo, "");
    let begun = nobody.post(
        "/enrolment",
        &json!({ "token": token, "password": "another long password" }),
    );
    assert_eq!(begun.status, 200, "{}", begun.text);
    // The current code was used to sign in.
    let mut confirmed = 0;
    for _ in 0..40 {
        let proof = json!({ "token": token, "totp": code(&person.totp_secret) });
        confirmed = nobody.post("/enrolment/confirm", &proof).status;
        if confirmed == 201 {
            break;
        }
        thread::sleep(Duration::from_secs(4));
    }
    assert_eq!(confirmed, 201);
    let told = |mail: &String| mail.contains("Subject: Your password for Manage API Credentials was changed");
    eventually(|| written(demo, &person.email).iter().any(told));
}

/// A request to a receiver: headers in lower case, and body.
struct Delivery {
    headers: Vec<String>,
    body: String,
}

impl Delivery {
    fn header(&self, name: &str) -> &str {
        let wanted = format!("{name}: ");
        self.headers
            .iter()
            .find_map(|line| line.strip_prefix(&wanted))
            .unwrap()
    }
}

/// A webhook receiver on this machine that answers 204.
fn receiver() -> (String, Receiver<Delivery>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hook?key=1", listener.local_addr().unwrap());
    let (sender, received) = mpsc::channel();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut reader = BufReader::new(stream);
            let mut headers = Vec::new();
            loop {
                let mut line = String::new();
                reader.read_line(&mut line).unwrap();
                match line.trim_end() {
                    "" => break,
                    line => headers.push(line.to_owned()),
                }
            }
            let mut delivery = Delivery {
                headers,
                body: String::new(),
            };
            let length = delivery.header("content-length").parse().unwrap();
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            delivery.body = String::from_utf8(body).unwrap();
            reader
                .get_mut()
                .write_all(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n")
                .unwrap();
            if sender.send(delivery).is_err() {
                return;
            }
        }
    });
    (url, received)
}

fn webhooks_are_told_and_signed(demo: &Demo) {
    let admin = Person::of(demo, "admin", 0).sign_in(demo);
    let manager = Person::of(demo, "credential_manager", 0).sign_in(demo);
    let application = admin.get(&format!("/applications/{}", demo.search.id)).json();
    let path = format!(
        "/organisations/{}/webhooks",
        application["organisation_id"].as_str().unwrap()
    );
    for bad in [
        json!({ "url": "http://hooks.example.org/" }),
        json!({ "url": "https://user:word@hooks.example.org/" }),
        json!({ "url": "https://hooks.example.org/", "events": [] }),
        json!({ "url": "https://hooks.example.org/", "events": ["secret.read"] }),
    ] {
        assert_eq!(admin.post(&path, &bad).status, 400, "{bad}");
    }
    let (url, received) = receiver();
    let wanted = json!({ "url": url, "events": ["secret.created", "secret.deleted"] });
    let made = admin.post(&path, &wanted);
    assert_eq!(made.status, 201, "{}", made.text);
    let signing_secret = made.json()["signing_secret"].as_str().unwrap().to_owned();
    let listed = admin.get(&path);
    assert!(
        listed.text.contains("/hook?key=1") && !listed.text.contains("whsec_"),
        "{}",
        listed.text
    );
    let secrets = format!("/applications/{}/secrets", demo.search.id);
    let in_a_month = (chrono::Utc::now() + chrono::TimeDelta::days(30))
        .format("%Y-%m-%d")
        .to_string();
    let secret = manager
        .post(&secrets, &json!({ "name": "told", "expires_at": in_a_month }))
        .json();
    let id = secret["id"].as_str().unwrap();
    assert_eq!(manager.delete(&format!("{secrets}/{id}")).status, 204);
    for event in ["secret.created", "secret.deleted"] {
        let delivery = received.recv_timeout(Duration::from_secs(20)).unwrap();
        let body: Value = serde_json::from_str(&delivery.body).unwrap();
        assert_eq!(
            (&body["type"], &body["data"]["secret_id"]),
            (&json!(event), &json!(id))
        );
        assert!(
            !delivery.body.contains(secret["secret"].as_str().unwrap()),
            "Z-04"
        );
        // Standard Webhooks: HMAC-SHA-256 over id, timestamp and body; the key follows whsec_.
        let key = base64_decoded(signing_secret.strip_prefix("whsec_").unwrap());
        let (id, at) = (
            delivery.header("webhook-id"),
            delivery.header("webhook-timestamp"),
        );
        let tag = base64_decoded(delivery.header("webhook-signature").strip_prefix("v1,").unwrap());
        let signed = format!("{id}.{at}.{}", delivery.body);
        hmac::verify(&hmac::Key::new(hmac::HMAC_SHA256, &key), signed.as_bytes(), &tag).unwrap();
    }
    let hook = format!("{path}/{}", made.json()["id"].as_str().unwrap());
    assert_eq!(
        (admin.delete(&hook).status, admin.delete(&hook).status),
        (204, 404)
    );
    let events = admin.get("/audit-events?limit=200").text;
    assert!(
        events.contains("webhook.create") && events.contains("webhook.delete"),
        "L-01"
    );
    assert!(!events.contains("whsec_"), "L-02");
}

fn base64_decoded(text: &str) -> Vec<u8> {
    use base64::{Engine, engine::general_purpose::STANDARD};
    STANDARD.decode(text).unwrap()
}
