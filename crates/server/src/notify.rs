//! `wmda-auth notify`: one pass of the reminders, a preview of it, or a test mail.

use std::path::PathBuf;

use clap::Args;
use domain::{random, reminder::DeliveryState};
use notifications::Notifier;
use store::{outbox::Plan, secret_facts::SecretFacts};

use crate::{
    Outcome, clock,
    configuration::{Mail, reading},
    logging,
    mail::sent_where,
    preparation,
    reminders::notifier,
    runtime::block_on,
};

#[derive(Args)]
pub struct NotifyArguments {
    /// The configuration file.
    #[arg(long, default_value = "wmda-auth.toml")]
    config: PathBuf,
    /// A demo's data folder, in place of configured paths.
    #[arg(long)]
    data_dir: Option<PathBuf>,
    /// Say what is due and to whom it would be told; send nothing.
    #[arg(long)]
    dry_run: bool,
    /// Send one test mail to this address and end.
    #[arg(long, value_name = "ADDRESS", conflicts_with = "dry_run")]
    send_test: Option<String>,
    /// Send again what was given up in the last 30 days and still has a reason.
    #[arg(long, conflicts_with_all = ["dry_run", "send_test"])]
    resend_failed: bool,
}

pub fn run(arguments: &NotifyArguments) -> Outcome<()> {
    let configuration = reading::load(Some(&arguments.config), arguments.data_dir.as_deref())?;
    let _log = logging::start(configuration.log.format);
    let prepared = preparation::prepare(&configuration)?;
    let public_url = configuration.server.public_url.clone();
    block_on(async {
        let notifier = notifier(&configuration, &prepared, public_url)?;
        match &arguments.send_test {
            Some(address) => send_test(&notifier, &configuration.mail, address).await,
            None if arguments.dry_run => preview(&notifier).await,
            None if arguments.resend_failed => resend(&notifier, &configuration.mail).await,
            None => pass(&notifier, &configuration.mail).await,
        }
    })
}

async fn send_test(notifier: &Notifier, mail: &Mail, address: &str) -> Outcome<()> {
    let address = domain::user::parse_email(address)?;
    let id = random::uuid(&*clock::system_random())?;
    notifier.send_test(id, &address).await?;
    match mail.smtp_url {
        Some(_) => println!("the mail server took a test mail to {address}"),
        None => println!(
            "a test mail to {address} was written to {}",
            mail.directory.display()
        ),
    }
    Ok(())
}

async fn preview(notifier: &Notifier) -> Outcome<()> {
    let due = notifier.preview().await?;
    due.iter()
        .for_each(|(plan, facts)| println!("{}", described(plan, facts)));
    println!("{} secrets are due; nothing was sent", due.len());
    Ok(())
}

fn described(plan: &Plan, facts: &SecretFacts) -> String {
    let (secret, state) = (&facts.secret, DeliveryState::Suppressed.as_str());
    let told = match plan.recipients.as_slice() {
        [] => state.to_owned(),
        recipients => format!("to {}", recipients.join(", ")),
    };
    format!(
        "{} {:?} of {}, hint {}, expires {}: {} ({} days), {told}",
        secret.id,
        secret.name,
        facts.application,
        secret.hint,
        secret.expires_at.format("%Y-%m-%d %H:%M UTC"),
        plan.kind.as_str(),
        plan.threshold_days,
    )
}

/// Queues failed mails again, then makes a pass.
async fn resend(notifier: &Notifier, mail: &Mail) -> Outcome<()> {
    let resent = notifier.resend_failed().await?;
    println!("{} failed mails are queued again", resent.queued);
    if resent.forgotten > 0 {
        println!(
            "{} held a one-time link or a name that is not kept: invite or reset these people anew",
            resent.forgotten
        );
    }
    pass(notifier, mail).await
}

/// Postponed mails are retried by the server; a permanent failure is an error here.
async fn pass(notifier: &Notifier, mail: &Mail) -> Outcome<()> {
    let report = notifier.pass().await?;
    println!(
        "{}; mails: {} {}, {} put off, {} without reason, {} refused; webhooks: {} told",
        match report.planned {
            1 => "1 secret was due".to_owned(),
            many => format!("{many} secrets were due"),
        },
        report.sent,
        sent_where(mail),
        report.put_off,
        report.suppressed,
        report.refused.len(),
        report.hooks,
    );
    match report.refused.as_slice() {
        [] => Ok(()),
        refused => Err(format!("refused for good: {}", refused.join("; ")).into()),
    }
}
