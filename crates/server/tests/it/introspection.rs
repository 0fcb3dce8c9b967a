//! Introspection and revocation over HTTP (RFC 7662, RFC 7009): the real binary, on SQLite and on PostgreSQL.

use std::{fs, future::Future, thread, time::Duration};

use reqwest::blocking::RequestBuilder;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{
    Answer, Credentials, Demo, http, people::Person, postgres_database, proxy::Proxy, secrets,
};

/// The default of `cache.lease_ms`: what a DELETE waits out before its answer.
const LEASE: Duration = Duration::from_millis(500);

on_both! {
    i01_only_resource_servers_may_ask
    i02_what_is_not_a_good_token_for_the_caller_is_inactive_and_nothing_more
    i02_deletion_and_disabling_end_a_token_at_once
    i02_roles_that_were_taken_away_are_not_shown
    i03_an_active_token_is_described
    v01_v03_a_client_ends_its_own_tokens_and_no_others
    v02_requests_are_checked
    m01_metadata_names_both_endpoints
}

fn token_from(demo: &Demo, path: &str, client: &Credentials) -> String {
    let resource = &client.resources[0];
    let named = if path.contains("v2.0") {
        format!("scope={resource}/.default")
    } else {
        format!("resource={resource}")
    };
    let answer = Answer::of(demo.post(path, format!("{}&{named}", client.body())));
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json()["access_token"].as_str().unwrap().to_owned()
}

fn token(demo: &Demo, client: &Credentials) -> String {
    token_from(demo, "/oauth2/token", client)
}

fn ask(demo: &Demo, path: &str, caller: &Credentials, token: &str) -> RequestBuilder {
    demo.post(path, format!("token={token}"))
        .basic_auth(&caller.id, Some(&caller.secret))
}

/// The introspection answer for the resource server of the client's first resource.
fn introspected(demo: &Demo, client: &Credentials, token: &str) -> Value {
    let server = demo.resource_server(&client.resources[0]);
    let answer = Answer::of(ask(demo, "/oauth2/introspect", server, token));
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.header("content-type"), "application/json");
    answer.json()
}

fn inactive() -> Value {
    json!({ "active": false })
}

fn now() -> i64 {
    chrono::Utc::now().timestamp()
}

fn wait_for<T>(work: impl Future<Output = T>) -> T {
    actix_web::rt::System::new().block_on(work)
}

fn i01_only_resource_servers_may_ask(demo: &Demo) {
    let server = &demo.resource_servers[0];
    let body = "token=x".to_owned();
    let post = |body: &str| demo.post("/oauth2/introspect", body);
    let credentials = |id: &str, secret: &str| post(&format!("{body}&client_id={id}&client_secret={secret}"));
    let refused = [
        ("nothing", post(&body)),
        ("no token either", post("")),
        (
            "a client of the token endpoint",
            ask(demo, "/oauth2/introspect", &demo.upload, "x"),
        ),
        ("wrong secret", credentials(&server.id, "wrong")),
        (
            "another's secret",
            credentials(&server.id, &demo.resource_servers[1].secret),
        ),
        ("an id that is no GUID", credentials("nobody", &server.secret)),
        ("no secret", credentials(&server.id, "")),
    ];
    for (name, request) in refused {
        let answer = Answer::of(request);
        assert_eq!(
            (answer.status, answer.error().as_str()),
            (401, "invalid_client"),
            "{name}"
        );
        assert!(
            answer.header("www-authenticate").starts_with("Basic realm="),
            "{name}"
        );
        assert_eq!(answer.header("cache-control"), "no-store", "{name}");
    }
    for good in [
        credentials(&server.id, &server.secret),
        ask(demo, "/oauth2/introspect", server, "x"),
    ] {
        let answer = Answer::of(good);
        assert_eq!((answer.status, answer.json()), (200, inactive()));
    }
}

