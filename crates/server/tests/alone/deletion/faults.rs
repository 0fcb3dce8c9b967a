//! Fault injection: a node is stopped, killed, cut off, stalled, slowed down, and its clock stepped, one fault after
//! the other with short pauses.

use std::{thread, time::Duration};

use super::{Stop, history::History, nodes::Node, random::Random};

/// Injects faults; the history learns when the wall clock of this node was wrong.
pub fn work(node: &Node, stop: &Stop, mut random: Random, (history, number): (&History, usize)) {
    while !stop.is_set() {
        thread::sleep(random.millis(300, 2500));
        match random.below(7) {
            0 | 1 => pause(node, &mut random),
            2 => restart(node, &mut random),
            3 => cut(node, &mut random),
            4 => stall(node, &mut random),
            5 => {
                let since = history.now();
                step_clock(node, &mut random);
                history.clock_was_wrong(number, since);
            }
            _ => slow_down(node, &mut random),
        }
    }
}

/// For longer or shorter than a lease.
fn pause(node: &Node, random: &mut Random) {
    node.note("stopped");
    node.signal("-STOP");
    thread::sleep(random.millis(20, 1500));
    node.signal("-CONT");
    node.note("continued");
}

fn restart(node: &Node, random: &mut Random) {
    node.note("killed");
    node.kill();
    thread::sleep(random.millis(0, 500));
    node.launch();
}

fn cut(node: &Node, random: &mut Random) {
    node.note("cut off");
    node.link.cut();
    thread::sleep(random.millis(100, 2000));
    node.link.open();
    // It may have been killed just before, and refuses to start without a database.
    node.launch();
}

/// Polls sent before a deletion are answered after it.
fn stall(node: &Node, random: &mut Random) {
    node.note("stalled");
    node.link.stall();
    thread::sleep(random.millis(50, 1500));
    node.link.open();
    node.launch();
}

fn slow_down(node: &Node, random: &mut Random) {
    node.note("slowed down");
    node.link.delay(random.millis(10, 400));
    thread::sleep(random.millis(500, 3000));
    node.link.open();
    node.launch();
}

/// Steps the wall clock ahead by hours, and back. (Not before the activation of the keys: then there is none to sign
/// with.)
fn step_clock(node: &Node, random: &mut Random) {
    node.note("clock stepped");
    node.step_clock(random.millis(0, 12 * 3_600_000));
    thread::sleep(random.millis(500, 3000));
    node.step_clock(Duration::ZERO);
}
