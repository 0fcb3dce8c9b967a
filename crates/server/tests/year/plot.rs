//! The plot: the members, and what happens in the year. Generated from a fixed sequence of pseudo-random numbers.

use chrono::{DateTime, TimeDelta, Utc};

/// The beginning of the year.
pub const START: DateTime<Utc> = DateTime::from_timestamp_nanos(1_800_000_000_000_000_000);
/// Systems request tokens, and nodes look for due mails, once a day.
pub const TICK: TimeDelta = TimeDelta::days(1);
pub const TICKS: i32 = 365;

const ROTATING: usize = 15;
const SUSPENDING: usize = 6;
const CARELESS: usize = 6;
const GRACED: usize = 3;

/// How the people of an organisation handle their secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Rotating,
    Suspending,
    Careless,
    Graced,
}

/// An organisation with one application, one manager, and its systems.
pub struct Member {
    pub number: usize,
    pub kind: Kind,
    /// The lifetime of its secrets.
    pub life: TimeDelta,
    /// Its system requests a token every this many ticks.
    pub every: i32,
    /// The delay after which the system's second machine gets a new secret.
    pub lag: TimeDelta,
}

/// The fate of a rotation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// The job does not run on this day.
    Missed,
    /// The new secret is put in use.
    Kept,
    /// The answer is lost; the job retries on the next day.
    Lost,
    /// The answer is lost; the job retries at once.
    LostAndAgain,
    /// The job dies after writing the new secret to its file.
    Interrupted,
    /// Two jobs rotate at the same time.
    Twice,
}

#[derive(Clone, Debug)]
pub enum What {
    /// The manager creates a secret; the system gets it, or it stays unused.
    Create {
        name: String,
        is_used: bool,
    },
    /// The system requests a token.
    Ask,
    /// The nightly job of a system that rotates its secret itself.
    Job(Fate),
    Suspend {
        name: String,
        until: DateTime<Utc>,
    },
    Resume {
        name: String,
    },
    Delete {
        name: String,
    },
    /// The WMDA team grants this many hours; `granted` unless the rules forbid it.
    Grace {
        name: String,
        hours: i64,
        granted: bool,
    },
    /// An API introspects the system's last token.
    Introspect,
}

#[derive(Clone, Debug)]
pub struct Event {
    pub at: DateTime<Utc>,
    pub member: usize,
    pub what: What,
}

pub struct Plot {
    pub members: Vec<Member>,
    /// By time; events at the same time happen in this order.
    pub events: Vec<Event>,
    /// From tick to tick, by node; one is always running.
    pub outages: [Vec<(i32, i32)>; 2],
}

/// A small linear congruential generator, for the same year each time.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: i32) -> i32 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        i32::try_from((self.0 >> 33) % u64::try_from(limit).unwrap()).unwrap()
    }
}

pub fn tick(number: i32) -> DateTime<Utc> {
    START + TICK * number
}

fn days(number: i32) -> TimeDelta {
    TimeDelta::days(number.into())
}

impl Member {
    /// The nightly job rotates a secret with fewer whole days left.
    pub fn rotates_below(&self) -> i64 {
        (self.life.num_days() / 2 + 5).min(90)
    }

    pub fn application(&self) -> String {
        format!("Partner-NL-Registry{}-SMC", self.number)
    }

    pub fn manager(&self) -> String {
        format!("manager{}@example.org", self.number)
    }

    /// When its manager is at work on this day of the year.
    fn at_work(&self, day: i32) -> DateTime<Utc> {
        let minutes = 60 + 7 * i64::try_from(self.number).unwrap();
        START + days(day) + TimeDelta::minutes(minutes)
    }
}

impl Plot {
    pub fn make() -> Self {
        let mut random = Random(20_271_123);
        let mut members = Vec::new();
        for (kind, count) in [
            (Kind::Rotating, ROTATING),
            (Kind::Suspending, SUSPENDING),
            (Kind::Careless, CARELESS),
            (Kind::Graced, GRACED),
        ] {
            (0..count).for_each(|nth| members.push(member(members.len(), kind, nth)));
        }
        let mut events: Vec<Event> = Vec::new();
        for member in &members {
            let mut script = Script {
                member,
                events: Vec::new(),
            };
            script.begins();
            match member.kind {
                Kind::Rotating => script.rotates(&mut random),
                Kind::Suspending => script.suspends(&mut random),
                Kind::Careless => script.forgets(&mut random),
                Kind::Graced => script.is_helped(),
            }
            events.extend(script.events);
        }
        let end = tick(TICKS);
        events.retain(|event| event.at < end);
        events.sort_by_key(|event| event.at);
        Self {
            members,
            events,
            outages: [vec![(10, 30), (150, 152)], vec![(31, 45), (250, 280)]],
        }
    }

