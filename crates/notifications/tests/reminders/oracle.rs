//! The test oracle: expected mails, derived from the plot and the promises, without the product's rules.

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};

use crate::{
    plot::{Life, Plot, STEP_HOURS, STEPS, at, within},
    world::TEAM,
};

/// The kind of a line in a mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Says {
    Expires,
    PleaseDelete,
    Expired,
    StillTried,
    Withdrawn,
}

/// A line: secret, kind, recipient, and when it arrives.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Line {
    pub at: DateTime<Utc>,
    pub name: String,
    pub says: Says,
    pub to: String,
}

/// A pending line.
#[derive(Clone)]
struct OnItsWay {
    secret: usize,
    days: i64,
    says: Says,
    to: String,
    /// The day of its digest; none for a mail of its own.
    digest: Option<NaiveDate>,
}

pub struct Oracle<'a> {
    plot: &'a Plot,
    /// The smallest threshold that each secret has reached.
    reached: Vec<i64>,
    asked_to_delete: HashSet<usize>,
    queue: Vec<OnItsWay>,
    /// Every line ever due: secret, threshold, recipient.
    lines: HashSet<(usize, i64, String)>,
    closed: HashSet<(String, NaiveDate)>,
    withdrawn: HashSet<usize>,
    arrived: Vec<(usize, Line)>,
}

pub fn person(number: usize) -> String {
    format!("person{number}@example.org")
}

impl<'a> Oracle<'a> {
    pub fn of(plot: &'a Plot) -> Vec<Line> {
        let mut oracle = Self {
            plot,
            reached: vec![i64::MAX; plot.lives.len()],
            asked_to_delete: HashSet::new(),
            queue: Vec::new(),
            lines: HashSet::new(),
            closed: HashSet::new(),
            withdrawn: HashSet::new(),
            arrived: Vec::new(),
        };
        (0..STEPS).for_each(|step| oracle.step(at(step * STEP_HOURS)));
        let mut lines: Vec<Line> = oracle.arrived.into_iter().map(|(_, line)| line).collect();
        lines.sort_unstable();
        lines
    }

    fn step(&mut self, now: DateTime<Utc>) {
        self.withdraw(now);
        let up = self.plot.node_outages.iter().any(|outages| !within(outages, now));
        if !up {
            return;
        }
        (0..self.plot.lives.len()).for_each(|secret| self.look_at(secret, now));
        self.send(now);
    }

    /// A deleted secret is withdrawn from the calendars that have it.
    fn withdraw(&mut self, now: DateTime<Utc>) {
        for (secret, life) in self.plot.lives.iter().enumerate() {
            let Some(deleted) = life.deleted.filter(|deleted| *deleted <= now) else {
                continue;
            };
            if deleted < life.expires && self.withdrawn.insert(secret) {
                let told: HashSet<String> = self
                    .arrived
                    .iter()
                    .filter(|(one, line)| *one == secret && line.says == Says::Expires)
                    .map(|(_, line)| line.to.clone())
                    .collect();
                self.queue.extend(told.into_iter().map(|to| OnItsWay {
                    secret,
                    days: -2,
                    says: Says::Withdrawn,
                    to,
                    digest: None,
                }));
            }
        }
    }

    fn look_at(&mut self, secret: usize, now: DateTime<Utc>) {
        let life = &self.plot.lives[secret];
        if life.created > now || life.deleted.is_some_and(|deleted| deleted <= now) {
            return;
        }
        let tried = life
            .tried
            .is_some_and(|tried| tried <= now && life.expires <= now);
        let days = match tried {
            true => -1,
            false => match threshold(life.expires - now) {
                Some(days) => days,
                None => return,
            },
        };
        if days >= self.reached[secret] {
            return;
        }
        self.reached[secret] = days;
        if days * 2 > (life.expires - life.created).num_days() {
            return;
        }
        let says = match days {
            -1 => Says::StillTried,
            _ if self.is_rotated(life, now) => Says::PleaseDelete,
            0 => Says::Expired,
            _ => Says::Expires,
        };
        self.tell(secret, days, says, now);
    }