fn i02_what_is_not_a_good_token_for_the_caller_is_inactive_and_nothing_more(demo: &Demo) {
    let good = token(demo, &demo.search);
    let (signed, signature) = good.rsplit_once('.').unwrap();
    let (header, payload) = signed.split_once('.').unwrap();
    let other = token(demo, &demo.search);
    let list = demo.get("/oauth2/statuslists/0").text;
    let malformed = [
        ("unknown", "x".to_owned()),
        ("dots", "..".to_owned()),
        ("cut off", signed.to_owned()),
        ("tampered", format!("{header}.{payload}x.{signature}")),
        (
            "another's signature",
            format!("{signed}.{}", other.rsplit('.').next().unwrap()),
        ),
        ("a status list", list),
        ("long", "a".repeat(10_000)),
    ];
    for (name, token) in malformed {
        assert_eq!(introspected(demo, &demo.search, &token), inactive(), "{name}");
    }
    let foreign = token(demo, &demo.upload);
    assert_eq!(
        introspected(demo, &demo.search, &foreign),
        inactive(),
        "foreign audience"
    );
    assert_eq!(introspected(demo, &demo.upload, &foreign)["active"], true);
    assert_eq!(introspected(demo, &demo.search, &good)["active"], true);
}

/// Every token issued before the change becomes inactive with it, at once.
fn i02_deletion_and_disabling_end_a_token_at_once(demo: &Demo) {
    let store = demo.store();
    let id = |client: &Credentials| Uuid::try_parse(&client.id).unwrap();
    let (search, upload) = (token(demo, &demo.search), token(demo, &demo.upload));
    let disable = |enabled| {
        wait_for(store.set_application_enabled(id(&demo.upload), enabled, secrets::record(demo))).unwrap()
    };
    assert_eq!(introspected(demo, &demo.upload, &upload)["active"], true);
    disable(false);
    assert_eq!(
        introspected(demo, &demo.upload, &upload),
        inactive(),
        "application disabled"
    );
    disable(true);
    let organisation = wait_for(store.organisation_named("Example Registry".to_owned()));
    let organisation = organisation.unwrap().unwrap();
    wait_for(store.set_organisation_enabled(organisation.id, false, secrets::record(demo))).unwrap();
    assert_eq!(
        introspected(demo, &demo.upload, &upload),
        inactive(),
        "organisation disabled"
    );
    wait_for(store.set_organisation_enabled(organisation.id, true, secrets::record(demo))).unwrap();
    let secret = Uuid::try_parse(demo.summary["clients"][0]["secret_id"].as_str().unwrap()).unwrap();
    wait_for(store.delete_secret(
        id(&demo.search),
        secret,
        chrono::Utc::now(),
        secrets::record(demo),
    ))
    .unwrap();
    assert_eq!(
        introspected(demo, &demo.search, &search),
        inactive(),
        "secret deleted"
    );
    assert_eq!(
        introspected(demo, &demo.upload, &upload)["active"],
        true,
        "enabled again"
    );
    thread::sleep(LEASE);
    let body = format!("{}&resource={}", demo.search.body(), demo.search.resources[0]);
    assert_eq!(Answer::of(demo.token(body)).status, 401);
}

fn i02_roles_that_were_taken_away_are_not_shown(demo: &Demo) {
    let admin = Person::of(demo, "admin", 0).sign_in(demo);
    let token = token(demo, &demo.search);
    let before = introspected(demo, &demo.search, &token);
    let roles = before["roles"].as_array().unwrap().clone();
    assert!(roles.len() > 1, "{before}");
    let permissions = format!("/applications/{}/permissions", demo.search.id);
    let application = admin.get(&format!("/applications/{}", demo.search.id)).json();
    let mut granted = application["permissions"].as_array().unwrap().iter();
    let asked = |one: &&Value| one.to_string().contains(&demo.search.resources[0]);
    let resource = granted.find(asked).unwrap()["resource_id"].clone();
    let taken = admin.delete(&format!("{permissions}/{}", resource.as_str().unwrap()));
    assert_eq!(taken.status, 204, "{}", taken.text);
    assert_eq!(
        introspected(demo, &demo.search, &token),
        inactive(),
        "no permission"
    );
    let one = json!({ "resource_id": resource, "roles": [roles[0]] });
    let given = admin.post(&permissions, &one);
    assert_eq!(given.status, 201, "{}", given.text);
    let after = introspected(demo, &demo.search, &token);
    assert_eq!(after["roles"], json!([roles[0]]));
    assert_eq!(after["scope"], roles[0]);
}

