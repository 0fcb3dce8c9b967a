//! Passwords in files of their own: `database.password_file`, `mail.smtp_password_file`.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use url::Url;

use super::{Configuration, Database, Mail};
use crate::{Outcome, secret_files::read};

/// Inserts the passwords from files into the URLs that need them; returns the problems.
pub fn apply(configuration: &mut Configuration) -> Vec<String> {
    let outcomes = [
        apply_to_database(&mut configuration.database),
        apply_to_mail(&mut configuration.mail),
    ];
    let problems = outcomes.into_iter().filter_map(Result::err);
    problems.map(|problem| problem.to_string()).collect()
}

fn apply_to_database(database: &mut Database) -> Outcome<()> {
    if let Some(path) = &database.password_file {
        let password = read("database.password_file", path)?;
        database.url = with_database_password(&database.url, &password)?;
    }
    Ok(())
}

fn apply_to_mail(mail: &mut Mail) -> Outcome<()> {
    if let Some(path) = &mail.smtp_password_file {
        let password = read("mail.smtp_password_file", path)?;
        mail.smtp_url = Some(with_mail_password(mail.smtp_url.as_deref(), &password)?);
    }
    Ok(())
}

/// Adds the password as a parameter, which libpq accepts in every form of URL.
fn with_database_password(url: &str, password: &str) -> Outcome<String> {
    let Some((_, rest)) = url
        .split_once("://")
        .filter(|(scheme, _)| scheme.starts_with("postgres"))
    else {
        return Err(
            "database.password_file is for a database.url that begins with postgres://; leave it out".into(),
        );
    };
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    let user = authority.rsplit_once('@').map_or("", |parts| parts.0);
    let parameters = url.split_once('?').map_or("", |parts| parts.1);
    if user.contains(':') || parameters.split('&').any(|one| one.starts_with("password=")) {
        return Err(
            "database.url holds a password and database.password_file names one: keep one of them".into(),
        );
    }
    let join = if url.contains('?') { '&' } else { '?' };
    Ok(format!("{url}{join}password={}", encoded(password)))
}

fn with_mail_password(url: Option<&str>, password: &str) -> Outcome<String> {
    let form =
        "mail.smtp_password_file goes with a mail.smtp_url that names the user, such as smtp://user@host:587";
    let mut url = Url::parse(url.ok_or(form)?).map_err(|_| form)?;
    if url.password().is_some() {
        return Err(
            "mail.smtp_url holds a password and mail.smtp_password_file names one: keep one of them".into(),
        );
    }
    if url.username().is_empty() {
        return Err(form.into());
    }
    url.set_password(Some(&encoded(password))).map_err(|()| form)?;
    Ok(url.into())
}

fn encoded(password: &str) -> String {
    utf8_percent_encode(password, NON_ALPHANUMERIC).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_of_any_characters_goes_into_any_form_of_url() {
        let with = |url| with_database_password(url, "a@/?:%&=").unwrap();
        let encoded = "password=a%40%2F%3F%3A%25%26%3D";
        assert_eq!(with("postgres://u@h/d"), format!("postgres://u@h/d?{encoded}"));
        assert_eq!(
            with("postgresql://u@h,g:5433/d?sslmode=require"),
            format!("postgresql://u@h,g:5433/d?sslmode=require&{encoded}")
        );
        assert_eq!(
            with_mail_password(Some("smtp://user@mail.example.org:587"), "a%41@").unwrap(),
            "smtp://user:a%2541%40@mail.example.org:587"
        );
    }

    #[test]
    fn two_passwords_or_no_place_for_one_are_refused_without_showing_any() {
        for url in [
            "postgres://u:secret@h/d",
            "postgres://u@h/d?password=secret",
            "sqlite:secret.db",
        ] {
            let error = with_database_password(url, "sentinel").unwrap_err().to_string();
            assert!(error.contains("database.password_file"), "{error}");
            assert!(
                !error.contains("secret") && !error.contains("sentinel"),
                "{error}"
            );
        }
        for url in [
            None,
            Some("smtp://mail.example.org"),
            Some("smtp://u:secret@h"),
            Some("mail"),
        ] {
            let error = with_mail_password(url, "sentinel").unwrap_err().to_string();
            assert!(
                error.contains("mail.smtp_password_file") && !error.contains("sentinel"),
                "{error}"
            );
        }
    }
}
