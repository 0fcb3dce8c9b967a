//! Fair (round-robin) scheduling by source, within a worker: it works so long for one source, then it is the others'
//! turn. Without rounds whoever asks on a thousand connections at once is answered a thousand times before anybody
//! else, at every step of the other's request.

use std::{
    cell::{Cell, RefCell},
    collections::{HashMap, VecDeque},
    net::IpAddr,
    rc::Rc,
    time::Duration,
};

use domain::source::network;
use tokio::sync::oneshot;

/// What one source has of a round.
const SHARE: Duration = Duration::from_millis(5);
/// How many who wait for a round are woken in it at most: what each will cost, nobody knows.
const WOKEN: usize = 100;
/// How many sources are remembered until a round ends.
const SOURCES: usize = 4096;

/// Who has had how much of this round.
#[derive(Default)]
pub(crate) struct Rounds {
    shares: RefCell<HashMap<IpAddr, Share>>,
    /// A task goes on to the next round.
    goes_on: Cell<bool>,
}

#[derive(Default)]
struct Share {
    spent: Duration,
    waiting: VecDeque<oneshot::Sender<()>>,
}

impl Share {
    /// Wakes those who came first; whether others still wait.
    fn renew(&mut self) -> bool {
        self.spent = Duration::ZERO;
        let mut woken = 0;
        while woken < WOKEN {
            let Some(turn) = self.waiting.pop_front() else {
                return false;
            };
            // Some have left meanwhile.
            woken += usize::from(turn.send(()).is_ok());
        }
        !self.waiting.is_empty()
    }
}

impl Rounds {
    /// Waits for the source's turn.
    pub(crate) async fn turn(self: &Rc<Self>, source: IpAddr) {
        while let Some(turn) = self.enter(network(source)) {
            // It is lost when the worker ends, and everything with it.
            let _ = turn.await;
        }
    }

    /// What to wait for, if the source has had its share.
    fn enter(self: &Rc<Self>, source: IpAddr) -> Option<oneshot::Receiver<()>> {
        let mut shares = self.shares.borrow_mut();
        let share = shares.get_mut(&source).filter(|share| share.spent >= SHARE)?;
        let (turn, waiting) = oneshot::channel();
        share.waiting.push_back(turn);
        self.end_round();
        Some(waiting)
    }

    /// Counts work for a source. Time in which the worker did something else counts too: it costs no more than a round.
    pub(crate) fn spent(self: &Rc<Self>, source: IpAddr, time: Duration) {
        let mut shares = self.shares.borrow_mut();
        let share = shares.entry(network(source)).or_default();
        share.spent = share.spent.saturating_add(time);
        if shares.len() >= SOURCES {
            self.end_round();
        }
    }

    fn end_round(self: &Rc<Self>) {
        if !self.goes_on.replace(true) {
            actix_web::rt::spawn(Rc::clone(self).go_on());
        }
    }

    /// Makes rounds until nobody waits. Between two, the worker looks what has come on its connections.
    async fn go_on(self: Rc<Self>) {
        loop {
            tokio::task::yield_now().await;
            let mut shares = self.shares.borrow_mut();
            shares.retain(|_, share| share.renew());
            if shares.is_empty() {
                self.goes_on.set(false);
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CROWD: [u8; 4] = [192, 0, 2, 1];
    const OTHER: [u8; 4] = [192, 0, 2, 2];
    /// What a request of these tests costs.
    const COST: Duration = Duration::from_millis(1);
    /// So many of them are a share.
    const IN_A_ROUND: usize = 5;

    type Answered = Rc<RefCell<Vec<[u8; 4]>>>;

    /// One request, which notes its source when it is answered.
    fn request(rounds: &Rc<Rounds>, answered: &Answered, source: [u8; 4]) {
        let (rounds, answered) = (Rc::clone(rounds), Rc::clone(answered));
        actix_web::rt::spawn(async move {
            rounds.turn(source.into()).await;
            answered.borrow_mut().push(source);
            rounds.spent(source.into(), COST);
        });
    }

    async fn until_answered(answered: &Answered, count: usize) {
        while answered.borrow().len() < count {
            tokio::task::yield_now().await;
        }
    }

    #[actix_web::test]
    async fn x02_whoever_comes_behind_a_crowd_waits_for_its_share_and_no_longer() {
        let (rounds, answered) = (Rc::new(Rounds::default()), Answered::default());
        (0..1_000).for_each(|_| request(&rounds, &answered, CROWD));
        request(&rounds, &answered, OTHER);
        until_answered(&answered, 1_001).await;
        let place = answered.borrow().iter().position(|source| *source == OTHER);
        assert_eq!(place, Some(IN_A_ROUND));
    }

    #[actix_web::test]
    async fn x02_the_same_holds_in_every_round() {
        let (rounds, answered) = (Rc::new(Rounds::default()), Answered::default());
        (0..1_000).for_each(|_| request(&rounds, &answered, CROWD));
        for _ in 0..20 {
            tokio::task::yield_now().await;
            let before = answered.borrow().len();
            request(&rounds, &answered, OTHER);
            let own = || answered.borrow()[before..].contains(&OTHER);
            while !own() {
                tokio::task::yield_now().await;
            }
            let waited = answered.borrow().len() - before;
            assert!(waited <= 2 * IN_A_ROUND + 1, "{waited}");
        }
    }

    #[actix_web::test]
    async fn who_has_left_takes_nobodys_turn_and_a_source_alone_has_round_after_round() {
        let (rounds, answered) = (Rc::new(Rounds::default()), Answered::default());
        let source = IpAddr::from(CROWD);
        assert!(rounds.enter(source).is_none());
        rounds.spent(source, SHARE);
        (0..5 * WOKEN).for_each(|_| drop(rounds.enter(source)));
        (0..500).for_each(|_| request(&rounds, &answered, CROWD));
        until_answered(&answered, 500).await;
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        assert!(!rounds.goes_on.get(), "rounds end when nobody waits");
    }

    #[actix_web::test]
    async fn x01_sources_are_forgotten() {
        let rounds = Rc::new(Rounds::default());
        for number in 0..4 * SOURCES as u32 {
            let source = IpAddr::V4(number.into());
            rounds.turn(source).await;
            rounds.spent(source, COST);
            if number % 64 == 0 {
                tokio::task::yield_now().await;
            }
        }
        assert!(rounds.shares.borrow().len() <= SOURCES + 64);
    }
}
