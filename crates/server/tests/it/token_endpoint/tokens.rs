//! The claims of a token: J-01.

use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header, jwk::JwkSet};
use serde_json::Value;

use super::check::*;
use crate::support::{Answer, Demo};

on_both! {
    j01_tokens_have_the_profile_of_rfc_9068
    j01_entra_tokens_are_jwts
}

/// The claims of a token, verified (signature, audience, times) with the published keys.
pub fn verified(demo: &Demo, token: &str, audience: &str) -> Value {
    let header = decode_header(token).unwrap();
    let keys: JwkSet = serde_json::from_str(&demo.get("/oauth2/jwks").text).unwrap();
    let key = keys.find(header.kid.as_deref().unwrap()).unwrap();
    let mut validation = Validation::new(header.alg);
    validation.set_audience(&[audience]);
    validation.validate_nbf = true;
    let key = DecodingKey::from_jwk(key).unwrap();
    decode::<Value>(token, &key, &validation).unwrap().claims
}

fn assert_status_claim(demo: &Demo, claims: &Value) {
    let list = &claims["status"]["status_list"];
    assert!(list["idx"].is_u64(), "{claims}");
    let uri = list["uri"].as_str().unwrap();
    assert!(uri.starts_with(&demo.base), "{uri}");
}

fn j01_tokens_have_the_profile_of_rfc_9068(demo: &Demo) {
    let (client, resource) = (&demo.search, &demo.search.resources[0]);
    let body = format!("{}&resource={resource}", client.body());
    let token = access_token(&Answer::of(demo.token(&*body)));
    let header = decode_header(&token).unwrap();
    assert_eq!(header.typ.as_deref(), Some("at+jwt"));
    assert_eq!(header.alg, Algorithm::ES256);
    let claims = verified(demo, &token, resource);
    let number = |name: &str| claims[name].as_i64().unwrap();
    assert_eq!(claims["iss"], *demo.base);
    assert_eq!(claims["sub"], *client.id);
    assert_eq!(claims["client_id"], *client.id);
    assert_eq!(claims["aud"], **resource);
    assert_eq!(claims["tid"], *demo.tenant);
    assert_eq!(claims["scope"], "Search.Read Search.Write");
    assert_eq!(
        claims["roles"],
        serde_json::json!(["Search.Read", "Search.Write"])
    );
    assert_eq!(
        number("exp") - number("iat"),
        3900,
        "a validator's clock may be slow"
    );
    assert_eq!(number("nbf"), number("iat"));
    let again = access_token(&Answer::of(demo.token(body)));
    assert_ne!(claims["jti"], verified(demo, &again, resource)["jti"]);
    assert_status_claim(demo, &claims);
}

fn j01_entra_tokens_are_jwts(demo: &Demo) {
    let (client, audience) = (&demo.upload, &demo.upload.resources[0]);
    let v1 = format!("{}/{}/", demo.base, demo.tenant);
    let v2 = format!("{}/{}/v2.0", demo.base, demo.tenant);
    let versions = [
        (demo.v1(), v1, "1.0", "appid", "appidacr"),
        (demo.v2(), v2, "2.0", "azp", "azpacr"),
    ];
    for (path, issuer, version, app, method) in versions {
        let token = access_token(&Answer::of(demo.post(&path, client.body())));
        let header = decode_header(&token).unwrap();
        assert_eq!(header.typ.as_deref(), Some("JWT"));
        assert_eq!(header.alg, Algorithm::RS256);
        let claims = verified(demo, &token, audience);
        assert_eq!(claims["iss"], *issuer);
        assert_eq!(claims["ver"], version);
        for name in ["sub", "oid", app] {
            assert_eq!(claims[name], *client.id, "{name}");
        }
        assert_eq!(claims[method], "1");
        assert_eq!(claims["tid"], *demo.tenant);
        assert_eq!(claims["roles"], serde_json::json!(["Data.Upload"]));
        assert!(claims["uti"].is_string());
        assert!(claims.get("scp").is_none());
        assert_status_claim(demo, &claims);
    }
}
