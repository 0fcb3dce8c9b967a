//! The tree of folders in `docs/ARCHITECTURE.md`.

use std::{collections::BTreeSet, path::Path};

use crate::{architecture, block, entries, root};

/// Folders whose subfolders have no line of their own.
const WHOLE: [&str; 5] = [".cargo", ".ci", "docs", "fuzz", "xtask"];

/// The folders to be listed: at the top, in `migrations` and `tests`, and all in the crates' `src`.
fn existing() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for folder in folders(root()) {
        let name = relative(&folder);
        match name.as_str() {
            "crates" => folders(&folder)
                .iter()
                .for_each(|one| add_with_parts(&one.join("src"), &mut found)),
            whole if WHOLE.contains(&whole) || folders(&folder).is_empty() => drop(found.insert(name)),
            _ => found.extend(folders(&folder).iter().map(|part| relative(part))),
        }
    }
    found
}

fn folders(folder: &Path) -> Vec<std::path::PathBuf> {
    entries(folder).into_iter().filter(|path| path.is_dir()).collect()
}

fn add_with_parts(folder: &Path, found: &mut BTreeSet<String>) {
    found.insert(relative(folder));
    for part in folders(folder) {
        add_with_parts(&part, found);
    }
}

fn relative(path: &Path) -> String {
    path.strip_prefix(root()).unwrap().display().to_string()
}

/// Parses the tree: each line is a folder with its purpose, nested by indentation.
fn named(lines: &[&str]) -> BTreeSet<String> {
    let mut above: Vec<(usize, String)> = Vec::new();
    let mut named = BTreeSet::new();
    for line in lines {
        let indent = line.len() - line.trim_start().len();
        let (name, purpose) = line.trim_start().split_once('/').unwrap();
        let (name, purpose) = match purpose.split_once(char::is_whitespace) {
            Some((rest, purpose)) => (format!("{name}/{rest}"), purpose.trim()),
            None => (format!("{name}/{purpose}"), ""),
        };
        above.retain(|(depth, _)| *depth < indent);
        let path = format!("{}{name}", above.last().map_or("", |(_, path)| path));
        above.push((indent, path.clone()));
        assert!(root().join(&path).is_dir(), "{path} is named and is not there");
        if !purpose.is_empty() {
            named.insert(path.trim_end_matches('/').to_owned());
        }
    }
    named
}

#[test]
fn the_tree_in_the_architecture_document_is_the_tree() {
    let text = architecture();
    let named = named(&block(&text, "## Folders"));
    let existing = existing();
    let unnamed: Vec<_> = existing.difference(&named).collect();
    let beyond: Vec<_> = named.difference(&existing).collect();
    assert!(
        unnamed.is_empty() && beyond.is_empty(),
        "no line: {unnamed:?}; a line too many: {beyond:?}"
    );
}
