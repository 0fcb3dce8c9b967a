//! The demo's resource server, which validates tokens with the `verifier` crate: RFC 9449 §7, and the modules of the
//! FAPI 2.0 conformance suite that call an API.

use chrono::Utc;
use keystore::Algorithm;
use reqwest::blocking::RequestBuilder;
use serde_json::{Value, json};

use crate::support::{
    Answer, Demo, http,
    proofs::{Draft, ProofKey, encoded, hash},
};

/// A caller with a bound token.
struct Caller<'a> {
    demo: &'a Demo,
    url: String,
    key: ProofKey,
    token: String,
}

impl<'a> Caller<'a> {
    fn new(demo: &'a Demo, algorithm: Algorithm) -> Self {
        let key = ProofKey::new(algorithm);
        let proof = key.proof("POST", &demo.url("/oauth2/token"));
        let answer = Answer::of(demo.token(demo.upload.body()).header("DPoP", proof));
        assert_eq!(answer.status, 200, "{}", answer.text);
        Self {
            demo,
            url: demo.summary["api_url"].as_str().unwrap().to_owned(),
            token: answer.json()["access_token"].as_str().unwrap().to_owned(),
            key,
        }
    }

    fn draft(&self) -> Draft<'_> {
        let mut draft = self.key.draft("GET", &self.url);
        draft.claims["ath"] = json!(hash(&self.token));
        draft
    }

    fn request(&self, scheme: &str) -> RequestBuilder {
        http()
            .get(&self.url)
            .header("authorization", format!("{scheme} {}", self.token))
    }

    fn call(&self, proofs: &[String]) -> Answer {
        let request = self.request("DPoP");
        Answer::of(
            proofs
                .iter()
                .fold(request, |request, proof| request.header("DPoP", proof)),
        )
    }

    #[track_caller]
    fn is_let_in(&self, what: &str, proof: String) {
        let answer = self.call(&[proof]);
        assert_eq!(
            answer.status,
            200,
            "{what}: {}",
            answer.header("www-authenticate")
        );
        assert_eq!(answer.json()["client_id"], *self.demo.upload.id, "{what}");
    }

    #[track_caller]
    fn is_refused(&self, what: &str, proofs: &[String]) {
        let answer = self.call(proofs);
        let challenge = answer.header("www-authenticate");
        assert_eq!(answer.status, 401, "{what}");
        assert!(
            challenge.starts_with("DPoP error=\"invalid_"),
            "{what}: {challenge}"
        );
        assert!(
            challenge.contains("algs=\"ES256 PS256 EdDSA\""),
            "{what}: {challenge}"
        );
    }
}

#[test]
fn d02_the_api_lets_bearer_tokens_and_bound_ones_in_each_in_its_way() {
    let demo = Demo::sqlite();
    let bearer = Answer::of(demo.token(demo.upload.body())).json();
    let bearer = bearer["access_token"].as_str().unwrap().to_owned();
    for algorithm in [Algorithm::ES256, Algorithm::PS256, Algorithm::EdDSA] {
        let caller = Caller::new(&demo, algorithm);
        caller.is_let_in(algorithm.name(), caller.draft().signed());
        let lower = caller.request("dpop").header("DPOP", caller.draft().signed());
        assert_eq!(Answer::of(lower).status, 200, "a scheme folds case");
        let answer = Answer::of(caller.request("Bearer"));
        assert_eq!(answer.status, 401, "a bound token is no bearer token");
        assert!(
            answer
                .header("www-authenticate")
                .starts_with("DPoP error=\"invalid_token\"")
        );
        let proven = Answer::of(caller.request("Bearer").header("DPoP", caller.draft().signed()));
        assert_eq!(proven.status, 401, "also beside a proof");
        let unbound = Caller {
            token: bearer.clone(),
            ..caller
        };
        unbound.is_refused("a bearer token with a proof", &[unbound.draft().signed()]);
    }
    let url = demo.summary["api_url"].as_str().unwrap();
    let ask = |token: &str| {
        Answer::of(
            http()
                .get(url)
                .bearer_auth(token)
                .header("x-fapi-interaction-id", "i"),
        )
    };
    let answer = ask(&bearer);
    assert_eq!(answer.json()["client_id"], *demo.upload.id);
    assert_eq!(
        (&answer.json()["bound_to"], answer.header("x-fapi-interaction-id")),
        (&Value::Null, "i")
    );
    let refused = ask("x");
    assert!(
        refused
            .header("www-authenticate")
            .starts_with("Bearer error=\"invalid_token\"")
    );
    assert_eq!(
        (refused.status, refused.header("x-fapi-interaction-id")),
        (401, "i")
    );
}

