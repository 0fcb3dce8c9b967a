//! A-05, Y-01: every refusal is the same work for the database, counted to the byte. Its timing:
//! `tests/alone/timing.rs`.

use crate::support::refusals::{NOBODY, Setting};

#[test]
fn a05_y01_every_refusal_is_the_same_work_for_the_database() {
    let setting = Setting::prepare();
    setting.warm_up();
    for round in 0..3 {
        for (what, id, secret) in setting.refused() {
            let [carried, expected] = setting.carried_beside([id, secret], [NOBODY, "warm"]);
            assert_eq!(carried, expected, "{what}, round {round}");
        }
    }
}
