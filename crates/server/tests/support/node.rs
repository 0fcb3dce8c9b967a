//! Another `wmda-auth serve` on the database, keys and pepper of a demo; killed on drop.

use std::{
    net::TcpListener,
    process::{Child, Stdio},
    time::Duration,
};

use super::{Demo, binary, http, wait_until};

/// The node, which is ready.
pub struct Node {
    /// Its own address; the public URL is the demo's.
    pub base: String,
    child: Child,
}

impl Node {
    /// With these additional configuration variables.
    pub fn beside(demo: &Demo, variables: &[(&str, &str)]) -> Self {
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = free.local_addr().unwrap().to_string();
        drop(free);
        let data = demo.data_dir();
        let child = binary()
            .arg("serve")
            .current_dir(&data)
            .env("WMDA_AUTH__SERVER__BIND", &address)
            .env("WMDA_AUTH__SERVER__PUBLIC_URL", &demo.base)
            .env("WMDA_AUTH__DATABASE__URL", demo.database_url())
            .env("WMDA_AUTH__KEYS__DIR", data.join("keys"))
            .env("WMDA_AUTH__SECRETS__PEPPER_FILE", data.join("pepper"))
            .envs(variables.iter().copied())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let base = format!("http://{address}");
        let node = Self { base, child };
        let ready = || {
            let answer = http().get(format!("{}/readyz", node.base)).send();
            answer.is_ok_and(|answer| answer.status().is_success())
        };
        assert!(
            wait_until(Duration::from_secs(20), ready),
            "the node does not start"
        );
        node
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
