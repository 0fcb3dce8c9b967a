//! Sanitises untrusted text, such as names and user agents, for a line of a mail; formats dates for people.

use chrono::{DateTime, TimeDelta, Utc};

/// One line without control and direction characters, truncated. Direction marks could disguise a name.
pub(crate) fn line(text: &str, longest: usize) -> String {
    let hidden = |one: char| {
        one.is_control()
            || matches!(one, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
            || matches!(one, '\u{61c}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
    };
    let mut visible: Vec<char> = text.chars().filter(|one| !hidden(*one)).collect();
    if visible.len() > longest {
        visible.truncate(longest.saturating_sub(1));
        visible.push('…');
    }
    visible.into_iter().collect()
}

/// Such as `23 November 2027, 23:59 UTC`.
pub(crate) fn instant(at: DateTime<Utc>) -> String {
    at.format("%-d %B %Y, %H:%M UTC").to_string()
}

/// Such as `23 November 2027`.
pub(crate) fn day(at: DateTime<Utc>) -> String {
    at.format("%-d %B %Y").to_string()
}

/// The relative time of an instant, such as `in 30 days`, `in 5 hours` or `2 days ago`.
pub(crate) fn distance(at: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let (span, past) = match at - now {
        ahead if ahead > TimeDelta::zero() => (ahead, false),
        behind => (-behind, true),
    };
    // A reminder at 30 days that is sent a minute late still says "in 30 days".
    let hours = (span.num_minutes() + 30) / 60;
    let days = (hours + 12) / 24;
    let text = match (days, hours) {
        (_, 0) => "less than an hour".to_owned(),
        (_, 1) => "1 hour".to_owned(),
        (0 | 1, hours) if hours < 23 => format!("{hours} hours"),
        (0 | 1, _) => "1 day".to_owned(),
        (days, _) => format!("{days} days"),
    };
    if past {
        format!("{text} ago")
    } else {
        format!("in {text}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_one_line_that_reads_as_it_is() {
        assert_eq!(line("a\r\nBcc: x@example.org", 99), "aBcc: x@example.org");
        assert_eq!(line("gpj.\u{202e}exe\u{2066}\u{200f}", 99), "gpj.exe");
        assert_eq!(line("مرحبا <b>", 99), "مرحبا <b>", "letters of any script stay");
        assert_eq!(line(&"x".repeat(200), 10), "xxxxxxxxx…");
    }

    #[test]
    fn distances_are_told_as_people_count() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        for (seconds, text) in [
            (30 * 86_400 - 61, "in 30 days"),
            (86_400 - 61, "in 1 day"),
            (5 * 3600, "in 5 hours"),
            (3600, "in 1 hour"),
            (60, "in less than an hour"),
            (-60, "less than an hour ago"),
            (-2 * 86_400, "2 days ago"),
        ] {
            assert_eq!(
                distance(now + TimeDelta::seconds(seconds), now),
                text,
                "{seconds}"
            );
        }
    }
}
