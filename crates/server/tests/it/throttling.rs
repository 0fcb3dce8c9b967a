//! Throttling: too many failures from one source get 429; the right secret is accepted all the same (T-14).

use std::{
    thread,
    time::{Duration, Instant},
};

use reqwest::blocking::RequestBuilder;

use crate::support::{Answer, Demo, GRANT, postgres_database, proxy::Proxy};

/// The burst of a source; one more each second. A client of a source gets half of it.
const BURST: usize = 20;
const LIMITS: [(&str, &str); 2] = [
    ("WMDA_AUTH__LIMITS__FAILURES_PER_SECOND", "1"),
    ("WMDA_AUTH__LIMITS__FAILURE_BURST", "20"),
];
/// How far beyond the burst to try: on a slow machine the limit refills meanwhile.
const SLACK: usize = 100;

fn demo(trusted_proxies: &str) -> Demo {
    let proxies = ("WMDA_AUTH__SERVER__TRUSTED_PROXIES", trusted_proxies);
    let [per_second, burst] = LIMITS;
    Demo::start_with(None, &[per_second, burst, proxies])
}

fn wrong(id: &str) -> String {
    format!("{GRANT}&client_id={id}&client_secret=wrong")
}

/// The id of an unknown client.
fn nobody(number: usize) -> String {
    format!("11111111-2222-4333-8444-{number:012}")
}

/// Fails until throttled; returns the number of 401 answers before, and the 429.
fn fail_until_throttled(mut request: impl FnMut(usize) -> RequestBuilder) -> (usize, Answer) {
    for number in 0..BURST + SLACK {
        let answer = Answer::of(request(number));
        match answer.status {
            401 => {}
            429 => return (number, answer),
            other => panic!("{other}: {}", answer.text),
        }
    }
    panic!("it is never throttled");
}

/// Whether the source is throttled: a slow machine refills one or two failures, a fresh source has many.
fn is_throttled(request: impl Fn() -> RequestBuilder) -> bool {
    fail_until_throttled(|_| request()).0 < BURST / 4
}

/// RFC 9110 §10.2.3: a number of seconds, here a short one.
fn retry_after(answer: &Answer) -> u64 {
    let seconds = answer.header("retry-after").parse().unwrap();
    assert!((1..=60).contains(&seconds), "{seconds}");
    seconds
}

fn status(request: RequestBuilder) -> u16 {
    Answer::of(request).status
}

#[test]
fn t14_failures_of_one_client_are_throttled_and_of_others_not() {
    let demo = demo("");
    let upload = wrong(&demo.upload.id);
    let (before, answer) = fail_until_throttled(|_| demo.token(&*upload));
    assert!(before >= BURST / 2, "after {before} already");
    assert!(before < BURST, "one client alone gets half of its source's share");
    assert_eq!(answer.error(), "temporarily_unavailable");
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.header("www-authenticate"), "");
    assert_eq!(
        status(demo.token(wrong(&demo.search.id))),
        401,
        "another client is its own"
    );
    thread::sleep(Duration::from_secs(retry_after(&answer)));
    assert_eq!(status(demo.token(upload)), 401, "after the time that was named");
}

#[test]
fn t14_failures_of_one_source_are_throttled_whatever_the_client() {
    let demo = demo("");
    let (before, answer) = fail_until_throttled(|number| demo.token(wrong(&nobody(number))));
    assert!(before >= BURST, "after {before} already");
    retry_after(&answer);
}

#[test]
fn t14_the_right_secret_is_answered_from_a_source_that_is_throttled() {
    let demo = demo("");
    let upload = wrong(&demo.upload.id);
    fail_until_throttled(|number| demo.token(wrong(&nobody(number))));
    for _ in 0..50 {
        let answer = Answer::of(demo.token(&*upload));
        assert!(matches!(answer.status, 401 | 429), "{}", answer.text);
        let right = Answer::of(demo.token(demo.upload.body()));
        assert_eq!(right.status, 200, "{}", right.text);
    }
    let v1 = Answer::of(demo.post(
        &demo.v1(),
        format!("{}&resource={}", demo.upload.body(), demo.upload.resources[0]),
    ));
    assert_eq!(v1.status, 200, "{}", v1.text);
}

#[test]
fn t14_the_routes_of_entra_count_and_answer_alike() {
    let demo = demo("");
    let upload = wrong(&demo.upload.id);
    let (before, answer) = fail_until_throttled(|number| {
        let path = if number % 2 == 0 { demo.v1() } else { demo.v2() };
        demo.post(&path, &*upload)
    });
    assert!((BURST / 2..BURST).contains(&before), "{before}");
    retry_after(&answer);
    assert!(
        is_throttled(|| demo.token(&*upload)),
        "changing the route changes nothing"
    );
}

#[test]
fn errors_that_are_no_failed_authentication_are_not_counted() {
    let demo = demo("");
    for _ in 0..BURST + 10 {
        assert_eq!(status(demo.token("")), 400);
        assert_eq!(status(demo.token(GRANT)), 401);
        assert_eq!(status(demo.token(demo.expired.body())), 401);
    }
    assert_eq!(status(demo.token(wrong(&demo.upload.id))), 401);
}

