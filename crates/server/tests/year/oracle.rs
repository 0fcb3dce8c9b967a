//! The test oracle: expected results, derived from the plot and the promises, without the product's rules.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};

use crate::{
    cast::{Answered, Introspected, Mail, Seen},
    plot::{Event, Fate, Kind, Member, Plot, START, TICKS, What, tick},
    systems::Outcome,
    world::TEAM,
};

/// How long the old secret stays valid after a rotation.
const OVERLAP: TimeDelta = TimeDelta::days(7);

pub struct Expected {
    pub answers: Vec<Answered>,
    pub introspections: Vec<Introspected>,
    /// Time, recipient, and the beginning of the subject.
    pub mails: Vec<Mail>,
    pub exchanges: Vec<(usize, usize)>,
}

/// A secret created by a manager.
struct Life {
    name: String,
    created: DateTime<Utc>,
    expires: DateTime<Utc>,
    suspended: Option<DateTime<Utc>>,
    deleted: Option<DateTime<Utc>>,
    /// The system was refused because of its expiry.
    tried: bool,
    /// The smallest threshold in days reached so far.
    reached: i64,
    /// Recipients who have its expiry in the calendar.
    told: Vec<String>,
}

/// The secrets of a system that rotates them itself.
#[derive(Default)]
struct Chain {
    expires: DateTime<Utc>,
    /// Its expiry without rotation.
    planned: DateTime<Utc>,
    /// The successor left by an interrupted job.
    left: Option<DateTime<Utc>>,
    exchanges: usize,
    lost: usize,
}

/// The expected year of one member.
struct Oracle<'a> {
    member: &'a Member,
    lives: Vec<Life>,
    /// The secret that the system uses.
    current: usize,
    chain: Chain,
    last_token: Option<DateTime<Utc>>,
    answers: Vec<Answered>,
    introspections: Vec<Introspected>,
    mails: Vec<Mail>,
    /// Mails to be sent at the next tick.
    waiting: Vec<(String, String)>,
}

impl Expected {
    pub fn of(plot: &Plot) -> Self {
        let mut all = Self {
            answers: Vec::new(),
            introspections: Vec::new(),
            mails: Vec::new(),
            exchanges: Vec::new(),
        };
        for member in &plot.members {
            let mut oracle = Oracle::of(member);
            oracle.play(plot);
            all.answers.extend(oracle.answers);
            all.introspections.extend(oracle.introspections);
            all.mails.extend(oracle.mails);
            all.exchanges.push((oracle.chain.exchanges, oracle.chain.lost));
        }
        all
    }

    /// Each answer, each introspection, and each mail is as expected, and there are no others.
    pub fn compare(&self, seen: &Seen) {
        let by_place = |answers: &[Answered]| -> HashMap<_, Vec<Outcome>> {
            let mut places: HashMap<_, Vec<Outcome>> = HashMap::new();
            for (at, member, machine, outcome) in answers {
                places.entry((*at, *member, *machine)).or_default().push(*outcome);
            }
            places
        };
        let (wanted, got) = (by_place(&self.answers), by_place(&seen.answers));
        let mut odd: Vec<_> = wanted
            .iter()
            .filter(|(place, want)| got.get(place) != Some(want))
            .collect();
        odd.sort_unstable_by_key(|(place, _)| **place);
        let odd: Vec<_> = odd
            .iter()
            .map(|(place, want)| (place, want, got.get(place)))
            .take(9)
            .collect();
        assert!(
            odd.is_empty() && wanted.len() == got.len(),
            "(when, member, machine), must be, was: {odd:#?}"
        );
        let sorted = |mut all: Vec<Introspected>| {
            all.sort_by_key(|(at, member, _)| (*at, *member));
            all
        };
        assert_eq!(
            sorted(seen.introspections.clone()),
            sorted(self.introspections.clone())
        );
        assert_eq!(seen.exchanges, self.exchanges);
        let (mut wanted, mut got) = (self.mails.clone(), seen.mails.clone());
        wanted.sort_unstable();
        got.sort_unstable();
        let odd = wanted.iter().zip(&got).find(|(want, got)| !is_it(want, got));
        assert!(odd.is_none(), "expected mail, and mail: {odd:#?}");
        assert_eq!(wanted.len(), got.len(), "mails");
    }
}

