//! Federated identities: JWTs of an external issuer, verified with registered keys and by discovery.

use std::{
    collections::HashSet,
    io::{Read, Write},
    net::TcpListener,
    sync::{Arc, Mutex},
    thread,
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{TimeDelta, Utc};
use domain::key_place::KeyPlace;
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Value, json};

use crate::{
    notifications::written,
    support::{
        Answer, Demo, FORM,
        assertions::{Signer, body, name, now, sign, with},
        eventually, http,
        people::{Person, Session},
        serving::Serving,
    },
};

on_both! {
    a_service_account_gets_tokens_by_pasted_keys
    what_does_not_fit_has_entras_code
    registration_is_strict
    x02_a_signature_is_checked_against_ten_keys_and_no_more
    an_issuer_is_asked_for_its_keys
    a_published_key_counts_until_it_disappears
    managers_are_told_once_a_day_of_keys_that_can_t_be_read
    keys_that_were_read_count_for_a_day_on_nodes_that_start_while_their_publisher_is_away
}

const CLUSTER: &str = "https://kubernetes.default.svc.cluster.local";
const SUBJECT: &str = "system:serviceaccount:donors:matcher";
const AUDIENCE: &str = "api://wmda";

fn person(demo: &Demo) -> Person {
    Person::of(demo, "credential_manager", 2)
}

fn manager(demo: &Demo) -> Session {
    person(demo).sign_in(demo)
}

/// The public key of a demo client, as a JWK Set.
fn set(demo: &Demo, at: usize) -> Value {
    let mut jwk = demo.summary["key_clients"][at]["jwk"].clone();
    for private in ["d", "p", "q", "dp", "dq", "qi", "alg"] {
        jwk.as_object_mut().unwrap().remove(private);
    }
    json!({ "keys": [jwk] })
}

/// A cluster that signs with the RSA key of another client, with RS256.
struct Cluster {
    key: EncodingKey,
    kid: String,
}

impl Cluster {
    fn of(demo: &Demo) -> Self {
        let signer = Signer::of(demo, "standard", "PS256");
        Self {
            key: signer.key,
            kid: signer.kid,
        }
    }

    fn token(&self, issuer: &str, changes: Value) -> String {
        let claims = json!({
            "iss": issuer, "sub": SUBJECT, "aud": [AUDIENCE], "iat": now(), "nbf": now(), "exp": now() + 3607,
            "kubernetes.io": { "namespace": "donors" },
        });
        let header = json!({ "alg": name(Algorithm::RS256), "kid": self.kid }).to_string();
        sign(
            &self.key,
            Algorithm::RS256,
            &header,
            &with(claims, changes).to_string(),
        )
    }
}

/// Registers the cluster as a client's federated identity.
fn register(demo: &Demo, manager: &Session, issuer: &str, jwks: Value) -> (Signer, Answer) {
    let signer = Signer::of(demo, "standard", "ES256");
    let body = json!({ "name": "cluster", "issuer": issuer, "subject": SUBJECT, "audience": AUDIENCE, "jwks": jwks });
    let answer = manager.post(
        &format!("/applications/{}/federated-credentials", signer.id),
        &body,
    );
    assert_eq!(answer.status, 201, "{}", answer.text);
    (signer, answer)
}

fn ask(demo: &Demo, signer: &Signer, token: &str) -> Answer {
    let rest = format!("&client_id={}&resource={}", signer.id, signer.resource);
    Answer::of(demo.token(body(token, &rest)))
}

fn ask_entra(demo: &Demo, signer: &Signer, token: &str) -> Answer {
    let rest = format!("&client_id={}&scope={}/.default", signer.id, signer.resource);
    Answer::of(demo.post(&demo.v2(), body(token, &rest)))
}

