//! `list` and `show`: all objects of a kind, or one.

use clap::{Args, Subcommand, ValueEnum};
use management::{cursor::ListQuery, secrets::SecretQuery};
use serde_json::Value;
use uuid::Uuid;

use super::{Shell, value};
use crate::Outcome;

#[derive(Subcommand)]
pub enum Command {
    /// List what there is.
    #[command(
        after_help = "Examples:\n  wmda-auth admin list applications --search ExampleRegistry\n  wmda-auth admin list secrets --application CLIENT_ID --status expiring\n  wmda-auth admin list users --json"
    )]
    List(ListArguments),
    /// Show one of a kind with all that belongs to it.
    #[command(
        after_help = "Examples:\n  wmda-auth admin show application CLIENT_ID\n  wmda-auth admin show secret SECRET_ID --application CLIENT_ID"
    )]
    Show {
        /// Of which kind.
        kind: Shown,
        /// Its id.
        id: Uuid,
        /// Whose secret: the application's client id.
        #[arg(long, required_if_eq("kind", "secret"))]
        application: Option<Uuid>,
    },
}

#[derive(Args)]
pub struct ListArguments {
    /// Of which kind.
    kind: Listed,
    /// Whose secrets, permissions or managers: the application's client id.
    #[arg(
        long,
        required_if_eq_any([("kind", "secrets"), ("kind", "permissions"), ("kind", "managers")])
    )]
    application: Option<Uuid>,
    /// Only those whose name holds this text.
    #[arg(long)]
    search: Option<String>,
    /// Of secrets only these: active, expiring or expired.
    #[arg(long)]
    status: Option<String>,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Listed {
    Organisations,
    Applications,
    Permissions,
    Managers,
    Secrets,
    Resources,
    ResourceServers,
    Users,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
pub enum Shown {
    Organisation,
    Application,
    Secret,
    Resource,
    User,
}

const WHOSE: &str = "--application names the application";

impl Shell {
    pub(super) async fn list(&self, command: Command) -> Outcome<Value> {
        match command {
            Command::List(arguments) => self.list_all(&arguments).await,
            Command::Show {
                kind,
                id,
                application,
            } => self.show(kind, id, application).await,
        }
    }

    async fn show(&self, kind: Shown, id: Uuid, application: Option<Uuid>) -> Outcome<Value> {
        let (service, allowed) = (&self.service, &self.allowed);
        match kind {
            Shown::Organisation => value(service.organisation(allowed, id).await?),
            Shown::Application => value(service.application(allowed, id).await?),
            Shown::Secret => value(service.secret(allowed, application.ok_or(WHOSE)?, id).await?),
            Shown::Resource => value(service.resource(allowed, id).await?),
            Shown::User => value(service.user(allowed, id).await?),
        }
    }

    /// All pages of a list.
    async fn list_all(&self, arguments: &ListArguments) -> Outcome<Value> {
        let mut items = Vec::new();
        let mut after = None;
        loop {
            let mut page = self.page(arguments, after).await?;
            if let Some(found) = page["items"].as_array_mut() {
                items.append(found);
            }
            match page["next"].as_str() {
                Some(next) => after = Some(next.to_owned()),
                None => return Ok(Value::Array(items)),
            }
        }
    }

    async fn page(&self, arguments: &ListArguments, after: Option<String>) -> Outcome<Value> {
        let (service, allowed) = (&self.service, &self.allowed);
        let whose = || arguments.application.ok_or(WHOSE);
        let (limit, search) = (Some(200), arguments.search.clone());
        let query = ListQuery {
            limit,
            search: search.clone(),
            after: after.clone(),
            organisation_id: None,
        };
        match arguments.kind {
            Listed::Organisations => value(service.organisations(allowed, query).await?),
            Listed::Applications => value(service.applications(allowed, query).await?),
            Listed::Users => value(service.users(allowed, query).await?),
            Listed::Resources => value(service.resources(allowed).await?),
            Listed::ResourceServers => value(service.resource_servers(allowed).await?),
            Listed::Permissions => value(service.permissions(allowed, whose()?).await?),
            Listed::Managers => value(service.managers(allowed, whose()?).await?),
            Listed::Secrets => {
                let query = SecretQuery {
                    limit,
                    search,
                    after,
                    status: arguments.status.clone(),
                };
                value(service.secrets(allowed, whose()?, query).await?)
            }
        }
    }
}
