//! The steps of `cargo xtask test`: the one place that says what there is, what it does and what it needs.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::thread;
use std::time::{Duration, Instant};

use clap::ValueEnum;

use crate::needs::{self, Need};
use crate::packages;
use crate::runtimes;
use crate::shell::{self, Outcome};
use crate::tools::Tools;
use crate::workspace::Workspace;
use crate::{browser, clients, debian_package, deny, faults, openid, operations, page, rust, validators};

/// In the order in which they run: what fails early and cheaply comes first.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Step {
    Format,
    Lint,
    Documentation,
    Rust,
    Year,
    Clients,
    Openid,
    Operations,
    Package,
    Faults,
    Page,
    Validators,
    Licences,
}

struct Definition {
    about: &'static str,
    needs: &'static [Need],
    /// Installs and builds what it needs beside the server, while other steps already run.
    prepare: Option<fn(&Tools) -> Outcome>,
    run: fn(&Workspace) -> Outcome,
}

impl Step {
    fn definition(self) -> Definition {
        match self {
            Self::Format => Definition {
                about: "cargo fmt",
                needs: &[],
                prepare: None,
                run: rust::format,
            },
            Self::Lint => Definition {
                about: "cargo clippy, where a warning is an error",
                needs: &[],
                prepare: None,
                run: rust::lint,
            },
            Self::Documentation => Definition {
                about: "cargo doc, where a warning is an error",
                needs: &[],
                prepare: None,
                run: rust::documentation,
            },
            Self::Rust => Definition {
                about: "cargo test, on SQLite and PostgreSQL",
                needs: RUST,
                prepare: None,
                run: rust::test,
            },
            Self::Year => Definition {
                about: "cargo test of what simulates a year: reminders, and systems that exchange their secrets",
                needs: &[needs::POSTGRESQL],
                prepare: None,
                run: rust::year,
            },
            Self::Clients => Definition {
                about: "client libraries in Python, Node, Java and Go, on both databases",
                needs: CLIENTS,
                prepare: Some(clients::prepare),
                run: clients::run,
            },
            Self::Openid => Definition {
                about: "sign-in through an OpenID provider, on both databases",
                needs: OPENID,
                prepare: Some(openid::prepare),
                run: openid::run,
            },
            Self::Operations => Definition {
                about: "alert rules, metrics, the systemd unit, and rolling restarts behind HAProxy and nginx",
                needs: OPERATIONS,
                prepare: None,
                run: operations::run,
            },
            Self::Package => Definition {
                about: "the Debian package, installed, started, removed and purged in a Debian root",
                needs: PACKAGE,
                prepare: Some(debian_package::prepare),
                run: debian_package::run,
            },
            Self::Faults => Definition {
                about: "faults of databases, disks, clocks and the server itself, in their short form",
                needs: FAULTS,
                prepare: None,
                run: faults::short_form,
            },
            Self::Page => Definition {
                about: "the page in a browser",
                needs: PAGE,
                prepare: Some(page::prepare),
                run: page::run,
            },
            Self::Validators => Definition {
                about: "the APIs of docs/downstream, built and put to the test",
                needs: VALIDATORS,
                prepare: Some(validators::prepare),
                run: validators::run,
            },
            Self::Licences => Definition {
                about: "cargo-deny, which is built first when missing",
                needs: &[],
                prepare: Some(deny::prepare),
                run: deny::check,
            },
        }
    }

    pub(crate) fn name(self) -> String {
        self.to_possible_value()
            .map(|value| value.get_name().to_owned())
            .unwrap_or_default()
    }
}

