//! The token endpoint from outside: the real binary, on SQLite and on PostgreSQL. Expected values come from the standards.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "helpers of tests stand outside test functions; tests measure time and read their environment"
)]

#[expect(dead_code, reason = "each file of tests uses its part")]
mod support;

use std::{io::Cursor, thread, time::Duration};

use jsonwebtoken::{
    Algorithm, DecodingKey, Validation, decode, decode_header,
    jwk::{JwkSet, ThumbprintHash},
};
use oauth2::{
    AuthType, ClientId, ClientSecret, RequestTokenError, TokenResponse, TokenUrl,
    basic::{BasicClient, BasicErrorResponseType},
};
use reqwest::{
    Method,
    blocking::{Body, RequestBuilder},
};
use serde_json::Value;
use support::{Answer, Demo, FORM, GRANT, http, postgres_database, proxy::Proxy, timed};

const PRODUCTION: &str = "5df05a6d-8ef0-49fe-9441-62cd9b540376";
const NOBODY: &str = "11111111-2222-4333-8444-555555555555";
const SENTINEL: &str = "sentinel7Hk2Qw";

/// Each test on each database.
macro_rules! on_both {
    ($($test:ident)*) => {
        mod sqlite { $(#[test] fn $test() { super::$test(&crate::support::Demo::sqlite()); })* }
        mod postgres { $(#[test] fn $test() { super::$test(&crate::support::Demo::postgres()); })* }
    };
}

on_both! {
    t01_a_token_is_issued
    t02_no_answer_may_be_cached
    t03_other_methods_are_refused
    t04_credentials_in_the_query_are_refused
    t05_other_content_types_are_refused
    t06_the_grant_type_is_exact
    t07_a_repeated_parameter_is_refused_before_authentication
    t08_unknown_parameters_are_ignored
    t09_empty_counts_as_omitted
    t10_scopes_are_checked
    t11_resources_are_checked
    t12_large_or_malformed_bodies_are_refused
    t13_input_is_never_echoed
    a01_basic_is_read_strictly
    a02_two_methods_are_refused
    a03_the_client_id_may_be_repeated_if_equal
    a04_every_401_has_a_challenge
    a05_failures_look_alike
    a06_other_schemes_and_two_headers_are_refused
    a07_secrets_are_exact_bytes
    j01_tokens_have_the_profile_of_rfc_9068
    j01_entra_tokens_are_jwts
    m01_metadata_ignores_the_host_header
    m03_keys_are_public_and_cacheable
    entra_errors_have_their_codes
    entra_v1_answers_with_strings
    entra_v2_answers_with_integers
    the_oauth2_crate_gets_a_token
    l02_no_secret_or_token_is_logged
}

struct Case {
    name: &'static str,
    request: RequestBuilder,
    status: u16,
    error: &'static str,
}

fn case(name: &'static str, request: RequestBuilder, status: u16, error: &'static str) -> Case {
    Case {
        name,
        request,
        status,
        error,
    }
}

/// Sends every case; checks status, code and what RFC 6749 asks of each answer.
fn check(cases: Vec<Case>) {
    for case in cases {
        let answer = Answer::of(case.request);
        let name = case.name;
        assert_eq!(answer.status, case.status, "{name}: {}", answer.text);
        assert_not_cached(name, &answer);
        assert_eq!(answer.header("content-type"), "application/json", "{name}");
        assert_eq!(answer.error(), case.error, "{name}: {}", answer.text);
        if case.status != 200 {
            assert_description(name, &answer);
        }
        if case.status == 401 {
            assert_challenge(name, &answer);
        }
    }
}

fn assert_not_cached(name: &str, answer: &Answer) {
    assert_eq!(answer.header("cache-control"), "no-store", "{name}");
    assert_eq!(answer.header("pragma"), "no-cache", "{name}");
}

/// RFC 6749 §5.2: %x20-21 / %x23-5B / %x5D-7E.
fn assert_description(name: &str, answer: &Answer) {
    let body = answer.json();
    let text = body["error_description"].as_str().unwrap();
    let allowed = |byte: u8| matches!(byte, 0x20..=0x21 | 0x23..=0x5B | 0x5D..=0x7E);
    assert!(text.bytes().all(allowed), "{name}: {text}");
}

fn assert_challenge(name: &str, answer: &Answer) {
    let challenge = answer.header("www-authenticate");
    assert!(challenge.starts_with("Basic realm=\""), "{name}: {challenge}");
    assert!(challenge.ends_with(", charset=\"UTF-8\""), "{name}: {challenge}");
}

fn basic(demo: &Demo, id: &str, secret: &str, body: &str) -> RequestBuilder {
    demo.token(body).basic_auth(id, Some(secret))
}

fn authorized(demo: &Demo, header: &str) -> RequestBuilder {
    demo.token(GRANT).header("authorization", header)
}

/// The base64 of the upload client's credentials, taken from what an HTTP client sends.
fn encoded(demo: &Demo) -> String {
    let request = basic(demo, &demo.upload.id, &demo.upload.secret, GRANT)
        .build()
        .unwrap();
    let header = request.headers()["authorization"].to_str().unwrap();
    header.strip_prefix("Basic ").unwrap().to_owned()
}

fn access_token(answer: &Answer) -> String {
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json()["access_token"].as_str().unwrap().to_owned()
}

fn t01_a_token_is_issued(demo: &Demo) {
    let search = &demo.search;
    let answer = Answer::of(demo.token(format!("{}&resource={}", search.body(), search.resources[0])));
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.header("content-type"), "application/json");
    let body = answer.json();
    assert_eq!(body["token_type"], "Bearer");
    assert_eq!(body["expires_in"].as_i64(), Some(3600));
    assert_eq!(body["scope"], "Search.Read Search.Write");
    assert!(body["access_token"].is_string());
    assert!(body.get("refresh_token").is_none());
}

fn t02_no_answer_may_be_cached(demo: &Demo) {
    let url = demo.url("/oauth2/token");
    let requests = [
        ("success", demo.token(demo.upload.body())),
        ("success on v1", demo.post(&demo.v1(), demo.upload.body())),
        ("success on v2", demo.post(&demo.v2(), demo.upload.body())),
        ("400", demo.token("")),
        ("401", demo.token(GRANT)),
        ("405", http().get(url)),
        ("413", demo.token("a".repeat(17_000))),
        ("400 on v1", demo.post(&demo.v1(), "")),
        ("413 on v2", demo.post(&demo.v2(), "a".repeat(17_000))),
        ("unknown tenant", demo.post("/nobody/oauth2/token", "")),
    ];
    for (name, request) in requests {
        assert_not_cached(name, &Answer::of(request));
    }
}

fn t03_other_methods_are_refused(demo: &Demo) {
    for path in ["/oauth2/token", &demo.v1(), &demo.v2()] {
        for method in [Method::GET, Method::PUT, Method::HEAD, Method::OPTIONS] {
            let answer = Answer::of(http().request(method.clone(), demo.url(path)));
            assert_eq!(answer.status, 405, "{method} {path}");
            assert_eq!(answer.header("allow"), "POST", "{method} {path}");
            assert_not_cached(path, &answer);
        }
    }
}

fn t04_credentials_in_the_query_are_refused(demo: &Demo) {
    let upload = &demo.upload;
    let ask = |path: &str, query: &str| demo.post(&format!("{path}?{query}"), upload.body());
    let secret = format!("client_secret={}", upload.secret);
    let without = format!("{GRANT}&client_id={}", upload.id);
    check(vec![
        case("secret", ask("/oauth2/token", &secret), 400, "invalid_request"),
        case(
            "secret, only there",
            demo.post(&format!("/oauth2/token?{secret}"), without),
            400,
            "invalid_request",
        ),
        case(
            "encoded name",
            ask("/oauth2/token", "client%5Fsecret=x"),
            400,
            "invalid_request",
        ),
        case(
            "assertion",
            ask("/oauth2/token", "client_assertion=x"),
            400,
            "invalid_request",
        ),
        case(
            "token",
            ask("/oauth2/token", "access_token=x"),
            400,
            "invalid_request",
        ),
        case("v1", ask(&demo.v1(), &secret), 400, "invalid_request"),
        case("v2", ask(&demo.v2(), &secret), 400, "invalid_request"),
    ]);
}

fn t05_other_content_types_are_refused(demo: &Demo) {
    let ask = |content_type: &str| {
        http()
            .post(demo.url("/oauth2/token"))
            .header("content-type", content_type)
            .body(demo.upload.body())
    };
    let none = http().post(demo.url("/oauth2/token")).body(demo.upload.body());
    let latin = format!("{FORM}; charset=ISO-8859-1");
    let utf8 = format!("{FORM};charset=\"utf-8\"");
    check(vec![
        case("json", ask("application/json"), 400, "invalid_request"),
        case(
            "multipart",
            ask("multipart/form-data; boundary=x"),
            400,
            "invalid_request",
        ),
        case("text", ask("text/plain"), 400, "invalid_request"),
        case("none", none, 400, "invalid_request"),
        case("latin 1", ask(&latin), 400, "invalid_request"),
        case("utf-8", ask(&utf8), 200, ""),
        case(
            "case of the type",
            ask("Application/X-WWW-Form-URLencoded"),
            200,
            "",
        ),
    ]);
}

fn t06_the_grant_type_is_exact(demo: &Demo) {
    let upload = &demo.upload;
    let rest = format!("client_id={}&client_secret={}", upload.id, upload.secret);
    let ask = |grant: &str| demo.token(format!("{grant}{rest}"));
    check(vec![
        case("missing", ask(""), 400, "invalid_request"),
        case("empty", ask("grant_type=&"), 400, "invalid_request"),
        case(
            "unknown",
            ask("grant_type=password&"),
            400,
            "unsupported_grant_type",
        ),
        case(
            "case",
            ask("grant_type=Client_Credentials&"),
            400,
            "unsupported_grant_type",
        ),
        case(
            "list",
            ask("grant_type=client_credentials+password&"),
            400,
            "unsupported_grant_type",
        ),
    ]);
}

fn t07_a_repeated_parameter_is_refused_before_authentication(demo: &Demo) {
    let twice = |pair: &str| demo.token(format!("{}&{pair}&{pair}", demo.upload.body()));
    check(vec![
        case("grant type", twice(GRANT), 400, "invalid_request"),
        case("scope", twice("scope=Data.Upload"), 400, "invalid_request"),
        case("client id", twice("client_id=x"), 400, "invalid_request"),
        case("secret", twice("client_secret=x"), 400, "invalid_request"),
        case("empty", twice("scope="), 400, "invalid_request"),
        case(
            "without credentials",
            demo.token(format!("{GRANT}&{GRANT}")),
            400,
            "invalid_request",
        ),
    ]);
}

fn t08_unknown_parameters_are_ignored(demo: &Demo) {
    let body = format!(
        "{}&client_info=1&x-client-SKU=msal&nonsense=1&nonsense=2",
        demo.upload.body()
    );
    check(vec![
        case("body", demo.token(body), 200, ""),
        case(
            "query",
            demo.post("/oauth2/token?client-request-id=1", demo.upload.body()),
            200,
            "",
        ),
    ]);
}

fn t09_empty_counts_as_omitted(demo: &Demo) {
    let upload = &demo.upload;
    check(vec![
        case(
            "scope and resource",
            demo.token(format!("{}&scope=&resource=", upload.body())),
            200,
            "",
        ),
        case(
            "secret",
            demo.token(format!("{GRANT}&client_id={}&client_secret=", upload.id)),
            401,
            "invalid_client",
        ),
        case(
            "secret in the header",
            basic(demo, &upload.id, "", GRANT),
            401,
            "invalid_client",
        ),
        case(
            "an empty secret beside Basic is no second method",
            basic(
                demo,
                &upload.id,
                &upload.secret,
                &format!("{GRANT}&client_secret="),
            ),
            200,
            "",
        ),
    ]);
}

fn t10_scopes_are_checked(demo: &Demo) {
    let body = format!("{}&resource={}", demo.search.body(), demo.search.resources[0]);
    let ask = |scope: &str| demo.token(format!("{body}&scope={scope}"));
    check(vec![
        case("quote", ask("Search.Read%22"), 400, "invalid_scope"),
        case("backslash", ask("%5C"), 400, "invalid_scope"),
        case("tab", ask("Search.Read%09Search.Write"), 400, "invalid_scope"),
        case("not ASCII", ask("%C3%A9"), 400, "invalid_scope"),
        case("unknown", ask("Search.Read+Nonsense"), 400, "invalid_scope"),
        case("case", ask("search.read"), 400, "invalid_scope"),
        case("of another resource", ask("Data.Upload"), 400, "invalid_scope"),
    ]);
    let one = Answer::of(ask("Search.Read")).json();
    assert_eq!(one["scope"], "Search.Read");
    let all = Answer::of(demo.token(body)).json();
    assert_eq!(all["scope"], "Search.Read Search.Write");
}

fn t11_resources_are_checked(demo: &Demo) {
    let search = &demo.search;
    let ask = |resource: &str| demo.token(format!("{}&resource={resource}", search.body()));
    let [first, second] = &search.resources[..] else {
        panic!("the sample client has two resources");
    };
    check(vec![
        case("one", ask(first), 200, ""),
        case("fragment", ask(&format!("{first}%23x")), 400, "invalid_target"),
        case(
            "URI with fragment",
            ask("https%3A%2F%2Fapi.example.org%2F%23x"),
            400,
            "invalid_target",
        ),
        case(
            "unknown URI",
            ask("https%3A%2F%2Fapi.example.org%2F"),
            400,
            "invalid_target",
        ),
        case("unknown GUID", ask(NOBODY), 400, "invalid_target"),
        case("not granted", ask(PRODUCTION), 400, "invalid_target"),
        case("relative", ask("search"), 400, "invalid_target"),
        case(
            "several",
            ask(&format!("{first}&resource={second}")),
            400,
            "invalid_target",
        ),
        case("ambiguous", demo.token(search.body()), 400, "invalid_target"),
    ]);
    let ambiguous = Answer::of(demo.token(search.body())).json();
    let text = ambiguous["error_description"].as_str().unwrap();
    assert!(text.contains("resource parameter"), "{text}");
    let token = access_token(&Answer::of(ask(second)));
    assert_eq!(verified(demo, &token, second)["aud"], **second);
    let only = access_token(&Answer::of(demo.token(demo.upload.body())));
    let granted = &demo.upload.resources[0];
    assert_eq!(verified(demo, &only, granted)["aud"], **granted);
}

fn t12_large_or_malformed_bodies_are_refused(demo: &Demo) {
    let with = |length: usize| {
        let start = format!("{}&x=", demo.upload.body());
        let filler = "a".repeat(length - start.len());
        start + &filler
    };
    let chunked = http()
        .post(demo.url("/oauth2/token"))
        .header("content-type", FORM)
        .body(Body::new(Cursor::new(with(16_385).into_bytes())));
    let raw = |bytes: &[u8]| {
        let mut body = demo.upload.body().into_bytes();
        body.extend_from_slice(bytes);
        demo.token("").body(body)
    };
    check(vec![
        case("exactly 16 KiB", demo.token(with(16_384)), 200, ""),
        case("one more", demo.token(with(16_385)), 413, "invalid_request"),
        case("in chunks", chunked, 413, "invalid_request"),
        case("percent", raw(b"&x=%zz"), 400, "invalid_request"),
        case("cut off percent", raw(b"&x=%4"), 400, "invalid_request"),
        case("bad UTF-8", raw(b"&x=%ff"), 400, "invalid_request"),
        case("raw bad UTF-8", raw(b"&x=\xff"), 400, "invalid_request"),
        case("NUL", raw(b"&x=%00"), 400, "invalid_request"),
        case("raw NUL", raw(b"&x=\0"), 400, "invalid_request"),
    ]);
}

fn t13_input_is_never_echoed(demo: &Demo) {
    let (body, upload) = (demo.upload.body(), &demo.upload);
    let path = |name: &str| format!("/{name}/oauth2/token");
    let requests = [
        demo.token(format!("grant_type={SENTINEL}")),
        demo.token(format!("{GRANT}&client_id={SENTINEL}&client_secret={SENTINEL}")),
        demo.token(format!(
            "{GRANT}&client_id={}&client_secret={SENTINEL}",
            upload.id
        )),
        demo.token(format!("{body}&scope={SENTINEL}")),
        demo.token(format!("{body}&resource={SENTINEL}")),
        demo.token(format!("{body}&{SENTINEL}=%zz")),
        demo.post(&format!("/oauth2/token?{SENTINEL}=1&token={SENTINEL}"), &*body),
        demo.post(&path(SENTINEL), &*body),
        demo.post(&demo.v1(), format!("{body}&resource={SENTINEL}")),
        demo.post(&demo.v2(), format!("{body}&scope={SENTINEL}")),
        demo.post(&demo.v2(), format!("{body}&scope={SENTINEL}/.default")),
        demo.post(&demo.v1(), format!("grant_type={SENTINEL}")),
        authorized(demo, SENTINEL),
        demo.token(GRANT).header("client-request-id", SENTINEL),
    ];
    for request in requests {
        let answer = Answer::of(request);
        assert!(!answer.text.contains(SENTINEL), "{}", answer.text);
        assert!(!format!("{:?}", answer.headers).contains(SENTINEL));
        assert_description("sentinel", &answer);
    }
}

fn a01_basic_is_read_strictly(demo: &Demo) {
    let good = encoded(demo);
    let ask = |header: String| authorized(demo, &header);
    let (id, secret) = (&demo.upload.id, &demo.upload.secret);
    check(vec![
        case("plain", ask(format!("Basic {good}")), 200, ""),
        case("case of the scheme", ask(format!("bAsIc {good}")), 200, ""),
        case("not base64", ask("Basic !!!!".into()), 400, "invalid_request"),
        case("no padding", ask("Basic eDp5eg".into()), 400, "invalid_request"),
        case("URL alphabet", ask("Basic _-__".into()), 400, "invalid_request"),
        case(
            "no colon",
            ask("Basic bm9jb2xvbg==".into()),
            400,
            "invalid_request",
        ),
        case("nothing", ask("Basic".into()), 400, "invalid_request"),
        case(
            "the secret holds the later colons",
            basic(demo, id, &format!("{secret}:x"), GRANT),
            401,
            "invalid_client",
        ),
    ]);
}

fn a02_two_methods_are_refused(demo: &Demo) {
    let (id, secret) = (&demo.upload.id, &demo.upload.secret);
    let assertion = format!("{GRANT}&client_assertion=x&client_assertion_type=y");
    check(vec![
        case(
            "Basic and body",
            basic(demo, id, secret, &demo.upload.body()),
            400,
            "invalid_request",
        ),
        case(
            "Basic and assertion",
            basic(demo, id, secret, &assertion),
            400,
            "invalid_request",
        ),
        case(
            "body and assertion",
            demo.token(format!("{}&client_assertion=x", demo.upload.body())),
            400,
            "invalid_request",
        ),
    ]);
}

fn a03_the_client_id_may_be_repeated_if_equal(demo: &Demo) {
    let (id, secret) = (&demo.upload.id, &demo.upload.secret);
    let ask = |named: &str| basic(demo, id, secret, &format!("{GRANT}&client_id={named}"));
    check(vec![
        case("equal", ask(id), 200, ""),
        case("different", ask(&demo.search.id), 400, "invalid_request"),
    ]);
}

fn a04_every_401_has_a_challenge(demo: &Demo) {
    let id = &demo.upload.id;
    let only_id = format!("{GRANT}&client_id={id}");
    let wrong = format!("{only_id}&client_secret=x");
    check(vec![
        case("nothing", demo.token(GRANT), 401, "invalid_client"),
        case("no secret", demo.token(&*only_id), 401, "invalid_client"),
        case("wrong in the body", demo.token(&*wrong), 401, "invalid_client"),
        case(
            "wrong by Basic",
            basic(demo, id, "x", GRANT),
            401,
            "invalid_client",
        ),
        case("expired", demo.token(demo.expired.body()), 401, "invalid_client"),
        case("v1", demo.post(&demo.v1(), &*only_id), 401, "invalid_client"),
        case("v2", demo.post(&demo.v2(), wrong), 401, "invalid_client"),
    ]);
}

fn a05_failures_look_alike(demo: &Demo) {
    let look = |id: &str, secret: &str| {
        let answer = Answer::of(demo.token(format!("{GRANT}&client_id={id}&client_secret={secret}")));
        let mut headers = answer.headers;
        headers.remove("date");
        (answer.status, headers, answer.text)
    };
    let wrong = look(&demo.upload.id, "wrong");
    assert_eq!(wrong.0, 401);
    assert_eq!(wrong, look(NOBODY, "wrong"), "unknown client");
    assert_eq!(wrong, look("nobody", "wrong"), "a client id that is no GUID");
    assert_eq!(
        wrong,
        look(NOBODY, &demo.upload.secret),
        "a secret of somebody else"
    );
    assert_eq!(
        wrong,
        look(&demo.search.id, &demo.upload.secret),
        "a secret of another client"
    );
}

fn a06_other_schemes_and_two_headers_are_refused(demo: &Demo) {
    let good = format!("Basic {}", encoded(demo));
    let with_body = demo.token(demo.upload.body());
    let bearer = with_body.header("authorization", "Bearer abc");
    let two = authorized(demo, &good).header("authorization", &good);
    check(vec![
        case("bearer", authorized(demo, "Bearer abc"), 400, "invalid_request"),
        case("bearer beside a body", bearer, 400, "invalid_request"),
        case(
            "digest",
            authorized(demo, "Digest username=x"),
            400,
            "invalid_request",
        ),
        case("two headers", two, 400, "invalid_request"),
    ]);
}

fn a07_secrets_are_exact_bytes(demo: &Demo) {
    let (id, secret) = (&demo.upload.id, &demo.upload.secret);
    let ask = |secret: &str| demo.token(format!("{GRANT}&client_id={id}&client_secret={secret}"));
    let long = "a".repeat(257);
    check(vec![
        case("exact", ask(secret), 200, ""),
        case("space behind", ask(&format!("{secret}+")), 401, "invalid_client"),
        case("space before", ask(&format!("+{secret}")), 401, "invalid_client"),
        case("line end", ask(&format!("{secret}%0A")), 401, "invalid_client"),
        case("lower case", ask(&secret.to_lowercase()), 401, "invalid_client"),
        case("upper case", ask(&secret.to_uppercase()), 401, "invalid_client"),
        case("cut off", ask(&secret[1..]), 401, "invalid_client"),
        case("257 bytes", ask(&long), 401, "invalid_client"),
    ]);
}

/// Claims of a token whose signature, audience and times hold by the published keys.
fn verified(demo: &Demo, token: &str, audience: &str) -> Value {
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
    assert_eq!(number("exp") - number("iat"), 3600);
    assert!(number("nbf") <= number("iat"));
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

struct EntraCase {
    path: String,
    body: String,
    status: u16,
    code: u32,
    error: &'static str,
}

/// The table of Microsoft's codes that member systems branch on.
fn entra_cases(demo: &Demo) -> Vec<EntraCase> {
    let (id, one) = (&demo.search.id, &demo.search.resources[0]);
    let two = &demo.search.resources[1];
    let body = demo.search.body();
    let nobody = format!("/{NOBODY}/oauth2/token");
    let (v1, v2) = (demo.v1(), demo.v2());
    let entry = |path: &str, body: String, status, code, error| EntraCase {
        path: path.to_owned(),
        body,
        status,
        code,
        error,
    };
    let v1_only = [
        (format!("{body}&resource={NOBODY}"), 500_011, "invalid_resource"),
        (
            format!("{body}&resource={PRODUCTION}"),
            650_057,
            "invalid_resource",
        ),
        (
            format!("{body}&resource={one}&resource={two}"),
            700_022,
            "invalid_scope",
        ),
        (body.clone(), 900_144, "invalid_request"),
    ];
    let v2_only = [
        (
            format!("{body}&scope={NOBODY}/.default"),
            500_011,
            "invalid_resource",
        ),
        (
            format!("{body}&scope={PRODUCTION}/.default"),
            650_057,
            "invalid_resource",
        ),
        (
            format!("{body}&scope={one}/Search.Read"),
            1_002_012,
            "invalid_scope",
        ),
        (
            format!("{body}&scope={one}/.default+{two}/.default"),
            700_022,
            "invalid_scope",
        ),
        (body.clone(), 900_144, "invalid_request"),
        (format!("{body}&resource={one}"), 901_002, "invalid_request"),
    ];
    let mut cases = vec![entry(&nobody, body.clone(), 400, 90_002, "invalid_request")];
    cases.extend(v1_only.map(|(body, code, error)| entry(&v1, body, 400, code, error)));
    cases.extend(v2_only.map(|(body, code, error)| entry(&v2, body, 400, code, error)));
    for path in [&v1, &v2] {
        let wrong = |id: &str| format!("{GRANT}&client_id={id}&client_secret=wrong");
        let no_secret = format!("{GRANT}&client_id={id}");
        let bad_grant = body.replace("client_credentials", "password");
        let missing = body.replace(GRANT, "");
        cases.extend([
            entry(path, wrong(id), 401, 7_000_215, "invalid_client"),
            entry(path, demo.expired.body(), 401, 7_000_222, "invalid_client"),
            entry(path, no_secret, 401, 7_000_216, "invalid_client"),
            entry(path, wrong(NOBODY), 400, 700_016, "unauthorized_client"),
            entry(path, missing, 400, 900_144, "invalid_request"),
            entry(path, GRANT.to_owned(), 400, 900_144, "invalid_request"),
            entry(path, bad_grant, 400, 70_003, "unsupported_grant_type"),
        ]);
    }
    cases
}

fn entra_errors_have_their_codes(demo: &Demo) {
    for case in entra_cases(demo) {
        let answer = Answer::of(demo.post(&case.path, case.body));
        let (code, text) = (case.code, &answer.text);
        assert_eq!(answer.status, case.status, "{code}: {text}");
        assert_eq!(answer.error(), case.error, "{code}: {text}");
        assert_not_cached("Entra", &answer);
        assert_description("Entra", &answer);
        if case.status == 401 {
            assert_challenge("Entra", &answer);
        }
        assert_entra_body(&answer.json(), code);
    }
}

fn assert_entra_body(body: &Value, code: u32) {
    let mut keys: Vec<_> = body.as_object().unwrap().keys().map(String::as_str).collect();
    keys.sort_unstable();
    let seven = [
        "correlation_id",
        "error",
        "error_codes",
        "error_description",
        "error_uri",
        "timestamp",
        "trace_id",
    ];
    assert_eq!(keys, seven, "{code}");
    assert_eq!(body["error_codes"], serde_json::json!([code]));
    let text = |name: &str| body[name].as_str().unwrap();
    let (description, timestamp) = (text("error_description"), text("timestamp"));
    assert!(
        description.starts_with(&format!("AADSTS{code}: ")),
        "{description}"
    );
    let end = format!(
        " Trace ID: {} Correlation ID: {} Timestamp: {timestamp}",
        text("trace_id"),
        text("correlation_id")
    );
    assert!(description.ends_with(&end), "{description}");
    let shape: String = timestamp
        .chars()
        .map(|letter| if letter.is_ascii_digit() { '0' } else { letter })
        .collect();
    assert_eq!(shape, "0000-00-00 00:00:00Z");
}

fn entra_v1_answers_with_strings(demo: &Demo) {
    let resource = &demo.search.resources[0];
    let in_body = demo.post(&demo.v1(), format!("{}&resource={resource}", demo.search.body()));
    let in_query = demo.post(&format!("{}?resource={resource}", demo.v1()), demo.search.body());
    for request in [in_body, in_query] {
        let body = Answer::of(request).json();
        let number = |name: &str| body[name].as_str().unwrap().parse::<i64>().unwrap();
        assert_eq!(body["token_type"], "Bearer");
        assert_eq!(body["resource"], **resource);
        assert_eq!(number("expires_in"), 3600);
        assert_eq!(number("ext_expires_in"), 3600);
        assert_eq!(number("expires_on") - number("not_before"), 3900);
        assert!(body["access_token"].is_string());
        assert!(body.get("refresh_token").is_none());
    }
}

fn entra_v2_answers_with_integers(demo: &Demo) {
    let (client, resource) = (&demo.search, &demo.search.resources[0]);
    let scope = format!("scope={resource}/.default");
    let in_body = demo.post(&demo.v2(), format!("{}&{scope}", client.body()));
    let by_basic = demo
        .post(&demo.v2(), format!("{GRANT}&{scope}"))
        .basic_auth(&client.id, Some(&client.secret));
    for request in [in_body, by_basic] {
        let body = Answer::of(request).json();
        assert_eq!(body["token_type"], "Bearer");
        assert_eq!(body["expires_in"].as_i64(), Some(3600));
        assert_eq!(body["ext_expires_in"].as_i64(), Some(3600));
        let token = body["access_token"].as_str().unwrap();
        assert_eq!(verified(demo, token, resource)["aud"], **resource);
    }
}

fn the_oauth2_crate_gets_a_token(demo: &Demo) {
    for method in [AuthType::BasicAuth, AuthType::RequestBody] {
        let client = |secret: &str| {
            BasicClient::new(ClientId::new(demo.upload.id.clone()))
                .set_client_secret(ClientSecret::new(secret.to_owned()))
                .set_auth_type(method.clone())
                .set_token_uri(TokenUrl::new(demo.url("/oauth2/token")).unwrap())
        };
        let right = client(&demo.upload.secret);
        let token = right.exchange_client_credentials().request(&http()).unwrap();
        assert_eq!(token.expires_in(), Some(Duration::from_secs(3600)));
        assert!(token.refresh_token().is_none());
        let wrong = client("wrong");
        match wrong.exchange_client_credentials().request(&http()) {
            Err(RequestTokenError::ServerResponse(answer)) => {
                assert_eq!(*answer.error(), BasicErrorResponseType::InvalidClient);
            }
            other => panic!("{other:?}"),
        }
    }
}

fn l02_no_secret_or_token_is_logged(demo: &Demo) {
    let (search, upload) = (&demo.search, &demo.upload);
    let query = format!("/oauth2/token?client_secret={}&x={SENTINEL}", search.secret);
    let wrong = format!("{GRANT}&client_id={SENTINEL}&client_secret={SENTINEL}");
    let token = access_token(&Answer::of(demo.token(upload.body())));
    let requests = [
        demo.post(&query, search.body()),
        demo.token(wrong),
        demo.token(demo.expired.body()),
        demo.token(format!("{}&access_token={token}", upload.body())),
        authorized(demo, &format!("Bearer {token}")),
        authorized(demo, &format!("Basic {}", encoded(demo))),
        demo.post(&format!("/{SENTINEL}/oauth2/token"), search.body()),
        demo.post(&demo.v1(), search.body()),
        http().get(demo.url(&format!("/{}", search.secret))),
    ];
    for request in requests {
        let _ = Answer::of(request);
    }
    let log = demo.log();
    assert!(log.contains(&upload.id), "successes are logged");
    assert!(
        log.contains("WrongSecret"),
        "failures are logged with their cause"
    );
    let signature = token.rsplit('.').next().unwrap();
    for hidden in [&search.secret, &upload.secret, &demo.expired.secret] {
        assert!(!log.contains(hidden.as_str()), "a secret is in the log");
    }
    for hidden in [signature, SENTINEL, &encoded(demo)] {
        assert!(!log.contains(hidden), "a token or input is in the log");
    }
}

#[test]
fn sigterm_ends_with_exit_code_0() {
    let postgres = postgres_database();
    for database in [None, Some(postgres.as_str())] {
        let mut demo = Demo::start(database);
        access_token(&Answer::of(demo.token(demo.upload.body())));
        assert_eq!(demo.terminate().code(), Some(0), "{}", demo.log());
    }
}

/// The answers while the database is away: 503 soon, and never 401.
fn assert_unavailable(request: RequestBuilder) {
    let (took, answer) = timed(|| Answer::of(request));
    assert_eq!(answer.status, 503, "{}", answer.text);
    assert_eq!(answer.error(), "temporarily_unavailable");
    assert!(answer.header("retry-after").parse::<u32>().is_ok());
    assert_not_cached("unavailable", &answer);
    assert!(took < Duration::from_secs(2), "it took {took:?}");
}

#[test]
fn t14_without_its_database_the_server_answers_503_and_recovers() {
    let proxy = Proxy::start(&postgres_database());
    let demo = Demo::start(Some(&proxy.url));
    access_token(&Answer::of(demo.token(demo.upload.body())));
    proxy.cut();
    // The lease of the memory is half a second.
    thread::sleep(Duration::from_secs(1));
    let wrong = format!("{GRANT}&client_id={}&client_secret=wrong", demo.upload.id);
    assert_unavailable(demo.token(demo.upload.body()));
    assert_unavailable(demo.token(&*wrong));
    assert_unavailable(demo.post(&demo.v1(), demo.upload.body()));
    assert_unavailable(demo.post(&demo.v2(), wrong));
    assert_eq!(demo.get("/readyz").status, 503);
    assert_eq!(demo.get("/livez").status, 200);
    proxy.restore();
    let recovered = (0..50).any(|_| {
        thread::sleep(Duration::from_millis(100));
        let status = Answer::of(demo.token(demo.upload.body())).status;
        assert!(matches!(status, 200 | 503), "{status}");
        status == 200
    });
    assert!(recovered, "{}", demo.log());
}
