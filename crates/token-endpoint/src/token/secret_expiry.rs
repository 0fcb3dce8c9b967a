//! A response header announces the secret's expiry, which reaches the client even if its managers have left or read
//! no mail.

use actix_web::{
    HttpResponse,
    http::header::{HeaderName, HeaderValue},
};
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};

/// A header of this server's own, on every dialect, since Entra's token response takes no further members.
const HEADER: HeaderName = HeaderName::from_static("client-secret-expires-at");
/// The header is sent from this long before the expiry: as long as people need to plan a rotation.
const ANNOUNCED: TimeDelta = TimeDelta::days(60);

/// Adds the header when the expiry, in seconds since 1970, is near.
pub(crate) fn announce(answer: &mut HttpResponse, ends_at: Option<i64>, now: DateTime<Utc>) {
    let ends_at = ends_at.and_then(|seconds| DateTime::from_timestamp(seconds, 0));
    let Some(ends_at) = ends_at.filter(|end| *end - now < ANNOUNCED) else {
        return;
    };
    let text = ends_at.to_rfc3339_opts(SecondsFormat::Secs, true);
    if let Ok(value) = HeaderValue::try_from(text) {
        answer.headers_mut().insert(HEADER, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_with_less_than_60_days_is_announced() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let said = |left: TimeDelta| {
            let mut answer = HttpResponse::Ok().finish();
            announce(&mut answer, Some((now + left).timestamp()), now);
            let value = answer.headers().get(HEADER);
            value.map(|value| value.to_str().unwrap().to_owned())
        };
        assert_eq!(said(ANNOUNCED), None);
        let last = said(ANNOUNCED - TimeDelta::seconds(1));
        assert_eq!(last.as_deref(), Some("2027-03-16T07:59:59Z"));
    }
}
