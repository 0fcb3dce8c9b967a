//! `wmda-auth admin issue-secrets`: a secret for each application, in one encrypted file per organisation. Subject to
//! the same limits, lifetime and policy as secrets that managers create.

use std::{
    collections::BTreeMap,
    fs,
    io::Write,
    path::{Path, PathBuf},
};

use age::{Encryptor, x25519::Recipient};
use chrono::{DateTime, Utc};
use clap::{Args, Subcommand};
use management::{
    Problem,
    applications::ApplicationView,
    secrets::{CreatedSecret, NewSecretBody, SecretQuery},
};
use serde::Serialize;
use serde_json::Value;
use tempfile::NamedTempFile;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::{Shell, all, value};
use crate::Outcome;

#[derive(Subcommand)]
pub enum Command {
    /// Create a secret for each application, into one encrypted file per organisation.
    #[command(
        after_help = "Example:\n  wmda-auth admin issue-secrets --organisation ORGANISATION_ID --recipient age1… --expires 2027-10-31 --out issued\n\
        An application that has a live secret of that name gets no other: the same again does no harm. The file is JSON, encrypted \
        with age (https://age-encryption.org) for the recipients: `age --decrypt --identity KEY FILE`."
    )]
    IssueSecrets(IssueArguments),
}

#[derive(Args)]
pub struct IssueArguments {
    /// Only applications of this organisation (id); of all when left out. May be repeated.
    #[arg(long, value_name = "ID")]
    organisation: Vec<Uuid>,
    /// Who can open the files, by a public key of age. May be repeated.
    #[arg(long, required = true, value_name = "AGE1…")]
    recipient: Vec<Recipient>,
    /// The last day on which the secrets work, in UTC, or a time with offset.
    #[arg(long, value_name = "DATE")]
    expires: String,
    /// What the secrets are called.
    #[arg(long, default_value = "Issued by the WMDA team")]
    name: String,
    /// The folder for the files; made when it is not there.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

/// A line of the report.
#[derive(Serialize)]
struct Row {
    name: String,
    outcome: &'static str,
    why: String,
}

const REFUSED: &str = "refused";

/// The content of an organisation's file.
#[derive(Serialize)]
struct Content<'a> {
    organisation: &'a str,
    organisation_id: Uuid,
    token_url: String,
    secrets: Vec<Issued<'a>>,
}

#[derive(Serialize)]
struct Issued<'a> {
    application: &'a str,
    client_id: Uuid,
    secret_id: Uuid,
    client_secret: &'a str,
    expires_at: DateTime<Utc>,
}

/// Whether something was refused, for the exit code.
pub(super) fn has_refusals(outcome: &Value) -> bool {
    let rows = outcome.as_array().map_or(&[][..], Vec::as_slice);
    rows.iter().any(|row| row["outcome"] == REFUSED)
}

impl Shell {
    pub(super) async fn issue(&self, Command::IssueSecrets(order): Command) -> Outcome<Value> {
        fs::create_dir_all(&order.out)?;
        let mut owners: BTreeMap<(String, Uuid), Vec<ApplicationView>> = BTreeMap::new();
        for one in all(|query| self.service.applications(&self.allowed, query)).await? {
            if order.organisation.is_empty() || order.organisation.contains(&one.organisation_id) {
                let owner = (one.organisation_name.clone(), one.organisation_id);
                owners.entry(owner).or_default().push(one);
            }
        }
        let mut rows = Vec::new();
        for ((name, id), applications) in &owners {
            rows.extend(self.issue_to((name, *id), applications, &order).await?);
        }
        value(rows)
    }

    /// Creates the secrets of one organisation and writes its file. If that fails they are deleted, as nobody would
    /// have their values.
    async fn issue_to(
        &self,
        owner: (&str, Uuid),
        applications: &[ApplicationView],
        order: &IssueArguments,
    ) -> Outcome<Vec<Row>> {
        // The temporary file, readable by its owner only, comes first: a folder that can't be written to is found
        // before secrets exist.
        let file = NamedTempFile::new_in(&order.out)?;
        let (mut rows, mut created, mut failure) = (Vec::new(), Vec::new(), None);
        for application in applications {
            match self.issue_one(application, order).await {
                Ok(Ok(new)) => created.push((application, new)),
                Ok(Err((outcome, why))) => rows.push(row(application, outcome, why)),
                Err(error) => {
                    failure = Some(error);
                    break;
                }
            }
        }
        if created.is_empty() {
            return failure.map_or(Ok(rows), Err);
        }
        match self.write(file, owner, (&created, order)) {
            Ok(path) => {
                let path = path.display().to_string();
                rows.extend(created.iter().map(|(one, _)| row(one, "issued", path.clone())));
                failure.map_or(Ok(rows), Err)
            }
            Err(error) => {
                for (application, new) in &created {
                    self.service
                        .delete_secret(&self.allowed, application.client_id, new.view.id)
                        .await?;
                }
                Err(error)
            }
        }
    }