fn a_service_account_gets_tokens_by_pasted_keys(demo: &Demo) {
    let cluster = Cluster::of(demo);
    let manager = manager(demo);
    let (signer, made) = register(demo, &manager, CLUSTER, set(demo, 1));
    let token = cluster.token(CLUSTER, json!({}));
    // A cluster reuses one JWT for many requests.
    for _ in 0..2 {
        assert_eq!(ask(demo, &signer, &token).status, 200);
        let answer = ask_entra(demo, &signer, &token);
        assert_eq!(answer.status, 200, "{}", answer.text);
    }
    let plain = cluster.token(CLUSTER, json!({ "aud": AUDIENCE }));
    assert_eq!(ask(demo, &signer, &plain).status, 200);
    let id = made.json()["id"].as_str().unwrap().to_owned();
    let path = format!("/applications/{}/federated-credentials/{id}", signer.id);
    assert_eq!(manager.get(&path).json()["issuer"], CLUSTER);
    assert_eq!(manager.delete(&path).status, 204);
    assert_eq!(ask(demo, &signer, &token).status, 401, "at once");
    assert_eq!(manager.delete(&path).status, 404);
}

fn what_does_not_fit_has_entras_code(demo: &Demo) {
    let cluster = Cluster::of(demo);
    let (signer, _) = register(demo, &manager(demo), CLUSTER, set(demo, 1));
    let stranger = Cluster {
        key: Signer::of(demo, "fapi2", "PS256").key,
        kid: cluster.kid.clone(),
    };
    let rows = [
        (
            "another issuer",
            cluster.token("https://other.example", json!({})),
            700_211,
        ),
        (
            "a slash too many",
            cluster.token(&format!("{CLUSTER}/"), json!({})),
            700_211,
        ),
        (
            "another subject",
            cluster.token(CLUSTER, json!({ "sub": format!("{SUBJECT}s") })),
            700_213,
        ),
        (
            "another audience",
            cluster.token(CLUSTER, json!({ "aud": "api://other" })),
            700_212,
        ),
        (
            "two audiences",
            cluster.token(CLUSTER, json!({ "aud": [AUDIENCE, "api://other"] })),
            700_212,
        ),
        (
            "a foreign issuer with our kid",
            stranger.token(CLUSTER, json!({})),
            700_027,
        ),
        (
            "past",
            cluster.token(CLUSTER, json!({ "exp": now() - 1 })),
            700_024,
        ),
        (
            "not yet",
            cluster.token(CLUSTER, json!({ "nbf": now() + 120 })),
            700_024,
        ),
        (
            "a year",
            cluster.token(CLUSTER, json!({ "exp": now() + 31_536_000 })),
            700_024,
        ),
        (
            "an end as text",
            cluster.token(CLUSTER, json!({ "exp": "1" })),
            50_013,
        ),
    ];
    for (row, token, code) in rows {
        let answer = ask_entra(demo, &signer, &token);
        assert_eq!(
            (answer.status, answer.error().as_str()),
            (401, "invalid_client"),
            "{row}"
        );
        assert_eq!(
            answer.json()["error_codes"],
            json!([code]),
            "{row}: {}",
            answer.text
        );
        assert_eq!(ask(demo, &signer, &token).status, 401, "{row}");
    }
    // It authenticates this client only, and a `fapi2` application accepts keys of its own only.
    let token = cluster.token(CLUSTER, json!({}));
    let other = Signer::of(demo, "fapi2", "ES256");
    assert_eq!(ask(demo, &other, &token).status, 401);
    let nameless = Answer::of(demo.token(body(&token, "")));
    assert_eq!(nameless.status, 401);
}

