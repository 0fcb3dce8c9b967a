//! `wmda-auth admin …`: what an admin does by REST, from a shell, through the same functions.

use std::path::PathBuf;

use chrono::{DateTime, Utc};
use clap::{Args, Subcommand, ValueEnum};
use management::{
    Allowed, Management,
    applications::NewApplication,
    cursor::ListQuery,
    enrolment::FIRST_USE,
    managers::NewManager,
    organisations::NewOrganisation,
    permissions::NewPermission,
    resources::NewResource,
    secrets::SecretQuery,
    users::{ChangedUser, NewUser},
};
use serde::Serialize;
use serde_json::{Value, json};
use store::audit::AuditVerdict;
use uuid::Uuid;

use crate::{Outcome, configuration, serve};

#[derive(Args)]
pub struct AdminArguments {
    /// The configuration file.
    #[arg(long, default_value = "wmda-auth.toml", global = true)]
    config: PathBuf,
    /// A demo's data folder, in place of configured paths.
    #[arg(long, global = true)]
    data_dir: Option<PathBuf>,
    /// Print JSON for scripts instead of text for people.
    #[arg(long, global = true)]
    json: bool,
    /// Who does it, for the audit trail.
    #[arg(long, global = true, env = "USER", default_value = "unknown")]
    operator: String,
    #[command(subcommand)]
    command: AdminCommand,
}

#[derive(Subcommand)]
enum AdminCommand {
    /// Add a person; prints a one-time enrolment link that works for 15 minutes.
    CreateUser {
        /// The address that the person signs in with.
        #[arg(long)]
        email: String,
        /// As the person is called.
        #[arg(long)]
        display_name: String,
        /// Where the person works (id); left out for the WMDA team only.
        #[arg(long)]
        organisation: Option<Uuid>,
        /// admin, auditor or credential_manager; may be repeated.
        #[arg(long)]
        role: Vec<String>,
    },
    /// Print a new one-time link for a person who forgot the password; the authenticator stays.
    Enrol {
        /// The person's id.
        user: Uuid,
        /// Let the person set up a new authenticator too: only after you have made sure who asks.
        #[arg(long)]
        replace_authenticator: bool,
    },
    /// Replace all roles of a person.
    SetRoles {
        /// The person's id.
        user: Uuid,
        /// admin, auditor or credential_manager; may be repeated.
        #[arg(long)]
        role: Vec<String>,
    },
    /// Add an organisation.
    CreateOrganisation {
        /// Unique.
        #[arg(long)]
        name: String,
        /// Two upper-case letters (ISO 3166-1).
        #[arg(long)]
        country_code: String,
    },
    /// Add an application; its client id is printed and never changes.
    CreateApplication {
        /// Partner-<country>-<OrganisationName>-<SMC|DM> or PartnerAlternative-….
        #[arg(long)]
        name: String,
        /// The owner's id.
        #[arg(long)]
        organisation: Uuid,
    },
    /// Add a resource that tokens can be for.
    CreateResource {
        /// The GUID that clients ask for.
        #[arg(long)]
        id: Uuid,
        /// What it is called.
        #[arg(long)]
        name: String,
        /// production or sandbox.
        #[arg(long)]
        environment: String,
        /// A further name, an absolute URI.
        #[arg(long)]
        uri: Option<String>,
        /// Seconds that its tokens live.
        #[arg(long)]
        token_lifetime_seconds: Option<i64>,
        /// ES256 or RS256.
        #[arg(long)]
        signing_algorithm: Option<String>,
        /// What can be granted; may be repeated.
        #[arg(long, required = true)]
        role: Vec<String>,
    },
    /// Grant roles on a resource to an application.
    Grant {
        /// The application's client id.
        application: Uuid,
        /// The resource's id.
        resource: Uuid,
        /// One of the resource's roles; may be repeated.
        #[arg(long, required = true)]
        role: Vec<String>,
    },
    /// Take all roles on a resource from an application.
    Revoke {
        /// The application's client id.
        application: Uuid,
        /// The resource's id.
        resource: Uuid,
    },
    /// Assign a credential manager, as confirmed by the organisation.
    AssignManager {
        /// The application's client id.
        application: Uuid,
        /// The person's id.
        user: Uuid,
        /// Who in the organisation confirmed it; the person when left out.
        #[arg(long)]
        confirmed_by: Option<String>,
        /// When (RFC 3339); now when left out.
        #[arg(long)]
        confirmed_at: Option<DateTime<Utc>>,
    },
    /// End an assignment.
    RemoveManager {
        /// The application's client id.
        application: Uuid,
        /// The person's id.
        user: Uuid,
    },
    /// Enable an organisation, an application or a user.
    Enable {
        /// What it is.
        kind: Switched,
        /// Its id.
        id: Uuid,
    },
    /// Disable an organisation, an application or a user; tokens stop on every node before this ends.
    Disable {
        /// What it is.
        kind: Switched,
        /// Its id.
        id: Uuid,
    },
    /// Delete a secret in an emergency; tokens stop on every node before this ends.
    DeleteSecret {
        /// The application's client id.
        application: Uuid,
        /// The secret's id.
        secret: Uuid,
    },
    /// List what there is.
    List {
        /// Of which kind.
        kind: Listed,
        /// Whose secrets: the application's client id.
        #[arg(long, required_if_eq("kind", "secrets"))]
        application: Option<Uuid>,
        /// Only those whose name holds this text.
        #[arg(long)]
        search: Option<String>,
    },
    /// Print the audit trail as JSON lines, oldest first.
    AuditEvents,
    /// Follow the chain of the audit trail; fails when it was tampered with.
    VerifyAudit,
}

