//! Who else signs in or works while one source floods the sign-in, on both databases.

use std::{
    thread,
    time::{Duration, Instant},
};

use crate::{
    alone,
    support::{
        Demo,
        people::{Person, status_from, wrong},
        postgres_database, timed,
    },
};

mod sqlite {
    #[test]
    fn x02_a_flood_of_sign_ins_from_one_source_holds_nobody_else_up() {
        super::x02_a_flood_of_sign_ins_from_one_source_holds_nobody_else_up(None);
    }
}

mod postgres {
    #[test]
    fn x02_a_flood_of_sign_ins_from_one_source_holds_nobody_else_up() {
        let database = super::postgres_database();
        super::x02_a_flood_of_sign_ins_from_one_source_holds_nobody_else_up(Some(&database));
    }
}

fn x02_a_flood_of_sign_ins_from_one_source_holds_nobody_else_up(database: Option<&str>) {
    let _alone = alone();
    let demo = &Demo::start_with(database, &[("WMDA_AUTH__SERVER__TRUSTED_PROXIES", "127.0.0.1")]);
    let manager = Person::of(demo, "credential_manager", 0).sign_in(demo);
    let (victim, auditor) = (Person::of(demo, "admin", 0), Person::of(demo, "auditor", 0));
    let until = Instant::now() + Duration::from_secs(6);
    let (mut flood, mut slowest) = (Vec::new(), Duration::ZERO);
    thread::scope(|scope| {
        let floods: Vec<_> = (0..40)
            .map(|_| {
                scope.spawn(|| {
                    let mut statuses = Vec::new();
                    while Instant::now() < until {
                        statuses.push(status_from(demo, "192.0.2.66", &wrong(&victim)));
                    }
                    statuses
                })
            })
            .collect();
        let (took, status) = timed(|| status_from(demo, "192.0.2.67", &auditor.proof()));
        assert_eq!(status, 201, "a person elsewhere");
        slowest = slowest.max(took);
        while Instant::now() < until {
            let (took, answer) = timed(|| manager.get("/applications"));
            assert_eq!(answer.status, 200, "a manager's list: {}", answer.text);
            slowest = slowest.max(took);
        }
        flood = floods.into_iter().flat_map(|one| one.join().unwrap()).collect();
    });
    let count = |wanted: u16| flood.iter().filter(|status| **status == wanted).count();
    assert_eq!((count(401), count(401) + count(429)), (10, flood.len()), "P-03");
    assert!(
        slowest < Duration::from_secs(4),
        "{slowest:?} beside {} refusals",
        flood.len()
    );
    println!(
        "{} refused, the slowest of the others took {slowest:?}",
        flood.len()
    );
}
