//! `log.format = "json"`: each line is an object, and each detail of a request's line a field.

use serde_json::Value;

use crate::support::{Answer, Demo, eventually};

#[test]
fn a_request_s_line_is_an_object_with_fields() {
    let demo = Demo::start_with(None, &[("WMDA_AUTH__LOG__FORMAT", "json")]);
    assert_eq!(Answer::of(demo.token(demo.upload.body())).status, 200);
    let lines = || -> Vec<Value> {
        let log = demo.log();
        let whole = log.split_inclusive('\n').filter(|line| line.ends_with('\n'));
        whole
            .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}")))
            .collect()
    };
    let of_token = |line: &Value| line["route"] == "/oauth2/token";
    eventually(|| lines().iter().any(of_token));
    let found = lines().into_iter().find(of_token).unwrap();
    assert_eq!(
        (&found["method"], &found["status"]),
        (&"POST".into(), &200.into()),
        "{found}"
    );
    assert_eq!(
        (&found["source"], &found["client_id"]),
        (&"127.0.0.1".into(), &demo.upload.id.as_str().into())
    );
    assert!(
        found["duration_us"].is_u64()
            && found["message"]
                .as_str()
                .unwrap()
                .starts_with("POST /oauth2/token")
    );
}
