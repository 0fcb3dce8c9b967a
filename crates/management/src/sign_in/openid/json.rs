//! JSON of the provider: no member is repeated, and an error names the path of what is wrong.

use jose::strict_json::{self, NotStrict};
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Why a text is not the expected JSON object.
#[derive(Debug, thiserror::Error)]
pub(super) enum JsonError {
    #[error(transparent)]
    NotStrict(#[from] NotStrict),
    #[error(transparent)]
    Mismatch(#[from] serde_path_to_error::Error<serde_json::Error>),
}

/// Parses an object into a type.
pub(super) fn parse<T: DeserializeOwned>(text: &[u8]) -> Result<T, JsonError> {
    let object = strict_json::read(text)?;
    Ok(serde_path_to_error::deserialize(Value::Object(object))?)
}
