//! Request ids: in the answer's header, in the error, in the log.

use crate::support::{Answer, Demo, GRANT, eventually, http};

on_both! {
    every_answer_of_every_route_names_its_request
    an_error_has_the_id_of_its_request
    the_log_tells_the_causes_that_the_wire_does_not
}

const ID: &str = "4bf92f35-77b3-4da6-a3ce-929d0e0e4736";

fn every_answer_of_every_route_names_its_request(demo: &Demo) {
    let tenant = &demo.tenant;
    let paths = [
        "/oauth2/token",
        "/oauth2/introspect",
        "/oauth2/revoke",
        "/oauth2/jwks",
        "/oauth2/statuslists/0",
        "/.well-known/oauth-authorization-server",
        &demo.v1(),
        &demo.v2(),
        &format!("/{tenant}/discovery/keys"),
        "/nobody/oauth2/token",
        "/api/v1/applications",
        "/api/v1/openapi.json",
        "/api/v1/nothing",
        "/api/docs",
        "/manage-api-credentials",
        "/error",
        "/livez",
        "/readyz",
        "/nothing",
    ];
    let mut seen = std::collections::BTreeSet::new();
    for path in paths {
        for request in [
            http().get(demo.url(path)),
            demo.post(path, GRANT),
            demo.post(path, GRANT).header("content-encoding", "gzip"),
        ] {
            let again = request.try_clone().unwrap().header("x-request-id", ID);
            let (answer, brought) = (Answer::of(request), Answer::of(again));
            let id = answer.header("x-request-id");
            assert_eq!(id.len(), 36, "{path} {}", answer.status);
            assert!(seen.insert(id.to_owned()), "{path}: an id is given once");
            assert_eq!(brought.header("x-request-id"), ID, "{path}");
            assert_eq!(answer.headers.get_all("x-request-id").iter().count(), 1);
        }
    }
}

fn an_error_has_the_id_of_its_request(demo: &Demo) {
    let wrong = format!("{GRANT}&client_id={}&client_secret=wrong", demo.upload.id);
    let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    for path in ["/oauth2/token", &demo.v1(), &demo.v2()] {
        for (header, value) in [
            ("x-request-id", ID),
            ("traceparent", parent),
            ("client-request-id", ID),
        ] {
            let answer = Answer::of(demo.post(path, wrong.as_str()).header(header, value));
            assert_eq!(answer.status, 401, "{}", answer.text);
            assert_eq!(answer.header("x-request-id"), ID);
            assert_eq!(answer.json()["trace_id"], ID, "{path} {header}");
        }
        for nonsense in ["x", "4bf92f35", "<script>", &"a".repeat(4000)] {
            let answer = Answer::of(demo.post(path, wrong.as_str()).header("x-request-id", nonsense));
            let body = answer.json();
            assert_eq!(body["trace_id"], answer.header("x-request-id"), "{path}");
            assert_eq!(answer.header("x-request-id").len(), 36, "{path} {nonsense}");
        }
    }
    let answer = Answer::of(demo.post(&demo.v1(), wrong).header("client-request-id", ID));
    assert_eq!(answer.json()["correlation_id"], ID);
}

fn the_log_tells_the_causes_that_the_wire_does_not(demo: &Demo) {
    let upload = &demo.upload;
    let ask = |id: &str, secret: &str| {
        let body = format!("{GRANT}&client_id={id}&client_secret={secret}");
        let answer = Answer::of(demo.token(body));
        assert_eq!(answer.status, 401, "{}", answer.text);
        (answer.error(), answer.header("x-request-id").to_owned())
    };
    let told = |id: &str, cause: &str| {
        eventually(|| {
            let log = demo.log();
            let mut lines = log.lines().filter(|line| line.contains(&format!("request={id}")));
            lines.any(|line| line.contains(&format!("refused: {cause}")))
        });
    };
    let cases = [
        (upload.id.as_str(), "wrong".to_owned(), "WrongSecret"),
        (
            super::support::refusals::NOBODY,
            "wrong".to_owned(),
            "UnknownClient",
        ),
        (&upload.id, format!("{}%0D%0A", upload.secret), "SurroundedSecret"),
        (&upload.id, format!("%22{}%22", upload.secret), "SurroundedSecret"),
        (&demo.expired.id, demo.expired.secret.clone(), "Expired"),
    ];
    for (id, secret, cause) in cases {
        told(&ask(id, &secret).1, cause);
    }
    let admin = crate::support::people::Person::of(demo, "admin", 0).sign_in(demo);
    let view = admin.get(&format!("/applications/{}", upload.id)).json();
    let organisation = format!("/organisations/{}", view["organisation_id"].as_str().unwrap());
    let application = format!("/applications/{}", upload.id);
    for (path, cause) in [
        (&organisation, "OrganisationDisabled"),
        (&application, "Disabled"),
    ] {
        let switch = |enabled: bool| {
            let body = serde_json::json!({ "enabled": enabled });
            assert_eq!(admin.patch(path, &body).status, 200);
        };
        switch(false);
        told(&ask(&upload.id, &upload.secret).1, cause);
        switch(true);
    }
    let secrets = admin.get(&format!("{application}/secrets")).json();
    for secret in secrets["items"].as_array().unwrap() {
        let id = secret["id"].as_str().unwrap();
        let path = format!("{application}/secrets/{id}");
        assert_eq!(admin.delete(&path).status, 204);
    }
    told(&ask(&upload.id, &upload.secret).1, "Deleted credential_id=");
    assert!(!demo.log().contains(&upload.secret), "L-02");
}