/// Whether this is the expected mail.
pub fn is_it(want: &Mail, got: &Mail) -> bool {
    (want.at, &want.to) == (got.at, &got.to) && got.subject.starts_with(&want.subject)
}

impl<'a> Oracle<'a> {
    fn of(member: &'a Member) -> Self {
        Self {
            member,
            lives: Vec::new(),
            current: 0,
            chain: Chain::default(),
            last_token: None,
            answers: Vec::new(),
            introspections: Vec::new(),
            mails: Vec::new(),
            waiting: Vec::new(),
        }
    }

    fn play(&mut self, plot: &Plot) {
        let mut events = plot
            .events
            .iter()
            .filter(|event| event.member == self.member.number)
            .peekable();
        while let Some(event) = events.next_if(|event| event.at < START) {
            self.happens(event);
        }
        for number in 0..TICKS {
            let (now, next) = (tick(number), tick(number + 1));
            while let Some(event) = events.next_if(|event| event.at <= now) {
                self.happens(event);
            }
            self.mails(now);
            while let Some(event) = events.next_if(|event| event.at < next) {
                self.happens(event);
            }
        }
    }

    fn life(&mut self, name: &str) -> &mut Life {
        self.lives.iter_mut().find(|life| life.name == name).unwrap()
    }

    fn happens(&mut self, event: &Event) {
        let (at, number) = (event.at, self.member.number);
        match &event.what {
            What::Create { name, is_used } => self.created(name, at, *is_used),
            What::Ask if self.member.kind == Kind::Rotating => {
                self.answers
                    .extend([0, 1].map(|machine| (at, number, machine, Outcome::Token)));
            }
            What::Ask => self.asked(at),
            What::Job(fate) => self.job(at, *fate),
            What::Suspend { name, until } => {
                self.life(name).suspended = Some(*until);
                self.tell_manager(format!("Client secret \"{name}\" is suspended"));
            }
            What::Resume { name } => {
                self.life(name).suspended = None;
                self.tell_manager(format!("Client secret \"{name}\" works again"));
            }
            What::Delete { name } => {
                let life = self.life(name);
                life.deleted = Some(at);
                let told = if at < life.expires {
                    life.told.clone()
                } else {
                    Vec::new()
                };
                let subject = format!("Client secret \"{name}\" was deleted");
                self.waiting
                    .extend(told.into_iter().map(|to| (to, subject.clone())));
                self.tell_manager(format!("The client secret \"{name}\" was deleted"));
            }
            What::Grace {
                name,
                hours,
                granted: true,
            } => {
                let life = self.life(name);
                life.expires = life.expires.max(at) + TimeDelta::hours(*hours);
                life.tried = false;
                // Its second expiry is announced like its first.
                life.reached = life.reached.max(1);
                let subject = format!("Urgent: client secret \"{name}\" was extended until");
                self.waiting.push((TEAM.to_owned(), subject.clone()));
                self.tell_manager(subject);
            }
            What::Grace { .. } => {}
            What::Introspect => {
                let life = &self.lives[self.current];
                let is_suspended = life.suspended.is_some_and(|until| until > at);
                let is_young = self
                    .last_token
                    .is_some_and(|made| at - made < TimeDelta::hours(1));
                self.introspections.push((at, number, is_young && !is_suspended));
            }
        }
    }

