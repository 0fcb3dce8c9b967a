//! Suspension of a credential: it and its tokens are refused until an instant.

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};

/// The shortest suspension: a shorter one would end before the slowest job has requested a token.
const SHORTEST: TimeDelta = TimeDelta::minutes(10);
/// The longest suspension: what nobody misses for a week should be deleted.
const LONGEST: TimeDelta = TimeDelta::days(7);
/// Tolerance for the caller's clock skew and the request's latency.
const TOLERANCE: TimeDelta = TimeDelta::minutes(1);

/// Why the end of a suspension is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSuspension {
    /// Malformed.
    #[error("suspended_until must be a time with offset such as 2027-06-30T12:00:00Z (RFC 3339), or null")]
    Form,
    /// Too soon or too late.
    #[error("suspended_until must lie between 10 minutes and 7 days from now")]
    Length,
}

/// Parses the end of a suspension that begins now.
pub fn parse_end(text: &str, now: DateTime<Utc>) -> Result<DateTime<Utc>, InvalidSuspension> {
    let end = DateTime::parse_from_rfc3339(text).map_err(|_| InvalidSuspension::Form)?;
    let end = end.with_timezone(&Utc).trunc_subsecs(3);
    let length = end - now;
    if length < SHORTEST - TOLERANCE || length > LONGEST + TOLERANCE {
        return Err(InvalidSuspension::Length);
    }
    Ok(end)
}

/// Whether a suspension with this end is in force.
pub fn is_suspended(until: Option<DateTime<Utc>>, now: DateTime<Utc>) -> bool {
    until.is_some_and(|until| until > now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_suspension_lasts_10_minutes_to_7_days() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let read = |length: TimeDelta| parse_end(&(now + length).to_rfc3339(), now);
        for good in [SHORTEST, LONGEST, TimeDelta::hours(1), LONGEST + TOLERANCE] {
            assert_eq!(read(good), Ok(now + good));
        }
        for bad in [
            TimeDelta::zero(),
            TimeDelta::minutes(-10),
            TimeDelta::minutes(8),
            LONGEST + TOLERANCE * 2,
        ] {
            assert_eq!(read(bad), Err(InvalidSuspension::Length), "{bad}");
        }
        for bad in ["", "2027-01-15", "tomorrow", "2027-01-15T09:00:00", "1800003600"] {
            assert_eq!(parse_end(bad, now), Err(InvalidSuspension::Form), "{bad}");
        }
    }

    #[test]
    fn a_suspension_is_over_at_its_end() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let in_force = |until| is_suspended(until, now);
        assert!(in_force(Some(now + TimeDelta::milliseconds(1))));
        assert!(!in_force(Some(now)) && !in_force(None));
    }
}
