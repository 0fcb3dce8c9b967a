//! Clients written for Entra ID, or by the letter of a standard, that change nothing but the host name.

use reqwest::Method;
use serde_json::json;

use super::{NOBODY, PRODUCTION, check::*, tokens::verified};
use crate::support::{
    Answer, Demo, GRANT,
    assertions::{JWT_BEARER, Signer, body, with},
    http,
};

on_both! {
    scopes_of_openid_count_for_nothing_on_v2
    t11_a_guid_as_a_urn_names_the_same_resource_everywhere
    assertions_are_answered_as_what_they_are
}

fn error_code(answer: &Answer) -> u64 {
    answer.json()["error_codes"][0].as_u64().unwrap()
}

/// As MSAL for Java and Go, and azure-identity on top of them, request tokens.
fn scopes_of_openid_count_for_nothing_on_v2(demo: &Demo) {
    let [one, two] = &demo.search.resources[..] else {
        panic!("the sample client has two resources");
    };
    let ask = |scope: &str| {
        let scope = scope.replace("ONE", one).replace("TWO", two);
        Answer::of(demo.post(&demo.v2(), format!("{}&scope={scope}", demo.search.body())))
    };
    for scope in [
        "ONE/.default+openid+profile+offline_access",
        "openid+profile+offline_access+ONE/.default",
        "email+ONE/.default+openid+openid",
        "openid++ONE/.default+",
    ] {
        let answer = ask(scope);
        assert_eq!(
            verified(demo, &access_token(&answer), one)["aud"],
            **one,
            "{scope}"
        );
    }
    for (scope, code) in [
        ("openid+profile+offline_access", 900_144),
        ("ONE/.default+TWO/.default+openid", 700_022),
        ("openid+ONE/Search.Read", 1_002_012),
        ("openid+address+ONE/.default", 1_002_012),
        ("OpenID+ONE/.default", 1_002_012),
    ] {
        assert_eq!(error_code(&ask(scope)), code, "{scope}");
    }
    assert_eq!(error_code(&ask(&format!("openid+{NOBODY}/.default"))), 500_011);
    assert_eq!(error_code(&ask(&format!("{PRODUCTION}/.default+email"))), 650_057);
    let only = demo.post(&demo.v2(), format!("{}&scope=openid+profile", demo.upload.body()));
    assert_eq!(
        Answer::of(only).status,
        200,
        "it has one resource, so none need be named"
    );
}

/// Nimbus and others refuse to send a bare GUID as `resource` (RFC 8707 §2: an absolute URI).
fn t11_a_guid_as_a_urn_names_the_same_resource_everywhere(demo: &Demo) {
    let one = &demo.search.resources[0];
    let urn = format!("urn%3Auuid%3A{one}");
    let body = demo.search.body();
    let requests = [
        demo.token(format!("{body}&resource={urn}")),
        demo.post(&demo.v1(), format!("{body}&resource={urn}")),
        demo.post(&demo.v2(), format!("{body}&scope={urn}/.default")),
        demo.post(&format!("{}?resource={urn}", demo.v1()), body.as_str()),
    ];
    for request in requests {
        let token = access_token(&Answer::of(request));
        assert_eq!(
            verified(demo, &token, one)["aud"],
            **one,
            "the audience stays as registered"
        );
    }
    let by_uri = demo.token(format!(
        "{body}&resource=https%3A%2F%2Fsandbox-search-api.wmda.info"
    ));
    let token = access_token(&Answer::of(by_uri));
    let uri = "https://sandbox-search-api.wmda.info";
    assert_eq!(verified(demo, &token, uri)["aud"], uri);
}

