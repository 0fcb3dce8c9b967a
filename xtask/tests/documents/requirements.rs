//! `docs/requirements.md`: which tests name which requirement. With `WMDA_AUTH_WRITE_REQUIREMENTS` set its last
//! column is rewritten.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use crate::{files, root};

/// Tests by the requirement that they name.
type Named = BTreeMap<String, BTreeSet<String>>;

/// A requirement's id, such as `T-01`.
fn id(text: &str) -> Option<String> {
    match text.as_bytes() {
        [letter, b'-', tens, units]
            if letter.is_ascii_uppercase() && tens.is_ascii_digit() && units.is_ascii_digit() =>
        {
            Some(text.to_owned())
        }
        _ => None,
    }
}

/// The ids at the front of a test's name: `a01_a06_malformed_headers` names.
fn ids_of_name(name: &str) -> Vec<String> {
    let ids = name.split('_').map_while(|word| {
        let (letter, number) = word.split_at_checked(1)?;
        id(&format!("{}-{number}", letter.to_uppercase()))
    });
    ids.collect()
}

fn ids_of_text(line: &str) -> Vec<String> {
    line.split(|one: char| !one.is_ascii_alphanumeric() && one != '-')
        .filter_map(id)
        .collect()
}

/// The name of the test that begins on this line, in Rust, JavaScript or Python.
fn test_name(line: &str) -> Option<&str> {
    let line = line.trim_start();
    let rest = ["fn ", "pub fn ", "async fn ", "def "]
        .iter()
        .find_map(|word| line.strip_prefix(word));
    if let Some(rest) = rest {
        return rest.split(['(', '<']).next();
    }
    let title = line.strip_prefix("test(")?.trim_start();
    let quote = title.chars().next()?;
    title[1..].split(quote).next()
}

/// Collects the ids: a comment above a test belongs to the test, an id at the head of a file to all of it.
fn scan(path: &Path, text: &str, named: &mut Named) {
    let owner = owner(path);
    let file = path.file_stem().unwrap().to_string_lossy();
    let mut note = |id: String, test: &str| {
        named.entry(id).or_default().insert(format!("{owner}: {test}"));
    };
    let mut current = format!("all of {file}");
    let mut waiting = Vec::new();
    for line in text.lines() {
        let trimmed = line.trim_start();
        if let Some(name) = test_name(line) {
            current = name.to_owned();
            waiting.drain(..).for_each(|id| note(id, &current));
            ids_of_name(name).into_iter().for_each(|id| note(id, &current));
        }
        if trimmed.starts_with("///") {
            waiting.extend(ids_of_text(line));
        } else {
            ids_of_text(line).into_iter().for_each(|id| note(id, &current));
        }
    }
}

/// The crate, or the folder of tests in another language.
fn owner(path: &Path) -> String {
    let path = path.strip_prefix(root()).unwrap();
    let parts: Vec<_> = path.iter().map(|part| part.to_string_lossy()).collect();
    match parts[0].as_ref() {
        "crates" | "tests" => parts[1].to_string(),
        other => other.to_owned(),
    }
}

/// Tests are in folders named `tests`, and in Rust also below the code.
fn named_by_tests() -> Named {
    let mut named = Named::new();
    for path in files(&["rs", "mjs", "py"]) {
        let text = fs::read_to_string(&path).unwrap();
        let in_folder = path
            .strip_prefix(root())
            .unwrap()
            .iter()
            .any(|part| part == "tests");
        let of_documents = path.starts_with(root().join("xtask"));
        match text.split_once("#[cfg(test)]\n") {
            _ if of_documents => {}
            _ if in_folder => scan(&path, &text, &mut named),
            Some((_, below)) => scan(&path, below, &mut named),
            None => {}
        }
    }
    named
}

/// The document with its last column as derived from the tests.
fn rewritten(text: &str, named: &Named) -> String {
    let lines = text.lines().map(|line| {
        let cells: Vec<&str> = line.split(" | ").collect();
        let Some(id) = cells[0].strip_prefix("| ").and_then(id) else {
            return format!("{line}\n");
        };
        let tests = named.get(&id).unwrap_or_else(|| panic!("no test names {id}"));
        let tests: Vec<String> = tests.iter().map(|test| format!("`{test}`")).collect();
        format!("| {id} | {} | {} |\n", cells[1], tests.join(", "))
    });
    lines.collect()
}

#[test]
fn every_requirement_is_in_the_document_with_the_tests_that_name_it() {
    let path = root().join("docs/requirements.md");
    let text = fs::read_to_string(&path).unwrap();
    let named = named_by_tests();
    let unknown: Vec<_> = named
        .keys()
        .filter(|id| !text.contains(&format!("| {id} | ")))
        .collect();
    assert!(
        unknown.is_empty(),
        "tests name requirements that the document lacks: {unknown:?}"
    );
    let expected = rewritten(&text, &named);
    if std::env::var_os("WMDA_AUTH_WRITE_REQUIREMENTS").is_some() {
        fs::write(&path, &expected).unwrap();
    } else {
        assert_eq!(
            text, expected,
            "WMDA_AUTH_WRITE_REQUIREMENTS=1 cargo test -p xtask --test documents"
        );
    }
}