fn registration_is_strict(demo: &Demo) {
    let signer = Signer::of(demo, "standard", "ES256");
    let manager = manager(demo);
    let path = format!("/applications/{}/federated-credentials", signer.id);
    let good = json!({ "name": "x", "issuer": CLUSTER, "subject": SUBJECT, "audience": AUDIENCE, "jwks": set(demo, 1) });
    let private = json!({ "keys": [demo.summary["key_clients"][0]["jwk"]] });
    for (changes, word) in [
        (json!({ "issuer": "cluster" }), "https"),
        (json!({ "issuer": "https://cluster.example/?x=1" }), "https"),
        (json!({ "subject": "repo:*" }), "wildcards"),
        (json!({ "subject": "" }), "wildcards"),
        (json!({ "audience": "*" }), "wildcards"),
        (json!({ "jwks": { "keys": [] } }), "jwks"),
        (json!({ "jwks": {} }), "jwks"),
        (
            json!({ "jwks": { "keys": [{ "kty": "oct", "k": "AA" }] } }),
            "burnt",
        ),
        (json!({ "jwks": private }), "burnt"),
        (json!({ "expires_at": "2099-01-01" }), "too far"),
    ] {
        let answer = manager.post(&path, &with(good.clone(), changes.clone()));
        assert_eq!(answer.status, 400, "{changes}: {}", answer.text);
        assert!(answer.text.contains(word), "{changes}: {}", answer.text);
    }
    for number in 0..20 {
        let one = with(good.clone(), json!({ "subject": format!("{SUBJECT}{number}") }));
        assert_eq!(manager.post(&path, &one).status, 201, "{number}");
    }
    assert_eq!(manager.post(&path, &good).status, 409, "twenty are enough");
    let secret = json!({ "name": "beside them", "expires_at": (Utc::now() + TimeDelta::days(9)).format("%Y-%m-%d").to_string() });
    let secrets = format!("/applications/{}/secrets", signer.id);
    assert_eq!(
        manager.post(&secrets, &secret).status,
        201,
        "secrets have their own limit"
    );
}

fn x02_a_signature_is_checked_against_ten_keys_and_no_more(demo: &Demo) {
    let cluster = Cluster::of(demo);
    let manager = manager(demo);
    let right = set(demo, 1)["keys"][0].clone();
    // Unrelated keys, all with the cluster's `kid`.
    let others: Vec<Value> = (1..=18)
        .map(|number| {
            let mut modulus = [0xFF_u8; 256];
            modulus[1] = number;
            json!({ "kty": "RSA", "kid": cluster.kid, "n": URL_SAFE_NO_PAD.encode(modulus), "e": "AQAB" })
        })
        .collect();
    for (before, status) in [(9, 200), (10, 401)] {
        let issuer = format!("{CLUSTER}/{before}");
        let keys: Vec<Value> = others[..before].iter().chain([&right]).cloned().collect();
        let (signer, _) = register(demo, &manager, &issuer, json!({ "keys": keys }));
        let answer = ask(demo, &signer, &cluster.token(&issuer, json!({})));
        assert_eq!(answer.status, status, "{before} before it: {}", answer.text);
    }
}

/// An HTTP server on loopback, which a demo allows.
struct Publisher {
    base: String,
    documents: Arc<Mutex<Vec<(String, String)>>>,
    asked: Arc<Mutex<usize>>,
}

impl Publisher {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let documents: Arc<Mutex<Vec<(String, String)>>> = Arc::default();
        let asked: Arc<Mutex<usize>> = Arc::default();
        let (served, count) = (Arc::clone(&documents), Arc::clone(&asked));
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut request = [0; 2048];
                let length = stream.read(&mut request).unwrap();
                let text = String::from_utf8_lossy(&request[..length]).into_owned();
                let path = text.split(' ').nth(1).unwrap_or_default().to_owned();
                *count.lock().unwrap() += 1;
                let found = served.lock().unwrap().iter().find(|one| one.0 == path).cloned();
                let answer = match found {
                    Some((_, body)) => format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len()),
                    None => "HTTP/1.1 302 Found\r\nlocation: /keys\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".to_owned(),
                };
                // The client may close the connection early.
                let _ = stream.write_all(answer.as_bytes());
            }
        });
        Self {
            base,
            documents,
            asked,
        }
    }

    /// Serves nothing at this path from now on.
    fn withdraw(&self, path: &str) {
        self.documents.lock().unwrap().retain(|one| one.0 != path);
    }

    fn publish(&self, path: &str, body: &Value) {
        self.withdraw(path);
        let mut documents = self.documents.lock().unwrap();
        documents.push((path.to_owned(), body.to_string()));
    }
}

