//! `wmda-auth import`: organisations, applications with their client ids, permissions and managers from an export of
//! Microsoft Entra ID. Existing objects stay as they are, so an import can be repeated.

mod graph;
mod present;

use std::path::PathBuf;

use clap::Args;
use management::{
    applications::NewApplication, managers::NewManager, organisations::NewOrganisation,
    permissions::NewPermission, users::NewUser,
};
use serde::Serialize;
use uuid::Uuid;

use crate::{
    Outcome,
    admin::{Shell, ShellOptions, print},
};
use graph::{Member, Person};
use present::Present;

/// Recorded as the confirmation of an imported assignment.
const CONFIRMED_BY: &str = "owner of the application in Microsoft Entra ID";

#[derive(Args)]
#[command(after_help = "Example:\n  wmda-auth import export.json --dry-run\n\
    The file is one JSON object with Graph's collections applications, servicePrincipals, appRoleAssignedTo and owners; \
    docs/migration.md shows how to make it. Several files are taken as one export.")]
pub struct ImportArguments {
    /// The export; several files are pages of one.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Say what would be done, and do nothing.
    #[arg(long)]
    dry_run: bool,
    /// Send each new manager the invitation by mail; otherwise invite them later, from the page.
    #[arg(long)]
    invite: bool,
    #[command(flatten)]
    options: ShellOptions,
}

pub fn run(arguments: ImportArguments) -> Outcome<()> {
    let (members, skipped) = graph::read(&arguments.files)?.members()?;
    let shell = arguments.options.open()?;
    let report = actix_web::rt::System::new().block_on(async {
        let mut import = Import {
            present: Present::read(&shell).await?,
            shell: &shell,
            dry_run: arguments.dry_run,
            invite: arguments.invite,
            report: Report::default(),
        };
        for one in skipped {
            import.report.add(&one.what, "skipped", &one.why);
        }
        for member in &members {
            import.member(member).await;
        }
        Ok::<_, Box<dyn std::error::Error>>(import.report)
    })?;
    print::print(&serde_json::to_value(&report.rows)?, arguments.options.json);
    eprintln!("{}", report.summary(arguments.dry_run));
    if report.count("refused") > 0 {
        return Err(
            "some of it was refused: see the lines above, mend the export or what is here, and import again"
                .into(),
        );
    }
    Ok(())
}

/// A line of the report.
#[derive(Serialize)]
struct Row {
    name: String,
    outcome: &'static str,
    why: String,
}

#[derive(Default)]
struct Report {
    rows: Vec<Row>,
    unchanged: usize,
}

impl Report {
    fn add(&mut self, name: &str, outcome: &'static str, why: &str) {
        let (name, why) = (name.to_owned(), why.to_owned());
        self.rows.push(Row { name, outcome, why });
    }

    fn count(&self, outcome: &str) -> usize {
        self.rows.iter().filter(|row| row.outcome == outcome).count()
    }

    fn summary(&self, dry_run: bool) -> String {
        let (word, done) = if dry_run {
            ("to be done", self.count("planned"))
        } else {
            ("done", self.count("done"))
        };
        format!(
            "{done} {word}, {} there already, {} skipped, {} refused, {} secrets to replace",
            self.unchanged,
            self.count("skipped"),
            self.count("refused"),
            self.count("replace")
        )
    }
}

struct Import<'a> {
    shell: &'a Shell,
    present: Present,
    dry_run: bool,
    invite: bool,
    report: Report,
}