    fn tell(&mut self, secret: usize, days: i64, says: Says, now: DateTime<Utc>) {
        let urgent = says != Says::PleaseDelete && days <= 7;
        let repeated = says == Says::PleaseDelete && self.asked_to_delete.contains(&secret);
        let managers = self.managers(secret, now);
        let mut people: Vec<String> = managers
            .iter()
            .filter(|one| urgent || !self.plot.urgent_only[**one])
            .map(|one| person(*one))
            .collect();
        if urgent || managers.is_empty() {
            people.push(TEAM.to_owned());
        }
        let everybody = managers.iter().map(|one| person(*one)).chain([TEAM.to_owned()]);
        self.lines.extend(everybody.map(|to| (secret, days, to)));
        if repeated {
            return;
        }
        if says == Says::PleaseDelete && !people.is_empty() {
            self.asked_to_delete.insert(secret);
        }
        for to in people {
            let digest = (!urgent).then(|| self.digest(&to, now));
            self.queue.push(OnItsWay {
                secret,
                days,
                says,
                to,
                digest,
            });
        }
    }

    fn digest(&self, to: &str, now: DateTime<Utc>) -> NaiveDate {
        let mut day = now.date_naive();
        while self.closed.contains(&(to.to_owned(), day)) {
            day = day + Days::new(1);
        }
        day
    }

    fn managers(&self, secret: usize, now: DateTime<Utc>) -> Vec<usize> {
        let assigned = &self.plot.managers[self.plot.lives[secret].application];
        let enabled = |person: &&usize| self.plot.disabled[**person].is_none_or(|at| at > now);
        assigned.iter().filter(enabled).copied().collect()
    }

    fn is_rotated(&self, life: &Life, now: DateTime<Utc>) -> bool {
        let last = used(life, now).last().copied();
        let newer = self.plot.lives.iter().any(|other| {
            let lives = other.created <= now
                && other.created > life.created
                && other.expires > now
                && other.deleted.is_none_or(|deleted| deleted > now);
            let used = used(other, now).last().copied();
            other.application == life.application && lives && used.is_some() && used > last
        });
        let silent = last.is_none_or(|last| now - last > rhythm(life, now));
        newer && silent
    }

    fn send(&mut self, now: DateTime<Utc>) {
        let (down, busy) = (within(&self.plot.down, now), within(&self.plot.busy, now));
        let mut kept = Vec::new();
        for line in std::mem::take(&mut self.queue) {
            if line.digest.is_some_and(|day| day > now.date_naive()) {
                kept.push(line);
                continue;
            }
            if let Some(day) = line.digest {
                self.closed.insert((line.to.clone(), day));
            }
            if !self.holds(&line, now) {
                continue;
            }
            if down || busy {
                kept.push(line);
                continue;
            }
            let arrived = Line {
                at: now,
                name: self.plot.lives[line.secret].name.clone(),
                says: line.says,
                to: line.to,
            };
            self.arrived.push((line.secret, arrived));
        }
        self.queue = kept;
    }

    fn holds(&self, line: &OnItsWay, now: DateTime<Utc>) -> bool {
        let life = &self.plot.lives[line.secret];
        let deleted = life.deleted.is_some_and(|deleted| deleted <= now);
        let overtaken =
            (-1..line.days).any(|days| self.lines.contains(&(line.secret, days, line.to.clone())));
        let known = line.to == TEAM
            || self
                .managers(line.secret, now)
                .iter()
                .any(|one| person(*one) == line.to);
        line.says == Says::Withdrawn || (!deleted && !overtaken && known)
    }
}

/// The smallest of 60, 30, 14, 7, 3, 1 and 0 days that is reached; nothing long after the expiry.
fn threshold(left: TimeDelta) -> Option<i64> {
    if left <= TimeDelta::days(-30) {
        return None;
    }
    [0, 1, 3, 7, 14, 30, 60]
        .into_iter()
        .find(|days| left <= TimeDelta::days(*days))
}

fn used(life: &Life, now: DateTime<Utc>) -> Vec<DateTime<Utc>> {
    life.uses.iter().copied().filter(|at| *at <= now).collect()
}

/// Twice the longest interval between days of use in the last 90 days, or a week.
fn rhythm(life: &Life, now: DateTime<Utc>) -> TimeDelta {
    let first = (now - TimeDelta::days(90)).date_naive();
    let days: BTreeMap<NaiveDate, ()> = used(life, now)
        .into_iter()
        .map(|at| (at.date_naive(), ()))
        .filter(|(day, ())| *day >= first)
        .collect();
    let days: Vec<NaiveDate> = days.into_keys().collect();
    let pauses = days.windows(2).map(|two| (two[1] - two[0]).num_days());
    TimeDelta::days(pauses.max().map_or(7, |longest| longest * 2))
}

/// How often each line occurs.
pub fn counted(lines: &[Line]) -> HashMap<(String, Says, String), usize> {
    let mut counts = HashMap::new();
    for line in lines {
        *counts
            .entry((line.name.clone(), line.says, line.to.clone()))
            .or_default() += 1;
    }
    counts
}
