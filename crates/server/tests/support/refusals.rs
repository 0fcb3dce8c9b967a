//! Every kind of failed client authentication, and its cost for the database.

use std::time::Duration;

use super::{Answer, Demo, GRANT, postgres_database, proxy::Proxy, secrets, wait_until};

pub const NOBODY: &str = "11111111-2222-4333-8444-555555555555";
/// How many secrets the sample client has.
const SAMPLE_SECRETS: u128 = 3;
/// Reduces database traffic other than that of requests.
const QUIET: [(&str, &str); 2] = [
    ("WMDA_AUTH__CACHE__POLL_MS", "2500"),
    ("WMDA_AUTH__CACHE__LEASE_MS", "5000"),
];

/// A demo behind a counting proxy.
pub struct Setting {
    demo: Demo,
    proxy: Proxy,
}

impl Setting {
    /// Prepares a client with one secret, and one with ten.
    pub fn prepare() -> Self {
        let url = postgres_database();
        let proxy = Proxy::start(&url);
        let demo = Demo::start_with(Some(&proxy.url), &QUIET);
        secrets::add(&demo, &url, &demo.search.id, 10 - SAMPLE_SECRETS);
        Self { demo, proxy }
    }

    /// Name, client id and secret of every kind of failure.
    pub fn refused(&self) -> [(&'static str, &str, &str); 6] {
        let (one, ten) = (&self.demo.upload, &self.demo.search);
        // As long as a real one, so that requests are equally long.
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

    pub fn refuse(&self, id: &str, secret: &str) {
        let body = format!("{GRANT}&client_id={id}&client_secret={secret}");
        let answer = Answer::of(self.demo.token(body));
        assert_eq!(answer.status, 401, "{}", answer.text);
    }

    /// What a refusal sends to the database and gets back, in bytes, and what another one does: the least of each, as
    /// background work adds to some. In turns, since a connection that came later may have longer names for its statements;
    /// until they are equal, or it is sure that they never will be.
    pub fn carried_beside(&self, one: [&str; 2], other: [&str; 2]) -> [[u64; 2]; 2] {
        let mut least = [[u64::MAX; 2]; 2];
        for turn in [[0, 1], [1, 0]].iter().cycle().take(50) {
            for number in *turn {
                let [id, secret] = [one, other][number];
                least[number] = least[number].min(self.carried_once(id, secret));
            }
            if least[0] == least[1] {
                break;
            }
        }
        least
    }

    fn carried_once(&self, id: &str, secret: &str) -> [u64; 2] {
        let before = self.proxy.carried();
        self.refuse(id, secret);
        let after = self.proxy.carried();
        [after[0] - before[0], after[1] - before[1]]
    }

    /// Until every pooled connection has prepared its statements.
    pub fn warm_up(&self) {
        let warm = wait_until(Duration::from_secs(20), || {
            let least = || (0..12).map(|_| self.carried_once(NOBODY, "warm")).min().unwrap();
            let [first, second] = [least(), least()];
            first == second && first[0] > 0
        });
        assert!(warm, "the work of a refusal never settles");
    }
}
