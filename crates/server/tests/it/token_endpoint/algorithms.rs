//! Every signing algorithm of a resource, from the change of the resource to the token that an API verifies: J-01,
//! M-03.

use std::collections::BTreeMap;

use jsonwebtoken::{decode_header, jwk::JwkSet};
use serde_json::{Value, json};

use super::{check::*, tokens::verified};
use crate::support::{Answer, Demo, people::Person};

on_both! {
    j01_a_resource_gets_tokens_of_the_algorithm_that_it_asks_for
}

fn published(demo: &Demo) -> BTreeMap<String, Value> {
    let set = demo.get("/oauth2/jwks").json();
    let keys = set["keys"].as_array().unwrap().iter();
    keys.map(|key| (key["alg"].as_str().unwrap().to_owned(), key.clone()))
        .collect()
}

fn j01_a_resource_gets_tokens_of_the_algorithm_that_it_asks_for(demo: &Demo) {
    let admin = Person::of(demo, "admin", 0).sign_in(demo);
    let resource = &demo.search.resources[0];
    let body = format!("{}&resource={resource}", demo.search.body());
    let first: Vec<_> = published(demo).into_keys().collect();
    assert_eq!(
        first,
        ["ES256", "RS256"],
        "keys of others are made when asked for"
    );
    for algorithm in ["EdDSA", "PS256", "RS256", "ES256"] {
        let changed = admin.patch(
            &format!("/resources/{resource}"),
            &json!({ "signing_algorithm": algorithm }),
        );
        assert_eq!(changed.status, 200, "{}", changed.text);
        assert_eq!(changed.json()["signing_algorithm"], algorithm);
        let token = access_token(&Answer::of(demo.token(&*body)));
        let header = decode_header(&token).unwrap();
        assert_eq!(format!("{:?}", header.alg), algorithm);
        assert_eq!(verified(demo, &token, resource)["aud"], **resource);
        let server = demo.resource_server(resource);
        let asked = demo
            .post("/oauth2/introspect", format!("token={token}"))
            .basic_auth(&server.id, Some(&server.secret));
        assert_eq!(Answer::of(asked).json()["active"], true, "{algorithm}");
    }
    let okp = &published(demo)["EdDSA"];
    assert_eq!(
        (&okp["kty"], &okp["crv"]),
        (&json!("OKP"), &json!("Ed25519")),
        "RFC 8037"
    );
    let set: JwkSet = serde_json::from_value(json!({ "keys": [okp] })).unwrap();
    let thumbprint = set.keys[0].thumbprint(jsonwebtoken::jwk::ThumbprintHash::SHA256);
    assert_eq!(okp["kid"], thumbprint.unwrap(), "RFC 7638");
}

#[test]
fn s01_status_lists_and_tokens_are_signed_with_the_servers_default() {
    let demo = Demo::start_with(None, &[("WMDA_AUTH__TOKENS__SIGNING_ALGORITHM", "EdDSA")]);
    let resource = &demo.search.resources[0];
    let token = access_token(&Answer::of(
        demo.token(format!("{}&resource={resource}", demo.search.body())),
    ));
    let list = demo.get("/oauth2/statuslists/0");
    for signed in [&token, &list.text] {
        let header = decode_header(signed).unwrap();
        assert_eq!(header.alg, jsonwebtoken::Algorithm::EdDSA);
        assert!(published(&demo)["EdDSA"]["kid"] == header.kid.unwrap());
    }
}
