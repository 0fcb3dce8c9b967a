//! Output: tables for people, JSON for scripts.

use std::io::Write;

use serde_json::{Map, Value};

/// The columns shown first; the others follow by name.
const FIRST: [&str; 8] = [
    "client_id",
    "id",
    "resource_id",
    "user_id",
    "name",
    "email",
    "display_name",
    "resource_name",
];

/// Prints one line; a closed pipe is an error instead of a panic.
pub(super) fn line(text: &str) -> std::io::Result<()> {
    writeln!(std::io::stdout(), "{text}")
}

pub fn print(outcome: &Value, as_json: bool) {
    match outcome {
        Value::Null => {}
        outcome if as_json => println!("{outcome}"),
        Value::Array(rows) => print!("{}", table(rows)),
        Value::Object(fields) => print!("{}", object(fields)),
        other => println!("{other}"),
    }
}

/// One field per line; lists of objects as tables below.
fn object(fields: &Map<String, Value>) -> String {
    let (tables, lines): (Vec<_>, Vec<_>) = fields.iter().partition(|(_, value)| is_table(value));
    let width = lines.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let mut out = String::new();
    for (name, value) in lines {
        out += &format!("{name:width$}  {}\n", text(value));
    }
    for (name, value) in tables {
        let rows = value.as_array().map_or(&[][..], Vec::as_slice);
        out += &format!("\n{name}:\n{}", table(rows));
    }
    out
}

fn is_table(value: &Value) -> bool {
    value
        .as_array()
        .and_then(|items| items.first())
        .is_some_and(Value::is_object)
}

/// A column for each field that fits on a line; for lists of objects, their length.
fn table(rows: &[Value]) -> String {
    let Some(first) = rows.first().and_then(Value::as_object) else {
        return "none\n".to_owned();
    };
    let mut columns: Vec<&String> = first.keys().collect();
    columns.sort_by_key(|name| FIRST.iter().position(|one| one == name).unwrap_or(FIRST.len()));
    // Columns without values are dropped.
    columns.retain(|name| rows.iter().any(|row| cell(&row[name.as_str()]) != "-"));
    let cells = |row: &Value| columns.iter().map(|name| cell(&row[name.as_str()])).collect();
    let header = columns.iter().map(|name| name.to_uppercase()).collect();
    let lines: Vec<Vec<String>> = std::iter::once(header).chain(rows.iter().map(cells)).collect();
    let width = |at: usize| {
        let widths = lines.iter().map(|line| line[at].chars().count());
        widths.max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns.len()).map(width).collect();
    let padded = |line: &Vec<String>| {
        let cells = line.iter().zip(&widths);
        let cells: Vec<String> = cells.map(|(cell, width)| format!("{cell:width$}")).collect();
        format!("{}\n", cells.join("  ").trim_end())
    };
    lines.iter().map(padded).collect()
}

fn cell(value: &Value) -> String {
    match value {
        Value::Array(items) if is_table(value) => items.len().to_string(),
        Value::Array(items) if items.is_empty() => "-".to_owned(),
        other => text(other),
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => escaped(text),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::Array(items) => items.iter().map(text).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

/// Escapes control characters, which names stored before validation may have, for the terminal.
fn escaped(text: &str) -> String {
    let escape = |one: char| match domain::name::is_forbidden(one) {
        true => one.escape_unicode().to_string(),
        false => one.to_string(),
    };
    text.chars().map(escape).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn rows_line_up_and_inner_lists_are_told_in_short() {
        let rows = json!([
            { "name": "é", "enabled": true, "used": null, "managers": [{ "email": "a" }, { "email": "b" }], "roles": ["x", "y"] },
            { "name": "longer", "enabled": false, "used": null, "managers": [], "roles": [] },
        ]);
        let expected = "NAME    ENABLED  MANAGERS  ROLES\n\
                        é       yes      2         x, y\n\
                        longer  no       -         -\n";
        assert_eq!(table(rows.as_array().map_or(&[][..], Vec::as_slice)), expected);
        assert_eq!(table(&[]), "none\n");
    }

    #[test]
    fn what_would_move_a_terminals_cursor_or_turn_text_around_is_escaped() {
        let rows = json!([{ "name": "a\u{1b}[2Jb\u{202e}c" }]);
        let expected = "NAME\na\\u{1b}[2Jb\\u{202e}c\n";
        assert_eq!(table(rows.as_array().map_or(&[][..], Vec::as_slice)), expected);
    }
}
