//! The expiry of new secrets.

use chrono::{DateTime, Days, Months, NaiveDate, NaiveTime, SubsecRound, TimeDelta, Timelike, Utc};

/// The longest lifetime that can be configured: until the same calendar day of the next year.
pub const ONE_YEAR_IN_DAYS: u32 = 365;

/// Limits on the lifetime of a new secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetimes {
    /// The shortest lifetime, so that secrets created by the thousand can't cause mails by the thousand.
    pub min_minutes: u32,
    /// The longest lifetime.
    pub max_days: u32,
}

/// Why an expiry is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidExpiry {
    /// Malformed.
    #[error(
        "expires_at must be a date such as 2027-06-30, or a time with offset such as 2027-06-30T12:00:00Z (RFC 3339)"
    )]
    Form,
    /// In the past.
    #[error("expires_at must lie in the future")]
    Past,
    /// Too soon; holds the shortest lifetime in minutes.
    #[error(
        "expires_at lies too near: a new secret lives for {0} minutes at least, so choose a later time or day"
    )]
    TooSoon(u32),
    /// Too late.
    #[error(
        "expires_at lies too far away: a credential lives for one year at most, or less where the server is configured so"
    )]
    TooFar,
}

/// Parses an expiry: an instant with offset (RFC 3339), or a date, which means the end of that day in UTC.
pub fn parse_expiry(
    text: &str,
    now: DateTime<Utc>,
    lifetimes: Lifetimes,
) -> Result<DateTime<Utc>, InvalidExpiry> {
    let expiry = match NaiveDate::parse_from_str(text, "%Y-%m-%d") {
        Ok(day) if text.len() == "2027-06-30".len() => end_of(day),
        _ => parse_instant(text)?,
    };
    let earliest = now + TimeDelta::minutes(i64::from(lifetimes.min_minutes));
    match expiry {
        past if past <= now => Err(InvalidExpiry::Past),
        near if near < earliest => Err(InvalidExpiry::TooSoon(lifetimes.min_minutes)),
        far if !is_within(far, now, lifetimes.max_days) => Err(InvalidExpiry::TooFar),
        good => Ok(good),
    }
}

/// Whether a lifetime from now stays within the limit. The last day counts as a whole, also when its end is written
/// as an instant, as the API itself writes it.
pub fn is_within(expiry: DateTime<Utc>, now: DateTime<Utc>, max_days: u32) -> bool {
    let latest = latest(now, max_days);
    expiry <= latest || expiry == end_of(latest.date_naive())
}

fn parse_instant(text: &str) -> Result<DateTime<Utc>, InvalidExpiry> {
    let instant = DateTime::parse_from_rfc3339(text).map_err(|_| InvalidExpiry::Form)?;
    // Few parsers accept a leap second, and no database stores it.
    match instant.nanosecond() {
        1_000_000_000.. => Err(InvalidExpiry::Form),
        _ => Ok(instant.with_timezone(&Utc).trunc_subsecs(3)),
    }
}

/// The latest expiry of a secret created now. 29 February is followed by 28 February.
pub fn latest(now: DateTime<Utc>, max_days: u32) -> DateTime<Utc> {
    if max_days >= ONE_YEAR_IN_DAYS {
        now.checked_add_months(Months::new(12))
    } else {
        now.checked_add_days(Days::new(u64::from(max_days)))
    }
    .unwrap_or(now)
}

fn end_of(day: NaiveDate) -> DateTime<Utc> {
    day.and_time(NaiveTime::MIN).and_utc() + TimeDelta::seconds(86_399)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn z05_an_expiry_lies_within_one_year_of_the_servers_clock() {
        let at = |text: &str| DateTime::parse_from_rfc3339(text).unwrap().with_timezone(&Utc);
        let lifetimes = |min_minutes, max_days| Lifetimes {
            min_minutes,
            max_days,
        };
        let read = |text: &str, now: &str| parse_expiry(text, at(now), lifetimes(0, 365));
        let now = "2027-03-01T12:00:00Z";
        let good = [
            ("2027-06-30", now, "2027-06-30T23:59:59Z"),
            ("2027-03-01", now, "2027-03-01T23:59:59Z"),
            ("2028-03-01", now, "2028-03-01T23:59:59Z"),
            ("2028-03-01T12:00:00Z", now, "2028-03-01T12:00:00Z"),
            ("2028-03-01T23:59:59Z", now, "2028-03-01T23:59:59Z"),
            ("2028-03-01T14:00:00+02:00", now, "2028-03-01T12:00:00Z"),
            ("2027-03-01T12:00:01Z", now, "2027-03-01T12:00:01Z"),
            (
                "2029-02-28T10:00:00Z",
                "2028-02-29T10:00:00Z",
                "2029-02-28T10:00:00Z",
            ),
            ("2029-02-28", "2028-02-29T10:00:00Z", "2029-02-28T23:59:59Z"),
        ];
        for (text, now, expected) in good {
            assert_eq!(read(text, now), Ok(at(expected)), "{text} at {now}");
        }
        use InvalidExpiry::{Form, Past, TooFar};
        let bad = [
            ("2027-03-01T12:00:00Z", Past),
            ("2027-03-01T13:59:00+02:00", Past),
            ("2027-02-28", Past),
            ("0001-01-01T00:00:00Z", Past),
            ("2028-03-01T12:00:01Z", TooFar),
            ("2028-03-01T11:30:00-01:00", TooFar),
            ("2028-03-02", TooFar),
            ("9999-12-31T23:59:59Z", TooFar),
            ("2027-06-30T12:00:00", Form),
            ("2027-02-29", Form),
            ("2027-06-30T23:59:60Z", Form),
            ("2027-6-3", Form),
            ("-2027-06-30", Form),
            ("+12027-06-30", Form),
            ("1767225600", Form),
            ("", Form),
            ("tomorrow", Form),
        ];
        for (text, expected) in bad {
            assert_eq!(read(text, now), Err(expected), "{text}");
        }
        assert_eq!(read("2029-03-01", "2028-02-29T10:00:00Z"), Err(TooFar));
        assert_eq!(parse_expiry("2027-04-01", at(now), lifetimes(0, 30)), Err(TooFar));
        assert_eq!(
            parse_expiry("2027-03-31", at(now), lifetimes(0, 30)),
            Ok(at("2027-03-31T23:59:59Z"))
        );
    }
    #[test]
    fn x02_a_secret_has_a_shortest_life() {
        let at = |text: &str| DateTime::parse_from_rfc3339(text).unwrap().with_timezone(&Utc);
        let lifetimes = Lifetimes {
            min_minutes: 60,
            max_days: 365,
        };
        let read = |text: &str, now: &str| parse_expiry(text, at(now), lifetimes);
        let noon = "2027-03-01T12:00:00Z";
        assert_eq!(
            read("2027-03-01T12:59:59Z", noon),
            Err(InvalidExpiry::TooSoon(60))
        );
        assert!(read("2027-03-01T13:00:00Z", noon).is_ok());
        assert!(read("2027-03-01", noon).is_ok());
        assert_eq!(read("2027-03-01T11:00:00Z", noon), Err(InvalidExpiry::Past));
        let late = "2027-03-01T23:30:00Z";
        assert_eq!(read("2027-03-01", late), Err(InvalidExpiry::TooSoon(60)));
        assert!(read("2027-03-02", late).is_ok());
    }
}