#[derive(Clone, Copy, ValueEnum)]
enum Switched {
    Organisation,
    Application,
    User,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Listed {
    Organisations,
    Applications,
    Resources,
    Users,
    Secrets,
}

pub fn run(arguments: AdminArguments) -> Outcome<()> {
    let dir = arguments.data_dir.as_deref();
    let file = dir.is_none().then_some(arguments.config.as_path());
    let configuration = configuration::load(file, dir)?;
    let prepared = serve::prepare(&configuration)?;
    let url = configuration.server.public_url.clone();
    let service = serve::management(&configuration, &prepared, url);
    let shell = Shell {
        allowed: service.operator(&arguments.operator),
        service,
    };
    actix_web::rt::System::new().block_on(async {
        let outcome = shell.run(arguments.command).await?;
        print(&outcome, arguments.json);
        Ok(())
    })
}

struct Shell {
    service: Management,
    allowed: Allowed,
}

impl Shell {
    async fn run(&self, command: AdminCommand) -> Outcome<Value> {
        let (service, allowed) = (&self.service, &self.allowed);
        match command {
            AdminCommand::CreateUser {
                email,
                display_name,
                organisation,
                role,
            } => {
                let new = NewUser {
                    email,
                    display_name,
                    organisation_id: organisation,
                    roles: role,
                };
                value(service.create_user(allowed, new, FIRST_USE).await?)
            }
            AdminCommand::Enrol {
                user,
                replace_authenticator,
            } => value(
                service
                    .open_enrolment(allowed, user, FIRST_USE, replace_authenticator)
                    .await?,
            ),
            AdminCommand::SetRoles { user, role } => {
                let change = ChangedUser {
                    enabled: None,
                    roles: Some(role),
                };
                value(service.change_user(allowed, user, change).await?)
            }
            AdminCommand::CreateOrganisation { name, country_code } => value(
                service
                    .create_organisation(allowed, NewOrganisation { name, country_code })
                    .await?,
            ),
            AdminCommand::CreateApplication { name, organisation } => {
                let new = NewApplication {
                    name,
                    organisation_id: organisation,
                };
                value(service.create_application(allowed, new).await?)
            }
            AdminCommand::CreateResource {
                id,
                name,
                environment,
                uri,
                token_lifetime_seconds,
                signing_algorithm,
                role: roles,
            } => {
                let new = NewResource {
                    id,
                    name,
                    environment,
                    uri,
                    token_lifetime_seconds,
                    signing_algorithm,
                    roles,
                };
                value(service.create_resource(allowed, new).await?)
            }
            AdminCommand::Grant {
                application,
                resource,
                role,
            } => {
                let new = NewPermission {
                    resource_id: resource,
                    roles: role,
                };
                value(service.grant(allowed, application, new).await?)
            }
            AdminCommand::Revoke {
                application,
                resource,
            } => done(service.revoke(allowed, application, resource).await?),
            AdminCommand::AssignManager {
                application,
                user,
                confirmed_by,
                confirmed_at,
            } => {
                let new = NewManager {
                    user_id: user,
                    confirmed_by,
                    confirmed_at,
                };
                value(service.assign_manager(allowed, application, new).await?)
            }
            AdminCommand::RemoveManager { application, user } => {
                done(service.remove_manager(allowed, application, user).await?)
            }
            AdminCommand::Enable { kind, id } => self.switch(kind, id, true).await,
            AdminCommand::Disable { kind, id } => self.switch(kind, id, false).await,
            AdminCommand::DeleteSecret { application, secret } => {
                done(service.delete_secret(allowed, application, secret).await?)
            }
            AdminCommand::List {
                kind,
                application,
                search,
            } => self.list(kind, application, search).await,
            AdminCommand::AuditEvents => self.audit_events().await,
            AdminCommand::VerifyAudit => match service.verify_audit(allowed).await? {
                AuditVerdict::Whole(events) => Ok(json!({ "events": events, "whole": true })),
                AuditVerdict::Broken(at) => {
                    Err(format!("the audit trail was tampered with at event {at}").into())
                }
                AuditVerdict::UnknownKey(at) => {
                    Err(format!("event {at} was chained under a version that the pepper file lacks").into())
                }
            },
        }
    }