/// A client without a registered key gets that error, not the one about a missing secret.
fn assertions_are_answered_as_what_they_are(demo: &Demo) {
    let signer = Signer::of(demo, "standard", "ES256");
    let header = json!({ "alg": "PS256", "typ": "JWT", "x5t#S256": "AAAA" }).to_string();
    for (path, resource) in [(demo.v1(), "resource"), (demo.v2(), "scope")] {
        let claims = with(
            signer.claims(&demo.url(&path)),
            json!({ "iss": demo.search.id, "sub": demo.search.id }),
        );
        let unknown = signer.sign_text(&header, &claims.to_string());
        let with = |assertion: &str, kind: &str| {
            format!(
                "{GRANT}&{resource}=x&client_id={}&client_assertion={assertion}{kind}",
                demo.search.id
            )
        };
        let kind = format!("&client_assertion_type={JWT_BEARER}");
        for (body, code, word) in [
            (with(&unknown, &kind), 700_027, "No key or certificate"),
            (with("x", &kind), 50_013, "must be a JWT"),
            (with(&unknown, ""), 50_013, "client_assertion_type"),
            (
                with(&unknown, "&client_assertion_type=jwt"),
                50_013,
                "client_assertion_type",
            ),
            (body(&unknown, ""), 700_027, "No key or certificate"),
        ] {
            let answer = Answer::of(demo.post(&path, &*body));
            assert_eq!((answer.status, answer.error().as_str()), (401, "invalid_client"));
            assert_eq!(error_code(&answer), code);
            let text = answer.json()["error_description"].as_str().unwrap().to_owned();
            assert!(text.contains(word), "{text}");
        }
    }
    let kind_alone = format!(
        "{GRANT}&client_id={}&client_assertion_type={JWT_BEARER}",
        demo.search.id
    );
    assert_eq!(
        error_code(&Answer::of(demo.post(&demo.v2(), kind_alone))),
        7_000_216
    );
}

/// The metadata at a path: issuer and token endpoint, relative to the base.
fn metadata(demo: &Demo, path: &str) -> Option<[String; 2]> {
    let answer = demo.get(path);
    (answer.status == 200).then(|| {
        ["issuer", "token_endpoint"].map(|name| {
            let url = answer.json()[name].as_str().unwrap().to_owned();
            url.strip_prefix(&demo.base).unwrap().to_owned()
        })
    })
}

const WELL_KNOWN: &str = "/.well-known/oauth-authorization-server";

fn with_aliases() -> Demo {
    let aliases = (
        "WMDA_AUTH__ENTRA__TENANT_ALIASES",
        "wmda.info, WMDA.onmicrosoft.com",
    );
    Demo::start_with(None, &[aliases])
}

/// Metadata of both versions, JWKS and authorization endpoint, under one name of the tenant.
fn assert_is_found_under(demo: &Demo, name: &str) {
    let tenant = &demo.tenant;
    let v1 = [format!("/{tenant}/"), format!("/{tenant}/oauth2/token")];
    let v2 = [format!("/{tenant}/v2.0"), format!("/{tenant}/oauth2/v2.0/token")];
    for path in [
        format!("/{name}/.well-known/openid-configuration"),
        format!("{WELL_KNOWN}/{name}"),
        format!("{WELL_KNOWN}/{name}/"),
    ] {
        assert_eq!(metadata(demo, &path).as_ref(), Some(&v1), "{path}");
    }
    for path in [
        format!("/{name}/v2.0/.well-known/openid-configuration"),
        format!("{WELL_KNOWN}/{name}/v2.0"),
    ] {
        assert_eq!(metadata(demo, &path).as_ref(), Some(&v2), "{path}");
    }
    for path in [
        format!("/{name}/discovery/keys"),
        format!("/{name}/discovery/v2.0/keys"),
    ] {
        assert_eq!(demo.get(&path).text, demo.get("/oauth2/jwks").text, "{path}");
    }
    for path in [
        format!("/{name}/oauth2/authorize"),
        format!("/{name}/oauth2/v2.0/authorize"),
    ] {
        assert_eq!(demo.get(&path).error(), "unsupported_response_type", "{path}");
    }
}

#[test]
fn the_tenant_is_known_by_every_name_in_any_case_on_every_path() {
    let demo = with_aliases();
    let resource = &demo.search.resources[0];
    let body = format!("{}&resource={resource}", demo.search.body());
    let scope = format!("{}&scope={resource}/.default", demo.search.body());
    let shouted = demo.tenant.to_uppercase();
    for name in [
        &demo.tenant,
        &shouted,
        "wmda.info",
        "WMDA.Info",
        "wmda.onmicrosoft.com",
    ] {
        assert_is_found_under(&demo, name);
        let token = Answer::of(demo.post(&format!("/{name}/oauth2/token"), &*body));
        let claims = verified(&demo, &access_token(&token), resource);
        assert_eq!(
            claims["iss"],
            format!("{}/{}/", demo.base, demo.tenant),
            "the issuer stays"
        );
        let token = Answer::of(demo.post(&format!("/{name}/oauth2/v2.0/token"), &*scope));
        assert_eq!(token.status, 200, "{name}");
    }
    let instance = demo.get("/common/discovery/instance?api-version=1.1").json();
    let found = instance["tenant_discovery_endpoint"].as_str().unwrap();
    let v2 = format!("{}/{}/v2.0", demo.base, demo.tenant);
    assert_eq!(found, format!("{v2}/.well-known/openid-configuration"));
}

