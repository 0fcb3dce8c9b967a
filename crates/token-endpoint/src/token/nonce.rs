//! Stateless nonces for DPoP proofs (RFC 9449 §8), valid on every node: the time of creation and a keyed tag of it.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::pepper::Pepper;

use crate::state::TokenService;

const PURPOSE: &str = "dpop nonce";
/// Lifetime of a nonce.
const LIFETIME_SECONDS: i64 = 300;
/// Allowed clock skew: another node's clock may be ahead.
const MAX_AHEAD_SECONDS: i64 = 60;
const TIME: usize = size_of::<i64>();
/// Length of the tag: 128 bits.
const TAG: usize = 16;

impl TokenService {
    /// A new nonce, valid from now.
    pub(crate) fn new_nonce(&self) -> String {
        made(&self.pepper, self.clock.now().timestamp())
    }

    /// Whether this service created it, within its lifetime.
    pub(crate) fn is_own_nonce(&self, nonce: &str) -> bool {
        is_good(&self.pepper, nonce, self.clock.now().timestamp())
    }
}

fn made(pepper: &Pepper, at: i64) -> String {
    let time = at.to_be_bytes();
    let tag = pepper.tag(PURPOSE, &time);
    URL_SAFE_NO_PAD.encode([&time[..], &tag[..TAG]].concat())
}

fn is_good(pepper: &Pepper, nonce: &str, now: i64) -> bool {
    let Ok(octets) = URL_SAFE_NO_PAD.decode(nonce) else {
        return false;
    };
    let Some((time, tag)) = octets.split_first_chunk::<TIME>() else {
        return false;
    };
    let own = pepper.tag(PURPOSE, time);
    let difference = tag
        .iter()
        .zip(&own)
        .fold(0, |sum, (left, right)| sum | (left ^ right));
    let age = now.saturating_sub(i64::from_be_bytes(*time));
    tag.len() == TAG && difference == 0 && (-MAX_AHEAD_SECONDS..=LIFETIME_SECONDS).contains(&age)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nonce_is_good_for_five_minutes_and_under_its_own_pepper() {
        let pepper = |byte: &str| Pepper::parse(&format!("1 {}8=", byte.repeat(42))).unwrap();
        let (own, other) = (pepper("A"), pepper("B"));
        let now = 1_800_000_000;
        let nonce = made(&own, now);
        for (later, good) in [(0, true), (300, true), (301, false), (-60, true), (-61, false)] {
            assert_eq!(is_good(&own, &nonce, now + later), good, "{later}");
        }
        assert!(!is_good(&other, &nonce, now));
        let earlier = made(&own, now - 400);
        let forged = format!("{}{}", &nonce[..10], &earlier[10..]);
        for bad in ["", "A", &nonce[1..], &nonce[..20], &forged, &format!("{nonce}AA")] {
            assert!(!is_good(&own, bad, now), "{bad}");
        }
    }
}
