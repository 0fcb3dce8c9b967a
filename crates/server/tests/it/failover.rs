//! T-14 and the promise about deletion during a failover of PostgreSQL: no token from a server that lacks the last
//! deletions, and tokens again soon after the promotion. With real servers and streaming replication.

use std::time::{Duration, Instant};

use crate::support::{Answer, Demo, binary, cluster::Cluster, finished, succeeded, timed, wait_until};

/// Within this time after the promotion of a standby, tokens are issued again.
const TAKE_OVER: Duration = Duration::from_secs(5);
/// Longer than the lease of the client cache.
const LEASE_IS_OVER: Duration = Duration::from_secs(2);
/// Time limit of any answer, 503 too.
const ANSWERED: Duration = Duration::from_secs(3);

fn token(demo: &Demo) -> u16 {
    Answer::of(demo.token(demo.upload.body())).status
}

fn both(one: &Cluster, two: &Cluster) -> String {
    format!(
        "postgres://postgres@127.0.0.1:{},127.0.0.1:{}/postgres",
        one.port, two.port
    )
}

/// Deletes as a DELETE on another node does, which then waits out a lease.
fn delete_secrets(primary: &Cluster, client_id: &str) {
    primary.query(&format!(
        "BEGIN; UPDATE change_counter SET version = version + 1; \
         INSERT INTO changes SELECT version, '{client_id}' FROM change_counter; \
         UPDATE client_secrets SET deleted_at = now() WHERE client_id = '{client_id}'; COMMIT"
    ));
    std::thread::sleep(LEASE_IS_OVER);
}

fn caught_up(primary: &Cluster) {
    let behind = "SELECT count(*) FROM pg_stat_replication WHERE replay_lsn = pg_current_wal_lsn()";
    assert!(wait_until(Duration::from_secs(20), || primary.query(behind) == "1"));
}

#[test]
fn t14_after_a_switchover_a_node_leaves_the_old_primary_which_is_a_standby_now() {
    let old = Cluster::primary("");
    let new = old.standby();
    let demo = Demo::start(Some(&both(&old, &new)));
    assert_eq!(token(&demo), 200);
    let warned = wait_until(Duration::from_secs(10), || {
        demo.log().contains("synchronous_standby_names")
    });
    assert!(warned, "an asynchronous standby is told: {}", demo.log());
    caught_up(&old);
    old.stop();
    new.promote();
    let promoted = Instant::now();
    old.follow(&new);
    old.start();
    let again = wait_until(TAKE_OVER.saturating_sub(promoted.elapsed()), || {
        token(&demo) == 200
    });
    assert!(again, "{}", demo.log());
    caught_up(&new);
    // The old primary does not receive the deletions that follow.
    old.query("SELECT pg_wal_replay_pause()");
    delete_secrets(&new, &demo.upload.id);
    let until = Instant::now() + Duration::from_secs(2);
    while Instant::now() < until {
        assert_eq!(token(&demo), 401);
    }
}

#[test]
fn t14_a_primary_that_hangs_and_is_replaced_is_left_within_five_seconds() {
    let old = Cluster::primary("");
    let new = old.standby();
    let demo = Demo::start(Some(&both(&old, &new)));
    assert_eq!(token(&demo), 200);
    caught_up(&old);
    old.signal("STOP");
    std::thread::sleep(LEASE_IS_OVER);
    assert_eq!(token(&demo), 503, "and not a word from the standby");
    new.promote();
    let promoted = Instant::now();
    let again = wait_until(TAKE_OVER, || token(&demo) == 200);
    assert!(again, "{:?}: {}", promoted.elapsed(), demo.log());
    // A starting node does not wait for the host that hangs.
    let mut list = binary();
    list.args(["admin", "list", "organisations", "--data-dir"])
        .arg(demo.data_dir())
        .env("WMDA_AUTH__DATABASE__URL", demo.database_url());
    succeeded(&mut list);
}

#[test]
fn a_primary_that_was_cut_off_from_its_synchronous_standby_gives_no_lease() {
    let old = Cluster::primary("");
    let new = old.standby();
    let demo = Demo::start(Some(&old.url()));
    old.query("ALTER SYSTEM SET synchronous_standby_names = '*'");
    old.query("SELECT pg_reload_conf()");
    let is_synchronous = "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'";
    assert!(wait_until(Duration::from_secs(20), || old.query(is_synchronous) == "1"));
    // Until a heartbeat notices it.
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(token(&demo), 200);
    // Split brain: both believe to be the primary, and the node is connected to the wrong one.
    new.promote();
    delete_secrets(&new, &demo.upload.id);
    let until = Instant::now() + Duration::from_secs(4);
    while Instant::now() < until {
        assert_eq!(token(&demo), 503);
    }
    assert_eq!(demo.get("/readyz").status, 503);
    // Concurrent requests share the failing proof; none waits for those before it.
    std::thread::scope(|scope| {
        for _ in 0..24 {
            scope.spawn(|| {
                let (took, status) = timed(|| token(&demo));
                assert!(status == 503 && took < ANSWERED, "{status} after {took:?}");
            });
        }
    });
}

#[test]
fn a_standby_alone_is_refused_at_start() {
    let primary = Cluster::primary("");
    let standby = primary.standby();
    let dir = tempfile::TempDir::new().unwrap();
    let mut check = binary();
    check
        .args(["demo", "--json", "--port", "0", "--data-dir"])
        .arg(dir.path())
        .env("WMDA_AUTH__DATABASE__URL", standby.url());
    let output = finished(&mut check);
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && text.contains("standby"), "{text}");
}
