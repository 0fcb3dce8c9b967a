//! The eviction rules, without a network.

use super::*;

fn address(last: u8) -> IpAddr {
    IpAddr::from([192, 0, 2, last])
}

fn connections(total: usize, per_source: usize) -> Arc<Connections> {
    let proxies = vec!["192.0.2.100/32".parse().unwrap()];
    Connections::new(Limits { total, per_source }, proxies)
}

fn is_closed(slot: &Slot) -> bool {
    slot.connection.is_closed()
}

fn later(all: &Connections, time: Duration) {
    (0..time.as_millis() / TICK.as_millis()).for_each(|_| all.tick());
}

#[test]
fn x01_the_idlest_connection_of_a_source_makes_room_for_its_next() {
    let all = connections(10, 2);
    let first = all.take_slot(address(1));
    let other = all.take_slot(address(2));
    later(&all, TICK);
    let second = all.take_slot(address(1));
    let third = all.take_slot(address(1));
    assert!(is_closed(&first) && !is_closed(&second) && !is_closed(&third) && !is_closed(&other));
}

#[test]
fn x02_a_source_that_has_all_its_places_leaves_the_others_theirs() {
    let all = connections(4, 2);
    let quiet = all.take_slot(address(2));
    later(&all, Duration::from_secs(60));
    let _many: Vec<_> = (0..100).map(|_| all.take_slot(address(1))).collect();
    assert!(!is_closed(&quiet));
    assert_eq!(all.open().total, 3);
}

#[test]
fn who_is_at_work_is_closed_last_and_of_these_the_oldest_first() {
    let all = connections(3, 3);
    let [older, younger, idle] = [(); 3].map(|()| {
        later(&all, TICK);
        all.take_slot(address(1))
    });
    younger.connection.asked(all.now());
    older.connection.asked(all.now());
    later(&all, 2 * TICK);
    older.connection.answers(all.now());
    let next = all.take_slot(address(1));
    assert!(is_closed(&idle), "the other two are at work");
    next.connection.asked(all.now());
    let _last = all.take_slot(address(1));
    assert!(is_closed(&younger), "it has been asking for longest");
    assert!(!is_closed(&older) && !is_closed(&next));
}

#[test]
fn x01_a_new_connection_has_time_to_ask_before_it_counts_as_idle() {
    let all = connections(2, 2);
    let greedy = all.take_slot(address(1));
    greedy.connection.asked(all.now());
    let new = all.take_slot(address(1));
    // A handshake is no request.
    new.connection.answers(all.now());
    new.connection.answered(all.now());
    let other = all.take_slot(address(1));
    assert!(is_closed(&greedy) && !is_closed(&new));
    other.connection.asked(all.now());
    later(&all, Duration::from_secs(1));
    let _next = all.take_slot(address(1));
    assert!(
        is_closed(&new) && !is_closed(&other),
        "it has not asked for a second"
    );
}

#[test]
fn a_place_is_free_again_when_its_connection_is_dropped() {
    let all = connections(1, 1);
    let first = all.take_slot(address(1));
    drop(first);
    drop(all.take_slot(address(1)));
    assert_eq!(all.open().total, 0);
    assert!(all.open().by_source.is_empty());
}

#[test]
fn a_trusted_proxy_stands_for_many_and_has_no_limit_of_its_own() {
    let all = connections(10, 2);
    let slots: Vec<_> = (0..10).map(|_| all.take_slot(address(100))).collect();
    assert!(!slots.iter().any(is_closed));
    let _next = all.take_slot(address(100));
    assert!(slots.iter().any(is_closed), "the limit of all holds for it too");
}

#[test]
fn an_ipv6_network_is_one_source() {
    let of = |text: &str| counted(text.parse().unwrap());
    assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:0:0:2"));
    assert_ne!(of("2001:db8:0:1::1"), of("2001:db8:0:2::1"));
    assert_eq!(of("::ffff:192.0.2.1"), address(1));
}

#[test]
fn x01_who_takes_no_answer_or_never_ends_a_request_is_closed() {
    let all = connections(10, 10);
    let [idle, asks, answers] = [(); 3].map(|()| all.take_slot(address(1)));
    asks.connection.asked(all.now());
    answers.connection.asked(all.now());
    answers.connection.answers(all.now());
    later(&all, Duration::from_secs(20));
    assert!(!is_closed(&answers));
    later(&all, Duration::from_secs(2));
    assert!(is_closed(&answers) && !is_closed(&asks));
    later(&all, Duration::from_secs(10));
    assert!(
        is_closed(&asks) && !is_closed(&idle),
        "keep-alive has its own limit"
    );
}

#[test]
fn a_server_that_stops_waits_two_seconds_for_who_takes_no_answer() {
    let all = connections(10, 10);
    let slot = all.take_slot(address(1));
    slot.connection.asked(all.now());
    slot.connection.answers(all.now());
    all.stop();
    later(&all, Duration::from_secs(3));
    assert!(is_closed(&slot));
}

#[test]
fn an_answer_that_was_taken_ends_the_work() {
    let all = connections(10, 10);
    let slot = all.take_slot(address(1));
    slot.connection.asked(all.now());
    slot.connection.answers(all.now());
    slot.connection.answered(all.now());
    later(&all, Duration::from_secs(60));
    assert!(!is_closed(&slot));
}
