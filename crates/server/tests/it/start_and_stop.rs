//! A node that starts before its database, and one that drains before it stops.

use std::{
    thread,
    time::{Duration, Instant},
};

use crate::support::{
    Answer, Demo, binary, eventually, finished, http, proxy::Proxy, serving::Serving, timed, wait_until,
};

const SECONDS_10: Duration = Duration::from_secs(10);

fn token(demo: &Demo, node: &Serving) -> u16 {
    let request = http()
        .post(node.url("/oauth2/token"))
        .header("content-type", crate::support::FORM)
        .body(demo.upload.body());
    Answer::of(request).status
}

#[test]
fn after_sigterm_a_node_is_not_ready_and_answers_all_the_same_until_the_time_is_over() {
    let demo = Demo::sqlite();
    let mut node = Serving::start(&demo, &[("WMDA_AUTH__SERVER__DRAIN_SECONDS", "3")]);
    assert_eq!(node.get("/readyz").status, 200);
    let began = Instant::now();
    node.signal("TERM");
    eventually(|| node.get("/readyz").status == 503);
    let said = node.get("/readyz").text;
    assert!(said.contains("stopping"), "{said}");
    assert_eq!(node.get("/livez").status, 200);
    assert_eq!(token(&demo, &node), 200, "balancers take a while");
    assert_eq!(node.ended().code(), Some(0), "{}", node.log());
    let took = began.elapsed();
    assert!(took >= Duration::from_secs(3) && took < SECONDS_10, "{took:?}");
    assert!(node.log().contains("server.drain_seconds"), "{}", node.log());
}

#[test]
fn a_second_signal_and_one_from_a_terminal_wait_for_nothing() {
    let demo = Demo::sqlite();
    for signals in [&["TERM", "TERM"][..], &["INT"]] {
        let mut node = Serving::start(&demo, &[("WMDA_AUTH__SERVER__DRAIN_SECONDS", "60")]);
        let (took, ()) = timed(|| {
            for signal in signals {
                node.signal(signal);
                thread::sleep(Duration::from_millis(300));
            }
            assert_eq!(node.ended().code(), Some(0));
        });
        assert!(took < SECONDS_10, "{signals:?}: {took:?}");
    }
}

#[test]
fn a_node_waits_for_its_database_as_long_as_it_may() {
    let demo = Demo::postgres();
    let proxy = Proxy::start(demo.database_url());
    proxy.cut();
    let waiting = [
        ("WMDA_AUTH__DATABASE__URL", proxy.url.as_str()),
        ("WMDA_AUTH__SERVER__START_WAIT_SECONDS", "60"),
    ];
    let node = Serving::launch(&demo, &waiting);
    let told = |node: &Serving| node.log().contains("waiting for the database");
    assert!(wait_until(SECONDS_10, || told(&node)), "{}", node.log());
    proxy.restore();
    node.is_ready();
    assert_eq!(token(&demo, &node), 200);
    let lines = node.log().matches("waiting for the database").count();
    assert_eq!(lines, 1, "said once: {}", node.log());
}

#[test]
fn a_database_that_stays_away_ends_the_start_after_the_time_or_at_once() {
    let mut serve = binary();
    let url = "postgres://user@127.0.0.1:1/x";
    serve.arg("migrate").env("WMDA_AUTH__DATABASE__URL", url);
    let (took, output) = timed(|| finished(&mut serve));
    assert!(
        !output.status.success() && took < Duration::from_secs(3),
        "{took:?}"
    );
    serve.env("WMDA_AUTH__SERVER__START_WAIT_SECONDS", "2");
    let (took, output) = timed(|| finished(&mut serve));
    assert!(
        !output.status.success() && took >= Duration::from_secs(2),
        "{took:?}"
    );
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(text.contains("database.url"), "{text}");
}
