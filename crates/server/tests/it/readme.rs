//! The walkthrough of README.md, from sign-in to the deletion of a secret, pasted into bash.

use std::{fs, path::Path, process::Command};

use crate::support::{Demo, finished};

/// The code under a heading, without indentation.
fn code_under(heading: &str) -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../README.md");
    let text = fs::read_to_string(file).unwrap();
    let section = text.split_once(heading).unwrap().1.split("\n## ").next().unwrap();
    let lines = section.lines().filter_map(|line| line.strip_prefix("    "));
    lines.map(|line| format!("{line}\n")).collect()
}

#[test]
fn the_walk_of_the_readme_works_as_pasted() {
    let demo = Demo::sqlite();
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("demo.json"), demo.summary.to_string()).unwrap();
    let walk = code_under("## Manage secrets");
    // Pasted as by a person: bash does not stop at an error, so every line must show that it worked.
    let mut bash = Command::new("bash");
    let out = finished(bash.args(["-c", &walk]).current_dir(folder.path()));
    let said = String::from_utf8(out.stdout).unwrap();
    let lines: Vec<&str> = said.lines().collect();
    let [names @ .., life, used, deleted, refused] = lines.as_slice() else {
        panic!("{said}");
    };
    assert_eq!(
        names,
        [
            "\"Partner-NL-ExampleRegistry-DM\"",
            "\"Partner-NL-ExampleRegistry-SMC\""
        ]
    );
    assert_eq!(*life, "3600");
    assert!(used.starts_with("\"20"), "when it was last used: {used}");
    assert_eq!((*deleted, *refused), ("204", "\"invalid_client\""));
    assert_eq!(String::from_utf8_lossy(&out.stderr), "", "nothing complains");
}
