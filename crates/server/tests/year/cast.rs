//! Plays the plot on the nodes, and records the observations.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use crate::{
    plot::{Event, Kind, Plot, START, TICKS, What, tick},
    systems::{Outcome, System},
    world::{Person, World},
};

/// An answer to a token request: time, member, machine, outcome.
pub type Answered = (DateTime<Utc>, usize, usize, Outcome);
/// An introspection answer: time, member, whether the token is active.
pub type Introspected = (DateTime<Utc>, usize, bool);

/// A mail: the tick at which it was sent, recipient and subject.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mail {
    pub at: DateTime<Utc>,
    pub to: String,
    pub subject: String,
}

#[derive(Default)]
pub struct Seen {
    pub answers: Vec<Answered>,
    pub introspections: Vec<Introspected>,
    pub mails: Vec<Mail>,
    /// By member: rotations that were answered, and those whose answer was lost.
    pub exchanges: Vec<(usize, usize)>,
}

pub struct Cast {
    pub seen: Seen,
    world: World,
    people: Vec<Person>,
    systems: Vec<System>,
    /// Ids by name.
    secrets: HashMap<String, String>,
}

impl Cast {
    pub async fn of(world: World, plot: &Plot) -> Self {
        let (mut people, mut systems) = (Vec::new(), Vec::new());
        for member in &plot.members {
            let (person, client_id) = world.member(member).await;
            let machines = if member.kind == Kind::Rotating { 2 } else { 1 };
            people.push(person);
            systems.push(System::new(member, client_id, machines));
        }
        Self {
            seen: Seen::default(),
            world,
            people,
            systems,
            secrets: HashMap::new(),
        }
    }

    pub async fn play(&mut self, plot: &Plot) {
        let mut events = plot.events.iter().peekable();
        while let Some(event) = events.next_if(|event| event.at < START) {
            self.happens(event, plot).await;
        }
        for number in 0..TICKS {
            let (now, next) = (tick(number), tick(number + 1));
            self.world.set_up(plot.up(number));
            while let Some(event) = events.next_if(|event| event.at <= now) {
                self.happens(event, plot).await;
            }
            self.world.reach(now);
            self.world.polls().await;
            self.sends_mails(now).await;
            while let Some(event) = events.next_if(|event| event.at < next) {
                self.happens(event, plot).await;
            }
        }
        let exchanges = self.systems.iter().map(|system| (system.exchanges, system.lost));
        self.seen.exchanges = exchanges.collect();
    }

    async fn sends_mails(&mut self, at: DateTime<Utc>) {
        let sent = self.world.mails().await;
        let mails = sent.into_iter().map(|(to, subject)| Mail { at, to, subject });
        self.seen.mails.extend(mails);
    }

    async fn happens(&mut self, event: &Event, plot: &Plot) {
        self.world.reach(event.at);
        if !matches!(event.what, What::Job(_)) {
            self.world.polls().await;
        }
        let (at, number) = (event.at, event.member);
        match &event.what {
            What::Ask => {
                let outcomes = self.systems[number].asks(&self.world).await;
                let answers = outcomes.into_iter().enumerate();
                let answers = answers.map(|(machine, outcome)| (at, number, machine, outcome));
                self.seen.answers.extend(answers);
            }
            What::Job(fate) => self.systems[number].job(&self.world, *fate).await,
            What::Introspect => {
                let is_good = self.world.is_active(&self.systems[number].last_token).await;
                self.seen.introspections.push((at, number, is_good));
            }
            What::Create { name, is_used } => self.creates((number, at), name, *is_used, plot).await,
            What::Suspend { name, until } => self.suspends(number, name, Some(*until)).await,
            What::Resume { name } => self.suspends(number, name, None).await,
            What::Delete { name } => {
                let path = self.path(number, name);
                self.as_manager(number, ("DELETE", &path), &Value::Null, 204)
                    .await;
            }
            What::Grace { name, hours, granted } => {
                let path = format!("{}/grace", self.path(number, name));
                let hours = json!({ "hours": hours });
                let answer = self.world.call_as_team(("POST", &path), &hours).await;
                let expected = if *granted { 200 } else { 409 };
                assert_eq!(answer.status, expected, "{at}: {}", answer.body);
            }
        }
    }

    async fn creates(
        &mut self,
        (number, at): (usize, DateTime<Utc>),
        name: &str,
        is_used: bool,
        plot: &Plot,
    ) {
        let member = &plot.members[number];
        let client = self.systems[number].client_id.clone();
        let new = json!({ "name": name, "expires_at": (at + member.life).to_rfc3339() });
        let path = format!("{client}/secrets");
        let made = self.as_manager(number, ("POST", &path), &new, 201).await;
        self.secrets
            .insert(name.to_owned(), made["id"].as_str().unwrap().to_owned());
        if is_used {
            self.systems[number].gets(made["secret"].as_str().unwrap());
        }
        if member.kind == Kind::Rotating {
            // Until the authenticator's next code.
            self.world.reach(at + TimeDelta::seconds(30));
            let on = json!({ "self_rotation": true });
            self.as_manager(number, ("PATCH", &client), &on, 200).await;
        }
    }

    async fn suspends(&self, number: usize, name: &str, until: Option<DateTime<Utc>>) {
        let path = self.path(number, name);
        let until = until.map(|until| until.to_rfc3339());
        let change = json!({ "suspended_until": until });
        self.as_manager(number, ("PATCH", &path), &change, 200).await;
    }

    fn path(&self, number: usize, name: &str) -> String {
        format!(
            "{}/secrets/{}",
            self.systems[number].client_id, self.secrets[name]
        )
    }

    async fn as_manager(&self, number: usize, what: (&str, &str), body: &Value, status: u16) -> Value {
        let answer = self.world.call(&self.people[number], what, body).await;
        assert_eq!(answer.status, status, "{what:?}: {}", answer.body);
        answer.body
    }
}
