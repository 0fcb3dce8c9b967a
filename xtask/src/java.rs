//! The client suite in Java, which requires https: the demo's CA goes into a trust store of its own.

use std::path::PathBuf;
use std::process::Command;

use crate::demo::Demo;
use crate::shell::{self, Outcome};
use crate::tools::Tools;

const PASSWORD: &str = "changeit";

fn folder(tools: &Tools) -> PathBuf {
    tools.folder().join("clients-java")
}

/// Builds in a copy, so that the source tree stays clean.
pub(crate) fn prepare(tools: &Tools) -> Outcome {
    let built = folder(tools);
    shell::announce("building the Java clients in target/test-tools/clients-java");
    std::fs::create_dir_all(&built).map_err(|e| format!("cannot create {}: {e}", built.display()))?;
    let suite = tools.root().join("tests/clients/java/.");
    shell::run(Command::new("cp").arg("-R").arg(suite).arg(&built))?;
    let mut maven = tools.command("mvn");
    shell::run(maven.args(["-q", "-B", "test-compile"]).current_dir(&built))
}

/// Runs the suite against a demo.
pub(crate) fn test_against(tools: &Tools, demo: &Demo) -> Outcome {
    let built = folder(tools);
    let store = built.join("authority.p12");
    if store.exists() {
        std::fs::remove_file(&store).map_err(|e| format!("cannot remove {}: {e}", store.display()))?;
    }
    let mut keytool = tools.command("keytool");
    keytool.args([
        "-importcert",
        "-noprompt",
        "-alias",
        "demo",
        "-storetype",
        "PKCS12",
    ]);
    keytool.args(["-storepass", PASSWORD, "-file", demo.text("ca_file")?]);
    shell::run(keytool.arg("-keystore").arg(&store))?;
    let trust = format!(
        "-DargLine=-Djavax.net.ssl.trustStore={} -Djavax.net.ssl.trustStorePassword={PASSWORD}",
        store.display()
    );
    let mut maven = tools.command("mvn");
    maven.args(["-q", "-B", "test"]).arg(trust).current_dir(built);
    shell::run(maven.env("WMDA_AUTH_DEMO", demo.json()))
}