    fn created(&mut self, name: &str, at: DateTime<Utc>, is_used: bool) {
        let expires = at + self.member.life;
        if is_used {
            self.current = self.lives.len();
            (self.chain.expires, self.chain.planned) = (expires, expires);
        }
        self.lives.push(Life {
            name: name.to_owned(),
            created: at,
            expires,
            suspended: None,
            deleted: None,
            tried: false,
            reached: i64::MAX,
            told: Vec::new(),
        });
        self.tell_manager(format!("A new client secret \"{name}\" was created"));
    }

    fn asked(&mut self, at: DateTime<Utc>) {
        let life = &mut self.lives[self.current];
        let outcome = match () {
            () if life.expires <= at => {
                life.tried = true;
                Outcome::Expired
            }
            () if life.suspended.is_some_and(|until| until > at) => Outcome::Suspended,
            () => {
                self.last_token = Some(at);
                Outcome::Token
            }
        };
        self.answers.push((at, self.member.number, 0, outcome));
    }

    /// The expected outcome of the nightly job; each rotation that managers can learn of is notified.
    fn job(&mut self, at: DateTime<Utc>, fate: Fate) {
        if fate == Fate::Missed {
            return;
        }
        if let Some(left) = self.chain.left.take() {
            (self.chain.expires, self.chain.planned) = (left, left);
        }
        if (self.chain.expires - at).num_days() >= self.member.rotates_below() {
            return;
        }
        let new = at + self.member.life;
        let chain = &mut self.chain;
        chain.exchanges += 1;
        let goes_on = (at + OVERLAP).min(chain.planned);
        match fate {
            Fate::Lost => {
                chain.lost += 1;
                chain.expires = goes_on;
            }
            Fate::Interrupted => (chain.expires, chain.left) = (goes_on, Some(new)),
            Fate::LostAndAgain => {
                chain.exchanges += 1;
                chain.lost += 1;
                let new = new + TimeDelta::seconds(11);
                (chain.expires, chain.planned) = (new, new);
            }
            _ => (chain.expires, chain.planned) = (new, new),
        }
        let application = self.member.application();
        self.tell_manager(format!(
            "A system rotated its client secret by itself ({application})"
        ));
    }

    fn tell_manager(&mut self, subject: String) {
        self.waiting.push((self.member.manager(), subject));
    }

    fn mails(&mut self, now: DateTime<Utc>) {
        if self.member.kind != Kind::Rotating {
            (0..self.lives.len()).for_each(|number| self.reminds(number, now));
        }
        let mails = self.waiting.drain(..);
        self.mails
            .extend(mails.map(|(to, subject)| Mail { at: now, to, subject }));
    }

    fn reminds(&mut self, number: usize, now: DateTime<Utc>) {
        let life = &mut self.lives[number];
        if life.deleted.is_some() {
            return;
        }
        let left = life.expires - now;
        let days = match life.tried && left <= TimeDelta::zero() {
            true => -1,
            false => {
                let reached = [0, 1, 3, 7, 14, 30, 60]
                    .into_iter()
                    .find(|days| left <= TimeDelta::days(*days));
                reached.unwrap_or(i64::MAX)
            }
        };
        if days >= life.reached {
            return;
        }
        life.reached = days;
        if TimeDelta::days(days * 2) > life.expires - life.created {
            return;
        }
        let (name, urgent) = (&life.name, if days <= 7 { "Urgent: " } else { "" });
        let subject = match days {
            -1 => format!("{urgent}A system still uses the expired client secret \"{name}\""),
            0 => format!("{urgent}Client secret \"{name}\" expired on"),
            _ => format!("{urgent}Client secret \"{name}\" expires in"),
        };
        let mut told = vec![self.member.manager()];
        if days <= 7 {
            told.push(TEAM.to_owned());
        }
        if days > 0 {
            life.told.extend(told.clone());
            life.told.sort_unstable();
            life.told.dedup();
        }
        self.waiting
            .extend(told.into_iter().map(|to| (to, subject.clone())));
    }
}