fn an_issuer_is_asked_for_its_keys(demo: &Demo) {
    let cluster = Cluster::of(demo);
    let publisher = Publisher::start();
    publisher.publish(
        "/.well-known/openid-configuration",
        &json!({ "issuer": publisher.base, "jwks_uri": format!("{}/keys", publisher.base) }),
    );
    publisher.publish("/keys", &set(demo, 1));
    let signer = Signer::of(demo, "standard", "ES256");
    let manager = manager(demo);
    let body = json!({ "name": "cloud", "issuer": publisher.base, "subject": SUBJECT, "audience": AUDIENCE });
    let made = manager.post(
        &format!("/applications/{}/federated-credentials", signer.id),
        &body,
    );
    assert_eq!(made.status, 201, "{}", made.text);
    for _ in 0..20 {
        let answer = ask(demo, &signer, &cluster.token(&publisher.base, json!({})));
        assert_eq!(answer.status, 200, "{}", answer.text);
    }
    let asked = *publisher.asked.lock().unwrap();
    assert!(asked <= 2, "kept in memory: {asked}");
    // Whatever `kid`s tokens name, requests to the issuer are rate-limited.
    let unknown = Cluster {
        key: Cluster::of(demo).key,
        kid: "unknown".to_owned(),
    };
    for _ in 0..20 {
        assert_eq!(
            ask(demo, &signer, &unknown.token(&publisher.base, json!({}))).status,
            401
        );
    }
    assert!(*publisher.asked.lock().unwrap() <= 4);
    // A document that names another issuer is rejected, and so is one behind a redirect.
    let liar = Publisher::start();
    liar.publish(
        "/.well-known/openid-configuration",
        &json!({ "issuer": publisher.base, "jwks_uri": format!("{}/keys", publisher.base) }),
    );
    for issuer in [&liar.base, &Publisher::start().base] {
        let body = json!({ "name": "liar", "issuer": issuer, "subject": SUBJECT, "audience": AUDIENCE });
        let path = format!("/applications/{}/federated-credentials", signer.id);
        assert_eq!(manager.post(&path, &body).status, 201);
        assert_eq!(ask(demo, &signer, &cluster.token(issuer, json!({}))).status, 401);
    }
}

fn a_published_key_counts_until_it_disappears(demo: &Demo) {
    let publisher = Publisher::start();
    publisher.publish("/keys", &set(demo, 0));
    // The second client publishes the first one's key.
    let first = Signer::of(demo, "standard", "ES256");
    let second = Signer::of(demo, "standard", "PS256");
    let path = format!("/applications/{}/keys", second.id);
    let body = json!({ "name": "published", "jwks_uri": format!("{}/keys", publisher.base) });
    let manager = manager(demo);
    let made = manager.post(&path, &body);
    assert_eq!(made.status, 201, "{}", made.text);
    assert!(made.json()["kid"].is_null());
    let assertion = || {
        let claims = with(
            first.claims(&demo.base),
            json!({ "iss": second.id, "sub": second.id }),
        );
        first.sign(&first.header(), &claims)
    };
    let answer = Answer::of(crate::support::assertions::ask(demo, &second, &assertion()));
    assert_eq!(answer.status, 200, "{}", answer.text);
    for wrong in [
        "file:///etc/passwd",
        "http://192.0.2.1/keys",
        "https://user@example.org/keys",
    ] {
        let body = json!({ "name": "wrong", "jwks_uri": wrong });
        assert_eq!(manager.post(&path, &body).status, 400, "{wrong}");
    }
}

