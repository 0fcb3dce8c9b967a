//! Client authentication.

use super::{NOBODY, check::*};
use crate::support::{Answer, Demo, GRANT};

on_both! {
    a01_basic_is_read_strictly
    a02_two_methods_are_refused
    a03_the_client_id_may_be_repeated_if_equal
    a04_every_401_has_a_challenge
    a05_failures_look_alike
    a06_other_schemes_and_two_headers_are_refused
    a07_secrets_are_exact_bytes
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
        let request = demo.token(format!("{GRANT}&client_id={id}&client_secret={secret}"));
        // The answers differ in the request id only: here the caller supplies one.
        let answer = Answer::of(request.header("x-request-id", NOBODY));
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
    let surrounded = look(&demo.upload.id, &format!("{}%0A", demo.upload.secret));
    assert_eq!(wrong, surrounded, "a secret with something around it");
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
