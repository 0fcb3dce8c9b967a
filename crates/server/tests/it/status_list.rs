//! S-01 over HTTP: the status list that the running server publishes, decoded as draft-ietf-oauth-status-list-20
//! says.

use std::{collections::BTreeSet, io::Read};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use flate2::read::ZlibDecoder;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, jwk::JwkSet};
use serde_json::{Value, json};

use crate::support::{Answer, Credentials, Demo, http, people::Person};

/// The length of a list: 131,072 statuses of two bits, however many secrets there are.
const LENGTH: usize = 131_072;

/// Header and claims of a JWT, verified with the server's keys.
fn verified(demo: &Demo, token: &str) -> (Value, Value) {
    let keys: JwkSet = serde_json::from_str(&demo.get("/oauth2/jwks").text).unwrap();
    let header = jsonwebtoken::decode_header(token).unwrap();
    let key = keys.find(header.kid.as_deref().unwrap()).unwrap();
    let mut validation = Validation::new(header.alg);
    validation.validate_aud = false;
    let key = DecodingKey::from_jwk(key).unwrap();
    let claims = jsonwebtoken::decode::<Value>(token, &key, &validation)
        .unwrap()
        .claims;
    let header = URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap();
    (serde_json::from_slice(&header).unwrap(), claims)
}

fn token(demo: &Demo, client: &Credentials) -> Value {
    let body = format!("{}&resource={}", client.body(), client.resources[0]);
    let answer = Answer::of(demo.token(body));
    verified(demo, answer.json()["access_token"].as_str().unwrap()).1
}

/// §4.1: two bits per credential, the least significant ones of each byte first; §4.2: zlib, base64url.
pub fn statuses(claims: &Value) -> Vec<u8> {
    let packed = URL_SAFE_NO_PAD.decode(claims["status_list"]["lst"].as_str().unwrap());
    let mut bytes = Vec::new();
    ZlibDecoder::new(&packed.unwrap()[..])
        .read_to_end(&mut bytes)
        .unwrap();
    assert_eq!(bytes.len() * 4, LENGTH);
    (0..LENGTH)
        .map(|index| bytes[index / 4] >> (index % 4 * 2) & 0b11)
        .collect()
}

/// The status at an index of the list that the server publishes now.
pub fn status_of(demo: &Demo, index: usize) -> u8 {
    statuses(&verified(demo, &demo.get("/oauth2/statuslists/0").text).1)[index]
}

/// The status index of a client's secret.
pub fn index_of(demo: &Demo, client: &Credentials) -> usize {
    let index = &token(demo, client)["status"]["status_list"]["idx"];
    usize::try_from(index.as_u64().unwrap()).unwrap()
}

/// The indexes that are not VALID; none may be SUSPENDED.
fn set_bits(claims: &Value) -> BTreeSet<usize> {
    let statuses = statuses(claims);
    assert!(statuses.iter().all(|status| *status < 2), "VALID or INVALID");
    (0..LENGTH).filter(|index| statuses[*index] == 1).collect()
}

