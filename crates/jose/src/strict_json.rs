//! JSON parsing that rejects repeated members at every depth: two parsers of one token must not see two tokens
//! (RFC 8725 §2.4).

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, Error, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Value};

const REPEATED: &str = "repeated key";

/// Why a text is rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotStrict {
    /// Not a JSON object.
    #[error("it is no JSON object")]
    Malformed,
    /// A member is repeated in one object.
    #[error("a member is repeated")]
    Repeated,
    /// A member is missing or of the wrong type.
    #[error("a member is missing or has another type")]
    Mismatch,
}

/// Parses an object into a type.
pub fn parse<T: DeserializeOwned>(text: &[u8]) -> Result<T, NotStrict> {
    let object = read(text)?;
    serde_json::from_value(Value::Object(object)).map_err(|_| NotStrict::Mismatch)
}

/// Parses an object as a map.
pub fn read(text: &[u8]) -> Result<Map<String, Value>, NotStrict> {
    let read = serde_json::from_slice(text).map_err(|error| {
        if error.to_string().starts_with(REPEATED) {
            NotStrict::Repeated
        } else {
            NotStrict::Malformed
        }
    })?;
    match read {
        Strict(Value::Object(object)) => Ok(object),
        Strict(_) => Err(NotStrict::Malformed),
    }
}

/// An object without repeated members, nested in a larger text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StrictObject(pub Map<String, Value>);

impl<'de> Deserialize<'de> for StrictObject {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Strict::deserialize(deserializer)? {
            Strict(Value::Object(object)) => Ok(Self(object)),
            Strict(_) => Err(D::Error::custom("expected an object")),
        }
    }
}

struct Strict(Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StrictVisitor).map(Self)
    }
}

struct StrictVisitor;

impl<'de> Visitor<'de> for StrictVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON without repeated keys")
    }
    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }
    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }
    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }
    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }
    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }
    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(Strict(item)) = items.next_element()? {
            list.push(item);
        }
        Ok(list.into())
    }
    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some((key, Strict(value))) = entries.next_entry::<String, Strict>()? {
            if object.insert(key, value).is_some() {
                return Err(A::Error::custom(REPEATED));
            }
        }
        Ok(object.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn j04_a_repeated_key_is_refused_at_every_depth() {
        let good = br#"{"a":[1,-2,0.5,"x",null,true],"b":{"a":1}}"#;
        assert_eq!(read(good), Ok(serde_json::from_slice(good).unwrap()));
        for repeated in [
            r#"{"a":1,"a":1}"#,
            r#"{"b":{"a":1,"a":2}}"#,
            r#"{"b":[{"\u0061":1,"a":2}]}"#,
        ] {
            assert_eq!(read(repeated.as_bytes()), Err(NotStrict::Repeated), "{repeated}");
        }
        for malformed in ["", "[]", "1", r#"{"a":1}x"#, r#"{"a""#] {
            assert_eq!(
                read(malformed.as_bytes()),
                Err(NotStrict::Malformed),
                "{malformed}"
            );
        }
    }
}