#[test]
fn what_a_client_says_of_its_own_source_counts_for_nothing() {
    let demo = demo("");
    let upload = wrong(&demo.upload.id);
    let spoofed = |number: usize| {
        demo.token(&*upload)
            .header("x-forwarded-for", format!("198.51.100.{}", number % 250))
    };
    let (before, _) = fail_until_throttled(spoofed);
    assert!(before < BURST, "{before}");
}

#[test]
fn behind_a_trusted_proxy_each_source_is_its_own() {
    let demo = demo("192.0.2.0/24,127.0.0.1");
    let upload = wrong(&demo.upload.id);
    let from = |hops: &str| demo.token(&*upload).header("x-forwarded-for", hops);
    fail_until_throttled(|_| from("198.51.100.1"));
    let same = [
        ("claimed before the proxy", "203.0.113.9, 198.51.100.1"),
        ("through a second trusted proxy", "198.51.100.1, 192.0.2.7"),
    ];
    for (what, hops) in same {
        assert!(is_throttled(|| from(hops)), "{what}");
    }
    assert_eq!(status(from("198.51.100.2")), 401, "another source");
    assert_eq!(status(demo.token(&*upload)), 401, "the proxy itself");
    let last = from("198.51.100.1, 198.51.100.3");
    assert_eq!(status(last), 401, "the nearest hop that is not trusted counts");
    let right = demo
        .token(demo.upload.body())
        .header("x-forwarded-for", "198.51.100.1");
    assert_eq!(status(right), 200);
}

#[test]
fn x01_a_hop_with_a_port_in_brackets_or_by_rfc_7239_is_the_source_that_it_names() {
    let demo = demo("127.0.0.1");
    let upload = wrong(&demo.upload.id);
    let by = |name: &'static str, hops: &str| demo.token(&*upload).header(name, hops);
    fail_until_throttled(|number| by("x-forwarded-for", &format!("203.0.113.7:{}", 50_000 + number)));
    for (name, hops) in [
        ("x-forwarded-for", "203.0.113.7"),
        ("x-forwarded-for", "::ffff:203.0.113.7"),
        ("forwarded", "for=203.0.113.7;proto=https"),
        ("forwarded", "for=\"203.0.113.7:4711\""),
    ] {
        assert!(is_throttled(|| by(name, hops)), "{name}: {hops}");
    }
    assert_eq!(status(by("forwarded", "for=203.0.113.8")), 401, "another source");
    assert_eq!(
        status(by("x-forwarded-for", "[2001:db8::7]:443")),
        401,
        "another source"
    );
}

#[test]
fn x01_the_addresses_of_an_ipv6_network_are_one_source() {
    let demo = demo("127.0.0.1");
    let upload = wrong(&demo.upload.id);
    let from = |hops: String| demo.token(&*upload).header("x-forwarded-for", hops);
    let (before, _) = fail_until_throttled(|number| from(format!("2001:db8:1:2:{number:x}::1")));
    assert!(before < BURST, "{before}");
    assert_eq!(status(from("2001:db8:1:3::1".to_owned())), 401, "another network");
}

/// a throttled source causes no query. With the database unreachable, a query would be answered 503.
#[test]
fn x02_who_is_over_the_limit_is_answered_from_memory_and_a_newcomer_gets_in() {
    let proxy = Proxy::start(&postgres_database());
    let [per_second, burst] = LIMITS;
    let trusted = ("WMDA_AUTH__SERVER__TRUSTED_PROXIES", "127.0.0.1");
    let demo = Demo::start_with(Some(&proxy.url), &[per_second, burst, trusted]);
    let from = |body: &str, source: &'static str| demo.token(body).header("x-forwarded-for", source);
    let from = &from;
    let known = demo.upload.body();
    assert_eq!(status(from(&known, "198.51.100.1")), 200);
    fail_until_throttled(|number| from(&wrong(&nobody(number)), "198.51.100.1"));
    let newcomer = format!("{}&resource={}", demo.search.body(), demo.search.resources[0]);
    assert_eq!(
        status(from(&newcomer, "198.51.100.1")),
        200,
        "a reserve is kept for newcomers"
    );
    // The next failures use up the reserve.
    for number in 0..BURST {
        assert_eq!(status(from(&wrong(&nobody(number)), "198.51.100.1")), 429);
    }
    assert_eq!(status(from(&known, "198.51.100.1")), 200, "memory knows it");
    proxy.cut();
    // The lease of the client cache is half a second.
    thread::sleep(Duration::from_secs(1));
    let began = Instant::now();
    let statuses: Vec<u16> = thread::scope(|scope| {
        let ask = |number| scope.spawn(move || status(from(&wrong(&nobody(number)), "198.51.100.1")));
        let asked: Vec<_> = (0..40).map(ask).collect();
        asked.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert!(
        statuses.iter().all(|status| matches!(status, 429 | 503)),
        "{statuses:?}"
    );
    let queries = statuses.iter().filter(|status| **status == 503).count();
    // The reserve is five queries, and one more each second.
    let allowed = 6 + usize::try_from(began.elapsed().as_secs()).unwrap();
    assert!(
        queries <= allowed,
        "{queries} of 40 asked the database, {allowed} were allowed"
    );
    let elsewhere = status(from(&wrong(&nobody(1)), "198.51.100.2"));
    assert_eq!(elsewhere, 503, "another source does ask the database");
    assert_eq!(
        status(from(&known, "198.51.100.1")),
        503,
        "never 401 or 429 for a right secret"
    );
    proxy.restore();
}
