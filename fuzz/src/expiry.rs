//! The expiry and the name of a new secret (`domain::expiry`, `domain::name`).

use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    expiry::{Lifetimes, parse_expiry},
    name,
};

/// Ordinary, at the end of a leap year's February, and at the ends of 1969 and 2099.
const NOW: [i64; 4] = [1_800_000_000, 1_835_481_599, 0, 4_102_444_799];

/// The first byte chooses the server's clock, the second the longest life; the rest is what was sent.
pub fn expiry(data: &[u8]) {
    let [clock, days, text @ ..] = data else { return };
    let Ok(text) = std::str::from_utf8(text) else {
        return;
    };
    let now = DateTime::from_timestamp(NOW[usize::from(*clock) % NOW.len()], 0).expect("a time");
    within_its_limits(text, now, u32::from(*days) * 2);
    if let Ok(name) = name::parse(text) {
        assert!(name.chars().count() <= 120 && !name.chars().any(char::is_control));
    }
}

/// An expiry that is accepted lies at least an hour ahead, at most a day and the longest life ahead; as a time with offset it is read as the
/// same instant.
fn within_its_limits(text: &str, now: DateTime<Utc>, max_days: u32) {
    let lifetimes = Lifetimes {
        min_minutes: 60,
        max_days,
    };
    let Ok(expiry) = parse_expiry(text, now, lifetimes) else {
        return;
    };
    let latest = now + TimeDelta::days(i64::from(max_days.min(366)) + 1);
    assert!(
        now + TimeDelta::minutes(60) <= expiry && expiry <= latest,
        "{expiry}"
    );
    let again = DateTime::parse_from_rfc3339(&expiry.to_rfc3339()).expect("RFC 3339");
    assert_eq!(again, expiry);
}
