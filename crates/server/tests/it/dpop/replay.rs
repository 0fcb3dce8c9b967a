//! Replay protection of proofs across nodes, and nonces that are valid on all of them.

use std::thread;

use keystore::Algorithm;
use serde_json::json;

use super::ask;
use crate::support::{Answer, Demo, FORM, http, node::Node, postgres_database, proofs::ProofKey};

on_both! {
    d01_a_proof_is_good_for_one_token
}

fn d01_a_proof_is_good_for_one_token(demo: &Demo) {
    let key = ProofKey::new(Algorithm::ES256);
    let draft = key.draft("POST", &demo.url("/oauth2/token"));
    let proof = draft.signed();
    // A request that fails for another reason does not use up the proof.
    let refused = demo.token(format!("{}&scope=nothing", demo.upload.body()));
    let refused = Answer::of(refused.header("DPoP", &proof));
    assert_eq!(refused.error(), "invalid_scope", "{}", refused.text);
    let answers: Vec<Answer> = thread::scope(|scope| {
        let asking: Vec<_> = (0..16).map(|_| scope.spawn(|| ask(demo, &proof))).collect();
        asking.into_iter().map(|one| one.join().unwrap()).collect()
    });
    let given = answers.iter().filter(|answer| answer.status == 200).count();
    assert_eq!(given, 1, "one of sixteen at once");
    for refused in answers.iter().filter(|answer| answer.status != 200) {
        assert_eq!(
            (refused.status, refused.error().as_str()),
            (400, "invalid_dpop_proof")
        );
    }
    // A proof under another key may have the same `jti`.
    let other = ProofKey::new(Algorithm::ES256);
    let mut same = other.draft("POST", &demo.url("/oauth2/token"));
    same.claims["jti"] = draft.claims["jti"].clone();
    assert_eq!(ask(demo, &same.signed()).status, 200);
}

#[test]
fn d01_a_proof_is_used_once_on_all_nodes_and_after_a_restart() {
    let demo = Demo::start(Some(&postgres_database()));
    let key = ProofKey::new(Algorithm::ES256);
    let proof = key.proof("POST", &demo.url("/oauth2/token"));
    assert_eq!(ask(&demo, &proof).status, 200);
    let elsewhere = |node: &Node, proof: &str| {
        let request = http()
            .post(format!("{}/oauth2/token", node.base))
            .header("content-type", FORM)
            .header("DPoP", proof);
        Answer::of(request.body(demo.upload.body()))
    };
    let node = Node::beside(&demo, &[]);
    let replayed = elsewhere(&node, &proof);
    assert_eq!(replayed.error(), "invalid_dpop_proof", "{}", replayed.text);
    assert_eq!(
        elsewhere(&node, &key.proof("POST", &demo.url("/oauth2/token"))).status,
        200
    );
    drop(node);
    let again = Node::beside(&demo, &[]);
    assert_eq!(elsewhere(&again, &proof).error(), "invalid_dpop_proof");
}

#[test]
fn d01_a_nonce_is_asked_for_where_configured_and_good_on_every_node() {
    let required = [("WMDA_AUTH__TOKENS__DPOP_NONCE", "required")];
    let demo = Demo::start_with(Some(&postgres_database()), &required);
    let url = demo.url("/oauth2/token");
    let key = ProofKey::new(Algorithm::PS256);
    let with = |nonce: &str| {
        let mut draft = key.draft("POST", &url);
        draft.claims["nonce"] = json!(nonce);
        draft.signed()
    };
    let first = ask(&demo, &key.proof("POST", &url));
    assert_eq!(
        (first.status, first.error().as_str()),
        (400, "use_dpop_nonce"),
        "{}",
        first.text
    );
    let nonce = first.header("dpop-nonce").to_owned();
    assert!(!nonce.is_empty());
    let answer = ask(&demo, &with(&nonce));
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert!(!answer.header("dpop-nonce").is_empty(), "the next one");
    for bad in ["", "AAAA", &nonce[1..], &format!("{nonce}A")] {
        let answer = ask(&demo, &with(bad));
        assert_eq!(answer.error(), "use_dpop_nonce", "{bad}");
        assert!(!answer.header("dpop-nonce").is_empty());
    }
    // A node that requires no nonce accepts one of another node, and rejects a forged one.
    let node = Node::beside(&demo, &[]);
    let elsewhere = |proof: String| {
        let request = http().post(format!("{}/oauth2/token", node.base));
        let request = request.header("content-type", FORM).header("DPoP", proof);
        Answer::of(request.body(demo.upload.body()))
    };
    assert_eq!(elsewhere(with(&nonce)).status, 200);
    assert_eq!(elsewhere(with("AAAA")).error(), "use_dpop_nonce");
    assert_eq!(elsewhere(key.proof("POST", &url)).status, 200);
    assert_eq!(
        Answer::of(demo.token(demo.upload.body())).status,
        200,
        "who sends no proof needs no nonce"
    );
}
