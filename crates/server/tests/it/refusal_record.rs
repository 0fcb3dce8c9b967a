//! The refusal record: why a system gets no token, found in one minute, by REST and from the shell.

use serde_json::{Value, json};

use crate::support::{
    Answer, Demo, GRANT, binary, eventually, people::Person, people::Session, refusals::NOBODY, succeeded,
};

on_both! {
    a_refusal_is_explained_by_its_trace_id
    every_cause_is_recorded_and_nothing_of_what_was_presented
    repetitions_are_counted_and_a_flood_pushes_out_nothing
    a_manager_sees_the_refusals_of_their_own_application
}

const ID: &str = "4bf92f35-77b3-4da6-a3ce-929d0e0e4736";

fn found(session: &Session, query: &str) -> Vec<Value> {
    let answer = session.get(&format!("/refusals?{query}"));
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json()["items"].as_array().unwrap().clone()
}

fn refuse(demo: &Demo, id: &str, secret: &str) -> Answer {
    let body = format!("{GRANT}&client_id={id}&client_secret={secret}");
    let answer = Answer::of(demo.token(body).header("user-agent", "search-job/1.2"));
    assert_eq!(answer.status, 401, "{}", answer.text);
    answer
}

fn a_refusal_is_explained_by_its_trace_id(demo: &Demo) {
    let admin = Person::of(demo, "admin", 0).sign_in(demo);
    let resource = &demo.search.resources[0];
    let body = format!("{}&resource={resource}", demo.expired.body());
    let asked = demo.token(body).header("traceparent", {
        let hex = ID.replace('-', "");
        format!("00-{hex}-00f067aa0ba902b7-01")
    });
    let answer = Answer::of(asked.header("user-agent", "search-job/1.2"));
    assert_eq!(answer.json()["trace_id"], ID);
    let items = found(&admin, &format!("trace_id={ID}"));
    assert_eq!(items.len(), 1, "at once, on the node that answered");
    let one = &items[0];
    assert_eq!(one["trace_id"], ID);
    assert_eq!(one["code"], "expired");
    assert!(one["cause"].as_str().unwrap().contains("expired"));
    assert!(one["remedy"].as_str().unwrap().contains("new secret"));
    assert_eq!(one["client_id"], demo.expired.id);
    assert_eq!(one["hint"], demo.expired.secret[..3]);
    assert!(one["credential_id"].is_string());
    assert_eq!(one["source"], "127.0.0.1");
    assert_eq!(one["user_agent"], "search-job/1.2");
    assert_eq!(one["route"], "/oauth2/token");
    assert_eq!(one["resource"], *resource);
    let shell = |words: &[&str]| {
        let mut command = binary();
        command.arg("admin").arg("--data-dir").arg(demo.data_dir());
        command.env("WMDA_AUTH__DATABASE__URL", demo.database_url());
        succeeded(command.args(words))
    };
    let hex = ID.replace('-', "");
    let told: Value = serde_json::from_str(&shell(&["--json", "explain", &hex])).unwrap();
    assert_eq!(told["code"], "expired");
    assert!(shell(&["explain", ID]).contains("The secret has expired."));
}

