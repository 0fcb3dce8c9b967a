//! Metadata and JWKS: M-01, M-03.

use jsonwebtoken::jwk::{JwkSet, ThumbprintHash};
use reqwest::Method;

use crate::support::{Answer, Demo, http};

on_both! {
    m01_metadata_ignores_the_host_header
    m03_keys_are_public_and_cacheable
    what_can_only_be_read_says_so
}

fn m01_metadata_ignores_the_host_header(demo: &Demo) {
    let tenant = &demo.tenant;
    let documents = [
        (
            "/.well-known/oauth-authorization-server".to_owned(),
            String::new(),
        ),
        (
            format!("/{tenant}/.well-known/openid-configuration"),
            format!("/{tenant}/"),
        ),
        (
            format!("/{tenant}/v2.0/.well-known/openid-configuration"),
            format!("/{tenant}/v2.0"),
        ),
    ];
    for (path, issuer) in documents {
        let asked = http()
            .get(demo.url(&path))
            .header("host", "evil.example")
            .header("x-forwarded-host", "evil.example")
            .header("forwarded", "host=evil.example");
        let answer = Answer::of(asked);
        assert_eq!(answer.status, 200, "{path}");
        assert!(!answer.text.contains("evil.example"), "{}", answer.text);
        let document = answer.json();
        assert_eq!(document["issuer"], demo.url(&issuer));
        for name in ["token_endpoint", "jwks_uri", "authorization_endpoint"] {
            let url = document[name].as_str().unwrap();
            assert!(url.starts_with(&demo.base), "{name}: {url}");
        }
        assert!(document["response_types_supported"].is_array());
        let jwks = document["jwks_uri"].as_str().unwrap();
        assert_eq!(Answer::of(http().get(jwks)).status, 200, "{jwks}");
    }
}

fn m03_keys_are_public_and_cacheable(demo: &Demo) {
    let answer = demo.get("/oauth2/jwks");
    assert!(answer.header("cache-control").contains("max-age="));
    let set: JwkSet = serde_json::from_str(&answer.text).unwrap();
    for (key, raw) in set.keys.iter().zip(answer.json()["keys"].as_array().unwrap()) {
        for private in ["d", "p", "q", "dp", "dq", "qi", "oth", "k"] {
            assert!(raw.get(private).is_none(), "{private}");
        }
        assert_eq!(raw["use"], "sig");
        assert!(raw["alg"].is_string());
        assert_eq!(raw["kid"], key.thumbprint(ThumbprintHash::SHA256).unwrap());
    }
    let algorithms = answer.text.matches("256\"").count();
    assert!(algorithms >= 2, "{}", answer.text);
    let tag = answer.header("etag");
    assert!(tag.starts_with('"') && tag.ends_with('"'), "{tag}");
    let again = http().get(demo.url("/oauth2/jwks")).header("if-none-match", tag);
    let again = Answer::of(again);
    assert_eq!((again.status, again.text.as_str()), (304, ""));
    assert_eq!(again.header("etag"), tag);
    let other = http()
        .get(demo.url("/oauth2/jwks"))
        .header("if-none-match", "\"x\"");
    assert_eq!(Answer::of(other).status, 200);
}

fn what_can_only_be_read_says_so(demo: &Demo) {
    let tenant = &demo.tenant;
    let paths = [
        "/oauth2/jwks".to_owned(),
        "/.well-known/oauth-authorization-server".to_owned(),
        format!("/{tenant}/v2.0/.well-known/openid-configuration"),
        "/common/discovery/instance".to_owned(),
        "/oauth2/statuslists/0".to_owned(),
        "/livez".to_owned(),
    ];
    for path in paths {
        let ask = |method: Method| Answer::of(http().request(method, demo.url(&path)));
        let (read, head) = (ask(Method::GET), ask(Method::HEAD));
        assert_eq!((read.status, head.status), (200, 200), "{path}");
        assert_eq!(
            read.header("content-type"),
            head.header("content-type"),
            "RFC 9110 9.3.2"
        );
        assert!(head.text.is_empty());
        let put = ask(Method::PUT);
        assert_eq!((put.status, put.header("allow")), (405, "GET, HEAD"), "{path}");
        assert_eq!(put.header("content-type"), "application/problem+json");
    }
    for path in ["/nothing", "/oauth2/statuslists/1000", "/oauth2/statuslists/x"] {
        let answer = demo.get(path);
        assert_eq!(
            (answer.status, answer.json()["status"].as_u64()),
            (404, Some(404)),
            "{path}"
        );
        assert_eq!(
            answer.header("content-type"),
            "application/problem+json",
            "RFC 9457"
        );
    }
}