const RUST: &[Need] = &[
    needs::POSTGRESQL,
    needs::FAKETIME,
    needs::OPENSSL,
    needs::CURL,
    needs::JQ,
    needs::OATHTOOL,
];
const CLIENTS: &[Need] = &[
    needs::POSTGRESQL,
    needs::PYTHON,
    needs::NODE,
    needs::JAVA,
    needs::MAVEN,
    needs::GO,
];
const OPENID: &[Need] = &[needs::POSTGRESQL, needs::NODE];
const OPERATIONS: &[Need] = &[
    needs::PYTHON,
    needs::HAPROXY,
    needs::NGINX,
    needs::PROMTOOL,
    needs::SYSTEMD,
];
const PACKAGE: &[Need] = &[
    Need::Root,
    needs::DEBOOTSTRAP,
    needs::GPGV,
    needs::DPKG_DEV,
    needs::SYSTEMD,
    needs::PYTHON,
    needs::CURL,
];
pub(crate) const FAULTS: &[Need] = &[
    needs::POSTGRESQL,
    needs::FAKETIME,
    needs::OPENSSL,
    needs::CURL,
    needs::PYTHON,
    needs::HAPROXY,
    needs::NGINX,
    needs::PROMTOOL,
];
const PAGE: &[Need] = &[needs::NODE, Need::Browser];
const VALIDATORS: &[Need] = &[
    needs::PYTHON,
    needs::NODE,
    needs::GO,
    needs::JAVA,
    needs::MAVEN,
    needs::APACHE,
    needs::APACHE_OPENIDC,
    needs::NGINX,
    needs::NGINX_JS,
];

/// Steps that wait most of the time, one after the other; the others go on beside them. What computes, or measures, has the
/// machine to itself.
const WAITING: &[Step] = &[Step::Clients, Step::Openid, Step::Operations];
const BESIDE_THEM: &[Step] = &[Step::Page, Step::Validators];

/// Sets up what these steps need, or all, then runs them; each tells its time.
pub(crate) fn run(workspace: &Workspace, chosen: &[Step]) -> Outcome {
    let steps: Vec<Step> = Step::value_variants()
        .iter()
        .copied()
        .filter(|step| chosen.is_empty() || chosen.contains(step))
        .collect();
    let needs: Vec<Need> = steps
        .iter()
        .flat_map(|step| step.definition().needs)
        .copied()
        .collect();
    timed("set-up", || provide(workspace.tools(), &needs))?;
    let times = run_all(workspace, &steps)?;
    shell::announce(&format!("every step passed: {}", times.join(", ")));
    Ok(())
}

/// One step after the other, but for those beside others, while what later ones need is prepared; answers their times.
fn run_all(workspace: &Workspace, steps: &[Step]) -> Result<Vec<String>, String> {
    let tools = workspace.tools();
    // Its path, as long as it is there: the tests build it anew.
    let own = std::env::current_exe().map_err(|error| format!("xtask: {error}"))?;
    let prepare = || {
        let mut prepared = steps.iter().filter_map(|step| step.definition().prepare);
        prepared.try_for_each(|prepare| prepare(tools))
    };
    let (aside, in_turn): (Vec<Step>, Vec<Step>) = steps
        .iter()
        .partition(|step| steps.contains(&Step::Clients) && BESIDE_THEM.contains(step));
    thread::scope(|scope| {
        let mut preparation = Some(scope.spawn(prepare));
        let mut run = |step: Step| {
            let Definition { prepare, run, .. } = step.definition();
            // Tests that measure response times have the machine for themselves.
            if let Some(thread) = preparation.take_if(|_| prepare.is_some() || step == Step::Rust) {
                shell::finished(thread)?;
            }
            timed(&step.name(), || run(workspace))
        };
        let mut times = Vec::new();
        for group in in_turn.chunk_by(|one, other| WAITING.contains(one) == WAITING.contains(other)) {
            let mut each = || group.iter().map(|step| run(*step)).collect::<Result<Vec<_>, _>>();
            times.extend(match group.contains(&Step::Clients) && !aside.is_empty() {
                true => beside(workspace, (&own, &aside), each)?,
                false => each()?,
            });
        }
        Ok(times)
    })
}

/// Does the work while steps go on in a process of their own, whose output follows in one piece.
fn beside(
    workspace: &Workspace,
    (own, others): (&Path, &[Step]),
    work: impl FnOnce() -> Result<Vec<String>, String>,
) -> Result<Vec<String>, String> {
    let aside = Aside::start(workspace, own, others)?;
    let outcome = work();
    // Waited for, whatever came of the work.
    let beside = aside.finish();
    let times = outcome?;
    beside.map(|()| times)
}

/// How long steps that go on beside another may take after its end.
const PATIENCE: Duration = Duration::from_secs(20 * 60);

