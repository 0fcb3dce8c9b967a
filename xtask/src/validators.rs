//! `cargo xtask validators`: the APIs of `tests/validators`, which `docs/downstream` shows, built and run against a demo.

use crate::demo::Demo;
use crate::node;
use crate::python;
use crate::shell::{self, Outcome};
use crate::tools::Tools;
use crate::workspace::Workspace;

const BUILT: &str = "validators";

/// Builds them in a copy.
pub(crate) fn prepare(tools: &Tools) -> Outcome {
    shell::announce("building the downstream APIs in target/test-tools/validators");
    let built = tools.copy_of("validators", BUILT)?;
    python::make_venv(tools, &built.join("venv"), &built.join("python/requirements.txt"))?;
    node::install(tools, &built.join("node"))?;
    let mut go = tools.command("go");
    go.args(["build", "-o", "api", "."]);
    shell::run(go.current_dir(built.join("go")))?;
    let mut maven = tools.command("mvn");
    maven.args(["-q", "-B", "package"]);
    shell::run(maven.current_dir(built.join("spring")))
}

pub(crate) fn run(workspace: &Workspace) -> Outcome {
    let programs = workspace.programs()?;
    let built = workspace.tools().folder().join(BUILT);
    let demo = Demo::start(&programs.join("wmda-auth"), None)?;
    shell::announce("downstream APIs against a demo");
    let mut measure = workspace.tools().command(built.join("venv/bin/python"));
    measure.arg(workspace.root().join("tests/validators/measure.py"));
    measure
        .env("WMDA_AUTH_DEMO", demo.json())
        .env("DEMO_PID", demo.id().to_string())
        .env("BUILT", &built)
        .env("RUST_API", programs.join("examples/api"))
        .env("PYTHONDONTWRITEBYTECODE", "1");
    shell::run(&mut measure)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::{Path, PathBuf};

    /// The pages show what is built and run: each code block names its file, and no file is missing.
    #[test]
    fn the_pages_show_the_files_that_run() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let mut shown = BTreeSet::new();
        for page in files(&root.join("docs/downstream")) {
            let text = std::fs::read_to_string(&page).unwrap();
            for part in text.split("<!-- file: ").skip(1) {
                let (name, rest) = part.split_once(" -->\n```").unwrap();
                let block = rest.split_once('\n').unwrap().1.split_once("\n```\n").unwrap().0;
                let file = std::fs::read_to_string(root.join(name)).unwrap();
                assert_eq!(
                    block,
                    file.trim_end(),
                    "{name} is not what {} shows",
                    page.display()
                );
                shown.insert(root.join(name));
            }
        }
        let code = ["conf", "cs", "go", "java", "js", "mjs", "py"];
        let validators = files(&root.join("tests/validators")).into_iter();
        let unshown: Vec<PathBuf> = validators
            .filter(|file| {
                file.extension()
                    .is_some_and(|end| code.iter().any(|known| end == *known))
            })
            .filter(|file| !file.ends_with("measure.py") && !shown.contains(file))
            .collect();
        assert_eq!(unshown, Vec::<PathBuf>::new(), "no page shows them");
        assert!(shown.contains(&root.join("crates/verifier/examples/api.rs")));
    }

    fn files(folder: &Path) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path());
        entries
            .flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] })
            .collect()
    }
}
