//! Reports for the WMDA team.

use chrono::NaiveDate;
use clap::{Args, Subcommand};
use management::reports::SecretReportQuery;
use serde_json::Value;
use uuid::Uuid;

use super::{Shell, value};
use crate::Outcome;

#[derive(Subcommand)]
pub enum Command {
    /// Report on all applications.
    #[command(
        subcommand,
        after_help = "Examples:\n  wmda-auth admin report secrets --expiring-until 2027-03-31\n  wmda-auth admin report secrets --never-used --older-than 30 --csv > secrets.csv"
    )]
    Report(Report),
}

#[derive(Subcommand)]
pub enum Report {
    /// Secrets by expiry; those that were deleted are left out.
    Secrets(SecretsArguments),
}

#[derive(Args)]
pub struct SecretsArguments {
    /// Only those that expire on this day (UTC) or before.
    #[arg(long)]
    expiring_until: Option<NaiveDate>,
    /// Only those that never got a token.
    #[arg(long)]
    never_used: bool,
    /// Only those that were created more than so many days ago.
    #[arg(long, value_name = "DAYS")]
    older_than: Option<u32>,
    /// Only those of this organisation (id).
    #[arg(long)]
    organisation: Option<Uuid>,
    /// Print CSV that a spreadsheet opens.
    #[arg(long, conflicts_with = "json")]
    csv: bool,
}

impl Shell {
    pub(super) async fn report(
        &self,
        Command::Report(Report::Secrets(arguments)): Command,
    ) -> Outcome<Value> {
        let mut query = SecretReportQuery {
            expiring_until: arguments.expiring_until,
            never_used: arguments.never_used,
            older_than: arguments.older_than,
            organisation_id: arguments.organisation,
            limit: Some(200),
            after: None,
        };
        if arguments.csv {
            print!("{}", self.service.secret_report_csv(&self.allowed, query).await?);
            return Ok(Value::Null);
        }
        let mut rows = Vec::new();
        loop {
            let page = self.service.secret_report(&self.allowed, query.clone()).await?;
            rows.extend(page.items);
            query.after = page.next;
            if query.after.is_none() {
                return value(rows);
            }
        }
    }
}
