//! Links between documents.

use std::fs;

use crate::{files, root};

/// The targets of `[text](target)`.
fn targets(text: &str) -> impl Iterator<Item = &str> {
    text.split("](")
        .skip(1)
        .filter_map(|rest| rest.split_once(')').map(|(target, _)| target))
}

/// The anchor of a heading: lower case, spaces as hyphens, no punctuation.
fn anchor(heading: &str) -> String {
    heading
        .trim_start_matches('#')
        .trim()
        .to_lowercase()
        .chars()
        .filter(|one| one.is_alphanumeric() || matches!(one, ' ' | '-' | '_'))
        .map(|one| if one == ' ' { '-' } else { one })
        .collect()
}

#[test]
fn every_link_leads_to_a_file_and_a_heading_that_exist() {
    let mut dead = Vec::new();
    for document in files(&["md"]) {
        let text = fs::read_to_string(&document).unwrap();
        for target in
            targets(&text).filter(|target| !target.contains("://") && !target.starts_with("mailto:"))
        {
            let (file, heading) = target.split_once('#').unwrap_or((target, ""));
            let path = if file.is_empty() {
                document.clone()
            } else {
                document.parent().unwrap().join(file)
            };
            let found = heading.is_empty()
                || fs::read_to_string(&path).is_ok_and(|text| {
                    text.lines()
                        .any(|line| line.starts_with('#') && anchor(line) == heading)
                });
            if !found || !path.exists() {
                dead.push(format!(
                    "{}: {target}",
                    document.strip_prefix(root()).unwrap().display()
                ));
            }
        }
    }
    assert!(dead.is_empty(), "{dead:#?}");
}

/// Inline code that is a path: it has a slash and no space.
fn paths(text: &str) -> impl Iterator<Item = &str> {
    let code = text.split('`').skip(1).step_by(2);
    code.filter(|code| code.contains('/') && !code.contains(' ') && !code.contains("://"))
}

#[test]
fn every_file_that_a_contributor_is_sent_to_exists() {
    let text = fs::read_to_string(root().join("CONTRIBUTING.md")).unwrap();
    let missing: Vec<_> = paths(&text).filter(|path| !root().join(path).exists()).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

/// Inline code that is a test's name: at least four words joined by underscores.
fn test_names(text: &str) -> impl Iterator<Item = &str> {
    let code = text.split('`').skip(1).step_by(2);
    code.filter(|code| {
        let word = |one: u8| one.is_ascii_lowercase() || one.is_ascii_digit() || one == b'_';
        code.bytes().all(word) && code.split('_').count() > 3
    })
}

#[test]
fn every_test_that_the_security_document_names_exists() {
    let text = fs::read_to_string(root().join("docs/security.md")).unwrap();
    let code: String = files(&["rs"])
        .iter()
        .map(|file| fs::read_to_string(file).unwrap())
        .collect();
    let missing: Vec<_> = test_names(&text)
        .filter(|name| !code.contains(&format!("fn {name}(")))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}
