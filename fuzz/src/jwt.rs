//! Access tokens, as the `verifier` and introspection (`keystore`) read them.

use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use keystore::{Algorithm, KeyFolder, KeySet};
use serde_json::Value;

use crate::{
    issuer::{self, AUDIENCE, NOW},
    status_list,
};

/// The server's own keys, as introspection has them.
static KEYS: LazyLock<KeySet> = LazyLock::new(|| {
    let folder = tempfile::tempdir().expect("a folder");
    let keys = KeyFolder::new(folder.path().to_owned());
    keys.add(Algorithm::ES256, now()).expect("a key");
    keys.load_any().expect("keys")
});

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(NOW, 0).expect("a time")
}

/// The first byte says what the rest is: a whole token, the claims or the header of a token that is signed by the right key, or claims
/// that the server itself signs.
pub fn jwt(data: &[u8]) {
    let Some((kind, rest)) = data.split_first() else {
        return;
    };
    match kind % 4 {
        0 => foreign_token(rest),
        1 => signed_claims(rest),
        2 => signed_header(rest),
        _ => own_claims(rest),
    }
}

/// Nobody without the key makes a token that is accepted.
fn foreign_token(text: &[u8]) {
    let Ok(token) = std::str::from_utf8(text) else {
        return;
    };
    assert!(issuer::judge(token, "").is_err());
    assert!(KEYS.verify::<Value>(token, now()).is_none());
}

/// Claims are accepted for this audience, before their end, and for a client that calls for itself.
fn signed_claims(payload: &[u8]) {
    let token = issuer::sign(&issuer::header("at+jwt"), payload);
    let Ok(good) = issuer::judge(&token, &status_list::of_nobody()) else {
        return;
    };
    assert_eq!(good.audience(), AUDIENCE);
    assert!(good.expires_at() > NOW - 60);
    let claims: Value = serde_json::from_slice(payload).expect("what was accepted is JSON");
    assert_eq!(claims["sub"], good.client_id());
}

/// RFC 8725 §3.1, RFC 7515 §4.1.11: the algorithm is the key's, and no critical parameter is passed over. `KID` stands for the key's
/// name, which is another one in each process.
fn signed_header(header: &[u8]) {
    let header = String::from_utf8_lossy(header).replace("KID", issuer::kid());
    let token = issuer::sign(header.as_bytes(), issuer::claims(0).to_string().as_bytes());
    if issuer::judge(&token, &status_list::of_nobody()).is_ok() {
        let header: Value = serde_json::from_str(&header).expect("what was accepted is JSON");
        assert_eq!(header["alg"], "ES256");
        assert_eq!(header["kid"], issuer::kid());
        assert!(header.get("crit").is_none());
    }
}

/// What the server signs it knows again; altered by one character it does not.
fn own_claims(claims: &[u8]) {
    let Ok(claims) = serde_json::from_slice::<Value>(claims) else {
        return;
    };
    let key = KEYS.active(Algorithm::ES256, now()).expect("a key");
    let token = key.sign("at+jwt", &claims).expect("a token");
    let altered = format!("A{}", token.split_at(1).1);
    assert!(KEYS.verify::<Value>(&altered, now()).is_none());
    if claims.is_object() {
        assert!(
            KEYS.verify::<Value>(&token, now())
                .is_some_and(|(typ, _)| typ == "at+jwt")
        );
    }
}