fn i03_an_active_token_is_described(demo: &Demo) {
    let issuers = [
        ("/oauth2/token".to_owned(), demo.base.clone()),
        (demo.v1(), format!("{}/{}/", demo.base, demo.tenant)),
        (demo.v2(), format!("{}/{}/v2.0", demo.base, demo.tenant)),
    ];
    for (path, issuer) in issuers {
        let search = &demo.search;
        let told = introspected(demo, search, &token_from(demo, &path, search));
        assert_eq!(told["active"], true, "{path}");
        assert_eq!(told["iss"], *issuer, "{path}");
        assert_eq!(
            (&told["sub"], &told["client_id"]),
            (&json!(search.id), &json!(search.id)),
            "{path}"
        );
        assert_eq!(told["aud"], *search.resources[0], "{path}");
        assert_eq!(told["scope"], "Search.Read Search.Write", "{path}");
        assert_eq!(told["token_type"], "Bearer", "{path}");
        assert!(told["exp"].as_i64().unwrap() > now(), "{path}");
        assert!(told["iat"].as_i64().unwrap() <= now(), "{path}");
        assert!(Uuid::try_parse(told["jti"].as_str().unwrap()).is_ok(), "{path}");
    }
}

fn v01_v03_a_client_ends_its_own_tokens_and_no_others(demo: &Demo) {
    let revoke = |by: &Credentials, token: &str| {
        let answer = Answer::of(ask(demo, "/oauth2/revoke", by, token));
        assert_eq!((answer.status, answer.text.as_str()), (200, ""));
        assert_eq!(answer.header("cache-control"), "no-store");
    };
    let (first, second) = (token(demo, &demo.search), token(demo, &demo.search));
    revoke(&demo.search, "unknown");
    revoke(&demo.upload, &first);
    assert_eq!(
        introspected(demo, &demo.search, &first)["active"],
        true,
        "another's token stays"
    );
    for _ in 0..2 {
        revoke(&demo.search, &first);
        assert_eq!(introspected(demo, &demo.search, &first), inactive());
    }
    assert_eq!(
        introspected(demo, &demo.search, &second)["active"],
        true,
        "only this one ends"
    );
    let entra = token_from(demo, &demo.v2(), &demo.search);
    revoke(&demo.search, &entra);
    assert_eq!(
        introspected(demo, &demo.search, &entra),
        inactive(),
        "from the Entra route"
    );
    let hint = demo.post(
        "/oauth2/revoke",
        format!("token={second}&token_type_hint=refresh_token"),
    );
    let answer = Answer::of(hint.basic_auth(&demo.search.id, Some(&demo.search.secret)));
    assert_eq!(answer.status, 200);
    assert_eq!(
        introspected(demo, &demo.search, &second),
        inactive(),
        "a hint only hints"
    );
}

fn v02_requests_are_checked(demo: &Demo) {
    for (path, caller) in [
        ("/oauth2/revoke", &demo.upload),
        ("/oauth2/introspect", &demo.resource_servers[0]),
    ] {
        let status = |request: RequestBuilder| Answer::of(request).status;
        let with = |request: RequestBuilder| request.basic_auth(&caller.id, Some(&caller.secret));
        let post = |body: &str| with(demo.post(path, body));
        assert_eq!(status(post("")), 400, "no token");
        assert_eq!(status(post("token=")), 400, "an empty token");
        assert_eq!(status(post("token=a&token=b")), 400, "a repeated token");
        assert_eq!(status(post(&format!("token={}", "a".repeat(17_000)))), 413);
        assert_eq!(
            status(with(demo.post(&format!("{path}?token=x"), ""))),
            400,
            "in the URL"
        );
        assert_eq!(status(demo.post(path, "token=x")), 401, "not authenticated");
        let json = with(http().post(demo.url(path)).json(&json!({ "token": "x" })));
        assert_eq!(status(json), 400, "JSON");
        let get = Answer::of(with(http().get(demo.url(path))));
        assert_eq!((get.status, get.header("allow")), (405, "POST"));
    }
}

