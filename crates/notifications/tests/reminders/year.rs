//! A year of simulated time: 1,000 secrets with rotations, deletions and outages, two nodes on one database, one mail
//! server. Each due line arrives once and on time; nothing else arrives.

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::{DateTime, Datelike, Utc};
use uuid::Uuid;

use crate::{
    on_both,
    oracle::{Line, Oracle, Says, counted, person},
    plot::{APPLICATIONS, ORGANISATIONS, Plot, SECRETS, STEP_HOURS, STEPS, at, within},
    smtp::{Mood, Received},
    world::World,
};

on_both! {
    each_reminder_of_a_year_arrives_once_and_in_time
}

async fn each_reminder_of_a_year_arrives_once_and_in_time(world: &World) {
    let plot = Plot::make();
    let expected = Oracle::of(&plot);
    let mut received = Vec::new();
    let mut cast = Cast::of(world, &plot).await;
    let nodes = [world.node(), world.node()];
    for step in 0..STEPS {
        let now = at(step * STEP_HOURS);
        cast.until(world, &plot, now).await;
        world.clock.set(now);
        world.server.set(mood(&plot, now));
        let [first, second] = plot.node_outages.each_ref().map(|outages| !within(outages, now));
        let pass = async |node: usize, up: bool| {
            if up {
                nodes[node].pass().await.unwrap();
            }
        };
        tokio::join!(pass(0, first), pass(1, second));
        received.extend(world.server.take());
    }
    let ids: HashSet<String> = received.iter().map(|mail| mail.header("Message-ID")).collect();
    assert_eq!(ids.len(), received.len(), "no mail came twice");
    let mut lines: Vec<Line> = received.iter().flat_map(lines_of).collect();
    lines.sort_unstable();
    print(&expected, &lines, received.len());
    let (wanted, got) = (counted(&expected), counted(&lines));
    let missing: Vec<_> = wanted.keys().filter(|key| !got.contains_key(key)).collect();
    let undue: Vec<_> = got.keys().filter(|key| !wanted.contains_key(key)).collect();
    assert!(
        missing.is_empty() && undue.is_empty(),
        "missing {missing:?}, undue {undue:?}"
    );
    let odd: Vec<(&Line, &Line)> = expected
        .iter()
        .zip(&lines)
        .filter(|(one, other)| one != other)
        .collect();
    assert!(
        odd.is_empty() && expected.len() == lines.len(),
        "expected, arrived: {:?}",
        &odd[..odd.len().min(5)]
    );
}

fn mood(plot: &Plot, now: DateTime<Utc>) -> Mood {
    match (within(&plot.down, now), within(&plot.busy, now)) {
        (true, _) => Mood::Down,
        (_, true) => Mood::Busy,
        _ => Mood::Well,
    }
}

/// The events of the plot, in order.
struct Cast {
    events: Vec<(DateTime<Utc>, What, usize)>,
    next: usize,
    applications: Vec<Uuid>,
    people: Vec<Uuid>,
    secrets: HashMap<usize, Uuid>,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum What {
    Create,
    Use,
    Delete,
    Try,
    Disable,
}

impl Cast {
    async fn of(world: &World, plot: &Plot) -> Self {
        let (mut organisations, mut people, mut applications) = (Vec::new(), Vec::new(), Vec::new());
        for number in 0..ORGANISATIONS {
            organisations.push(world.organisation(&format!("Registry {number}")).await);
            for each in 0..2 {
                people.push(
                    world
                        .person(organisations[number], &person(number * 2 + each))
                        .await,
                );
            }
        }
        for number in 0..APPLICATIONS {
            let owner = organisations[number % ORGANISATIONS];
            let client = world
                .application(owner, &format!("Partner-NL-App{number}-SMC"))
                .await;
            for one in &plot.managers[number] {
                world.assign(client, people[*one]).await;
            }
            applications.push(client);
        }
        for (number, _) in plot.urgent_only.iter().enumerate().filter(|(_, quiet)| **quiet) {
            let entry = world.entry();
            world
                .store
                .set_urgent_mail_only(people[number], true, entry)
                .await
                .unwrap();
        }
        Self {
            events: events(plot),
            next: 0,
            applications,
            people,
            secrets: HashMap::new(),
        }
    }

