//! Resources that tokens are for, and the resource servers that ask about tokens.

use clap::{Args, Subcommand};
use management::{
    resource_servers::NewResourceServerBody,
    resources::{ChangedResource, NewResource},
};
use serde_json::Value;
use uuid::Uuid;

use super::{Shell, done, value};
use crate::Outcome;

const DEFAULT: &str = "default";

#[derive(Subcommand)]
pub enum Command {
    /// Add a resource that tokens can be for.
    #[command(
        after_help = "Example:\n  wmda-auth admin create-resource --id f6d78a69-c840-46a2-941b-a0e08f9296e7 --name 'Search & Match' --environment sandbox --role Search.Read"
    )]
    CreateResource(NewResourceArguments),
    /// Change how tokens for a resource are made, or add roles that can be granted.
    #[command(
        after_help = "Example:\n  wmda-auth admin change-resource RESOURCE_ID --signing-algorithm RS256 --token-lifetime-seconds default"
    )]
    ChangeResource {
        /// The resource's id.
        resource: Uuid,
        /// Seconds that its tokens live; `default` is the server's.
        #[arg(long)]
        token_lifetime_seconds: Option<String>,
        /// ES256, RS256, PS256 or EdDSA; `default` is the server's.
        #[arg(long)]
        signing_algorithm: Option<String>,
        /// A further role that can be granted; may be repeated.
        #[arg(long = "role")]
        further_roles: Vec<String>,
    },
    /// Add a resource server: the credentials by which a downstream API calls introspection. Prints its secret, this once.
    #[command(
        after_help = "Example:\n  wmda-auth admin create-resource-server --name 'Search & Match (sandbox)' --resource RESOURCE_ID"
    )]
    CreateResourceServer {
        /// Unique.
        #[arg(long)]
        name: String,
        /// A resource whose tokens it may ask about; may be repeated.
        #[arg(long = "resource", required = true)]
        resources: Vec<Uuid>,
    },
    /// Give a resource server another secret and print it, this once; the old one ends now.
    NewResourceServerSecret {
        /// The resource server's client id.
        resource_server: Uuid,
    },
    /// Take a resource server away; its secret ends now.
    DeleteResourceServer {
        /// The resource server's client id.
        resource_server: Uuid,
    },
}

#[derive(Args)]
pub struct NewResourceArguments {
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
    /// ES256, RS256, PS256 or EdDSA.
    #[arg(long)]
    signing_algorithm: Option<String>,
    /// What can be granted; may be repeated.
    #[arg(long = "role", required = true)]
    roles: Vec<String>,
}

impl From<NewResourceArguments> for NewResource {
    fn from(arguments: NewResourceArguments) -> Self {
        Self {
            id: arguments.id,
            name: arguments.name,
            environment: arguments.environment,
            uri: arguments.uri,
            token_lifetime_seconds: arguments.token_lifetime_seconds,
            signing_algorithm: arguments.signing_algorithm,
            roles: arguments.roles,
        }
    }
}

impl Shell {
    pub(super) async fn resources(&self, command: Command) -> Outcome<Value> {
        let (service, allowed) = (&self.service, &self.allowed);
        match command {
            Command::CreateResource(arguments) => {
                value(service.create_resource(allowed, arguments.into()).await?)
            }
            Command::ChangeResource {
                resource,
                token_lifetime_seconds,
                signing_algorithm,
                further_roles,
            } => {
                let change = ChangedResource {
                    token_lifetime_seconds: token_lifetime_seconds.map(seconds).transpose()?,
                    signing_algorithm: signing_algorithm.map(|name| (name != DEFAULT).then_some(name)),
                    further_roles,
                };
                value(service.change_resource(allowed, resource, change).await?)
            }
            Command::CreateResourceServer { name, resources } => {
                let new = NewResourceServerBody { name, resources };
                value(service.create_resource_server(allowed, new).await?)
            }
            Command::NewResourceServerSecret { resource_server } => value(
                service
                    .replace_resource_server_secret(allowed, resource_server)
                    .await?,
            ),
            Command::DeleteResourceServer { resource_server } => {
                done(service.delete_resource_server(allowed, resource_server).await?)
            }
        }
    }
}

fn seconds(text: String) -> Outcome<Option<i64>> {
    if text == DEFAULT {
        return Ok(None);
    }
    let number = text.parse();
    Ok(Some(number.map_err(
        |_| "--token-lifetime-seconds is a number, or `default`",
    )?))
}