/// RFC 9728: a refusal links to the metadata with the authorization server.
#[test]
fn the_api_says_where_its_tokens_come_from() {
    let demo = Demo::sqlite();
    let url = demo.summary["api_url"].as_str().unwrap();
    let answer = Answer::of(http().get(url));
    let challenges = answer.headers.get_all("www-authenticate").iter();
    let challenges: Vec<&str> = challenges.map(|one| one.to_str().unwrap()).collect();
    let metadata = demo.url("/.well-known/oauth-protected-resource/demo/api");
    assert_eq!(answer.status, 401);
    assert_eq!(
        challenges,
        [
            format!("Bearer resource_metadata=\"{metadata}\""),
            format!("DPoP algs=\"ES256 PS256 EdDSA\", resource_metadata=\"{metadata}\""),
        ]
    );
    let document = Answer::of(http().get(metadata)).json();
    assert_eq!(document["resource"], url);
    assert_eq!(document["authorization_servers"], json!([demo.base]));
    assert_eq!(
        document["dpop_signing_alg_values_supported"],
        json!(["ES256", "PS256", "EdDSA"])
    );
}

type Spoil = fn(&mut Draft<'_>);

fn remove(object: &mut Value, name: &str) {
    object.as_object_mut().unwrap().remove(name);
}

/// The bad proofs of the conformance suite's module, in its order, and some more.
const SPOILT: &[(&str, Spoil)] = &[
    ("no typ", |draft| remove(&mut draft.header, "typ")),
    ("no alg", |draft| remove(&mut draft.header, "alg")),
    ("no jwk", |draft| remove(&mut draft.header, "jwk")),
    ("no jti", |draft| remove(&mut draft.claims, "jti")),
    ("no htm", |draft| remove(&mut draft.claims, "htm")),
    ("no htu", |draft| remove(&mut draft.claims, "htu")),
    ("no iat", |draft| remove(&mut draft.claims, "iat")),
    ("no ath", |draft| remove(&mut draft.claims, "ath")),
    ("another typ", |draft| draft.header["typ"] = json!("jwt+dpop")),
    ("alg none", |draft| draft.header["alg"] = json!("none")),
    ("alg RS256", |draft| draft.header["alg"] = json!("RS256")),
    ("alg HS256", |draft| draft.header["alg"] = json!("HS256")),
    ("a private key", |draft| draft.header["jwk"]["d"] = json!("AA")),
    ("another method", |draft| draft.claims["htm"] = json!("PUT")),
    ("another address", |draft| {
        draft.claims["htu"] = json!("https://evil.example/demo/api")
    }),
    ("the token endpoint's address", |draft| {
        let url = draft.claims["htu"]
            .as_str()
            .unwrap()
            .replace("/demo/api", "/oauth2/token");
        draft.claims["htu"] = json!(url);
    }),
    ("an hour ahead", |draft| {
        draft.claims["iat"] = json!(Utc::now().timestamp() + 3_600)
    }),
    ("an hour ago", |draft| {
        draft.claims["iat"] = json!(Utc::now().timestamp() - 3_600)
    }),
    ("another token's hash", |draft| {
        draft.claims["ath"] = json!(hash("another"))
    }),
    ("ath in another form", |draft| {
        draft.claims["ath"] = json!(format!("{}=", draft.claims["ath"].as_str().unwrap()));
    }),
    ("ath as a list", |draft| {
        draft.claims["ath"] = json!([draft.claims["ath"]])
    }),
    ("a critical header", |draft| draft.header["crit"] = json!(["exp"])),
    ("iat as text", |draft| {
        draft.claims["iat"] = json!(draft.claims["iat"].to_string())
    }),
];

#[test]
fn d01_the_api_refuses_every_bad_proof_and_then_still_takes_a_good_one() {
    let demo = Demo::sqlite();
    let caller = Caller::new(&demo, Algorithm::ES256);
    for (name, spoil) in SPOILT {
        let mut draft = caller.draft();
        spoil(&mut draft);
        caller.is_refused(name, &[draft.signed()]);
    }
    let good = caller.draft().signed();
    caller.is_refused("no proof", &[]);
    caller.is_refused("two proofs", &[caller.draft().signed(), good.clone()]);
    caller.is_refused("no JWT", &["proof".to_owned()]);
    let (head, signature) = good.rsplit_once('.').unwrap();
    caller.is_refused(
        "a spoilt signature",
        &[format!("{head}.{}", signature.replace(['a', 'b', 'c'], "d"))],
    );
    caller.is_refused("no signature", &[format!("{head}.")]);
    let none = json!({ "typ": "dpop+jwt", "alg": "none", "jwk": caller.key.jwk });
    caller.is_refused(
        "alg none",
        &[format!("{}.{}.", encoded(&none), encoded(&caller.draft().claims))],
    );
    let thief = ProofKey::new(Algorithm::ES256);
    caller.is_refused("another key", &[thief.proof_with(&caller.token, &caller.url)]);
    caller.is_let_in("a good one", good.clone());
    caller.is_refused("the same again", &[good]);
    caller.is_let_in("the next", caller.draft().signed());
}

#[test]
fn d01_the_api_takes_proofs_that_write_its_address_otherwise() {
    let demo = Demo::sqlite();
    let caller = Caller::new(&demo, Algorithm::EdDSA);
    let at = |change: fn(&str) -> String| {
        let mut draft = caller.draft();
        draft.claims["htu"] = json!(change(&caller.url));
        draft.signed()
    };
    caller.is_let_in("a query and a fragment", at(|url| format!("{url}?a=b#c")));
    caller.is_let_in("capitals", at(|url| url.replace("http", "HTTP")));
    caller.is_let_in("dots", at(|url| url.replace("/demo", "/x/../%64emo")));
    for seconds in [-10, 10] {
        let mut draft = caller.draft();
        draft.claims["iat"] = json!(Utc::now().timestamp() + seconds);
        caller.is_let_in("a clock that is off", draft.signed());
    }
    let by_address = Answer::of(http().get(&caller.url).query(&[("access_token", &caller.token)]));
    assert_eq!(
        by_address.status, 401,
        "FAPI 2.0 section 5.3.4: no token in an address"
    );
    for accepted in ["application/json;charset=UTF-8", "*/*"] {
        let asked = caller.request("DPoP").header("accept", accepted);
        let answer = Answer::of(asked.header("DPoP", caller.draft().signed()));
        assert_eq!(answer.status, 200, "{accepted}");
        assert!(answer.headers.contains_key("date"), "RFC 9110 section 6.6.1");
    }
    let asked = caller.request("DPoP").query(&[("a", "b")]);
    assert_eq!(
        Answer::of(asked.header("DPoP", caller.draft().signed())).status,
        200
    );
}

/// The API asks the server itself for keys and status lists, over TLS too.
#[test]
fn d02_the_api_works_over_tls() {
    let demo = Demo::tls();
    let authority = std::fs::read(demo.summary["ca_file"].as_str().unwrap()).unwrap();
    let client = reqwest::blocking::Client::builder()
        .add_root_certificate(reqwest::Certificate::from_pem(&authority).unwrap())
        .no_proxy()
        .build()
        .unwrap();
    let form = ("content-type", crate::support::FORM);
    let asked = client.post(demo.url("/oauth2/token")).header(form.0, form.1);
    let token = Answer::of(asked.body(demo.upload.body())).json();
    let token = token["access_token"].as_str().unwrap().to_owned();
    let url = demo.summary["api_url"].as_str().unwrap();
    let answer = Answer::of(client.get(url).bearer_auth(token));
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.json()["client_id"], *demo.upload.id);
}