#[test]
fn s01_the_list_is_a_signed_token_of_its_own_kind_about_its_own_address() {
    let demo = Demo::sqlite();
    let claims = token(&demo, &demo.search);
    let (place, uri) = (
        &claims["status"]["status_list"],
        demo.url("/oauth2/statuslists/0"),
    );
    assert_eq!(place["uri"], uri.as_str());
    assert!(place["idx"].as_u64().unwrap() < LENGTH as u64);
    let answer = demo.get("/oauth2/statuslists/0");
    assert_eq!(answer.header("content-type"), "application/statuslist+jwt");
    let (header, list) = verified(&demo, &answer.text);
    assert_eq!(header["typ"], "statuslist+jwt");
    assert_eq!(header["alg"], format!("{:?}", Algorithm::ES256));
    let mut names: Vec<&String> = list.as_object().unwrap().keys().collect();
    names.sort();
    assert_eq!(names, ["exp", "iat", "status_list", "sub", "ttl"]);
    assert_eq!(list["sub"], uri.as_str());
    assert_eq!(list["ttl"], 10);
    let now = chrono::Utc::now().timestamp();
    let issued_at = list["iat"].as_i64().unwrap();
    assert!(
        (now - 305..=now - 300).contains(&issued_at),
        "for validators with slow clocks"
    );
    assert_eq!(list["exp"], issued_at + 360, "a minute from now");
    assert_eq!(list["status_list"]["bits"], 2);
    // §9: all lists are named in the aggregation, which the metadata and each list link to.
    let all = demo.url("/oauth2/statuslists");
    assert_eq!(list["status_list"]["aggregation_uri"], all);
    let metadata = demo.get("/.well-known/oauth-authorization-server").json();
    assert_eq!(metadata["status_list_aggregation_endpoint"], all);
    let answer = demo.get("/oauth2/statuslists");
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(answer.json(), json!({ "status_lists": [uri] }));
    set_bits(&list);
    // §8.4: historical lists are not supported.
    assert_eq!(demo.get("/oauth2/statuslists/0?time=1686925000").status, 501);
}

/// RFC 9110 §13.1.2, RFC 9111 §5.2.2.7: a shared cache would add its age to the validator's.
#[test]
fn s01_the_list_is_kept_by_the_validator_alone_and_asked_about_by_its_tag() {
    let demo = Demo::sqlite();
    let ask = |tag: &str| {
        let request = http().get(demo.url("/oauth2/statuslists/0"));
        Answer::of(request.header("if-none-match", tag))
    };
    // The list is renewed twice a second, so the second request may come just too late.
    let again = (0..5).find_map(|_| {
        let first = demo.get("/oauth2/statuslists/0");
        assert_eq!(first.header("cache-control"), "private, max-age=10");
        let tag = first.header("etag").to_owned();
        assert!(tag.starts_with('"') && tag.len() > 30, "{tag}");
        let again = ask(&tag);
        (again.status == 304).then_some((again, tag))
    });
    let (again, tag) = again.expect("the tag is never known again");
    assert_eq!((again.text.as_str(), again.header("etag")), ("", tag.as_str()));
    assert_eq!(again.header("cache-control"), "private, max-age=10");
    assert_eq!(ask("\"another\"").status, 200);
}

#[test]
fn s01_a_list_that_is_read_after_the_answer_to_a_delete_has_the_secrets_bit_set_and_no_other() {
    let demo = Demo::sqlite();
    let manager = Person::of(&demo, "credential_manager", 0).sign_in(&demo);
    let bits = || set_bits(&verified(&demo, &demo.get("/oauth2/statuslists/0").text).1);
    let expiry = (chrono::Utc::now() + chrono::TimeDelta::days(9)).format("%Y-%m-%d");
    let body = json!({ "name": "status", "expires_at": expiry.to_string() });
    let secrets = format!("/applications/{}/secrets", demo.search.id);
    for _ in 0..5 {
        let made = manager.post(&secrets, &body).json();
        let text = |name: &str| made[name].as_str().unwrap().to_owned();
        let client = Credentials {
            secret: text("secret"),
            ..demo.search.clone()
        };
        let index = token(&demo, &client)["status"]["status_list"]["idx"].clone();
        let mut before = bits();
        assert_eq!(manager.delete(&format!("{secrets}/{}", text("id"))).status, 204);
        before.insert(index.as_u64().unwrap() as usize);
        assert_eq!(bits(), before);
    }
}

/// Making a list reads the database: unused lists are not made, however many requests ask for them.
#[test]
fn a_list_that_no_secret_is_on_is_not_made() {
    let demo = Demo::sqlite();
    let status = |number: &str| demo.get(&format!("/oauth2/statuslists/{number}")).status;
    assert_eq!((status("0"), status("1")), (200, 200), "in use, and next");
    for absent in ["2", "999", "1000", "-1", "00x", "9223372036854775807"] {
        assert_eq!(status(absent), 404, "{absent}");
    }
}
