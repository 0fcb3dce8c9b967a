//! A-05, Y-01: the timing of a refusal reveals nothing. `tests/it/refusals.rs` counts the database's work to the
//! byte; here the time itself is compared within generous bounds, for whatever else a request might do.

use std::time::Duration;

use crate::{
    alone,
    support::{refusals::Setting, timed},
};

#[test]
fn a05_y01_every_refusal_takes_the_same_time() {
    const ROUNDS: usize = 60;
    /// A typical refusal may be slower than another by this factor and a fifth of a millisecond: a slow hash for
    /// existing clients would exceed that. Finer differences are counted, not timed.
    const FACTOR: f64 = 1.4;
    const JITTER: f64 = 0.000_2;
    let _alone = alone();
    let setting = Setting::prepare();
    setting.warm_up();
    let mut spread = String::new();
    // Noise affects one attempt or another; a systematic difference affects them all.
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
