//! The results of the year, as the guide for member systems shows them.

use std::{fmt, fs, path::PathBuf};

use crate::{
    cast::{Answered, Mail, Seen},
    oracle::{Expected, is_it},
    plot::{Event, Kind, Member, Plot, What},
    systems::Outcome,
};

/// The guide, which holds the table between its heading and the command that makes it.
const GUIDE: &str = "../../docs/member-systems.md";
const HEAD: &str = "| how secrets are looked after | applications | token requests | answered | refused, as they must be | refused otherwise | mails due | arrived |";

const COMMAND: &str = "`cargo test -p server --test year";

pub struct Table {
    rows: Vec<Row>,
    exchanges: usize,
    lost: usize,
    suspensions: usize,
}

struct Row {
    kind: &'static str,
    members: usize,
    asked: usize,
    tokens: usize,
    refused: usize,
    outages: usize,
    due: usize,
    arrived: usize,
}

impl Table {
    pub fn of(plot: &Plot, expected: &Expected, seen: &Seen) -> Self {
        let row = |kind: Kind| {
            let is_its = |member: usize| plot.members[member].kind == kind;
            let answers = |answers: &[Answered]| -> Vec<Outcome> {
                let mut own: Vec<&Answered> = answers.iter().filter(|answer| is_its(answer.1)).collect();
                own.sort_by_key(|(at, member, machine, _)| (*member, *machine, *at));
                own.into_iter().map(|answer| answer.3).collect()
            };
            let (must, was) = (answers(&expected.answers), answers(&seen.answers));
            let tokens = was.iter().filter(|outcome| **outcome == Outcome::Token).count();
            let right = must.iter().zip(&was).filter(|(must, was)| must == was);
            let refused = right.filter(|(_, was)| **was != Outcome::Token).count();
            let own = |mail: &&Mail| {
                let about = |member: &&Member| {
                    mail.subject.contains(&member.application())
                        || mail.subject.contains(&format!(" of {}\"", member.number))
                };
                plot.members
                    .iter()
                    .find(about)
                    .is_some_and(|member| member.kind == kind)
            };
            let due: Vec<&Mail> = expected.mails.iter().filter(own).collect();
            let came = |want: &&&Mail| seen.mails.iter().any(|got| is_it(want, got));
            Row {
                kind: said(kind),
                members: plot.members.iter().filter(|member| member.kind == kind).count(),
                asked: was.len(),
                tokens,
                refused,
                outages: was.len() - tokens - refused,
                due: due.len(),
                arrived: due.iter().filter(came).count(),
            }
        };
        let kinds = [Kind::Rotating, Kind::Suspending, Kind::Careless, Kind::Graced];
        let is_suspension = |event: &&Event| matches!(event.what, What::Suspend { .. });
        Self {
            rows: kinds.map(row).into(),
            exchanges: seen.exchanges.iter().map(|one| one.0).sum(),
            lost: seen.exchanges.iter().map(|one| one.1).sum(),
            suspensions: plot.events.iter().filter(is_suspension).count(),
        }
    }

    /// Compares the guide with the results; with `WMDA_AUTH_WRITE_YEAR` set it is rewritten.
    pub fn compare_with_the_guide(&self) {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(GUIDE);
        let guide = fs::read_to_string(&path).unwrap();
        let (before, rest) = guide.split_once(HEAD).expect("the guide has the table");
        let (_, after) = rest.split_once(COMMAND).unwrap();
        let new = format!("{before}{self}\n{COMMAND}{after}");
        if std::env::var_os("WMDA_AUTH_WRITE_YEAR").is_some() {
            fs::write(&path, &new).unwrap();
        }
        let hint = "write it anew: WMDA_AUTH_WRITE_YEAR=1 cargo test -p server --test year";
        assert_eq!(fs::read_to_string(&path).unwrap(), new, "{hint}");
    }
}

fn said(kind: Kind) -> &'static str {
    match kind {
        Kind::Rotating => "the system exchanges them by itself",
        Kind::Suspending => "managers try without, and put back",
        Kind::Careless => "nobody does: they expire, and somebody makes another",
        Kind::Graced => "nobody does, and the WMDA team grants hours",
    }
}

impl fmt::Display for Table {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(to, "{HEAD}\n|---|---|---|---|---|---|---|---|")?;
        for row in &self.rows {
            let Row {
                kind,
                members,
                asked,
                tokens,
                refused,
                outages,
                due,
                arrived,
            } = row;
            writeln!(
                to,
                "| {kind} | {members} | {asked} | {tokens} | {refused} | {outages} | {due} | {arrived} |"
            )?;
        }
        let Self {
            exchanges,
            lost,
            suspensions,
            ..
        } = self;
        writeln!(
            to,
            "\nSecrets were exchanged {exchanges} times, and {lost} answers of these were lost; there were {suspensions} suspensions."
        )
    }
}
