//! cargo-fuzz: the targets of `fuzz/` under libFuzzer, each for as long as asked. `cargo test -p fuzz` is their short form.

use std::fs;

use crate::shell::{self, Outcome};
use crate::subcommand::Subcommand;
use crate::workspace::Workspace;

pub(crate) const SECONDS: u32 = 600;

const FUZZ: Subcommand = Subcommand {
    name: "fuzz",
    version: "^0.13",
};

/// Runs one target, or all in turn.
pub(crate) fn run(workspace: &Workspace, target: Option<&str>, seconds: u32) -> Outcome {
    let known = targets(workspace)?;
    let wanted = |name: &&String| target.is_none_or(|target| target == *name);
    let chosen: Vec<&String> = known.iter().filter(wanted).collect();
    if chosen.is_empty() {
        return Err(format!("there is no such target; there are {}", known.join(", ")));
    }
    FUZZ.provide(workspace.tools())?;
    chosen
        .into_iter()
        .try_for_each(|name| fuzz(workspace, name, seconds))
}

fn fuzz(workspace: &Workspace, name: &str, seconds: u32) -> Outcome {
    let corpus = workspace.root().join("fuzz/corpus").join(name);
    fs::create_dir_all(&corpus).map_err(|error| format!("{}: {error}", corpus.display()))?;
    let mut command = FUZZ.command(workspace.tools());
    command
        // Sanitizers need a nightly toolchain; there is no `unsafe` here for them to watch.
        .args(["run", "--sanitizer", "none", "--features", "libfuzzer", name])
        .args([corpus, workspace.root().join("fuzz/seeds").join(name)])
        .args(["--", "-timeout=10", "-rss_limit_mb=2048", "-max_len=4096"])
        .args([
            format!("-max_total_time={seconds}"),
            "-print_final_stats=1".to_owned(),
        ])
        // Link-time optimisation takes minutes and finds nothing.
        .envs([
            ("CARGO_PROFILE_RELEASE_LTO", "off"),
            ("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16"),
        ]);
    shell::run(&mut command)
}

fn targets(workspace: &Workspace) -> Result<Vec<String>, String> {
    let folder = workspace.root().join("fuzz/fuzz_targets");
    let failed = |error: std::io::Error| format!("{}: {error}", folder.display());
    let mut names = Vec::new();
    for entry in fs::read_dir(&folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        names.extend(path.file_stem().map(|name| name.to_string_lossy().into_owned()));
    }
    names.sort();
    Ok(names)
}
