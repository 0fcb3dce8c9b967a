//! JSON Schema types in words.

use serde_json::Value;

/// A type in words, which may contain a link to a schema.
#[derive(Default)]
pub(super) struct Kind {
    pub(super) before: String,
    pub(super) schema: Option<String>,
    pub(super) after: String,
}

impl Kind {
    pub(super) fn read(schema: &Value) -> Self {
        if let Some(name) = reference(schema) {
            let schema = Some(name.to_owned());
            return Self {
                schema,
                ..Self::default()
            };
        }
        for word in ["oneOf", "anyOf", "allOf"] {
            if let Some(parts) = schema[word].as_array() {
                return Self::of_parts(parts);
            }
        }
        let names = names(&schema["type"]);
        let mut kind = if names.contains(&"array") {
            let items = Self::read(&schema["items"]);
            Self {
                before: format!("list of {}", items.before),
                ..items
            }
        } else {
            let named: Vec<&str> = names.iter().copied().filter(|name| *name != "null").collect();
            Self {
                before: named.join(" or "),
                ..Self::default()
            }
        };
        kind.after += &limits(schema);
        if names.contains(&"null") {
            kind.after += " or null";
        }
        kind
    }

    /// A type and null, which is how utoipa describes an `Option`.
    fn of_parts(parts: &[Value]) -> Self {
        let is_null = |part: &&Value| part["type"] == "null";
        let mut kind = parts
            .iter()
            .find(|part| !is_null(part))
            .map(Self::read)
            .unwrap_or_default();
        if parts.iter().any(|part| is_null(&part)) {
            kind.after += " or null";
        }
        kind
    }
}

/// The name of the referenced schema.
pub(super) fn reference(schema: &Value) -> Option<&str> {
    schema["$ref"].as_str()?.rsplit('/').next()
}

fn names(kind: &Value) -> Vec<&str> {
    match kind {
        Value::String(name) => vec![name],
        Value::Array(names) => names.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

/// Format and limits, in parentheses.
fn limits(schema: &Value) -> String {
    let labels = [
        ("format", ""),
        ("minLength", "from "),
        ("maxLength", "up to "),
        ("minimum", "from "),
        ("maximum", "up to "),
        ("minItems", "at least "),
        ("maxItems", "at most "),
        ("pattern", "matches "),
    ];
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let said: Vec<String> = labels
        .iter()
        .filter(|(key, _)| !schema[*key].is_null())
        .map(|(key, label)| format!("{label}{}", text(&schema[*key])))
        .collect();
    if said.is_empty() {
        String::new()
    } else {
        format!(" ({})", said.join(", "))
    }
}
