//! People's sign-in through a real OpenID provider, on SQLite and on PostgreSQL: the suite starts provider and server
//! itself.

use crate::node;
use crate::shell::{self, Outcome};
use crate::tools::Tools;
use crate::workspace::Workspace;

const SUITE: &str = "openid";
const DATABASE: &str = "wmda_auth_openid";

pub(crate) fn prepare(tools: &Tools) -> Outcome {
    node::prepare(tools, "openid", SUITE)
}

pub(crate) fn run(workspace: &Workspace) -> Outcome {
    let server = workspace.server()?;
    let suite = workspace.tools().folder().join(SUITE);
    let test = || {
        let mut test = node::test(workspace.tools(), &suite);
        test.env("WMDA_AUTH_BINARY", &server);
        test
    };
    shell::announce("sign-in through an OpenID provider, on SQLite");
    shell::run(test().env_remove("WMDA_AUTH__DATABASE__URL"))?;
    let cluster = workspace.cluster()?;
    cluster.create_database(DATABASE)?;
    shell::announce("sign-in through an OpenID provider, on PostgreSQL");
    shell::run(test().env("WMDA_AUTH__DATABASE__URL", cluster.url(DATABASE)))
}
