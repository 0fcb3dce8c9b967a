//! Replay protection of assertions: concurrently, on all nodes, and across restarts.

use std::{
    net::TcpListener,
    process::{Child, Stdio},
    thread,
    time::Duration,
};

use serde_json::json;

use crate::support::{
    Answer, Demo, FORM,
    assertions::{Signer, ask, body, with},
    binary, http, wait_until,
};

on_both! {
    k02_of_a_hundred_requests_with_one_assertion_one_gets_a_token
    k02_a_used_assertion_is_used_on_every_node_and_after_a_restart
    k02_an_assertion_is_used_up_by_a_request_that_gets_no_token
}

fn k02_of_a_hundred_requests_with_one_assertion_one_gets_a_token(demo: &Demo) {
    let signer = Signer::of(demo, "standard", "ES256");
    let assertion = signer.assertion(&demo.base);
    let statuses: Vec<u16> = thread::scope(|scope| {
        let threads: Vec<_> = (0..100)
            .map(|_| scope.spawn(|| Answer::of(ask(demo, &signer, &assertion)).status))
            .collect();
        threads.into_iter().map(|one| one.join().unwrap()).collect()
    });
    let of = |status: u16| statuses.iter().filter(|one| **one == status).count();
    assert_eq!(of(200), 1, "{statuses:?}");
    assert_eq!(of(401) + of(503) + of(429), 99, "{statuses:?}");
}

fn k02_an_assertion_is_used_up_by_a_request_that_gets_no_token(demo: &Demo) {
    let signer = Signer::of(demo, "standard", "ES256");
    let assertion = signer.assertion(&demo.base);
    let refused = demo.token(body(&assertion, "&resource=urn:nothing"));
    assert_eq!(Answer::of(refused).status, 400);
    let answer = Answer::of(ask(demo, &signer, &assertion));
    assert_eq!((answer.status, answer.error().as_str()), (401, "invalid_client"));
    assert!(
        answer.json()["error_description"]
            .as_str()
            .unwrap()
            .contains("used before")
    );
    // The same `jti` is accepted from another client, and in another form.
    let other = Signer::of(demo, "standard", "PS256");
    let claims = with(other.claims(&demo.base), json!({ "jti": "the same" }));
    assert_eq!(
        Answer::of(ask(demo, &other, &other.sign(&other.header(), &claims))).status,
        200
    );
    let claims = with(signer.claims(&demo.base), json!({ "jti": "the same" }));
    assert_eq!(
        Answer::of(ask(demo, &signer, &signer.sign(&signer.header(), &claims))).status,
        200
    );
}

/// Another node on the same database with the same issuer; killed on drop.
struct Node {
    address: String,
    child: Child,
}

impl Node {
    fn start(demo: &Demo) -> Self {
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = free.local_addr().unwrap().to_string();
        drop(free);
        let data = demo.data_dir();
        let child = binary()
            .arg("serve")
            .current_dir(&data)
            .env("WMDA_AUTH__SERVER__BIND", &address)
            .env("WMDA_AUTH__SERVER__PUBLIC_URL", &demo.base)
            .env("WMDA_AUTH__DATABASE__URL", demo.database_url())
            .env("WMDA_AUTH__KEYS__DIR", data.join("keys"))
            .env("WMDA_AUTH__SECRETS__PEPPER_FILE", data.join("pepper"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let node = Self { address, child };
        let ready = || {
            let answer = http().get(node.url("/readyz")).send();
            answer.is_ok_and(|answer| answer.status().is_success())
        };
        assert!(wait_until(Duration::from_secs(20), ready));
        node
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    fn status(&self, signer: &Signer, assertion: &str) -> u16 {
        let body = body(assertion, &format!("&resource={}", signer.resource));
        let request = http()
            .post(self.url("/oauth2/token"))
            .header("content-type", FORM);
        Answer::of(request.body(body)).status
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn k02_a_used_assertion_is_used_on_every_node_and_after_a_restart(demo: &Demo) {
    let signer = Signer::of(demo, "standard", "ES256");
    let (here, there) = (signer.assertion(&demo.base), signer.assertion(&demo.base));
    let node = Node::start(demo);
    assert_eq!(Answer::of(ask(demo, &signer, &here)).status, 200);
    assert_eq!(node.status(&signer, &here), 401);
    assert_eq!(node.status(&signer, &there), 200);
    assert_eq!(Answer::of(ask(demo, &signer, &there)).status, 401);
    drop(node);
    let node = Node::start(demo);
    for used in [&here, &there] {
        assert_eq!(node.status(&signer, used), 401, "after a restart");
    }
}
