//! The Entra-compatible routes: answers and error codes.

use serde_json::Value;

use super::{NOBODY, PRODUCTION, check::*, tokens::verified};
use crate::support::{Answer, Demo, GRANT};

on_both! {
    entra_errors_have_their_codes
    entra_v1_answers_with_strings
    entra_v2_answers_with_integers
}

struct EntraCase {
    path: String,
    body: String,
    status: u16,
    code: u32,
    error: &'static str,
}

/// The table of Microsoft's error codes on which member systems branch.
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
    let shouted = format!("/{}/oauth2/v2.0/token", demo.tenant.to_uppercase());
    let answer = Answer::of(demo.post(&shouted, demo.upload.body()));
    assert_eq!(
        answer.status, 200,
        "a GUID is the same in any case: {}",
        answer.text
    );
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
