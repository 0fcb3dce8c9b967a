//! The request (correlation) id: in the answer's header, its log line, an error's `trace_id` and the refusal record.
//! A caller may supply it.

use std::sync::atomic::{AtomicU64, Ordering};

use actix_web::{
    HttpMessage, HttpRequest,
    http::header::{HeaderMap, HeaderName, HeaderValue},
};
use domain::{random, resource::parse_guid};
use ring::rand::SecureRandom;
use uuid::Uuid;

/// The response header that carries it.
pub(crate) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Request header of W3C Trace Context §3.2.
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
/// Request header in which Entra's clients send their correlation id.
const CLIENT_REQUEST_ID: HeaderName = HeaderName::from_static("client-request-id");

/// Attached to a request. Entra's `trace_id` must be a GUID, so every id is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RequestId(pub(crate) Uuid);

impl RequestId {
    /// The id that the middleware gave this request.
    pub(crate) fn of(http: &HttpRequest) -> Self {
        let known = http.extensions().get::<Self>().copied();
        known.unwrap_or(Self(Uuid::nil()))
    }

    /// As a header value.
    pub(crate) fn header(self) -> HeaderValue {
        let mut text = Uuid::encode_buffer();
        let text = self.0.hyphenated().encode_lower(&mut text);
        HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static(""))
    }
}

/// Generates ids. They are identifiers, not secrets: random bits fetched once, and a counter, so that a request costs
/// no system call. Ids of two processes collide as rarely as two random ones.
pub(crate) struct RequestIds {
    start: [u64; 2],
    made: AtomicU64,
}

impl RequestIds {
    /// If the random source fails there are no keys and so no server; ids would still be unique within this process.
    pub(crate) fn new(random: &dyn SecureRandom) -> Self {
        let start: [u8; 16] = random::bytes(random).unwrap_or_default();
        let start = u128::from_le_bytes(start);
        Self {
            start: [start as u64, (start >> 64) as u64],
            made: AtomicU64::new(0),
        }
    }

    /// The caller's id, or a new one.
    pub(crate) fn id(&self, headers: &HeaderMap) -> RequestId {
        let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
        let brought = text(TRACEPARENT)
            .and_then(trace_id)
            .or_else(|| text(X_REQUEST_ID).and_then(guid))
            .or_else(|| text(CLIENT_REQUEST_ID).and_then(guid));
        RequestId(brought.unwrap_or_else(|| self.next()))
    }

    fn next(&self) -> Uuid {
        let number = self.made.fetch_add(1, Ordering::Relaxed);
        let [high, low] = self.start.map(|start| scattered(start.wrapping_add(number)));
        let bits = (u128::from(high) << 64) | u128::from(low);
        uuid::Builder::from_random_bytes(bits.to_be_bytes()).into_uuid()
    }
}

/// The finalizer of SplitMix64: a bijection in which each input bit flips half of the output bits.
fn scattered(number: u64) -> u64 {
    let number = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

/// The trace id of `<version>-<trace-id>-<parent-id>-<flags>`; later versions may append fields.
fn trace_id(traceparent: &str) -> Option<Uuid> {
    let mut parts = traceparent.trim().split('-');
    let (version, trace, parent, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let hexadecimal =
        |text: &str, length| text.len() == length && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let sound = hexadecimal(version, 2)
        && !version.eq_ignore_ascii_case("ff")
        && hexadecimal(trace, 32)
        && hexadecimal(parent, 16)
        && hexadecimal(flags, 2);
    sound.then(|| guid(trace)).flatten()
}

fn guid(text: &str) -> Option<Uuid> {
    let text = text.trim();
    let id = parse_guid(text).or_else(|| (text.len() == 32).then(|| Uuid::try_parse(text).ok()).flatten());
    id.filter(|id| !id.is_nil())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use actix_web::test::TestRequest;

    use super::*;

    const ID: &str = "4bf92f35-77b3-4da6-a3ce-929d0e0e4736";
    const HEX: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

    #[expect(clippy::disallowed_methods, reason = "a test brings its own randomness")]
    fn ids() -> RequestIds {
        RequestIds::new(&ring::rand::SystemRandom::new())
    }

    fn brought(headers: &[(&'static str, &str)]) -> String {
        let request = headers.iter().fold(TestRequest::default(), |request, header| {
            request.append_header(*header)
        });
        ids().id(request.to_http_request().headers()).0.to_string()
    }

    #[test]
    fn a_caller_that_has_an_id_keeps_it() {
        let parent = format!("00-{HEX}-00f067aa0ba902b7-01");
        assert_eq!(brought(&[("traceparent", &parent)]), ID);
        assert_eq!(
            brought(&[("traceparent", &format!("cc-{HEX}-00f067aa0ba902b7-01-more"))]),
            ID
        );
        for form in [ID, HEX, &ID.to_uppercase(), &HEX.to_uppercase()] {
            assert_eq!(brought(&[("x-request-id", form)]), ID, "{form}");
            assert_eq!(brought(&[("client-request-id", form)]), ID, "{form}");
        }
        let other = "00000000-0000-4000-8000-000000000001";
        let both = [("x-request-id", other), ("traceparent", parent.as_str())];
        assert_eq!(brought(&both), ID, "the trace is the wider one");
    }

    #[test]
    fn what_can_be_no_guid_is_replaced() {
        let zeros = "0".repeat(32);
        for value in [
            "",
            "1234",
            "a b",
            "4bf92f3577b34da6a3ce929d0e0e473g",
            &format!("{{{ID}}}x"),
            &zeros,
            &"a".repeat(10_000),
        ] {
            let id = brought(&[("x-request-id", value)]);
            assert_eq!((id.len(), id.as_bytes()[14]), (36, b'4'), "{value}: {id}");
        }
        for value in [
            &format!("ff-{HEX}-00f067aa0ba902b7-01"),
            &format!("00-{HEX}-00f067aa0ba902b7"),
            &format!("00-{zeros}-00f067aa0ba902b7-01"),
            HEX,
        ] {
            assert_ne!(brought(&[("traceparent", value)]), ID, "{value}");
        }
    }

    #[test]
    fn ids_differ_within_a_process_and_between_two() {
        let (one, other) = (ids(), ids());
        let made: BTreeSet<Uuid> = (0..10_000).flat_map(|_| [one.next(), other.next()]).collect();
        assert_eq!(made.len(), 20_000);
    }
}
