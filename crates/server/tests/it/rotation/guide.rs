//! The rotation job from the guide for member systems.

use std::{fs, process::Command};

use super::{manager, secrets, switch_on, works};
use crate::support::{Credentials, Demo, block_of_guide, finished};

#[test]
fn the_job_of_the_guide_exchanges_a_secret_that_ends_soon_and_no_other() {
    let demo = Demo::sqlite();
    let manager = manager(&demo);
    switch_on(&demo, &manager);
    let folder = tempfile::tempdir().unwrap();
    let (job, file) = (folder.path().join("job"), folder.path().join("secret"));
    fs::write(&job, block_of_guide("#!/bin/bash")).unwrap();
    let run = |days: &str| {
        let mut bash = Command::new("bash");
        let out = finished(bash.arg(&job).envs([
            ("BASE", demo.base.as_str()),
            ("CLIENT_ID", &demo.upload.id),
            ("SECRET_FILE", file.to_str().unwrap()),
            ("ROTATE_AT_DAYS", days),
            ("AFTERWARDS", "true"),
        ]));
        assert!(out.status.success(), "{out:?}");
        fs::read_to_string(&file).unwrap()
    };
    fs::write(&file, &demo.upload.secret).unwrap();
    assert_eq!(run("90"), demo.upload.secret, "it has a year");
    let new = Credentials {
        secret: run("400"),
        ..demo.upload.clone()
    };
    assert_ne!(new.secret, demo.upload.secret);
    assert!(works(&demo, &new));
    assert_eq!(secrets(&demo, &manager).len(), 2);
    // What an interrupted run left is used, and nothing is rotated twice.
    let pending = folder.path().join("secret.new");
    fs::rename(&file, &pending).unwrap();
    fs::write(&file, &demo.upload.secret).unwrap();
    assert_eq!(run("90"), new.secret);
    assert_eq!(secrets(&demo, &manager).len(), 2);
}