    /// Plays all events up to an instant.
    async fn until(&mut self, world: &World, plot: &Plot, now: DateTime<Utc>) {
        while let Some((when, what, who)) = self.events.get(self.next).copied().filter(|event| event.0 <= now)
        {
            self.next += 1;
            world.clock.set(when);
            if what == What::Disable {
                world.disable(self.people[who]).await;
                continue;
            }
            let life = &plot.lives[who];
            let client = self.applications[life.application];
            if what == What::Create {
                let id = world
                    .secret(client, &life.name, (life.created, life.expires))
                    .await;
                self.secrets.insert(who, id);
                continue;
            }
            let id = self.secrets[&who];
            match what {
                What::Use => world.using(id).await,
                What::Try => world.trying(client, id).await,
                _ => world.delete(client, id).await,
            }
        }
    }
}

fn events(plot: &Plot) -> Vec<(DateTime<Utc>, What, usize)> {
    let mut events = Vec::new();
    for (number, life) in plot.lives.iter().enumerate() {
        events.push((life.created, What::Create, number));
        events.extend(life.uses.iter().map(|at| (*at, What::Use, number)));
        events.extend(life.deleted.map(|at| (at, What::Delete, number)));
        events.extend(life.tried.map(|at| (at, What::Try, number)));
    }
    for (number, when) in plot.disabled.iter().enumerate() {
        events.extend(when.map(|at| (at, What::Disable, number)));
    }
    events.sort_unstable();
    events
}

/// The lines of a mail, by its headings.
fn lines_of(mail: &Received) -> Vec<Line> {
    let text = mail.text();
    let line = |text: &str| {
        let text = text.trim_start_matches(|one: char| one.is_ascii_digit() || ". ".contains(one));
        let name = text.split('"').nth(1)?.to_owned();
        let says = [
            ("Client secret \"", "\" expires in ", Says::Expires),
            ("Client secret \"", "\" expired on ", Says::Expired),
            ("Client secret \"", "\" was deleted", Says::Withdrawn),
            ("Please delete the old client secret \"", "\"", Says::PleaseDelete),
            (
                "A system still uses the expired client secret \"",
                "\"",
                Says::StillTried,
            ),
        ];
        let found = says
            .iter()
            .find(|(before, after, _)| text.starts_with(&format!("{before}{name}{after}")));
        Some(Line {
            at: mail.at,
            name: name.clone(),
            says: found?.2,
            to: mail.to.clone(),
        })
    };
    text.lines().filter_map(line).collect()
}

fn print(expected: &[Line], lines: &[Line], mails: usize) {
    let month = |line: &Line| (line.at.year(), line.at.month());
    let mut rows: BTreeMap<(i32, u32), [usize; 3]> = BTreeMap::new();
    let (wanted, got) = (counted(expected), counted(lines));
    for line in expected {
        rows.entry(month(line)).or_default()[0] += 1;
    }
    for line in lines {
        let row = rows.entry(month(line)).or_default();
        row[1] += 1;
        row[2] += usize::from(expected.binary_search(line).is_ok());
    }
    println!("{SECRETS} secrets, {mails} mails\nmonth      due  arrived  in time");
    for ((year, month), [due, arrived, in_time]) in rows {
        println!("{year}-{month:02} {due:6} {arrived:8} {in_time:8}");
    }
    let kinds = [
        Says::Expires,
        Says::PleaseDelete,
        Says::Expired,
        Says::StillTried,
        Says::Withdrawn,
    ];
    for says in kinds {
        let of = |counts: &HashMap<(String, Says, String), usize>| -> usize {
            counts
                .iter()
                .filter(|(key, _)| key.1 == says)
                .map(|(_, count)| *count)
                .sum()
        };
        println!("{says:?}: due {}, arrived {}", of(&wanted), of(&got));
    }
    let twice = got
        .iter()
        .filter(|(key, count)| wanted.get(*key) < Some(*count))
        .count();
    println!("arrived more often than due: {twice}");
}
