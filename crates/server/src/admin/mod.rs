//! `wmda-auth admin …`: the operations of the REST API as commands, through the same functions. One file per subject.

mod applications;
pub mod audit;
mod directory;
mod explain;
mod issue;
mod list;
mod people;
pub mod print;
mod report;
mod resources;

use std::{path::PathBuf, sync::Arc};

use chrono::{DateTime, Utc};
use clap::{Args, Subcommand};
use domain::Clock;
use management::{
    Allowed, Management,
    cursor::{List, ListQuery},
};
use serde::Serialize;
use serde_json::{Value, json};

use crate::{Outcome, configuration::reading, preparation, serve};

const EXAMPLES: &str = "\
Examples:
  The first admin; the link that is printed works once, within 72 hours:
    wmda-auth admin create-user --email you@wmda.info --display-name 'Your Name' --role admin
  A new member with an application, its permission and its manager:
    wmda-auth admin create-organisation --name 'Example Registry' --country-code NL
    wmda-auth admin create-application --name Partner-NL-ExampleRegistry-SMC --organisation ORGANISATION_ID
    wmda-auth admin grant CLIENT_ID RESOURCE_ID --role Search.Read
    wmda-auth admin create-user --email m@example.org --display-name 'A Manager' --organisation ORGANISATION_ID --role credential_manager
    wmda-auth admin assign-manager CLIENT_ID USER_ID --confirmed-by 'Who in the organisation confirmed it'
  What expires soon, for a script:
    wmda-auth admin list secrets --application CLIENT_ID --status expiring --json
  An emergency:
    wmda-auth admin disable application CLIENT_ID
  On a demo's data:
    wmda-auth admin --data-dir DIR list applications";

#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct AdminArguments {
    #[command(flatten)]
    options: ShellOptions,
    #[command(subcommand)]
    command: AdminCommand,
}

/// Where the data is, who works on it, and how the outcome is printed.
#[derive(Args)]
pub struct ShellOptions {
    /// The configuration file.
    #[arg(long, default_value = "wmda-auth.toml", global = true)]
    config: PathBuf,
    /// A demo's data folder, in place of configured paths.
    #[arg(long, global = true)]
    data_dir: Option<PathBuf>,
    /// Print JSON for scripts instead of text for people.
    #[arg(long, global = true)]
    pub json: bool,
    /// Who does it, for the audit trail.
    #[arg(long, global = true, env = "USER", default_value = "unknown")]
    operator: String,
}

#[derive(Subcommand)]
enum AdminCommand {
    #[command(flatten)]
    People(people::Command),
    #[command(flatten)]
    Directory(directory::Command),
    #[command(flatten)]
    Applications(applications::Command),
    #[command(flatten)]
    Resources(resources::Command),
    #[command(flatten)]
    List(list::Command),
    #[command(flatten)]
    Audit(audit::Command),
    #[command(flatten)]
    Report(report::Command),
    #[command(flatten)]
    Explain(explain::Command),
    #[command(flatten)]
    Issue(issue::Command),
}

pub fn run(arguments: AdminArguments) -> Outcome<()> {
    let shell = arguments.options.open()?;
    actix_web::rt::System::new().block_on(async {
        let outcome = shell.run(arguments.command).await?;
        print::print(&outcome, arguments.options.json);
        match issue::has_refusals(&outcome) {
            true => Err("some of it was refused: see the lines above".into()),
            false => Ok(()),
        }
    })
}

impl ShellOptions {
    /// Opens the database as the server does.
    pub fn open(&self) -> Outcome<Shell> {
        let dir = self.data_dir.as_deref();
        let file = dir.is_none().then_some(self.config.as_path());
        let configuration = reading::load(file, dir)?;
        let prepared = preparation::prepare(&configuration)?;
        let url = configuration.server.public_url.clone();
        let service = serve::management(&configuration, &prepared, url);
        Ok(Shell {
            allowed: service.operator(&self.operator),
            clock: prepared.clock,
            anchor: configuration.audit.anchor,
            public_url: configuration.server.public_url.clone(),
            service,
        })
    }
}

/// The operations, and the operator on whose behalf they run.
pub struct Shell {
    pub service: Management,
    pub allowed: Allowed,
    clock: Arc<dyn Clock>,
    anchor: Option<PathBuf>,
    public_url: String,
}

impl Shell {
    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    async fn run(&self, command: AdminCommand) -> Outcome<Value> {
        match command {
            AdminCommand::People(command) => self.people(command).await,
            AdminCommand::Directory(command) => self.directory(command).await,
            AdminCommand::Applications(command) => self.applications(command).await,
            AdminCommand::Resources(command) => self.resources(command).await,
            AdminCommand::List(command) => self.list(command).await,
            AdminCommand::Audit(command) => self.audit(command).await,
            AdminCommand::Report(command) => self.report(command).await,
            AdminCommand::Explain(command) => self.explain(command).await,
            AdminCommand::Issue(command) => self.issue(command).await,
        }
    }
}

/// The largest page size.
const PAGE: u32 = 200;

/// Collects all pages of a list.
pub async fn all<T, F>(list: impl Fn(ListQuery) -> F) -> Outcome<Vec<T>>
where
    F: Future<Output = Result<List<T>, management::Problem>>,
{
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let query = ListQuery {
            limit: Some(PAGE),
            after,
            search: None,
            organisation_id: None,
        };
        let page = list(query).await?;
        found.extend(page.items);
        after = page.next;
        if after.is_none() {
            return Ok(found);
        }
    }
}

fn value(view: impl Serialize) -> Outcome<Value> {
    Ok(serde_json::to_value(view)?)
}

fn done((): ()) -> Outcome<Value> {
    Ok(json!({ "done": true }))
}
