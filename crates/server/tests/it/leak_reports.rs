//! Reports of leaked secrets: anybody may report, learns nothing, and the secret is suspended or deleted.

use std::{fs, thread, time::Duration};

use reqwest::header::CONTENT_TYPE;
use serde_json::json;

use crate::support::{
    Answer, Demo, eventually, http,
    people::{Person, Session},
    postgres_database,
};

const VARIABLES: [(&str, &str); 3] = [
    ("WMDA_AUTH__SERVER__TRUSTED_PROXIES", "127.0.0.1"),
    ("WMDA_AUTH__MAIL__INTERVAL_SECONDS", "1"),
    ("WMDA_AUTH__MAIL__SUPPORT_ADDRESS", "team@wmda.example"),
];

macro_rules! with_mail {
    ($($name:ident),+ $(,)?) => {
        mod sqlite { $(#[test] fn $name() { super::$name(&super::start(None)); })+ }
        mod postgres { $(#[test] fn $name() { super::$name(&super::start(Some(&super::postgres_database()))); })+ }
    };
}

with_mail!(
    a_reported_secret_ends_and_everybody_concerned_is_told,
    a_report_tells_its_sender_nothing,
    a_flood_of_reports_costs_little_and_hides_none_of_others,
);

fn start(database: Option<&str>) -> Demo {
    Demo::start_with(database, &VARIABLES)
}

fn report(demo: &Demo, body: &str, from: &str) -> Answer {
    let answer = Answer::of(
        http()
            .post(demo.url("/credentials/report"))
            .header(CONTENT_TYPE, "application/json")
            .header("x-forwarded-for", from)
            .body(body.to_owned()),
    );
    assert_eq!(answer.status, 202, "{}", answer.text);
    answer
}

fn of(secret: &str) -> String {
    json!({ "secret": secret }).to_string()
}

/// A well-formed value that is nobody's secret.
fn well_formed() -> String {
    domain::secret::NewSecret::generate(&ring::rand::SystemRandom::new())
        .unwrap()
        .reveal()
        .to_owned()
}

fn works(demo: &Demo) -> bool {
    Answer::of(demo.token(demo.upload.body())).status == 200
}

fn events(admin: &Session) -> String {
    admin.get("/audit-events?actor=leak%20report&limit=200").text
}

fn a_reported_secret_ends_and_everybody_concerned_is_told(demo: &Demo) {
    let admin = Person::of(demo, "admin", 0).sign_in(demo);
    assert!(works(demo));
    report(demo, &of(&demo.upload.secret), "198.51.100.9");
    eventually(|| !works(demo));
    let audit = events(&admin);
    assert!(
        audit.contains("secret.suspend") && audit.contains("198.51.100.9"),
        "{audit}"
    );
    let application = admin.get(&format!("/applications/{}", demo.upload.id)).json();
    let managers = application["managers"].as_array().unwrap();
    assert!(!managers.is_empty());
    let concerned = managers.iter().map(|one| one["email"].as_str().unwrap());
    for recipient in concerned.chain(["team@wmda.example"]) {
        eventually(|| {
            let Ok(folder) = fs::read_dir(demo.data_dir().join("mail")) else {
                return false;
            };
            let mut mails = folder.map(|file| fs::read_to_string(file.unwrap().path()).unwrap());
            mails.any(|mail| {
                let mail = mail.replace("=\r\n", "").replace("\r\n ", " ");
                mail.contains(&format!("To: {recipient}"))
                    && mail.contains("reported as leaked")
                    && mail.contains("198.51.100.9")
                    && !mail.contains(&demo.upload.secret)
            })
        });
    }
    let refused = Answer::of(demo.token(demo.upload.body()));
    let id = refused.header("x-request-id");
    let record = admin.get(&format!("/refusals?trace_id={id}")).json();
    assert_eq!(record["items"][0]["code"], "suspended");
    // A leaked secret is deleted if the policy says so.
    let organisation = application["organisation_id"].as_str().unwrap();
    let policy = format!("/organisations/{organisation}/policy");
    assert_eq!(admin.patch(&policy, &json!({ "on_leak": "delete" })).status, 200);
    report(demo, &of(&demo.upload.secret), "198.51.100.9");
    eventually(|| events(&admin).contains("secret.delete"));
    assert!(!demo.log().contains(&demo.upload.secret), "L-02");
}

fn a_report_tells_its_sender_nothing(demo: &Demo) {
    let look = |body: &str| {
        let mut answer = report(demo, body, "198.51.100.9");
        answer.headers.remove("date");
        let id = answer.headers.remove("x-request-id");
        assert!(id.is_some());
        (answer.headers, answer.text)
    };
    let expected = look(&of("nonsense"));
    for body in [
        of(&well_formed()),
        of(&demo.expired.secret),
        of(&demo.search.secret),
        of(&demo.search.secret),
        of(""),
        "{}".to_owned(),
        "[".to_owned(),
        String::new(),
        json!({ "secret": 1 }).to_string(),
        of(&"a".repeat(17_000)),
    ] {
        assert_eq!(look(&body), expected, "{:.40}", body);
    }
    for method in ["GET", "PUT", "DELETE"] {
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        let answer = Answer::of(http().request(method, demo.url("/credentials/report")));
        assert_eq!((answer.status, answer.header("allow")), (405, "POST"));
    }
}

fn a_flood_of_reports_costs_little_and_hides_none_of_others(demo: &Demo) {
    let admin = Person::of(demo, "admin", 0).sign_in(demo);
    // A known hint and a right checksum, so that each report would query the database.
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..250 {
                    report(demo, &of(&well_formed()), "198.51.100.9");
                }
            });
        }
    });
    assert!(works(demo), "nothing but what was reported ends");
    report(demo, &of(&demo.upload.secret), "203.0.113.7");
    eventually(|| !works(demo));
    assert!(events(&admin).contains("203.0.113.7"));
    thread::sleep(Duration::from_millis(100));
    assert!(demo.peak_memory() < 400);
}
