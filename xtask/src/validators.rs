//! `cargo xtask validators`: the APIs of `tests/validators`, which `docs/downstream-apis.md` shows, built and run against a demo.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::clients;
use crate::demo::Demo;
use crate::shell::{self, Outcome};

pub(crate) fn run(root: &Path) -> Outcome {
    shell::run(shell::cargo(root).args(["build", "--locked"]))?;
    // The whole workspace, so that what its tests have built is used again.
    shell::run(shell::cargo(root).args(["build", "--locked", "--workspace", "--examples"]))?;
    let built = build(root)?;
    let programs = shell::target_dir(root).join("debug");
    let demo = Demo::start(&programs.join("wmda-auth"), None)?;
    shell::announce("downstream APIs against a demo");
    let mut measure = Command::new(built.join("venv/bin/python"));
    measure.arg(root.join("tests/validators/measure.py"));
    measure
        .env("WMDA_AUTH_DEMO", demo.json())
        .env("DEMO_PID", demo.id().to_string())
        .env("BUILT", &built)
        .env("RUST_API", programs.join("examples/api"))
        .env("PYTHONDONTWRITEBYTECODE", "1");
    shell::run(&mut measure)
}

/// Builds in a copy, so that the source tree stays clean; answers where.
fn build(root: &Path) -> Result<PathBuf, String> {
    let built = root.join("target/test-tools/validators");
    shell::announce("building the downstream APIs in target/test-tools/validators");
    std::fs::create_dir_all(&built).map_err(|e| format!("cannot create {}: {e}", built.display()))?;
    shell::run(
        Command::new("cp")
            .arg("-R")
            .arg(root.join("tests/validators/."))
            .arg(&built),
    )?;
    clients::make_venv(&built.join("venv"), &built.join("python/requirements.txt"))?;
    for (folder, program, arguments) in [
        ("node", "npm", &["ci", "--no-audit", "--no-fund"][..]),
        ("go", "go", &["build", "-o", "api", "."]),
        ("spring", "mvn", &["-q", "-B", "package"]),
    ] {
        shell::run(
            Command::new(program)
                .args(arguments)
                .current_dir(built.join(folder)),
        )?;
    }
    Ok(built)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What stands in the document is what is built and run: each block of code names its file.
    #[test]
    fn the_document_shows_the_files_that_run() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let document = std::fs::read_to_string(root.join("docs/downstream-apis.md")).unwrap();
        let mut shown = Vec::new();
        for part in document.split("<!-- file: ").skip(1) {
            let (name, rest) = part.split_once(" -->\n```").unwrap();
            let block = rest.split_once('\n').unwrap().1.split_once("\n```\n").unwrap().0;
            let file = std::fs::read_to_string(root.join(name)).unwrap();
            assert_eq!(
                block,
                file.trim_end(),
                "{name} is not what docs/downstream-apis.md shows"
            );
            shown.push(name.to_owned());
        }
        for name in [
            "crates/verifier/examples/api.rs",
            "tests/validators/apache/api.conf",
            "tests/validators/aspnet/Program.cs",
            "tests/validators/go/main.go",
            "tests/validators/nginx/api.conf",
            "tests/validators/nginx/introspection.js",
            "tests/validators/node/api.mjs",
            "tests/validators/python/api_joserfc.py",
            "tests/validators/python/api_pyjwt.py",
            "tests/validators/spring/src/main/java/org/example/api/Api.java",
            "tests/validators/spring/src/main/java/org/example/api/StatusLists.java",
        ] {
            assert!(
                shown.iter().any(|one| one == name),
                "docs/downstream-apis.md does not show {name}"
            );
        }
    }
}
