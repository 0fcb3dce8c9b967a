//! Every target on its seeds and on mutations of them, the same on every run: `cargo fuzz` without libFuzzer, for CI.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test stops at the first surprise, also outside of test functions"
)]

mod mutation;

use std::{
    fs,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
};

use fuzz::TARGETS;
use mutation::Mutations;

/// For each target; a minute under libFuzzer tries some millions.
const INPUTS: usize = 5_000;
const SEED: u64 = 20_261_125;

fn seeds_of(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds").join(target);
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    files.iter().map(|file| fs::read(file).unwrap()).collect()
}

fn run(name: &str) {
    let (_, target) = TARGETS.iter().find(|(known, _)| *known == name).unwrap();
    let seeds = seeds_of(name);
    assert!(seeds.len() > 2, "{name} has seeds");
    let mutated = Mutations::of(&seeds, SEED).take(INPUTS);
    for input in seeds.iter().cloned().chain(mutated) {
        if catch_unwind(AssertUnwindSafe(|| target(&input))).is_err() {
            panic!(
                "{name} fails on {}",
                String::from_utf8_lossy(&input).escape_debug()
            );
        }
    }
}

macro_rules! short_runs {
    ($($name:ident)*) => {
        $(#[test]
        fn $name() {
            run(stringify!($name));
        })*

        #[test]
        fn no_target_is_left_out() {
            assert_eq!([$(stringify!($name)),*], TARGETS.map(|(name, _)| name));
            let mut files: Vec<String> = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz_targets"))
                .unwrap()
                .map(|entry| entry.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned())
                .collect();
            files.sort();
            assert_eq!(files, TARGETS.map(|(name, _)| name));
        }
    };
}

short_runs! {
    basic_header
    expiry
    form_body
    jwt
    status_list
}