    /// Creates a secret; the error says why there is none.
    async fn issue_one(
        &self,
        application: &ApplicationView,
        order: &IssueArguments,
    ) -> Outcome<Result<CreatedSecret, (&'static str, String)>> {
        if !application.enabled {
            return Ok(Err(("skipped", "the application is disabled".to_owned())));
        }
        if application.profile == "fapi2" {
            return Ok(Err(("skipped", "the application uses keys only".to_owned())));
        }
        if self.has_secret(application.client_id, &order.name).await? {
            return Ok(Err(("there already", "it has a secret of this name".to_owned())));
        }
        let body = NewSecretBody {
            name: order.name.clone(),
            expires_at: order.expires.clone(),
            replaces: None,
        };
        let created = self
            .service
            .create_secret(&self.allowed, application.client_id, body);
        match created.await {
            Ok(created) => Ok(Ok(created)),
            Err(problem @ (Problem::Internal(_) | Problem::Unavailable(_))) => Err(problem.into()),
            Err(problem) => Ok(Err((REFUSED, problem.to_string()))),
        }
    }

    async fn has_secret(&self, client_id: Uuid, name: &str) -> Outcome<bool> {
        let mut after = None;
        loop {
            let query = SecretQuery {
                limit: Some(200),
                after,
                search: Some(name.to_owned()),
                status: None,
            };
            let page = self.service.secrets(&self.allowed, client_id, query).await?;
            let now = self.now();
            if page
                .items
                .iter()
                .any(|one| one.name == name && one.expires_at > now)
            {
                return Ok(true);
            }
            after = page.next;
            if after.is_none() {
                return Ok(false);
            }
        }
    }

    fn write(
        &self,
        mut file: NamedTempFile,
        (owner, organisation_id): (&str, Uuid),
        (created, order): (&[(&ApplicationView, CreatedSecret)], &IssueArguments),
    ) -> Outcome<PathBuf> {
        let secrets = created.iter().map(|(application, new)| Issued {
            application: &application.name,
            client_id: application.client_id,
            secret_id: new.view.id,
            client_secret: &new.secret,
            expires_at: new.view.expires_at,
        });
        let content = Content {
            organisation: owner,
            organisation_id,
            token_url: format!("{}/oauth2/token", self.public_url),
            secrets: secrets.collect(),
        };
        let content = Zeroizing::new(serde_json::to_vec_pretty(&content)?);
        let recipients = order.recipient.iter().map(|one| one as &dyn age::Recipient);
        let mut sealed = Encryptor::with_recipients(recipients)?.wrap_output(file.as_file_mut())?;
        sealed.write_all(&content)?;
        sealed.finish()?.sync_all()?;
        let path = order.out.join(file_name(owner, organisation_id, self.now()));
        file.persist_noclobber(&path)?;
        sync_folder(&order.out)?;
        Ok(path)
    }
}

fn row(application: &ApplicationView, outcome: &'static str, why: String) -> Row {
    Row {
        name: application.name.clone(),
        outcome,
        why,
    }
}

/// Syncs the folder, so that the file survives a power failure as the secrets do.
fn sync_folder(folder: &Path) -> Outcome<()> {
    Ok(fs::File::open(folder)?.sync_all()?)
}

/// Such as `example-registry-1f2e3d4c-20261130T160000000Z.json.age`: readable, and unique per run.
fn file_name(owner: &str, id: Uuid, now: DateTime<Utc>) -> String {
    let letters = owner.chars().map(|one| match one.is_ascii_alphanumeric() {
        true => one.to_ascii_lowercase(),
        false => '-',
    });
    let words: String = letters.collect();
    let words: Vec<&str> = words.split('-').filter(|word| !word.is_empty()).collect();
    let id = id.simple().to_string();
    let name = format!("{}-{}", words.join("-"), id.get(..8).unwrap_or(&id));
    let name = name.trim_start_matches('-');
    format!("{name}-{}.json.age", now.format("%Y%m%dT%H%M%S%3fZ"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_called_after_its_organisation_whatever_that_is_called() {
        let id = Uuid::from_u128(0x1f2e_3d4c << 96);
        let name = |owner: &str| file_name(owner, id, DateTime::UNIX_EPOCH);
        assert_eq!(
            name("Example Registry (NL)"),
            "example-registry-nl-1f2e3d4c-19700101T000000000Z.json.age"
        );
        assert_eq!(name("../../日本"), "1f2e3d4c-19700101T000000000Z.json.age");
    }
}
