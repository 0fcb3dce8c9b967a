//! The token of a mail's unsubscribe link (RFC 8058): it identifies a person and can't be forged. It authorizes
//! nothing but limiting that person's mail to what is urgent.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use uuid::Uuid;

use crate::pepper::Pepper;

const PURPOSE: &str = "unsubscribe";

/// The token for a person.
pub fn token(pepper: &Pepper, user_id: Uuid) -> String {
    let tag = pepper.tag(PURPOSE, user_id.as_bytes());
    URL_SAFE_NO_PAD.encode([user_id.as_bytes().as_slice(), &tag].concat())
}

/// The person that a token identifies; `None` if it is forged.
pub fn read(pepper: &Pepper, token: &str) -> Option<Uuid> {
    let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
    let (id, tag) = bytes.split_first_chunk::<16>()?;
    let user_id = Uuid::from_bytes(*id);
    let expected = pepper.tags(PURPOSE, user_id.as_bytes());
    pepper.is_among(tag, &expected).then_some(user_id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_made_here_names_a_person() {
        let pepper = Pepper::parse("1 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=").unwrap();
        let other = Pepper::parse("1 AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=").unwrap();
        let id = Uuid::from_u128(7);
        let made = token(&pepper, id);
        assert_eq!(read(&pepper, &made), Some(id));
        assert_eq!(read(&other, &made), None);
        let foreign = [Uuid::from_u128(8).as_bytes().as_slice(), &[0; 32]].concat();
        for bad in ["", "AAAA", &made[1..], &URL_SAFE_NO_PAD.encode(foreign)] {
            assert_eq!(read(&pepper, bad), None, "{bad}");
        }
    }
}