/// Steps in a process of their own.
struct Aside {
    names: String,
    process: Child,
    log: PathBuf,
}

impl Aside {
    fn start(workspace: &Workspace, own: &Path, steps: &[Step]) -> Result<Self, String> {
        let names: Vec<String> = steps.iter().map(|step| step.name()).collect();
        let names = names.join(",");
        let log = workspace.tools().folder().join(format!("{names}.log"));
        let mut process = Command::new(own);
        process.args(["test", "--only", &names]);
        process.current_dir(workspace.root());
        let process = Self::spawn(process, &log);
        let process = process.map_err(|error| format!("{names}: {error}"))?;
        Ok(Self { names, process, log })
    }

    fn spawn(mut process: Command, log: &Path) -> io::Result<Child> {
        let out = File::create(log)?;
        process.stderr(out.try_clone()?).stdout(out).spawn()
    }

    fn finish(mut self) -> Outcome {
        let status = self.ended();
        let failed = |error: io::Error| format!("{}: {error}", self.names);
        eprint!("{}", std::fs::read_to_string(&self.log).map_err(failed)?);
        match status.map_err(failed)? {
            Some(status) if status.success() => Ok(()),
            Some(_) => Err(format!("{} failed", self.names)),
            None => Err(format!("{} did not end", self.names)),
        }
    }

    /// Kills it after [`PATIENCE`], so that its output is seen.
    fn ended(&mut self) -> io::Result<Option<ExitStatus>> {
        for _ in 0..PATIENCE.as_secs() {
            if let Some(status) = self.process.try_wait()? {
                return Ok(Some(status));
            }
            thread::sleep(Duration::from_secs(1));
        }
        self.process.kill()?;
        Ok(None)
    }
}

/// Debian packages first: what comes from a registry needs some of them.
pub(crate) fn provide(tools: &Tools, needs: &[Need]) -> Outcome {
    if asks_for_root(needs) && packages::privilege().is_none() {
        return Err(format!(
            "only root can run {}, also by a `sudo` that asks for no password; choose others with --only",
            Step::Package.name()
        ));
    }
    packages::ensure(needs, tools)?;
    for need in needs {
        if let Need::Runtime(runtime) = need {
            runtimes::provide(*runtime, tools)?;
        }
    }
    match needs.iter().any(|need| matches!(need, Need::Browser)) {
        true => browser::provide(tools),
        false => Ok(()),
    }
}

/// Each step with what it needs, and what of that only root can install here.
pub(crate) fn list(tools: &Tools) {
    for step in Step::value_variants() {
        let Definition { about, needs, .. } = step.definition();
        println!("{:<11} {about}", step.name());
        if !needs.is_empty() {
            let names: Vec<String> = needs.iter().map(|need| need.name()).collect();
            println!("{:<11} needs {}", "", names.join(", "));
        }
        println!("{:<11} {}", "", state(needs, tools));
    }
}

fn state(needs: &[Need], tools: &Tools) -> String {
    let missing = packages::missing(needs, tools);
    let names = packages::names(&missing);
    let unpacks = missing.iter().all(|package| package.unpacks);
    match (asks_for_root(needs), missing.is_empty()) {
        (true, true) => "needs root".to_owned(),
        (true, false) => format!("needs root, and: apt-get install {names}"),
        (false, true) => "runs here without root".to_owned(),
        (false, false) if unpacks => {
            format!("runs here without root, which unpacks Debian's {names} into target/test-tools")
        }
        (false, false) => format!("needs root here, for: apt-get install {names}"),
    }
}

fn asks_for_root(needs: &[Need]) -> bool {
    needs.iter().any(|need| matches!(need, Need::Root))
}

/// Answers the name and the time.
#[expect(
    clippy::disallowed_methods,
    reason = "the time is told to people, nothing depends on it"
)]
fn timed(name: &str, work: impl FnOnce() -> Outcome) -> Result<String, String> {
    shell::announce(&format!("[{name}]"));
    let began = Instant::now();
    work().map_err(|problem| format!("{name}: {problem}"))?;
    let time = format!("{name} {:.0} s", began.elapsed().as_secs_f64());
    shell::announce(&format!("[{time}]"));
    Ok(time)
}
