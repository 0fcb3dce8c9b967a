//! The WMDA team's report of all secrets, as JSON or CSV.

use actix_web::{HttpRequest, HttpResponse, get};
use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};
use domain::policy::Permission;
use serde::{Deserialize, Serialize};
use store::reports::{ReportFilter, ReportedSecret};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::{
    authorization::Allowed,
    documentation::openapi::Problems,
    http::{
        answer::ok,
        body,
        caller::Caller,
        cursor::{self, List},
        problem::Problem,
    },
    state::Management,
};

const LIST: &str = "report of secrets";
/// Rows per query, and limit of rows, of a CSV file.
const STEP: u32 = 200;
const LONGEST_FILE: usize = 100_000;

/// Filter of the report; an absent parameter matches any.
#[derive(Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct SecretReportQuery {
    /// Only those that expire on this day (UTC) or before.
    pub expiring_until: Option<NaiveDate>,
    /// `true`: only those that never got a token.
    #[serde(default)]
    pub never_used: bool,
    /// Only those that were created more than so many days ago.
    #[param(maximum = 36500)]
    pub older_than: Option<u32>,
    /// Only those of this organisation.
    pub organisation_id: Option<Uuid>,
    /// How many items at most; 50 when left out. A CSV file holds all.
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<u32>,
    /// The `next` of the page before.
    pub after: Option<String>,
}

/// A secret, or other credential, in the report.
#[derive(Serialize, ToSchema)]
pub struct ReportedSecretView {
    /// The owner's name.
    pub organisation_name: String,
    /// The application's name.
    pub application_name: String,
    /// The OAuth client identifier.
    pub client_id: Uuid,
    /// Whether the application and its owner are enabled.
    pub application_enabled: bool,
    /// The secret's identifier, which is not its value.
    pub secret_id: Uuid,
    /// What it is: `secret`, `key` or `federated`.
    pub credential_kind: &'static str,
    /// What the manager calls it.
    pub secret_name: String,
    /// The first three characters of the value.
    pub hint: String,
    /// Whether its expiry has passed.
    pub expired: bool,
    /// From this instant on it is refused.
    pub expires_at: DateTime<Utc>,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// Who created it.
    pub created_by: String,
    /// When it last got a token; null when it never did.
    pub last_used_at: Option<DateTime<Utc>>,
    /// The address that this token was asked from.
    pub last_used_from: Option<String>,
    /// When its value was last presented after the expiry.
    pub tried_after_expiry_at: Option<DateTime<Utc>>,
}

fn view(one: ReportedSecret, now: DateTime<Utc>) -> ReportedSecretView {
    ReportedSecretView {
        organisation_name: one.organisation_name,
        application_name: one.application_name,
        client_id: one.client_id,
        application_enabled: one.enabled,
        secret_id: one.id,
        credential_kind: one.kind.as_str(),
        secret_name: one.name,
        hint: one.hint,
        expired: one.expires_at <= now,
        expires_at: one.expires_at,
        created_at: one.created_at,
        created_by: one.created_by,
        last_used_at: one.last_used_at,
        last_used_from: one.last_used_from,
        tried_after_expiry_at: one.tried_after_expiry_at,
    }
}

impl Management {
    /// The secrets of all applications, by expiry.
    pub async fn secret_report(
        &self,
        _: &Allowed,
        query: SecretReportQuery,
    ) -> Result<List<ReportedSecretView>, Problem> {
        let (now, limit) = (self.now(), cursor::limit(query.limit)?);
        let after = cursor::open(&self.pepper, LIST, query.after.as_deref())?;
        let end_of = |day: NaiveDate| day.and_time(NaiveTime::MIN).and_utc() + TimeDelta::days(1);
        let filter = ReportFilter {
            expiring_until: query.expiring_until.map(end_of),
            created_before: query
                .older_than
                .map(|days| now - TimeDelta::days(i64::from(days.min(36_500)))),
            never_used: query.never_used,
            organisation_id: query.organisation_id,
            after: after.as_deref().and_then(cursor::parse_expiry_key),
            limit: limit as i64 + 1,
        };
        let found = self.store.secret_report(filter).await?;
        let views = found.into_iter().map(|one| view(one, now)).collect();
        let key = |one: &ReportedSecretView| cursor::expiry_key(one.expires_at, one.secret_id);
        Ok(cursor::page(&self.pepper, LIST, views, limit, key))
    }