fn managers_are_told_once_a_day_of_keys_that_can_t_be_read(demo: &Demo) {
    let publisher = Publisher::start();
    publisher.publish("/keys", &set(demo, 0));
    let signer = Signer::of(demo, "standard", "PS256");
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let manager = manager(demo);
    for (name, url) in [
        ("silent", format!("http://{nobody}/keys")),
        ("published", format!("{}/keys", publisher.base)),
    ] {
        let made = manager.post(
            &format!("/applications/{}/keys", signer.id),
            &json!({ "name": name, "jwks_uri": url }),
        );
        assert_eq!(made.status, 201, "{}", made.text);
    }
    let told = || {
        let mails = written(demo, &person(demo).email).into_iter();
        mails
            .filter(|mail| mail.contains("can't be read"))
            .collect::<Vec<_>>()
    };
    assert!(told().is_empty(), "nobody has looked since");
    let variables = [
        ("WMDA_AUTH__MAIL__INTERVAL_SECONDS", "1"),
        ("WMDA_AUTH__WEBHOOKS__ALLOW_PRIVATE", "true"),
    ];
    let first = Serving::start(demo, &variables);
    eventually(|| !told().is_empty());
    let second = Serving::start(demo, &variables);
    eventually(|| second.log().contains("can't be read"));
    thread::sleep(std::time::Duration::from_secs(3));
    let [mail] = &told()[..] else {
        panic!("one mail of several nodes: {} {}", first.log(), second.log());
    };
    let said = ["Urgent: the keys of \"silent\" can't be read", "with this key"];
    assert!(said.iter().all(|part| mail.contains(part)), "{mail}");
}

/// Backdates a cached JWK Set to this age.
async fn age(demo: &Demo, place: &KeyPlace, age: TimeDelta) {
    let store = demo.store();
    let (jwks, _) = store.published_keys(place.clone()).await.unwrap().unwrap();
    let forgotten = store.forget_published_keys(HashSet::new(), Utc::now() + TimeDelta::hours(1));
    forgotten.await.unwrap();
    let kept = store.keep_published_keys(place.clone(), jwks, Utc::now() - age);
    assert!(kept.await.unwrap());
}

fn keys_that_were_read_count_for_a_day_on_nodes_that_start_while_their_publisher_is_away(demo: &Demo) {
    let publisher = Publisher::start();
    publisher.publish("/keys", &set(demo, 0));
    let first = Signer::of(demo, "standard", "ES256");
    let second = Signer::of(demo, "standard", "PS256");
    let url = format!("{}/keys", publisher.base);
    let manager = manager(demo);
    let path = format!("/applications/{}/keys", second.id);
    let made = manager.post(&path, &json!({ "name": "published", "jwks_uri": url }));
    assert_eq!(made.status, 201, "{}", made.text);
    let status = |token_url: String| {
        let own = json!({ "iss": second.id, "sub": second.id });
        let assertion = first.sign(&first.header(), &with(first.claims(&demo.base), own));
        let body = body(&assertion, &format!("&resource={}", second.resource));
        let request = http().post(token_url).header("content-type", FORM);
        Answer::of(request.body(body)).status
    };
    assert_eq!(status(demo.url("/oauth2/token")), 200);
    publisher.withdraw("/keys");
    let start = || Serving::start(demo, &[("WMDA_AUTH__WEBHOOKS__ALLOW_PRIVATE", "true")]);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    let place = KeyPlace::Set(url);
    for (hours, expected) in [(0, 200), (23, 200), (25, 401)] {
        runtime.block_on(age(demo, &place, TimeDelta::hours(hours)));
        let node = start();
        assert_eq!(status(node.url("/oauth2/token")), expected, "after {hours} h");
        eventually(|| node.log().contains("can't be read"));
    }
    let id = made.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(manager.delete(&format!("{path}/{id}")).status, 204);
    let _node = start();
    eventually(|| {
        let kept = runtime.block_on(demo.store().published_keys(place.clone()));
        kept.unwrap().is_none()
    });
}
