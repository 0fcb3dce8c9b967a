//! Mails that a relay rejects: kept, shown to the WMDA team, and resent on request, on both databases.

use std::{
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    process::Command,
    thread,
};

use chrono::{TimeDelta, Utc};
use serde_json::Value;
use store::mails::Settlement;

use crate::support::{Demo, binary, people::Person, postgres_database, succeeded};

/// A demo that sends nothing by itself during the test.
fn quiet(database: Option<&str>) -> Demo {
    Demo::start_with(database, &[("WMDA_AUTH__MAIL__INTERVAL_SECONDS", "100000")])
}

#[test]
fn sqlite_what_a_relay_refuses_is_kept_and_what_was_given_up_is_shown_and_sent_again() {
    what_a_relay_refuses_is_kept_and_what_was_given_up_is_shown_and_sent_again(&quiet(None));
}

#[test]
fn postgres_what_a_relay_refuses_is_kept_and_what_was_given_up_is_shown_and_sent_again() {
    what_a_relay_refuses_is_kept_and_what_was_given_up_is_shown_and_sent_again(&quiet(Some(
        &postgres_database(),
    )));
}

/// A relay that rejects every recipient.
fn refusing_relay() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("smtp://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // The client may disconnect early.
            thread::spawn(move || drop(refuse(&stream)));
        }
    });
    url
}

fn refuse(mut stream: &TcpStream) -> std::io::Result<()> {
    stream.write_all(b"220 relay.test\r\n")?;
    for line in BufReader::new(stream).lines() {
        let answer = match line?.get(..4) {
            Some("RCPT") => "550 5.7.1 relaying denied\r\n",
            Some("QUIT") => return Ok(()),
            _ => "250 OK\r\n",
        };
        stream.write_all(answer.as_bytes())?;
    }
    Ok(())
}

fn notify(demo: &Demo) -> Command {
    let mut notify = binary();
    notify
        .args(["notify", "--data-dir"])
        .arg(demo.data_dir())
        .env("WMDA_AUTH__SERVER__PUBLIC_URL", &demo.base)
        .env("WMDA_AUTH__DATABASE__URL", demo.database_url());
    notify
}

/// Simulates a day of refusals.
fn give_up(demo: &Demo) -> usize {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let (store, now) = (demo.store(), Utc::now());
        let due = store.mails_due(now + TimeDelta::hours(1), 100).await.unwrap();
        for id in &due {
            let until = now + TimeDelta::minutes(1);
            let mail = store.claim_mail(*id, now, until).await.unwrap().unwrap();
            let failed = Settlement::Failed {
                error: "550 5.7.1 relaying denied".to_owned(),
                instead: None,
            };
            store.settle_mail(&mail, failed, Vec::new(), now).await.unwrap();
        }
        due.len()
    })
}

fn what_a_relay_refuses_is_kept_and_what_was_given_up_is_shown_and_sent_again(demo: &Demo) {
    let admin = Person::of(demo, "admin", 0).sign_in(demo);
    let attention = || -> Value { admin.get("/attention").json() };
    let said = succeeded(notify(demo).env("WMDA_AUTH__MAIL__SMTP_URL", refusing_relay()));
    assert!(
        said.contains("0 sent") && said.contains("0 refused") && !said.contains(" 0 put off"),
        "{said}"
    );
    assert_eq!(attention()["counts"]["mail_failed"], 0, "they are tried again");
    let given_up = give_up(demo);
    assert!(given_up > 0);
    let shown = attention();
    assert_eq!(shown["counts"]["mail_failed"], given_up);
    let first = &shown["failed_mails"][0];
    assert_eq!(
        (&first["kind"], &first["can_be_resent"]),
        (&"reminders".into(), &true.into())
    );
    assert!(first["error"].as_str().unwrap().contains("relaying denied"));
    let said = succeeded(notify(demo).arg("--resend-failed"));
    assert!(
        said.contains(&format!("{given_up} failed mails are queued again")),
        "{said}"
    );
    assert!(
        said.contains(&format!("mails: {given_up} written to files")),
        "{said}"
    );
    assert_eq!(attention()["counts"]["mail_failed"], 0);
}
