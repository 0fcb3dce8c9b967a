//! Mail from configuration: transport, sender, the WMDA team's address, and the checks of `check`.

use notifications::{Transport, rules::Rules};

use crate::{
    Outcome,
    configuration::{Configuration, Mail},
};

pub fn transport(mail: &Mail) -> Outcome<Transport> {
    Ok(match &mail.smtp_url {
        Some(url) => Transport::smtp(url)?,
        None => Transport::Folder(mail.directory.clone()),
    })
}

pub fn support_address(mail: &Mail) -> Outcome<Option<String>> {
    let parsed = mail.support_address.as_deref().map(domain::user::parse_email);
    Ok(parsed
        .transpose()
        .map_err(|error| format!("mail.support_address: {error}"))?)
}

pub fn from(mail: &Mail, public_url: &str) -> String {
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

/// Checks that mail can be sent: connects to the server, or creates the folder.
pub async fn check(configuration: &Configuration) -> Outcome<()> {
    let mail = &configuration.mail;
    Rules::new(mail.thresholds_days.clone(), support_address(mail)?)?;
    let from = from(mail, &configuration.server.public_url);
    from.parse::<notifications::Mailbox>()
        .map_err(|error| format!("mail.from: {error}"))?;
    let checked = transport(mail)?.check().await;
    Ok(checked.map_err(|error| format!("mail: {error}"))?)
}

/// Where a mail went: without a mail server it is a file that reaches nobody.
pub fn sent_where(mail: &Mail) -> String {
    match mail.smtp_url {
        Some(_) => "sent".to_owned(),
        None => format!(
            "written to files in {} (mail.smtp_url is not set, so they reach nobody)",
            mail.directory.display()
        ),
    }
}

/// Settings that are allowed, but unsuitable for production.
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
