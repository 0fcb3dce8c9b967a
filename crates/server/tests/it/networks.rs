//! The allowed networks of an application's credentials, and its usage profile.

use serde_json::{Value, json};

use crate::support::{
    Answer, Demo, GRANT, eventually,
    people::{Person, Session},
    postgres_database,
};

const BEHIND_A_PROXY: [(&str, &str); 1] = [("WMDA_AUTH__SERVER__TRUSTED_PROXIES", "127.0.0.1")];

macro_rules! behind_a_proxy {
    ($($name:ident),+ $(,)?) => {
        mod sqlite { $(#[test] fn $name() { super::$name(&super::start(None)); })+ }
        mod postgres { $(#[test] fn $name() { super::$name(&super::start(Some(&super::postgres_database()))); })+ }
    };
}

behind_a_proxy!(
    credentials_work_from_the_allowed_networks_alone,
    networks_on_trial_refuse_nobody_and_are_recorded,
    networks_are_proposed_from_what_was_seen,
    a_system_that_asks_for_every_call_is_told_so,
    a_change_of_which_a_part_is_invalid_changes_nothing,
);

fn start(database: Option<&str>) -> Demo {
    Demo::start_with(database, &BEHIND_A_PROXY)
}

/// The first manager's application, and its credentials.
fn own(demo: &Demo) -> (Session, String, String) {
    let manager = Person::of(demo, "credential_manager", 0);
    let users = demo.summary["users"].as_array().unwrap();
    let user = users.iter().find(|user| user["email"] == manager.email).unwrap();
    let id = user["applications"][0].as_str().unwrap().to_owned();
    let clients = demo.summary["clients"].as_array().unwrap();
    let client = clients.iter().find(|client| client["client_id"] == id).unwrap();
    let body = format!(
        "{GRANT}&client_id={id}&client_secret={}&resource={}",
        client["client_secret"].as_str().unwrap(),
        client["resources"][0].as_str().unwrap()
    );
    (manager.sign_in(demo), id, body)
}

fn ask(demo: &Demo, path: &str, body: &str, from: &str) -> Answer {
    let request = demo.post(path, body).header("x-forwarded-for", from);
    Answer::of(request)
}

fn refusals(session: &Session, id: &str) -> Vec<Value> {
    let answer = session.get(&format!("/applications/{id}/refusals"));
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json()["items"].as_array().unwrap().clone()
}

fn credentials_work_from_the_allowed_networks_alone(demo: &Demo) {
    let (manager, id, body) = own(demo);
    let path = format!("/applications/{id}");
    let (inside, outside) = ("192.0.2.7", "198.51.100.9");
    assert_eq!(ask(demo, "/oauth2/token", &body, outside).status, 200);
    for (change, status) in [
        (json!({ "networks_mode": "enforce" }), 400),
        (json!({ "networks_mode": "all" }), 400),
        (json!({ "allowed_networks": ["192.0.2.7/24"] }), 400),
        (json!({ "allowed_networks": ["0.0.0.0/0"] }), 400),
        (json!({ "allowed_networks": ["example.org"] }), 400),
        (json!({ "enabled": true }), 403),
        (json!({ "name": "Partner-NL-Other-SMC" }), 403),
        (
            json!({ "networks_mode": "enforce", "allowed_networks": ["192.0.2.0/24", "2001:db8::/32"] }),
            200,
        ),
    ] {
        let answer = manager.patch(&path, &change);
        assert_eq!(answer.status, status, "{change}: {}", answer.text);
    }
    let view = manager.get(&path).json();
    assert_eq!(view["networks_mode"], "enforce");
    assert_eq!(view["allowed_networks"], json!(["192.0.2.0/24", "2001:db8::/32"]));
    // The change is in force on every node when it is answered.
    for from in [inside, "2001:db8:1::1", "::ffff:192.0.2.9"] {
        assert_eq!(ask(demo, "/oauth2/token", &body, from).status, 200, "{from}");
    }
    // Only the right-most address, which the proxy has added, is trusted.
    for from in [outside, "192.0.2.7, 198.51.100.9", "2001:db9::1", ""] {
        for route in ["/oauth2/token", &demo.v1(), &demo.v2()] {
            let body = match route == demo.v2() {
                true => body.replace("&resource=", "&scope=") + "/.default",
                false => body.clone(),
            };
            let answer = ask(demo, route, &body, from);
            assert_eq!(answer.status, 401, "{from} {route}: {}", answer.text);
            let secret = body.split("client_secret=").nth(1).unwrap();
            let secret = secret.split('&').next().unwrap();
            let wrong = ask(demo, route, &body.replace(secret, "wrong"), from);
            assert_eq!(wrong.json()["error_codes"], answer.json()["error_codes"]);
            assert_eq!(
                wrong.error(),
                answer.error(),
                "no caller learns that the secret is right"
            );
        }
    }
    let record = refusals(&manager, &id);
    let told = record
        .iter()
        .find(|one| one["code"] == "network" && one["source"] == outside);
    let told = told.unwrap();
    assert!(told["credential_id"].is_string());
    assert!(told["cause"].as_str().unwrap().contains("network"));
    let off = json!({ "networks_mode": "off" });
    assert_eq!(manager.patch(&path, &off).status, 200);
    assert_eq!(ask(demo, "/oauth2/token", &body, outside).status, 200);
}

/// Without a trusted proxy, forwarding headers come from the client.
#[test]
fn who_claims_to_be_inside_the_networks_is_believed_nothing() {
    let demo = Demo::sqlite();
    let (manager, id, body) = own(&demo);
    let inside = json!({ "networks_mode": "enforce", "allowed_networks": ["192.0.2.0/24"] });
    assert_eq!(manager.patch(&format!("/applications/{id}"), &inside).status, 200);
    for (header, claim) in [
        ("x-forwarded-for", "192.0.2.7"),
        ("x-forwarded-for", "127.0.0.1, 192.0.2.7"),
        ("forwarded", "for=192.0.2.7"),
        ("x-real-ip", "192.0.2.7"),
        ("x-client-ip", "192.0.2.7"),
        ("true-client-ip", "192.0.2.7"),
        ("cf-connecting-ip", "192.0.2.7"),
    ] {
        let answer = Answer::of(demo.post("/oauth2/token", body.clone()).header(header, claim));
        assert_eq!(answer.status, 401, "{header}: {claim}: {}", answer.text);
    }
    let record = refusals(&manager, &id);
    let network: Vec<&Value> = record.iter().filter(|one| one["code"] == "network").collect();
    assert!(!network.is_empty());
    assert!(
        network.iter().all(|one| one["source"] == "127.0.0.1"),
        "{record:?}"
    );
    let here = json!({ "allowed_networks": ["127.0.0.1"] });
    assert_eq!(manager.patch(&format!("/applications/{id}"), &here).status, 200);
    assert_eq!(Answer::of(demo.post("/oauth2/token", body)).status, 200);
}

fn networks_on_trial_refuse_nobody_and_are_recorded(demo: &Demo) {
    let (manager, id, body) = own(demo);
    let trial = json!({ "networks_mode": "report", "allowed_networks": ["192.0.2.0/24"] });
    assert_eq!(manager.patch(&format!("/applications/{id}"), &trial).status, 200);
    for from in ["192.0.2.7", "198.51.100.9", "198.51.100.9"] {
        assert_eq!(ask(demo, "/oauth2/token", &body, from).status, 200);
    }
    let record = refusals(&manager, &id);
    assert_eq!(record.len(), 1, "{record:?}");
    assert_eq!(record[0]["code"], "network_reported");
    assert_eq!(
        (&record[0]["source"], &record[0]["count"]),
        (&json!("198.51.100.9"), &json!(2))
    );
}

fn networks_are_proposed_from_what_was_seen(demo: &Demo) {
    let (manager, id, body) = own(demo);
    for from in [
        "192.0.2.1",
        "192.0.2.2",
        "192.0.2.3",
        "203.0.113.9",
        "2001:db8:1:2::1",
        "2001:db8:1:2::2",
    ] {
        assert_eq!(ask(demo, "/oauth2/token", &body, from).status, 200);
    }
    let path = format!("/applications/{id}/networks");
    let mut view = Value::Null;
    eventually(|| {
        view = manager.get(&path).json();
        view["seen_networks"].as_array().unwrap().len() == 5
    });
    assert_eq!(
        view["proposed_networks"],
        json!(["192.0.2.0/24", "203.0.113.9/32", "2001:db8:1:2::/64"])
    );
    let seen = view["seen_networks"].as_array().unwrap();
    let wide = seen
        .iter()
        .find(|one| one["network"] == "2001:db8:1:2::/64")
        .unwrap();
    assert_eq!((&wide["tokens"], &wide["is_allowed"]), (&json!(2), &json!(false)));
    let change = json!({ "allowed_networks": view["proposed_networks"], "networks_mode": "enforce" });
    let changed = manager.patch(&format!("/applications/{id}"), &change);
    assert_eq!(changed.status, 200, "{}", changed.text);
    let seen = manager.get(&path).json()["seen_networks"].clone();
    assert!(
        seen.as_array()
            .unwrap()
            .iter()
            .all(|one| one["is_allowed"] == true)
    );
}

fn a_system_that_asks_for_every_call_is_told_so(demo: &Demo) {
    let (manager, id, body) = own(demo);
    let path = format!("/applications/{id}");
    assert_eq!(manager.get(&path).json()["advice"], json!([]));
    for _ in 0..150 {
        assert_eq!(ask(demo, "/oauth2/token", &body, "192.0.2.1").status, 200);
    }
    eventually(|| {
        let advice = manager.get(&path).json()["advice"].to_string();
        advice.contains("a new token for every call") && advice.contains("keep it")
    });
}

fn a_change_of_which_a_part_is_invalid_changes_nothing(demo: &Demo) {
    let admin = Person::of(demo, "admin", 0).sign_in(demo);
    let (_, id, _) = own(demo);
    let path = format!("/applications/{id}");
    let before = admin.get(&path).json();
    let valid = json!({ "allowed_networks": ["192.0.2.0/24"], "self_rotation": !before["self_rotation"].as_bool().unwrap() });
    for (field, invalid) in [
        ("name", "no convention"),
        ("profile", "fapi1"),
        ("networks_mode", "sometimes"),
    ] {
        let mut change = valid.clone();
        change[field] = invalid.into();
        let answer = admin.patch(&path, &change);
        assert_eq!(answer.status, 400, "{field}: {}", answer.text);
        assert_eq!(admin.get(&path).json(), before, "{field}");
    }
}
