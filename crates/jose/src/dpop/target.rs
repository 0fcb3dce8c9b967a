//! Normalises `htu` for comparison (RFC 9449 §4.3 point 9).

/// Syntax-based and scheme-based normalisation (RFC 3986 §6.2.2, §6.2.3), without query and fragment; `None` for anything but an
/// http or https URI without user information.
pub(crate) fn normalized(uri: &str) -> Option<String> {
    let uri = uri.split(['?', '#']).next().unwrap_or_default();
    if !uri
        .bytes()
        .all(|byte| byte.is_ascii_graphic() && !br#"\"<>^`{|}"#.contains(&byte))
    {
        return None;
    }
    let (scheme, rest) = uri.split_once("://")?;
    let scheme = scheme.to_ascii_lowercase();
    let default_port = match scheme.as_str() {
        "http" => "80",
        "https" => "443",
        _ => return None,
    };
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let authority = authority.to_ascii_lowercase();
    // Colons of an IPv6 address are within brackets.
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, port),
        _ => (authority.as_str(), ""),
    };
    if host.is_empty() || host.contains('@') || !port.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let port = if port.is_empty() || port == default_port {
        String::new()
    } else {
        format!(":{port}")
    };
    Some(format!(
        "{scheme}://{host}{port}{}",
        without_dots(&decoded(path)?)
    ))
}

/// Percent-encodes in upper case, and only where necessary (RFC 3986 §6.2.2.1, §6.2.2.2).
fn decoded(path: &str) -> Option<String> {
    let mut parts = path.split('%');
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let digits = part
            .get(..2)
            .filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))?;
        let octet = u8::from_str_radix(digits, 16).ok()?;
        if octet.is_ascii_alphanumeric() || b"-._~".contains(&octet) {
            text.push(char::from(octet));
        } else {
            text.push_str(&format!("%{octet:02X}"));
        }
        text.push_str(&part[2..]);
    }
    Some(text)
}

/// Removes dot segments (RFC 3986 §5.2.4, §6.2.2.3); an empty path is `/` (§6.2.3).
fn without_dots(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let mut segments = path.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        let is_last = segments.peek().is_none();
        match segment {
            "." | ".." => {
                if segment == ".." {
                    kept.pop();
                }
                if is_last {
                    kept.push("");
                }
            }
            other => kept.push(other),
        }
    }
    format!("/{}", kept.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equivalent_addresses_have_one_form() {
        for (written, form) in [
            (
                "HTTPS://Auth.Example.ORG/oauth2/token",
                "https://auth.example.org/oauth2/token",
            ),
            ("https://auth.example.org:443/a", "https://auth.example.org/a"),
            ("https://auth.example.org:/a", "https://auth.example.org/a"),
            ("http://[::1]:80/a", "http://[::1]/a"),
            ("http://[::1]:8080/a", "http://[::1]:8080/a"),
            ("https://a:80/a", "https://a:80/a"),
            ("https://a", "https://a/"),
            ("https://a?x#y", "https://a/"),
            ("https://a/b?x=/../c#d", "https://a/b"),
            ("https://a/%7euser/%c3%A9%2f", "https://a/~user/%C3%A9%2F"),
            ("https://a/b/./c/../d", "https://a/b/d"),
            ("https://a/%2e%2E/d/.", "https://a/d/"),
            ("https://a/b/..", "https://a/"),
        ] {
            assert_eq!(normalized(written).as_deref(), Some(form), "{written}");
        }
    }

    #[test]
    fn what_is_no_http_address_has_no_form() {
        for bad in [
            "",
            "/oauth2/token",
            "ftp://a/",
            "https:/a",
            "https:///a",
            "https://u@a/",
            "https://u:p@a/",
            "https://a:b/",
            "https://a\\b/",
            "https://a/b c",
            "https://a/\u{e9}",
            "https://a/%",
            "https://a/%zz",
            "https://a/%\u{e9}",
        ] {
            assert_eq!(normalized(bad), None, "{bad}");
        }
    }
}
