//! Organisations, and switching organisations, applications and people on and off.

use clap::{Subcommand, ValueEnum};
use management::{
    organisations::{ChangedOrganisation, NewOrganisation},
    users::ChangedUser,
};
use serde_json::Value;
use uuid::Uuid;

use super::{Shell, value};
use crate::Outcome;

#[derive(Subcommand)]
pub enum Command {
    /// Add an organisation.
    #[command(
        after_help = "Example:\n  wmda-auth admin create-organisation --name 'Example Registry' --country-code NL"
    )]
    CreateOrganisation {
        /// Unique.
        #[arg(long)]
        name: String,
        /// Two upper-case letters (ISO 3166-1).
        #[arg(long)]
        country_code: String,
    },
    /// Change name or country of an organisation.
    ChangeOrganisation {
        /// Its id.
        organisation: Uuid,
        /// Unique.
        #[arg(long)]
        name: Option<String>,
        /// Two upper-case letters (ISO 3166-1).
        #[arg(long)]
        country_code: Option<String>,
    },
    /// Enable an organisation, an application or a user.
    Enable {
        /// What it is.
        kind: Switched,
        /// Its id.
        id: Uuid,
    },
    /// Disable an organisation, an application or a user; tokens stop on every node before this ends.
    #[command(after_help = "Example:\n  wmda-auth admin disable application CLIENT_ID")]
    Disable {
        /// What it is.
        kind: Switched,
        /// Its id.
        id: Uuid,
    },
}

#[derive(Clone, Copy, ValueEnum)]
pub enum Switched {
    Organisation,
    Application,
    User,
}

impl Shell {
    pub(super) async fn directory(&self, command: Command) -> Outcome<Value> {
        let (service, allowed) = (&self.service, &self.allowed);
        match command {
            Command::CreateOrganisation { name, country_code } => {
                let new = NewOrganisation { name, country_code };
                value(service.create_organisation(allowed, new).await?)
            }
            Command::ChangeOrganisation {
                organisation,
                name,
                country_code,
            } => {
                let change = ChangedOrganisation {
                    name,
                    country_code,
                    enabled: None,
                };
                value(service.change_organisation(allowed, organisation, change).await?)
            }
            Command::Enable { kind, id } => self.switch(kind, id, true).await,
            Command::Disable { kind, id } => self.switch(kind, id, false).await,
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
                    ..ChangedUser::default()
                };
                value(service.change_user(allowed, id, change).await?)
            }
        }
    }
}