fn m01_metadata_names_both_endpoints(demo: &Demo) {
    let tenant = &demo.tenant;
    for path in [
        "/.well-known/oauth-authorization-server".to_owned(),
        "/.well-known/openid-configuration".to_owned(),
        format!("/{tenant}/.well-known/openid-configuration"),
        format!("/{tenant}/v2.0/.well-known/openid-configuration"),
    ] {
        let metadata = demo.get(&path).json();
        let by_secret = json!(["client_secret_basic", "client_secret_post"]);
        let also_by_key = json!(["client_secret_basic", "client_secret_post", "private_key_jwt"]);
        for (kind, address, expected) in [
            ("introspection", "/oauth2/introspect", by_secret),
            ("revocation", "/oauth2/revoke", also_by_key),
        ] {
            assert_eq!(metadata[format!("{kind}_endpoint")], demo.url(address), "{path}");
            let methods = &metadata[format!("{kind}_endpoint_auth_methods_supported")];
            assert_eq!(*methods, expected, "{path}");
        }
    }
}

#[test]
fn v04_t14_without_its_database_nothing_is_called_revoked_or_inactive() {
    let proxy = Proxy::start(&postgres_database());
    let demo = Demo::start(Some(&proxy.url));
    let held = token(&demo, &demo.search);
    proxy.cut();
    let server = demo.resource_server(&demo.search.resources[0]);
    for (path, caller) in [("/oauth2/introspect", server), ("/oauth2/revoke", &demo.search)] {
        let answer = Answer::of(ask(&demo, path, caller, &held));
        assert_eq!(
            (answer.status, answer.error().as_str()),
            (503, "temporarily_unavailable"),
            "{path}"
        );
        assert!(answer.header("retry-after").parse::<u32>().is_ok(), "{path}");
    }
}

#[test]
fn i01_failures_at_introspection_are_throttled() {
    let demo = Demo::start_with(None, &[("WMDA_AUTH__LIMITS__FAILURE_BURST", "4")]);
    let server = &demo.resource_servers[0];
    let wrong = Credentials {
        id: server.id.clone(),
        secret: "wrong".to_owned(),
        resources: Vec::new(),
    };
    let attempts = (0..600).map(|_| Answer::of(ask(&demo, "/oauth2/introspect", &wrong, "x")));
    let throttled = attempts.into_iter().find(|answer| answer.status == 429);
    assert!(throttled.unwrap().header("retry-after").parse::<u32>().is_ok());
    let right = Answer::of(ask(&demo, "/oauth2/introspect", server, "x"));
    assert_eq!(right.status, 200, "a right secret is still answered");
}

#[test]
fn l02_introspection_and_revocation_log_no_secret_and_no_token() {
    let mut demo = Demo::sqlite();
    let held = token(&demo, &demo.search);
    let server = demo.resource_server(&demo.search.resources[0]);
    for (path, caller) in [("/oauth2/introspect", server), ("/oauth2/revoke", &demo.search)] {
        assert_eq!(Answer::of(ask(&demo, path, caller, &held)).status, 200);
    }
    let server = server.clone();
    demo.terminate();
    let log = demo.log();
    assert!(log.contains(&server.id) && log.contains("active=true") && log.contains("revoked=true"));
    for hidden in [
        held.rsplit('.').next().unwrap(),
        &server.secret,
        &demo.search.secret,
    ] {
        assert!(!log.contains(hidden), "the log holds a secret or a token");
    }
}

#[test]
fn a_second_demo_replaces_the_resource_servers_secrets_and_keeps_their_ids() {
    let mut first = Demo::sqlite();
    assert_eq!(first.resource_servers.len(), 6);
    first.terminate();
    let copy = tempfile::tempdir().unwrap();
    let data = copy.path().join("data");
    fs::rename(first.data_dir(), &data).unwrap();
    let second = Demo::again(copy);
    for (old, new) in first.resource_servers.iter().zip(&second.resource_servers) {
        assert_eq!((&old.id, &old.resources), (&new.id, &new.resources));
        assert_eq!(
            Answer::of(ask(&second, "/oauth2/introspect", old, "x")).status,
            401
        );
        assert_eq!(
            Answer::of(ask(&second, "/oauth2/introspect", new, "x")).status,
            200
        );
    }
}
