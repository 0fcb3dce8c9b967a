//! Why a request was refused.

use clap::{Args, Subcommand};
use management::refusals::RefusalQuery;
use serde_json::Value;

use super::{Shell, value};
use crate::Outcome;

#[derive(Subcommand)]
pub enum Command {
    /// Say why a token request was refused and what to do: by the id in the error (trace_id), in the header X-Request-Id, or in
    /// the caller's own trace (traceparent).
    #[command(
        after_help = "Examples:\n  wmda-auth admin explain 4bf92f35-77b3-4da6-a3ce-929d0e0e4736\n  wmda-auth admin explain 4bf92f3577b34da6a3ce929d0e0e4736 --json"
    )]
    Explain(Explained),
}

#[derive(Args)]
pub struct Explained {
    /// The id, with hyphens or without.
    trace_id: String,
}

impl Shell {
    pub(super) async fn explain(&self, Command::Explain(Explained { trace_id }): Command) -> Outcome<Value> {
        let query = RefusalQuery {
            trace_id: Some(trace_id),
            ..RefusalQuery::default()
        };
        let mut found = self.service.refusals(&self.allowed, query).await?.items;
        match found.len() {
            0 => Err(
                "no refusal has this id: it was not refused by a token endpoint of this service, is older than 30 days, or is \
                 one of very many repetitions; search by client or source at GET /api/v1/refusals"
                    .into(),
            ),
            1 => value(found.remove(0)),
            _ => value(found),
        }
    }
}
