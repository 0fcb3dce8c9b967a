//! The plot of the year: life cycles of secrets, people, outages. Generated from a fixed sequence of pseudo-random
//! numbers.

use chrono::{DateTime, TimeDelta, Utc};

use crate::world::START;

pub const SECRETS: usize = 1_000;
pub const APPLICATIONS: usize = 100;
pub const ORGANISATIONS: usize = 40;
/// Interval of both nodes' passes.
pub const STEP_HOURS: i64 = 12;
pub const STEPS: i64 = 365 * 24 / STEP_HOURS;

/// The life cycle of a secret.
#[derive(Clone, Debug)]
pub struct Life {
    pub name: String,
    pub application: usize,
    pub created: DateTime<Utc>,
    pub expires: DateTime<Utc>,
    pub deleted: Option<DateTime<Utc>>,
    pub uses: Vec<DateTime<Utc>>,
    pub tried: Option<DateTime<Utc>>,
}

/// Whole hours of the year, from and to.
type Hours = (i64, i64);

/// The whole plot.
pub struct Plot {
    pub lives: Vec<Life>,
    /// By application: the numbers of the people who manage it.
    pub managers: Vec<Vec<usize>>,
    /// When each person is disabled.
    pub disabled: Vec<Option<DateTime<Utc>>>,
    /// Whether each person wants urgent mail only.
    pub urgent_only: Vec<bool>,
    pub node_outages: [Vec<Hours>; 2],
    /// When the mail server closes each connection.
    pub down: Vec<Hours>,
    /// When the mail server rejects each recipient temporarily.
    pub busy: Vec<Hours>,
}

/// A small linear congruential generator, for the same year each time.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: i64) -> i64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        i64::try_from(self.0 >> 33).unwrap() % limit
    }
}

pub fn at(hours: i64) -> DateTime<Utc> {
    START + TimeDelta::hours(hours)
}

pub fn within(spans: &[Hours], now: DateTime<Utc>) -> bool {
    spans.iter().any(|(from, to)| now >= at(*from) && now < at(*to))
}

impl Plot {
    pub fn make() -> Self {
        let mut random = Random(20_271_123);
        let mut lives: Vec<Life> = Vec::new();
        while lives.len() < SECRETS {
            let pair = life(lives.len(), &mut random);
            lives.extend(pair);
        }
        lives.truncate(SECRETS);
        let people = ORGANISATIONS * 2;
        Self {
            lives,
            managers: (0..APPLICATIONS).map(managers).collect(),
            disabled: (0..people)
                .map(|person| (person % 13 == 5).then(|| at(24 * 150 + i64::try_from(person).unwrap())))
                .collect(),
            urgent_only: (0..people).map(|person| person % 10 == 3).collect(),
            node_outages: [
                vec![(240, 400), (3000, 3100), (5000, 5080)],
                vec![(380, 420), (3050, 3200), (5000, 5080)],
            ],
            down: vec![(1000, 1014), (4000, 4030)],
            busy: vec![(2000, 2070), (6000, 6020)],
        }
    }
}

/// Some applications have two managers, most have one, some have none.
fn managers(application: usize) -> Vec<usize> {
    let first = application % ORGANISATIONS * 2;
    match application % 20 {
        0 => Vec::new(),
        1..=6 => vec![first, first + 1],
        _ => vec![first],
    }
}

/// A secret, and perhaps its successor.
fn life(number: usize, random: &mut Random) -> Vec<Life> {
    let days = [20, 30, 60, 90, 180, 365][usize::try_from(random.below(6)).unwrap()];
    let created = at(random.below(24 * 250) - 24 * 100) + TimeDelta::minutes(random.below(60));
    let mut one = Life {
        name: format!("S{number:04}"),
        application: usize::try_from(random.below(i64::try_from(APPLICATIONS).unwrap())).unwrap(),
        created,
        expires: created + TimeDelta::days(days),
        deleted: None,
        uses: Vec::new(),
        tried: None,
    };
    match random.below(10) {
        0..=3 => return rotated(number, one, random),
        4 => one.deleted = Some(one.expires - TimeDelta::hours(random.below(days * 20))),
        5 => one.tried = Some(one.expires + TimeDelta::hours(1 + random.below(100))),
        6 => {
            one.uses = (0..4)
                .map(|ago| one.expires - TimeDelta::days(2 + ago * 3))
                .collect()
        }
        _ => {}
    }
    one.uses.sort_unstable();
    vec![one]
}

/// The successor takes over; the old one is deleted, left behind, or still used by a forgotten system.
fn rotated(number: usize, mut old: Life, random: &mut Random) -> Vec<Life> {
    let begins = old.expires - TimeDelta::hours(24 + random.below(24 * 18));
    let switched = begins + TimeDelta::hours(20);
    old.uses = [3, 2, 1].map(|ago| switched - TimeDelta::days(ago)).to_vec();
    old.uses.retain(|at| *at >= old.created);
    match random.below(4) {
        0 => old.deleted = Some(switched + TimeDelta::hours(24 * 3 + random.below(24 * 20))),
        1 => old.tried = Some(old.expires + TimeDelta::hours(5)),
        _ => {}
    }
    let new = Life {
        name: format!("S{:04}", number + 1),
        created: begins,
        expires: begins + TimeDelta::days(365),
        deleted: None,
        uses: vec![switched, switched + TimeDelta::days(1)],
        tried: None,
        ..old.clone()
    };
    vec![old, new]
}
