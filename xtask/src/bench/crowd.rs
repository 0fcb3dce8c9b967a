//! Throughput with many applications compared with a few.

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{
    SERVER_CORE, figures, forget,
    rows::Row,
    wrk::{Comparison, Measured, Target, token_url},
};
use crate::demo::Demo;
use crate::shell;

/// Live secrets per application.
const SECRETS: u64 = 3;
/// Limit of applications per measurement that no other measurement requested.
const COLD_STEP: u32 = 14_000;

pub(super) fn rows(root: &Path, release: &Path, scale: u32) -> Result<Vec<Row>, String> {
    let (server, few) = (release.join("wmda-auth"), release.join("bench-few"));
    let many = fill(root, &server, &release.join("bench-many"), scale)?;
    let demo = Demo::start_pinned(&server, SERVER_CORE, &few)?;
    let crowd = Crowd {
        demo: Demo::start_pinned(&server, SERVER_CORE, &many)?,
        scale,
        release,
    };
    let few_target = Target::of_demo(&demo, 0, release.join("few.lua"))?;
    let beside = "tokens for one of the demo's applications";
    let next = Cell::new(0);
    let cold = || {
        let measured = crowd.asked(&in_turn(next.get(), scale))?;
        next.set(next.get() + COLD_STEP);
        Ok(measured)
    };
    let before = figures::resident(crowd.demo.id())?;
    let mut rows = vec![(
        "tokens, each for an application that is not in memory".to_owned(),
        beside,
        Comparison::made(cold, || few_target.measure())?,
    )];
    crowd.warm_up(next.get())?;
    let grown = figures::resident(crowd.demo.id())?.saturating_sub(before) * 1024 * 1024;
    shell::announce(&format!(
        "{} bytes of resident memory for each of {} secrets",
        grown / (u64::from(scale) * SECRETS),
        u64::from(scale) * SECRETS
    ));
    // Inverse transform sampling: a density of 1/x needs the exponential.
    let spreads = [
        ("evenly", format!("math.random(1, {scale})")),
        ("by Zipf", format!("math.floor({scale} ^ math.random())")),
    ];
    for (spread, number) in spreads {
        let what = format!("tokens for {scale} applications with {SECRETS} secrets each, {spread}");
        let asked = || crowd.asked(&number);
        rows.push((what, beside, Comparison::made(asked, || few_target.measure())?));
    }
    drop((few_target, demo, crowd));
    [few, many].iter().try_for_each(|folder| forget(folder))?;
    Ok(rows)
}

struct Crowd<'a> {
    demo: Demo,
    scale: u32,
    release: &'a Path,
}

impl Crowd<'_> {
    /// `number` is a Lua expression for the number of the next application.
    fn asked(&self, number: &str) -> Result<Measured, String> {
        let resource = "f6d78a69-c840-46a2-941b-a0e08f9296e7";
        let lua = format!(
            "local at = 0\nrequest = function()\n at = at + 1\n return wrk.format(nil, nil, nil, string.format(\"grant_type=client_credentials&client_secret=crowd-1&resource={resource}&client_id=00000000-0000-4000-8000-%012d\", {number}))\nend\n"
        );
        let script = (lua.as_str(), self.release.join("many.lua"));
        Target::scripted(token_url(&self.demo)?, String::new(), script)?.measure()
    }

    /// Requests a token for each application once.
    fn warm_up(&self, mut next: u32) -> Result<(), String> {
        while next < self.scale {
            let measured = self.asked(&in_turn(next, self.scale))?;
            // A little less than was requested in three seconds.
            next += (measured.rate * 2.9) as u32;
        }
        Ok(())
    }
}

fn in_turn(first: u32, scale: u32) -> String {
    format!("({first} + at - 1) % {scale} + 1")
}

/// A data folder with `scale` applications besides the demo's.
fn fill(root: &Path, server: &Path, folder: &Path, scale: u32) -> Result<PathBuf, String> {
    drop(Demo::start_pinned(server, SERVER_CORE, folder)?);
    shell::announce(&format!("adding {scale} applications"));
    let mut python = Command::new("python3");
    python.arg(root.join("xtask/src/bench/crowd.py")).arg(folder);
    shell::run(python.arg(scale.to_string()).arg(SECRETS.to_string()))?;
    Ok(folder.to_owned())
}