    /// The whole report as CSV (RFC 4180), protected against CSV injection.
    pub async fn secret_report_csv(
        &self,
        allowed: &Allowed,
        mut query: SecretReportQuery,
    ) -> Result<String, Problem> {
        let mut file = File::begin()?;
        query.limit = Some(STEP);
        loop {
            let page = self.secret_report(allowed, query.clone()).await?;
            file.add(&page.items)?;
            match page.next {
                Some(next) if file.rows < LONGEST_FILE => query.after = Some(next),
                _ => return file.end(),
            }
        }
    }
}

const COLUMNS: [&str; 15] = [
    "organisation",
    "application",
    "client_id",
    "application_enabled",
    "secret_id",
    "secret_name",
    "hint",
    "expired",
    "expires_at",
    "created_at",
    "created_by",
    "last_used_at",
    "last_used_from",
    "tried_after_expiry_at",
    "credential_kind",
];

/// A CSV file built page by page, as rows take many times the memory.
struct File {
    writer: csv::Writer<Vec<u8>>,
    rows: usize,
}

fn failed(error: impl std::fmt::Display) -> Problem {
    Problem::Internal(error.to_string())
}

impl File {
    fn begin() -> Result<Self, Problem> {
        let mut writer = csv::WriterBuilder::new()
            .terminator(csv::Terminator::CRLF)
            .from_writer(Vec::new());
        writer.write_record(COLUMNS).map_err(failed)?;
        Ok(Self { writer, rows: 0 })
    }

    fn add(&mut self, rows: &[ReportedSecretView]) -> Result<(), Problem> {
        self.rows += rows.len();
        rows.iter()
            .try_for_each(|row| self.writer.write_record(cells(row)).map_err(failed))
    }

    fn end(self) -> Result<String, Problem> {
        String::from_utf8(self.writer.into_inner().map_err(failed)?).map_err(failed)
    }
}

fn cells(row: &ReportedSecretView) -> [String; COLUMNS.len()] {
    let time = |at: DateTime<Utc>| at.format("%Y-%m-%dT%H:%M:%SZ").to_string();
    let maybe = |at: Option<DateTime<Utc>>| at.map(time).unwrap_or_default();
    [
        safe(&row.organisation_name),
        safe(&row.application_name),
        row.client_id.to_string(),
        row.application_enabled.to_string(),
        row.secret_id.to_string(),
        safe(&row.secret_name),
        safe(&row.hint),
        row.expired.to_string(),
        time(row.expires_at),
        time(row.created_at),
        safe(&row.created_by),
        maybe(row.last_used_at),
        safe(row.last_used_from.as_deref().unwrap_or_default()),
        maybe(row.tried_after_expiry_at),
        row.credential_kind.to_owned(),
    ]
}

/// Escapes a cell that a spreadsheet would take for a formula (OWASP, "CSV Injection").
fn safe(text: &str) -> String {
    match text.trim_start().starts_with([
        '=', '+', '-', '@', '\t', '\r', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}',
    ]) {
        true => format!("'{text}"),
        false => text.to_owned(),
    }
}

/// Reports secrets of all applications, by expiry: JSON in pages, or all of it as CSV with `Accept: text/csv`. Roles:
/// admin, auditor.
#[utoipa::path(tag = "WMDA team", params(SecretReportQuery), responses((status = 200, description = "JSON, or CSV where it was asked for.", content((List<ReportedSecretView> = "application/json"), (String = "text/csv"))), Problems))]
#[get("/reports/secrets")]
pub(crate) async fn secrets(caller: Caller, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let allowed = caller.may(Permission::ReadDirectory).await?;
    let query = body::query(&request)?;
    let accept = request.headers().get("accept");
    let wants_csv = accept
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.to_ascii_lowercase().contains("text/csv"));
    if !wants_csv {
        return ok(caller.service.secret_report(&allowed, query).await);
    }
    let _turn = caller.service.file_turns.take(caller.source).await?;
    let file = caller.service.secret_report_csv(&allowed, query).await?;
    Ok(HttpResponse::Ok()
        .content_type("text/csv; charset=utf-8; header=present")
        .insert_header(("Content-Disposition", "attachment; filename=\"secrets.csv\""))
        .insert_header(("Vary", "Accept"))
        .body(file))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_a_formula() {
        for formula in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", " =1", "\u{ff1d}1"] {
            assert_eq!(safe(formula), format!("'{formula}"));
        }
        for text in ["a=1", "", "Zürich", "2027-01-01"] {
            assert_eq!(safe(text), text);
        }
    }
}