impl Import<'_> {
    /// Imports one application with everything that belongs to it; a refusal goes to the report, and the rest
    /// continues.
    async fn member(&mut self, member: &Member) {
        let organisation = self.organisation(member).await;
        if self.application(member, organisation).await {
            self.permissions(member).await;
            for person in &member.managers {
                self.manager(member, person, organisation).await;
            }
            self.switch_off(member).await;
        }
        let now = self.shell.now();
        for secret in &member.secrets {
            let what = format!("secret of {}: {} {}", member.name, secret.name, secret.hint);
            let when = if secret.expires_at < now {
                "expired"
            } else {
                "expires"
            };
            let note = format!(
                "{when} {}: create a new one here",
                secret.expires_at.format("%-d %B %Y")
            );
            self.report.add(&what, "replace", &note);
        }
    }

    /// Makes one change, unless this is a dry run; `None` if later steps have nothing to continue with.
    async fn step<T>(
        &mut self,
        what: &str,
        work: impl Future<Output = Result<T, management::Problem>>,
    ) -> Option<T> {
        if self.dry_run {
            self.report.add(what, "planned", "");
            return None;
        }
        match work.await {
            Ok(done) => {
                self.report.add(what, "done", "");
                Some(done)
            }
            Err(problem) => {
                self.report.add(what, "refused", &problem.to_string());
                None
            }
        }
    }

    /// The organisation: that of the existing application, one of this name, or a new one. `None` if it does not
    /// exist (yet).
    async fn organisation(&mut self, member: &Member) -> Option<Uuid> {
        let (country, name) = (member.name.country_code(), member.name.organisation());
        if let Some(id) = self.present.organisation_of(member.client_id, country, name) {
            self.report.unchanged += 1;
            return Some(id);
        }
        let free = self.present.plan_organisation(country, name)?;
        let new = NewOrganisation {
            name: free.clone(),
            country_code: country.to_owned(),
        };
        let shell = self.shell;
        let made = self
            .step(
                &format!("organisation {free}"),
                shell.service.create_organisation(&shell.allowed, new),
            )
            .await?;
        self.present.add_organisation(made.id, country, name);
        Some(made.id)
    }

    /// Whether the application exists, already or now.
    async fn application(&mut self, member: &Member, organisation: Option<Uuid>) -> bool {
        if let Some(known) = self.present.applications.get(&member.client_id) {
            self.report.unchanged += 1;
            if known.name != member.name.as_str() {
                let note = format!("is named {} here and stays so", known.name);
                self.report
                    .add(&format!("application {}", member.name), "skipped", &note);
            }
            return true;
        }
        let what = format!("application {} ({})", member.name, member.client_id);
        if organisation.is_none() && !self.dry_run {
            self.report
                .add(&what, "refused", "its organisation could not be added");
            return false;
        }
        let new = NewApplication {
            name: member.name.to_string(),
            organisation_id: organisation.unwrap_or_default(),
            client_id: Some(member.client_id),
        };
        let shell = self.shell;
        let made = self
            .step(&what, shell.service.create_application(&shell.allowed, new))
            .await;
        made.is_some() || self.dry_run
    }

    async fn permissions(&mut self, member: &Member) {
        for (resource, roles) in &member.roles {
            let Some(known) = self.present.resources.get(resource) else {
                let what = format!("permission of {} on {resource}", member.name);
                self.report.add(
                    &what,
                    "skipped",
                    "there is no such resource here: create it, and import again",
                );
                continue;
            };
            let what = format!(
                "permission of {} on {} {}",
                member.name, known.name, known.environment
            );
            let granted = self.present.roles(member.client_id, *resource);
            let missing: Vec<String> = roles
                .iter()
                .filter(|role| !granted.contains(role))
                .cloned()
                .collect();
            if missing.is_empty() {
                self.report.unchanged += 1;
                continue;
            }
            let what = format!("{what}: {}", missing.join(", "));
            let new = NewPermission {
                resource_id: *resource,
                roles: missing,
            };
            let shell = self.shell;
            self.step(&what, shell.service.grant(&shell.allowed, member.client_id, new))
                .await;
        }
    }

    async fn manager(&mut self, member: &Member, person: &Person, organisation: Option<Uuid>) {
        let what = format!("manager {} of {}", person.email, member.name);
        if self.present.manages(member.client_id, &person.email) {
            self.report.unchanged += 1;
            return;
        }
        let user = match self.present.users.get(&person.email) {
            Some(known) => Some(*known),
            None => self.person(person, organisation).await,
        };
        let Some(user_id) = user else {
            if self.dry_run {
                self.report.add(&what, "planned", "");
            }
            return;
        };
        let new = NewManager {
            user_id,
            confirmed_by: Some(CONFIRMED_BY.to_owned()),
            confirmed_at: None,
        };
        let shell = self.shell;
        self.step(
            &what,
            shell
                .service
                .assign_manager(&shell.allowed, member.client_id, new),
        )
        .await;
    }

    /// Adds a credential manager, once, whatever the number of applications they own.
    async fn person(&mut self, person: &Person, organisation: Option<Uuid>) -> Option<Uuid> {
        if !self.present.plan_person(&person.email) {
            return None;
        }
        let new = NewUser {
            email: person.email.clone(),
            display_name: person.display_name.clone(),
            organisation_id: organisation,
            roles: vec!["credential_manager".to_owned()],
            send_mail: self.invite,
        };
        let shell = self.shell;
        let made = self
            .step(
                &format!("person {}", person.email),
                shell.service.create_user(&shell.allowed, new),
            )
            .await?;
        self.present.users.insert(person.email.clone(), made.user.id);
        Some(made.user.id)
    }

    /// Disables an application that is disabled in Entra; one enabled here meanwhile is left alone.
    async fn switch_off(&mut self, member: &Member) {
        if member.enabled || self.present.applications.contains_key(&member.client_id) {
            return;
        }
        let shell = self.shell;
        let what = format!("disable {}", member.name);
        let work = shell
            .service
            .switch_application(&shell.allowed, member.client_id, false);
        self.step(&what, work).await;
    }
}
