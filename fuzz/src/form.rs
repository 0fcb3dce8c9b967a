//! The body of a token request (`oauth2_types::form`).

use std::fmt::Write;

use oauth2_types::form;

/// Whatever is read as a form, written again, is read as the same form.
pub fn form_body(data: &[u8]) {
    let Ok(pairs) = form::parse(data) else { return };
    assert!(
        !pairs
            .iter()
            .any(|(name, value)| name.contains('\0') || value.contains('\0'))
    );
    let written: Vec<String> = pairs
        .iter()
        .map(|(name, value)| format!("{}={}", encoded(name), encoded(value)))
        .collect();
    assert_eq!(form::parse(written.join("&").as_bytes()), Ok(pairs));
}

/// Every octet percent-encoded (RFC 3986 §2.1).
pub(crate) fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(3 * text.len());
    for octet in text.bytes() {
        // Writing to a String can't fail.
        let _ = write!(encoded, "%{octet:02X}");
    }
    encoded
}