fn every_cause_is_recorded_and_nothing_of_what_was_presented(demo: &Demo) {
    let admin = Person::of(demo, "admin", 0).sign_in(demo);
    let (upload, search) = (&demo.upload, &demo.search);
    let sentinel = "pasted-by-mistake";
    let code_of = |answer: &Answer| {
        let id = answer.header("x-request-id").to_owned();
        let items = found(&admin, &format!("trace_id={id}"));
        assert_eq!(items.len(), 1, "{id}");
        items[0].clone()
    };
    for (id, secret, code, matched) in [
        (&upload.id, sentinel.to_owned(), "wrong_secret", false),
        (
            &upload.id,
            format!("{}%0A", upload.secret),
            "surrounded_secret",
            true,
        ),
        (
            &upload.id,
            format!("+%22{}%22", upload.secret),
            "surrounded_secret",
            true,
        ),
        (&upload.id, search.secret.clone(), "wrong_secret", false),
        (&NOBODY.to_owned(), sentinel.to_owned(), "unknown_client", false),
        (&demo.expired.id, demo.expired.secret.clone(), "expired", true),
    ] {
        let one = code_of(&refuse(demo, id, &secret));
        assert_eq!(one["code"], code);
        assert_eq!(one["client_id"], *id);
        assert_eq!(one["credential_id"].is_string(), matched, "{code}");
    }
    let not_granted = format!("{}&resource={}", search.body(), upload.resources[0]);
    let one = code_of(&Answer::of(demo.post(&demo.v1(), not_granted)));
    assert_eq!(one["code"], "resource_not_granted");
    assert_eq!(one["hint"], search.secret[..3]);
    assert_eq!(one["route"], "/{tenant}/oauth2/token");
    let pasted = format!("{}&resource={}", search.body(), search.secret);
    let one = code_of(&Answer::of(
        demo.token(pasted).header("user-agent", &search.secret),
    ));
    assert_eq!(one["code"], "unknown_resource");
    assert_eq!((&one["resource"], &one["user_agent"]), (&Value::Null, &json!("")));
    let all = admin.get("/refusals?limit=200").text;
    for secret in [
        &upload.secret,
        &search.secret,
        &demo.expired.secret,
        &sentinel.to_owned(),
    ] {
        assert!(!all.contains(&secret[3..]), "L-02");
    }
}

fn repetitions_are_counted_and_a_flood_pushes_out_nothing(demo: &Demo) {
    let admin = Person::of(demo, "admin", 0).sign_in(demo);
    let first = refuse(demo, &demo.expired.id, &demo.expired.secret);
    refuse(demo, &demo.upload.id, "wrong");
    let mut last = String::new();
    for number in 0..400_u128 {
        let nobody = uuid::Uuid::from_u128(number + 1).to_string();
        refuse(demo, &nobody, "nonsense");
        last = refuse(demo, &demo.upload.id, &format!("nonsense{number}"))
            .header("x-request-id")
            .to_owned();
    }
    let of = |id: &str| found(&admin, &format!("client_id={id}&limit=200"));
    let expired = of(&demo.expired.id);
    assert_eq!(expired.len(), 1);
    assert_eq!(expired[0]["trace_id"], first.header("x-request-id"));
    let wrong = of(&demo.upload.id);
    assert_eq!((wrong.len(), &wrong[0]["count"]), (1, &json!(401)));
    assert_eq!(wrong[0]["last_trace_id"], last);
    assert_eq!(found(&admin, &format!("trace_id={last}")).len(), 1);
    let of_nobody = found(&admin, "source=127.0.0.1&limit=200");
    let unknown = of_nobody.iter().filter(|one| one["code"] == "unknown_client");
    assert!(unknown.count() <= 20, "one source fills no table");
    assert!(found(&admin, "source=192.0.2.1").is_empty());
    assert_eq!(admin.get("/refusals?trace_id=x").status, 400);
}

fn a_manager_sees_the_refusals_of_their_own_application(demo: &Demo) {
    let manager = Person::of(demo, "credential_manager", 0);
    let users = demo.summary["users"].as_array().unwrap();
    let own = users.iter().find(|user| user["email"] == manager.email).unwrap()["applications"][0]
        .as_str()
        .unwrap()
        .to_owned();
    let session = manager.sign_in(demo);
    refuse(demo, &own, "wrong");
    let mut items = Vec::new();
    eventually(|| {
        let answer = session.get(&format!("/applications/{own}/refusals"));
        assert_eq!(answer.status, 200, "{}", answer.text);
        items = answer.json()["items"].as_array().unwrap().clone();
        !items.is_empty()
    });
    assert_eq!(items[0]["code"], "wrong_secret");
    assert_eq!(session.get("/refusals").status, 403);
    let foreign = [&demo.search.id, &demo.upload.id, &demo.expired.id];
    let foreign = foreign
        .into_iter()
        .find(|id| session.get(&format!("/applications/{id}")).status == 404);
    if let Some(id) = foreign {
        assert_eq!(session.get(&format!("/applications/{id}/refusals")).status, 404);
    }
    let page = session.get(&format!("/applications/{own}/refusals?limit=1"));
    assert_eq!(page.json()["items"].as_array().unwrap().len(), 1);
}