    async fn switch(&self, kind: Switched, id: Uuid, enabled: bool) -> Outcome<Value> {
        let (service, allowed) = (&self.service, &self.allowed);
        match kind {
            Switched::Organisation => value(service.switch_organisation(allowed, id, enabled).await?),
            Switched::Application => value(service.switch_application(allowed, id, enabled).await?),
            Switched::User => {
                let change = ChangedUser {
                    enabled: Some(enabled),
                    roles: None,
                };
                value(service.change_user(allowed, id, change).await?)
            }
        }
    }

    async fn list(&self, kind: Listed, application: Option<Uuid>, search: Option<String>) -> Outcome<Value> {
        let (service, allowed) = (&self.service, &self.allowed);
        let mut items = Vec::new();
        let mut after = None;
        loop {
            let (limit, search) = (Some(200), search.clone());
            let query = ListQuery {
                limit,
                search: search.clone(),
                after: after.clone(),
            };
            let mut page = match kind {
                Listed::Organisations => value(service.organisations(allowed, query).await?)?,
                Listed::Applications => value(service.applications(allowed, query).await?)?,
                Listed::Resources => value(service.resources(allowed).await?)?,
                Listed::Users => value(service.users(allowed, query).await?)?,
                Listed::Secrets => {
                    let query = SecretQuery {
                        limit,
                        search,
                        after: after.clone(),
                        status: None,
                    };
                    let client_id = application.ok_or("--application names whose secrets")?;
                    value(service.secrets(allowed, client_id, query).await?)?
                }
            };
            if let Some(found) = page["items"].as_array_mut() {
                items.append(found);
            }
            match page["next"].as_str() {
                Some(next) => after = Some(next.to_owned()),
                None => return Ok(Value::Array(items)),
            }
        }
    }

    async fn audit_events(&self) -> Outcome<Value> {
        let mut last = 0;
        loop {
            let events = self.service.audit_events_after(&self.allowed, last).await?;
            let Some(newest) = events.last() else {
                return Ok(Value::Null);
            };
            last = newest.sequence;
            for event in &events {
                println!("{}", serde_json::to_string(event)?);
            }
        }
    }
}

fn value(view: impl Serialize) -> Outcome<Value> {
    Ok(serde_json::to_value(view)?)
}

fn done((): ()) -> Outcome<Value> {
    Ok(json!({ "done": true }))
}

fn print(outcome: &Value, as_json: bool) {
    match outcome {
        Value::Null => {}
        outcome if as_json => println!("{outcome}"),
        Value::Array(rows) => table(rows),
        Value::Object(fields) => {
            let width = fields.keys().map(String::len).max().unwrap_or(0);
            for (name, value) in fields {
                println!("{name:width$}  {}", text(value));
            }
        }
        other => println!("{other}"),
    }
}

/// A table of what fits on a line: lists inside an item are left to `--json`.
fn table(rows: &[Value]) {
    let Some(first) = rows.first().and_then(Value::as_object) else {
        println!("none");
        return;
    };
    let columns: Vec<&String> = first
        .iter()
        .filter(|(_, value)| !value.is_array() && !value.is_object())
        .map(|one| one.0)
        .collect();
    let cells = |row: &Value| {
        columns
            .iter()
            .map(|name| text(&row[name.as_str()]))
            .collect::<Vec<_>>()
    };
    let header = columns.iter().map(|name| name.to_uppercase()).collect();
    let lines: Vec<Vec<String>> = std::iter::once(header).chain(rows.iter().map(cells)).collect();
    let width = |at: usize| {
        lines
            .iter()
            .map(|line| line[at].chars().count())
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns.len()).map(width).collect();
    for line in lines {
        let padded: Vec<String> = line
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:width$}"))
            .collect();
        println!("{}", padded.join("  ").trim_end());
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(text).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}
