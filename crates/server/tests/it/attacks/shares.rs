//! however much one source asks of a slow database, others get a turn.

use std::{
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    thread,
    time::Duration,
};

use reqwest::blocking::RequestBuilder;

use crate::support::{
    Answer, Demo, GRANT, http,
    people::{Person, Session},
    postgres_database,
    proxy::Proxy,
    timed,
};

const PROXIES: (&str, &str) = ("WMDA_AUTH__SERVER__TRUSTED_PROXIES", "127.0.0.1");
/// A fifth of a second for a request with three queries: no more than forty a second get a turn.
const UNDER_WAY: u64 = 30;
const CROWD: usize = 64;

/// A request and its name.
type Asked<'a> = (&'a str, &'a (dyn Fn() -> RequestBuilder + Sync));

fn from(source: &str, request: RequestBuilder) -> u16 {
    Answer::of(request.header("x-forwarded-for", source)).status
}

fn introspection(demo: &Demo) -> RequestBuilder {
    let caller = &demo.resource_servers[0];
    let body = format!(
        "token=unknown&client_id={}&client_secret={}",
        caller.id, caller.secret
    );
    demo.post("/oauth2/introspect", body)
}

fn lists(demo: &Demo, token: &str) -> RequestBuilder {
    http().get(demo.url("/api/v1/applications")).bearer_auth(token)
}

/// How often others were refused while a crowd from one source sent requests.
fn others_refused(demo: &Demo, manager: &Session, (what, asked): Asked<'_>) -> usize {
    let (over, answered) = (AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..CROWD {
            scope.spawn(|| {
                while !over.load(Ordering::SeqCst) {
                    from("198.51.100.1", asked());
                    answered.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        thread::sleep(Duration::from_secs(1));
        let refused = (0..5)
            .flat_map(|_| {
                let (took, introspected) = timed(|| from("198.51.100.2", introspection(demo)));
                assert!(took < Duration::from_secs(2), "{what}: {took:?}");
                [introspected, from("198.51.100.3", lists(demo, &manager.token))]
            })
            .filter(|status| *status != 200)
            .count();
        over.store(true, Ordering::SeqCst);
        assert!(answered.load(Ordering::SeqCst) > 0);
        refused
    })
}

#[test]
fn x02_one_source_does_not_have_all_turns_of_a_slow_database() {
    let proxy = Proxy::start(&postgres_database());
    let demo = Demo::start_with(Some(&proxy.url), &[PROXIES]);
    let manager = Person::of(&demo, "credential_manager", 0).sign_in(&demo);
    let body = format!("{GRANT}&client_id={}&client_secret=wrong", demo.upload.id);
    let wrong = || demo.token(&*body);
    let exchange = || demo.post("/oauth2/rotate-secret", &*body);
    let crowds: [Asked<'_>; 5] = [
        ("introspections", &|| introspection(&demo)),
        ("sessions that nobody has", &|| lists(&demo, "nobody")),
        ("a manager's lists", &|| lists(&demo, &manager.token)),
        ("wrong secrets", &wrong),
        ("exchanges", &exchange),
    ];
    proxy.slow_down(UNDER_WAY);
    for crowd in crowds {
        assert_eq!(others_refused(&demo, &manager, crowd), 0, "{}", crowd.0);
    }
}
