//! No file of a crate uses another in a circle: a reader can begin at the files that use none.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use syn::{Item, UseTree, Visibility};

use crate::{entries, files, root};

type Uses = BTreeMap<PathBuf, BTreeSet<PathBuf>>;

/// The path of a file's module below its crate.
fn module(src: &Path, file: &Path) -> Vec<String> {
    let path = file.strip_prefix(src).unwrap().with_extension("");
    let names = path.iter().map(|name| name.to_string_lossy().into_owned());
    names
        .filter(|name| !["mod", "lib", "main"].contains(&name.as_str()))
        .collect()
}

/// The file of the module in which a path ends.
fn file(src: &Path, path: &[String]) -> Option<PathBuf> {
    (1..=path.len()).rev().find_map(|length| {
        let module = src.join(path[..length].join("/"));
        let candidates = [module.with_extension("rs"), module.join("mod.rs")];
        candidates.into_iter().find(|candidate| candidate.is_file())
    })
}

/// Every path of a `use` item.
fn paths(tree: &UseTree, before: &[String], found: &mut Vec<Vec<String>>) {
    let with = |name: &syn::Ident| [before, &[name.to_string()]].concat();
    match tree {
        UseTree::Path(path) => paths(&path.tree, &with(&path.ident), found),
        UseTree::Name(name) => found.push(with(&name.ident)),
        UseTree::Rename(name) => found.push(with(&name.ident)),
        UseTree::Glob(_) => found.push(before.to_vec()),
        UseTree::Group(group) => group.items.iter().for_each(|tree| paths(tree, before, found)),
    }
}

/// The path from the crate's root; `None` for other crates.
fn absolute(path: &[String], module: &[String]) -> Option<Vec<String>> {
    let (first, rest) = path.split_first()?;
    match first.as_str() {
        "crate" => Some(rest.to_vec()),
        "self" => Some([module, rest].concat()),
        "super" => {
            let parent = module.split_last()?.1;
            absolute(rest, parent).or_else(|| Some([parent, rest].concat()))
        }
        _ => None,
    }
}

/// The files that a file uses. What it only hands on to others does not count.
fn used(src: &Path, path: &Path) -> BTreeSet<PathBuf> {
    let module = module(src, path);
    let mut found = Vec::new();
    for item in syn::parse_file(&fs::read_to_string(path).unwrap()).unwrap().items {
        if let Item::Use(item) = item
            && matches!(item.vis, Visibility::Inherited)
        {
            paths(&item.tree, &[], &mut found);
        }
    }
    let found = found.iter().filter_map(|path| absolute(path, &module));
    found
        .filter_map(|path| file(src, &path))
        .filter(|other| other != path)
        .collect()
}

/// What is left after files that use none of the others have gone: the circles, and what uses them.
fn circles(mut uses: Uses) -> Uses {
    loop {
        let left: BTreeSet<PathBuf> = uses.keys().cloned().collect();
        uses.values_mut()
            .for_each(|used| used.retain(|one| left.contains(one)));
        uses.retain(|_, used| !used.is_empty());
        if uses.len() == left.len() {
            return uses;
        }
    }
}

#[test]
fn no_file_uses_another_in_a_circle() {
    for folder in entries(&root().join("crates")) {
        let src = folder.join("src");
        let is_test = |path: &Path| path.iter().any(|name| name.to_string_lossy().contains("tests"));
        let files = files(&["rs"]).into_iter();
        let files = files.filter(|path| path.strip_prefix(&src).is_ok_and(|path| !is_test(path)));
        let uses = files.map(|path| (path.clone(), used(&src, &path)));
        assert_eq!(circles(uses.collect()), Uses::new());
    }
}

#[test]
fn a_circle_is_found() {
    let [a, b, c] = ["a", "b", "c"].map(PathBuf::from);
    let uses = Uses::from([
        (a.clone(), [b.clone()].into()),
        (b.clone(), [a.clone(), c.clone()].into()),
        (c, BTreeSet::new()),
    ]);
    let circle = Uses::from([(a.clone(), [b.clone()].into()), (b, [a].into())]);
    assert_eq!(circles(uses), circle);
}