    /// Which nodes run at a tick.
    pub fn up(&self, tick: i32) -> [bool; 2] {
        self.outages
            .each_ref()
            .map(|outages| !outages.iter().any(|(from, to)| (*from..*to).contains(&tick)))
    }
}

fn member(number: usize, kind: Kind, nth: usize) -> Member {
    let of = |lives: &[i64]| TimeDelta::days(lives[nth % lives.len()]);
    Member {
        number,
        kind,
        life: match kind {
            // Long enough that a year, which takes seconds, stays within a client's rate limit of rotations.
            Kind::Rotating => of(&[120, 150, 180, 270, 365]),
            Kind::Suspending => of(&[365]),
            Kind::Careless => of(&[60, 90, 120, 180]),
            Kind::Graced => of(&[120]),
        },
        every: if kind == Kind::Careless && nth % 3 == 2 {
            3
        } else {
            1
        },
        lag: TimeDelta::days(i64::try_from(nth % 4).unwrap()),
    }
}

/// Generates one member's year.
struct Script<'a> {
    member: &'a Member,
    events: Vec<Event>,
}

impl Script<'_> {
    fn at(&mut self, at: DateTime<Utc>, what: What) {
        let member = self.member.number;
        self.events.push(Event { at, member, what });
    }

    /// Token requests just before an instant, and at it.
    fn asks_around(&mut self, at: DateTime<Utc>) {
        self.at(at - TimeDelta::milliseconds(1), What::Ask);
        self.at(at, What::Ask);
    }

    /// Before the first tick each manager creates a secret and gives it to the system, which uses it from then on.
    fn begins(&mut self) {
        let born = START - TimeDelta::minutes(100 - i64::try_from(self.member.number).unwrap());
        self.creates(born, "first");
        for number in (0..TICKS).filter(|number| number % self.member.every == 0) {
            if self.member.kind == Kind::Rotating {
                let minutes = 1 + i64::try_from(self.member.number).unwrap();
                self.at(tick(number) - TimeDelta::minutes(minutes), What::Job(Fate::Kept));
            }
            self.at(tick(number), What::Ask);
        }
    }

    fn born(&self) -> DateTime<Utc> {
        self.events[0].at
    }

    fn name(&self, name: &str) -> String {
        format!("{name} of {}", self.member.number)
    }

    fn creates(&mut self, at: DateTime<Utc>, name: &str) {
        let name = self.name(name);
        self.at(at, What::Create { name, is_used: true });
    }

    fn deletes(&mut self, at: DateTime<Utc>, name: &str) {
        let name = self.name(name);
        self.at(at, What::Delete { name });
    }

    /// Jobs have different fates; where nodes stop now and then, nothing else goes wrong.
    fn rotates(&mut self, random: &mut Random) {
        let is_often_off = self.member.number % 2 == 1;
        let mut off = 0;
        for event in &mut self.events {
            let What::Job(fate) = &mut event.what else {
                continue;
            };
            let chance = random.below(20);
            off = match is_often_off && off == 0 && chance == 0 {
                true => 2,
                false => (off - 1).max(0),
            };
            *fate = match (is_often_off, chance) {
                (true, _) if off > 0 => Fate::Missed,
                (true, 1..10) => Fate::Twice,
                (false, 0..5) => Fate::Lost,
                (false, 5..8) => Fate::LostAndAgain,
                (false, 8..12) => Fate::Interrupted,
                _ => Fate::Kept,
            };
        }
    }

    /// Old secrets are suspended on trial and deleted; the one in use is suspended by mistake, and restored or not.
    fn suspends(&mut self, random: &mut Random) {
        let mut day = 3 + random.below(10);
        let mut number = 0;
        while day < 290 {
            number += 1;
            let begins = self.member.at_work(day);
            match random.below(4) {
                0 => self.tries_without_an_old_one(number, begins),
                1 => self.suspends_for(begins, TimeDelta::minutes(10 + i64::from(random.below(30)))),
                2 => self.suspends_for(begins, TimeDelta::hours(i64::from(1 + random.below(7 * 24)))),
                _ => self.puts_back(
                    begins,
                    TimeDelta::minutes(i64::from(5 + random.below(3 * 24 * 60))),
                ),
            }
            day += 9 + random.below(20);
        }
    }

    fn tries_without_an_old_one(&mut self, number: i32, begins: DateTime<Utc>) {
        let name = self.name(&format!("old {number}"));
        let (hour, until) = (TimeDelta::hours(1), begins + TimeDelta::days(2));
        self.at(
            begins - hour / 2,
            What::Create {
                name: name.clone(),
                is_used: false,
            },
        );
        self.at(
            begins,
            What::Suspend {
                name: name.clone(),
                until,
            },
        );
        self.at(begins, What::Ask);
        self.at(until + hour, What::Delete { name });
        self.at(until + hour, What::Ask);
    }

    fn begins_to_suspend(&mut self, begins: DateTime<Utc>, until: DateTime<Utc>) -> String {
        let name = self.name("first");
        self.at(begins, What::Ask);
        self.at(begins, What::Introspect);
        self.at(
            begins,
            What::Suspend {
                name: name.clone(),
                until,
            },
        );
        self.at(begins, What::Introspect);
        self.at(begins, What::Ask);
        name
    }

    /// A suspension that ends by itself.
    fn suspends_for(&mut self, begins: DateTime<Utc>, length: TimeDelta) {
        let until = begins + length;
        self.begins_to_suspend(begins, until);
        self.at(begins + length / 2, What::Ask);
        self.at(until - TimeDelta::milliseconds(1), What::Introspect);
        self.asks_around(until);
        if length < TimeDelta::minutes(50) {
            self.at(until, What::Introspect);
        }
    }

    /// A suspension taken back long before its end.
    fn puts_back(&mut self, begins: DateTime<Utc>, after: TimeDelta) {
        let name = self.begins_to_suspend(begins, begins + TimeDelta::days(7));
        let back = begins + after;
        self.at(back, What::Ask);
        self.at(back, What::Introspect);
        self.at(back, What::Resume { name });
        self.at(back, What::Ask);
        self.at(back, What::Introspect);
    }

    /// Each secret expires, and some days later somebody creates another.
    fn forgets(&mut self, random: &mut Random) {
        let (mut born, mut number) = (self.born(), 1);
        while born < tick(TICKS) {
            let dies = born + self.member.life;
            self.asks_around(dies);
            number += 1;
            born = dies + TimeDelta::minutes(90) + days(random.below(12));
            self.creates(born, &format!("number {number}"));
            self.at(born, What::Ask);
        }
    }

    /// Each secret is about to expire and gets a grace period: before its expiry; after it, and then it expires a
    /// second time; or once more in vain.
    fn is_helped(&mut self) {
        let (mut born, mut name, mut number) = (self.born(), "first".to_owned(), 1);
        while born < tick(TICKS) {
            let dies = born + self.member.life;
            let way = (self.member.number + number) % 3;
            let (asked, hours) = match way {
                0 => (dies - TimeDelta::hours(10), 72),
                1 => (dies + TimeDelta::hours(20), 48),
                _ => (dies - TimeDelta::hours(10), 24),
            };
            let until = dies.max(asked) + TimeDelta::hours(hours);
            self.asks_around(dies);
            self.grace(asked, &name, (hours, true));
            self.at(asked, What::Ask);
            self.asks_around(until);
            if way == 2 {
                self.grace(until - TimeDelta::hours(5), &name, (24, false));
            }
            let renewed = match way {
                0 => until - TimeDelta::hours(40),
                _ => until + TimeDelta::days(2) + TimeDelta::minutes(1),
            };
            number += 1;
            let next = format!("number {number}");
            self.creates(renewed, &next);
            self.at(renewed, What::Ask);
            if way == 0 {
                self.deletes(until - TimeDelta::hours(2), &name);
            }
            (born, name) = (renewed, next);
        }
    }

    fn grace(&mut self, at: DateTime<Utc>, name: &str, (hours, granted): (i64, bool)) {
        let name = self.name(name);
        self.at(at, What::Grace { name, hours, granted });
    }
}