#[test]
fn another_tenant_is_known_nowhere() {
    let demo = with_aliases();
    for name in [NOBODY, "wmda", "common", "wmda.info.example"] {
        for path in [
            format!("/{name}/.well-known/openid-configuration"),
            format!("{WELL_KNOWN}/{name}/v2.0"),
            format!("/{name}/discovery/keys"),
            format!("/{name}/oauth2/authorize"),
        ] {
            assert_eq!(demo.get(&path).status, 404, "{path}");
        }
        let answer = Answer::of(demo.post(&format!("/{name}/oauth2/token"), demo.upload.body()));
        assert_eq!(error_code(&answer), 90_002);
    }
}

#[test]
fn balancers_and_probes_may_ask_by_head_and_options() {
    let demo = Demo::sqlite();
    for path in [
        "/livez",
        "/readyz",
        "/oauth2/jwks",
        "/.well-known/openid-configuration",
    ] {
        let ask = |method: Method| Answer::of(http().request(method, demo.url(path)));
        assert_eq!(ask(Method::HEAD).status, 200, "{path}");
        let options = ask(Method::OPTIONS);
        assert_eq!(
            (options.status, options.header("allow")),
            (204, "GET, HEAD, OPTIONS"),
            "{path}"
        );
    }
}

/// Every code that `error_uri` can link to is explained there, with the configured support address.
#[test]
fn error_uri_leads_to_an_explanation_of_its_code() {
    let demo = Demo::start_with(
        None,
        &[("WMDA_AUTH__MAIL__SUPPORT_ADDRESS", "help@registry.example")],
    );
    let answer = Answer::of(demo.post(&demo.v1(), format!("{GRANT}&client_id=x&client_secret=y")));
    let link = answer.json()["error_uri"].as_str().unwrap().to_owned();
    let page = Answer::of(http().get(&link));
    assert_eq!(page.status, 200, "{link}");
    for code in [
        "7000215", "7000222", "7000216", "700016", "7000112", "500011", "650057", "1002012", "700022",
        "900144", "90002", "70003", "901002", "90055", "90033", "50000", "900561", "9002313", "50013",
        "700027",
    ] {
        assert!(page.text.contains(&format!("AADSTS{code} ")), "{code}");
    }
    assert!(
        page.text.contains("write to help@registry.example"),
        "{}",
        page.text
    );
    let refused = demo.post(
        &demo.v1(),
        format!("{}&resource={PRODUCTION}", demo.search.body()),
    );
    let text = Answer::of(refused).json()["error_description"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(text.contains("help@registry.example"), "{text}");
    assert_eq!(
        Answer::of(demo.token(GRANT)).json()["error"],
        json!("invalid_client")
    );
}

/// Mail servers check links by HEAD; proxies use OPTIONS.
#[test]
fn the_management_api_takes_head_and_options_and_nobody_gets_more_by_them() {
    let demo = Demo::sqlite();
    let ask = |method: Method, path: &str| Answer::of(http().request(method, demo.url(path)));
    for path in [
        "/api/v1/applications",
        "/api/v1/openapi.json",
        "/api/v1/unsubscribe/x",
    ] {
        let (get, head) = (ask(Method::GET, path), ask(Method::HEAD, path));
        assert_eq!((head.status, head.text.as_str()), (get.status, ""), "{path}");
        assert_eq!(head.header("content-type"), get.header("content-type"), "{path}");
    }
    assert_eq!(ask(Method::HEAD, "/api/v1/applications").status, 401);
    for (path, allowed) in [
        ("/api/v1/applications", "GET, POST, HEAD, OPTIONS"),
        ("/api/v1/unsubscribe/x", "GET, POST, HEAD, OPTIONS"),
        ("/api/v1/enrolment", "POST, OPTIONS"),
    ] {
        let options = ask(Method::OPTIONS, path);
        assert_eq!(
            (options.status, options.header("allow")),
            (204, allowed),
            "{path}"
        );
    }
    assert_eq!(ask(Method::OPTIONS, "/api/v1/nothing").status, 404);
    assert_eq!(ask(Method::PUT, "/api/v1/applications").status, 405);
}
