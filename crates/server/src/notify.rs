//! Reminders: wiring, the schedule within `serve`, and `wmda-auth notify`.

use std::{path::PathBuf, sync::Arc, time::Duration};

use clap::Args;
use domain::{random, reminder::DeliveryState};
use notifications::{Composer, HookSender, HookSettings, Notifier, Report, Transport, rules::Rules};
use store::{outbox::Plan, secret_facts::SecretFacts};

use crate::{
    Outcome, clock,
    configuration::{self, Configuration, Mail},
    logging,
    preparation::{self, Prepared},
    serve,
};

/// How long the end of the server waits for a mail.
const LAST_MAIL: Duration = Duration::from_secs(10);

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
}

pub fn run(arguments: &NotifyArguments) -> Outcome<()> {
    let configuration = configuration::load(Some(&arguments.config), arguments.data_dir.as_deref())?;
    let _log = logging::start(configuration.log.format);
    let prepared = preparation::prepare(&configuration)?;
    let public_url = configuration.server.public_url.clone();
    serve::block_on(async {
        let notifier = notifier(&configuration, &prepared, public_url)?;
        match &arguments.send_test {
            Some(address) => send_test(&notifier, &configuration.mail, address).await,
            None if arguments.dry_run => preview(&notifier).await,
            None => pass(&notifier).await,
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

/// What was put off is tried again by the server; what was refused for good is an error here.
async fn pass(notifier: &Notifier) -> Outcome<()> {
    let report = notifier.pass().await?;
    println!(
        "{} secrets were due; mails: {} sent, {} put off, {} without reason, {} refused; webhooks: {} told",
        report.planned,
        report.sent,
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

/// Puts the parts together; within the runtime, which the pool of connections to the mail server needs from its first
/// to its last moment.
pub fn notifier(configuration: &Configuration, prepared: &Prepared, public_url: String) -> Outcome<Notifier> {
    let mail = &configuration.mail;
    let pepper = Arc::clone(&prepared.pepper);
    let support = support_address(mail)?;
    let rules = Rules::new(mail.thresholds_days.clone(), support.clone())?;
    let from = from(mail, &public_url);
    let composer = Composer::new(&from, public_url, support, Arc::clone(&pepper))
        .map_err(|error| format!("mail.from: {error}"))?;
    let settings = HookSettings {
        allow_private: configuration.webhooks.allow_private,
    };
    Ok(Notifier::new(
        prepared.store.clone(),
        Arc::clone(&prepared.clock),
        rules,
        (composer, transport(mail)?),
        HookSender::new(settings, pepper)?,
    ))
}

fn transport(mail: &Mail) -> Outcome<Transport> {
    Ok(match &mail.smtp_url {
        Some(url) => Transport::smtp(url)?,
        None => Transport::Folder(mail.directory.clone()),
    })
}

fn support_address(mail: &Mail) -> Outcome<Option<String>> {
    let parsed = mail.support_address.as_deref().map(domain::user::parse_email);
    Ok(parsed
        .transpose()
        .map_err(|error| format!("mail.support_address: {error}"))?)
}

fn from(mail: &Mail, public_url: &str) -> String {
    mail.from.clone().unwrap_or_else(|| {
        let host = public_url.split_once("://").map_or(public_url, |parts| parts.1);
        let name = host.split(':').next().unwrap_or_default();
        let is_name = name.contains('.') && name.parse::<std::net::IpAddr>().is_err();
        format!(
            "WMDA Manage API Credentials <no-reply@{}>",
            if is_name { name } else { "localhost" }
        )
    })
}

/// Whether mail can be sent: the server is asked, or the folder made.
pub fn check(configuration: &Configuration) -> Outcome<()> {
    let mail = &configuration.mail;
    Rules::new(mail.thresholds_days.clone(), support_address(mail)?)?;
    let from = from(mail, &configuration.server.public_url);
    from.parse::<notifications::Mailbox>()
        .map_err(|error| format!("mail.from: {error}"))?;
    serve::block_on(async {
        let checked = transport(mail)?.check().await;
        checked.map_err(|error| format!("mail: {error}").into())
    })
}

/// What is allowed, and yet not what a production server wants.
pub fn warnings(mail: &Mail) -> Vec<String> {
    let folder = mail.directory.display();
    let without_server =
        format!("mail.smtp_url is not set: mails are written as .eml files to {folder} and reach nobody");
    let without_team =
        "mail.support_address is not set: the WMDA team gets no copies of urgent mails".to_owned();
    [
        (mail.smtp_url.is_none(), without_server),
        (mail.support_address.is_none(), without_team),
    ]
    .into_iter()
    .filter_map(|(holds, text)| holds.then_some(text))
    .collect()
}

/// Passes now and then, on every node; the outbox sees to it that each mail is sent by one. Webhooks have a task of
/// their own: a receiver that is slow holds up no mail.
pub fn spawn(notifier: &Arc<Notifier>, mail: &Mail) {
    warnings(mail).iter().for_each(|warning| log::warn!("{warning}"));
    let every = Duration::from_secs(mail.interval_seconds);
    let (mails, hooks) = (Arc::clone(notifier), Arc::clone(notifier));
    actix_web::rt::spawn(async move {
        loop {
            tokio::time::sleep(every).await;
            tell(mails.pass_mails().await);
        }
    });
    actix_web::rt::spawn(async move {
        loop {
            tokio::time::sleep(every).await;
            if let Err(error) = hooks.deliver_hooks().await {
                log::error!("webhooks can't be told now, the next pass tries again: {error}");
            }
        }
    });
}

fn tell(outcome: Result<Report, store::StoreError>) {
    match outcome {
        Ok(report) if report == Report::default() => {}
        Ok(report) => log::info!(
            "reminders: {} planned, {} sent, {} put off, {} refused",
            report.planned,
            report.sent,
            report.put_off,
            report.refused.len()
        ),
        Err(error) => log::error!("reminders can't be looked after now, the next pass tries again: {error}"),
    }
}

/// The mail that is under way comes to its end; the server ends in any case.
pub async fn finish(notifier: &Notifier) {
    if tokio::time::timeout(LAST_MAIL, notifier.finish()).await.is_err() {
        log::warn!("a mail was still under way at the end and may go out twice");
    }
}
