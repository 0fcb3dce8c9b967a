//! A-05, Y-01: how long a refusal takes tells nothing about what is there. The work at the database is counted to the
//! byte; the time itself is compared within generous bounds, for whatever else a request might do.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "helpers of tests stand outside test functions; tests measure time and read their environment"
)]

#[expect(dead_code, reason = "each file of tests uses its part")]
mod support;

use std::time::Duration;

use support::{Answer, Demo, GRANT, postgres_database, proxy::Proxy, secrets, timed, wait_until};

const NOBODY: &str = "11111111-2222-4333-8444-555555555555";
/// What the sample client has already.
const SAMPLE_SECRETS: u128 = 3;
/// Nothing but the requests goes to the database: the poller sleeps after its first poll.
const QUIET: [(&str, &str); 2] = [
    ("WMDA_AUTH__CACHE__POLL_MS", "600000"),
    ("WMDA_AUTH__CACHE__LEASE_MS", "1200000"),
];

struct Setting {
    demo: Demo,
    proxy: Proxy,
}

impl Setting {
    /// A client with one secret, and one with ten.
    fn prepare() -> Self {
        let url = postgres_database();
        let proxy = Proxy::start(&url);
        let demo = Demo::start_with(Some(&proxy.url), &QUIET);
        secrets::add(&demo, &url, &demo.search.id, 10 - SAMPLE_SECRETS);
        Self { demo, proxy }
    }

    /// Who asks, and with which secret: every way to be refused.
    fn refused(&self) -> [(&'static str, &str, &str); 6] {
        let (one, ten) = (&self.demo.upload, &self.demo.search);
        // As long as a real one, so that requests are equally long too.
        let wrong = "abc_wmda_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA000000";
        [
            ("an unknown client", NOBODY, wrong),
            ("a wrong secret, one there", &one.id, wrong),
            ("a wrong secret, ten there", &ten.id, wrong),
            ("somebody else's secret", &one.id, &ten.secret),
            ("the secret's client unknown", NOBODY, &one.secret),
            ("one's other client's secret", &ten.id, &one.secret),
        ]
    }

    fn refuse(&self, id: &str, secret: &str) {
        let body = format!("{GRANT}&client_id={id}&client_secret={secret}");
        let answer = Answer::of(self.demo.token(body));
        assert_eq!(answer.status, 401, "{}", answer.text);
    }

    /// What one refusal sends to the database and gets back, in bytes.
    fn carried(&self, id: &str, secret: &str) -> [u64; 2] {
        let before = self.proxy.carried();
        self.refuse(id, secret);
        let after = self.proxy.carried();
        [after[0] - before[0], after[1] - before[1]]
    }

    /// Until every connection of the pool has prepared its statements.
    fn warm_up(&self) {
        let warm = wait_until(Duration::from_secs(20), || {
            let [first, second] = [(); 2].map(|()| self.carried(NOBODY, "warm"));
            first == second && first[0] > 0
        });
        assert!(warm, "the work of a refusal never settles");
    }
}

#[test]
fn a05_y01_every_refusal_is_the_same_work_for_the_database() {
    let setting = Setting::prepare();
    setting.warm_up();
    let expected = setting.carried(NOBODY, "warm");
    for round in 0..3 {
        for (what, id, secret) in setting.refused() {
            let carried = setting.carried(id, secret);
            assert_eq!(carried, expected, "{what}, round {round}");
        }
    }
}

#[test]
fn a05_y01_every_refusal_takes_the_same_time() {
    const ROUNDS: usize = 60;
    /// A typical refusal may be slower than another by this factor and a fifth of a millisecond: a slow hash for whoever
    /// exists would be above. What is finer is counted, not timed.
    const FACTOR: f64 = 1.4;
    const JITTER: f64 = 0.000_2;
    let setting = Setting::prepare();
    setting.warm_up();
    let mut spread = String::new();
    // Noise meets one attempt or another; a difference that is always there meets them all.
    let even = (0..5).any(|_| {
        let mut times: [Vec<Duration>; 6] = Default::default();
        for _ in 0..ROUNDS {
            for (at, (_, id, secret)) in setting.refused().into_iter().enumerate() {
                times[at].push(timed(|| setting.refuse(id, secret)).0);
            }
        }
        let medians = times.map(|mut times| {
            times.sort_unstable();
            times[ROUNDS / 2].as_secs_f64()
        });
        let least = medians.iter().copied().fold(f64::INFINITY, f64::min);
        let most = medians.iter().copied().fold(0.0, f64::max);
        spread = format!("{medians:?}");
        most <= least * FACTOR + JITTER
    });
    assert!(even, "seconds: {spread}");
}
