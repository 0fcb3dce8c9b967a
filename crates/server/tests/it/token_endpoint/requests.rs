//! The form of a token request: T-01 to T-13.

use std::io::Cursor;

use reqwest::{Method, blocking::Body};

use super::{NOBODY, PRODUCTION, SENTINEL, check::*, tokens::verified};
use crate::support::{Answer, Demo, FORM, GRANT, http};

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
    let labelled = |charset: &str| ask(&format!("{FORM}; charset={charset}"));
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
        case("utf-8", labelled("\"utf-8\""), 200, ""),
        case("utf8", labelled("utf8"), 200, ""),
        case("latin 1", labelled("ISO-8859-1"), 200, ""),
        case("ASCII", labelled("us-ascii"), 200, ""),
        case("Windows", labelled("windows-1252"), 200, ""),
        case("without a name", labelled(""), 200, ""),
        case("UTF-16", labelled("UTF-16"), 400, "invalid_request"),
        case("UTF-16LE", labelled("\"utf-16le\""), 400, "invalid_request"),
        case("UTF-32", labelled("utf-32"), 400, "invalid_request"),
        case(
            "Latin 1 in truth",
            labelled("ISO-8859-1").body(format!("{}&x=%E9", demo.upload.body())),
            400,
            "invalid_request",
        ),
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
