//! The `Authorization: Basic` header (`oauth2_types::credentials`).

use base64::{Engine, engine::general_purpose::STANDARD};
use oauth2_types::credentials::parse_basic;

use crate::form::encoded;

/// Credentials that are read, sent in the way that RFC 6749 §2.3.1 asks for, are read as the same.
pub fn basic_header(data: &[u8]) {
    let Ok(read) = parse_basic(data) else { return };
    let pair = format!("{}:{}", encoded(&read.client_id), encoded(&read.client_secret));
    let header = format!("Basic {}", STANDARD.encode(pair));
    let again = parse_basic(header.as_bytes());
    assert!(again.is_ok_and(|again| {
        again.client_id == read.client_id && again.client_secret == read.client_secret
    }));
}
