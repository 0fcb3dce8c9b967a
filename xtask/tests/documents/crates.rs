//! The dependency arrows in `docs/ARCHITECTURE.md`.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use toml::Table;

use crate::{architecture, block, entries, root};

type Arrows = BTreeMap<String, BTreeSet<String>>;

/// Dependencies within the workspace, without dev-dependencies.
fn declared() -> Arrows {
    let mut folders = entries(&root().join("crates"));
    folders.extend(["fuzz", "xtask"].map(|name| root().join(name)));
    let manifests: Vec<Table> = folders
        .iter()
        .map(|folder| {
            fs::read_to_string(folder.join("Cargo.toml"))
                .unwrap()
                .parse()
                .unwrap()
        })
        .collect();
    let name = |manifest: &Table| manifest["package"]["name"].as_str().unwrap().to_owned();
    let members: BTreeSet<String> = manifests.iter().map(name).collect();
    let needs = |manifest: &Table| {
        let needed = manifest["dependencies"].as_table().unwrap().keys();
        needed.filter(|need| members.contains(*need)).cloned().collect()
    };
    manifests
        .iter()
        .map(|manifest| (name(manifest), needs(manifest)))
        .collect()
}

#[test]
fn the_arrows_between_crates_are_those_of_the_manifests() {
    let declared = declared();
    let text = architecture();
    let drawn: Arrows = block(&text, "## Crates")
        .iter()
        .map(|line| {
            let (name, rest) = line.split_once("->").unwrap();
            let to = rest
                .split_whitespace()
                .take_while(|word| declared.contains_key(*word));
            (name.trim().to_owned(), to.map(str::to_owned).collect())
        })
        .collect();
    assert_eq!(drawn, declared);
}
