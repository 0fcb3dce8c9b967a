//! `cargo xtask`: every check and test, measurements and screenshots; each task is a variant of [`Task`].

mod attacks;
mod bench;
mod browser;
mod clients;
mod debian_package;
mod deletion;
mod demo;
mod deny;
mod document;
mod faults;
mod fuzz;
mod go;
mod instructions;
mod java;
mod management_load;
mod needs;
mod node;
mod openid;
mod operations;
mod packages;
mod page;
mod postgres;
mod python;
mod runtimes;
mod rust;
mod sbom;
mod shell;
mod steps;
mod subcommand;
mod tools;
mod validators;
mod workspace;

use std::process::ExitCode;

use clap::Parser;

use needs::Need;
use shell::Outcome;
use steps::Step;
use workspace::Workspace;

#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
enum Task {
    /// Runs every check and test, in named steps
    Test {
        /// Only these steps; comma-separated, or repeated
        #[arg(long, value_delimiter = ',', value_name = "STEP")]
        only: Vec<Step>,
        /// Lists the steps, what each needs, and what of that needs root here
        #[arg(long)]
        list: bool,
    },
    /// Measures the token path over HTTP, and writes the table of docs/performance.md
    Bench {
        /// Compares with so many applications, too
        #[arg(long, value_name = "N")]
        scale: Option<u32>,
    },
    /// Counts the instructions of a token, by place, and writes the table of docs/performance.md
    Instructions,
    /// Measures the management of secrets over REST
    ManagementLoad,
    /// Puts the promise about deletion to the test
    Deletion {
        #[arg(long, value_name = "N", default_value_t = deletion::SECONDS)]
        seconds: u32,
    },
    /// Attacks the release binary, and measures what others notice
    Attacks(attacks::Attacks),
    /// Makes databases, disks, clocks and the server itself fail, and writes the table of docs/reliability.md
    Faults(faults::Options),
    /// Runs the fuzz targets, or one, under libFuzzer
    Fuzz {
        /// A file of `fuzz/fuzz_targets`, without its extension
        target: Option<String>,
        /// For each target
        #[arg(long, value_name = "N", default_value_t = fuzz::SECONDS)]
        seconds: u32,
    },
    /// Runs the downstream APIs of the document; a step of `test`
    Validators,
    /// Makes the Debian package of the debug binary, and tries it in a Debian root; a step of `test`
    Package,
    /// Makes the pictures of the guides
    Screenshots,
    /// Asks the advisory database about the dependencies
    Advisories,
    /// Writes the bill of materials of the server's binary, target/wmda-auth.cdx.json
    Sbom,
}

fn main() -> ExitCode {
    match dispatch(&Task::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("xtask: {problem}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(task: &Task) -> Outcome {
    let workspace = Workspace::new()?;
    let with = |needs: &[Need], run: &dyn Fn(&Workspace) -> Outcome| {
        steps::provide(workspace.tools(), needs)?;
        run(&workspace)
    };
    match task {
        Task::Test { list: true, .. } => {
            steps::list(workspace.tools());
            Ok(())
        }
        Task::Test { only, .. } => steps::run(&workspace, only),
        Task::Bench { scale } => with(&[needs::WRK, needs::TASKSET, needs::PYTHON], &|workspace| {
            bench::run(workspace, *scale)
        }),
        Task::Instructions => with(&[needs::VALGRIND], &instructions::run),
        Task::ManagementLoad => with(&[needs::POSTGRESQL, needs::PYTHON], &management_load::run),
        Task::Deletion { seconds } => with(&[needs::POSTGRESQL, needs::FAKETIME], &|workspace| {
            deletion::run(workspace, *seconds)
        }),
        Task::Attacks(wanted) => with(&[needs::PYTHON], &|workspace| attacks::run(workspace, wanted)),
        Task::Faults(options) => with(steps::FAULTS, &|workspace| faults::run(workspace, options)),
        Task::Fuzz { target, seconds } => fuzz::run(&workspace, target.as_deref(), *seconds),
        Task::Validators => steps::run(&workspace, &[Step::Validators]),
        Task::Package => steps::run(&workspace, &[Step::Package]),
        Task::Screenshots => with(
            &[needs::NODE, Need::Browser, needs::PNGQUANT, needs::FONT],
            &page::screenshots,
        ),
        Task::Advisories => deny::advisories(&workspace),
        Task::Sbom => sbom::run(&workspace),
    }
}
