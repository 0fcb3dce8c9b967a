//! `cargo xtask instructions`: how many instructions a token costs, by place, beside the bare handler. Counted by
//! callgrind, so that no clock is asked and a busy machine changes nothing.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use crate::demo;
use crate::document;
use crate::shell::{self, Outcome};
use crate::workspace::Workspace;

/// The lines of the document between which the table stands.
const TABLE: [&str; 2] = [
    "<!-- table: cargo xtask instructions -->\n",
    "<!-- end of the table -->",
];
/// Tokens before anything is counted: keys and caches are warm then.
const WARM_UP: u64 = 300;
const TOKENS: u64 = 1_000;
/// Places below this share of all stand together.
const SHOWN_PERCENT: u64 = 1;

/// As long as the demo's.
const BARE_REQUEST: &str = "grant_type=client_credentials&client_id=00000000-0000-4000-8000-000000000000\
    &client_secret=0000000000000000000000000000000000000000000000000000000000\
    &resource=00000000-0000-4000-8000-000000000000";

const SIGNATURE: &str = "aws-lc: the signature";

/// Instructions by place.
type Counts = BTreeMap<String, u64>;

pub(crate) fn run(workspace: &Workspace) -> Outcome {
    let build = [
        "build",
        "--profile",
        "profiling",
        "--locked",
        "-p",
        "server",
        "-p",
        "token-endpoint",
    ];
    let what = ["--bin", "wmda-auth", "--example", "bare"];
    shell::run(workspace.cargo(&build).args(what))?;
    let built = workspace.target_dir().join("profiling");
    let server = Program {
        path: "/oauth2/token",
        file: built.join("wmda-auth"),
        arguments: &["demo", "--json", "--port", "0"],
        out: built.join("callgrind.wmda-auth"),
    };
    let bare = Program {
        path: "/es256",
        file: built.join("examples/bare"),
        arguments: &[],
        out: built.join("callgrind.bare"),
    };
    let table = table(&server.per_token()?, &bare.per_token()?);
    println!("{table}");
    document::replace(&workspace.root().join("docs/performance.md"), TABLE, &table)
}

fn table(server: &Counts, bare: &Counts) -> String {
    let all = [server, bare].map(|counts| counts.values().sum::<u64>());
    let of = |place: &String| [server, bare].map(|counts| counts.get(place).copied().unwrap_or_default());
    let places: BTreeSet<&String> = server.keys().chain(bare.keys()).collect();
    let (mut shown, small): (Vec<&String>, Vec<&String>) = places.into_iter().partition(|place| {
        of(place)
            .iter()
            .any(|count| count * 100 >= all[1] * SHOWN_PERCENT)
    });
    shown.sort_by_key(|place| Reverse(of(place)));
    let row = |what: &str, [server, bare]: [u64; 2]| format!("| {what} | {server} | {bare} |\n");
    let rows: String = shown.iter().map(|place| row(place, of(place))).collect();
    let rest = [0, 1].map(|column| small.iter().map(|place| of(place)[column]).sum());
    format!(
        "| instructions per token, ES256 | wmda-auth | bare handler |\n|---|---|---|\n{rows}{}{}\nRatio: {:.2}.\n",
        row("everything else", rest),
        row("**all**", all),
        all[0] as f64 / all[1] as f64
    )
}

/// What is run under callgrind, and asked for tokens.
struct Program {
    path: &'static str,
    file: PathBuf,
    arguments: &'static [&'static str],
    out: PathBuf,
}

impl Program {
    fn per_token(&self) -> Result<Counts, String> {
        let mut child = self.spawn()?;
        let asked = first_line(&mut child).and_then(|line| self.ask_counted(&line, child.id()));
        shell::run(Command::new("kill").arg(child.id().to_string()))?;
        child.wait().map_err(|e| e.to_string())?;
        asked?;
        let text = std::fs::read_to_string(&self.out).map_err(|e| format!("{}: {e}", self.out.display()))?;
        let mut counts = by_place(&text);
        counts.values_mut().for_each(|count| *count /= TOKENS);
        Ok(counts)
    }

    fn ask_counted(&self, line: &str, process: u32) -> Outcome {
        self.ask(line, WARM_UP)?;
        shell::run(Command::new("callgrind_control").args(["--zero", &process.to_string()]))?;
        self.ask(line, TOKENS)
    }

    fn spawn(&self) -> Result<Child, String> {
        let mut command = Command::new("valgrind");
        command
            .args(["--quiet", "--tool=callgrind"])
            .arg(format!("--callgrind-out-file={}", self.out.display()))
            .arg(&self.file)
            .args(self.arguments)
            .env("WMDA_AUTH__SERVER__WORKERS", "1")
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        command.spawn().map_err(|e| format!("cannot run valgrind: {e}"))
    }

    /// Sends the requests one after the other over one connection. The bare handler's line names no client, and it
    /// takes any.
    fn ask(&self, line: &str, tokens: u64) -> Outcome {
        let address = address(line)?;
        let body = demo::token_request(line, 0).unwrap_or_else(|_| BARE_REQUEST.to_owned());
        let failed = |error: std::io::Error| format!("{address}: {error}");
        let mut stream = BufReader::new(TcpStream::connect(address).map_err(failed)?);
        let request = format!(
            "POST {} HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
            self.path,
            body.len(),
        );
        for _ in 0..tokens {
            stream.get_mut().write_all(request.as_bytes()).map_err(failed)?;
            let status = read_answer(&mut stream).map_err(failed)?;
            if !status.starts_with("HTTP/1.1 200") {
                return Err(format!("{address} answered {status}"));
            }
        }
        Ok(())
    }
}

fn first_line(child: &mut Child) -> Result<String, String> {
    let output = child.stdout.take().ok_or("no standard output")?;
    let mut line = String::new();
    BufReader::new(output)
        .read_line(&mut line)
        .map_err(|e| e.to_string())?;
    Ok(line)
}

/// Where it listens.
fn address(line: &str) -> Result<&str, String> {
    let rest = line.split("\"base_url\":\"").nth(1).unwrap_or(line);
    let rest = rest.split("http://").nth(1).ok_or("it printed no address")?;
    Ok(rest.split(['"', '/', '\n']).next().unwrap_or_default())
}

/// Reads an answer to its end; answers its first line.
fn read_answer(stream: &mut impl BufRead) -> std::io::Result<String> {
    let mut first = String::new();
    stream.read_line(&mut first)?;
    let mut length = 0;
    loop {
        let mut line = String::new();
        stream.read_line(&mut line)?;
        if line.trim().is_empty() {
            break;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or_default();
        }
    }
    stream.take(length).read_to_end(&mut Vec::new())?;
    Ok(first)
}

/// Sums up what each function costs by itself (the format of callgrind's output: valgrind.org/docs/manual/cl-format.html).
fn by_place(text: &str) -> Counts {
    let (mut names, mut counts) = (BTreeMap::new(), Counts::new());
    let mut current = String::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if let Some((tag @ ("fn" | "cfn"), named)) = line.split_once('=') {
            let (id, name) = named.split_once(' ').unwrap_or((named, ""));
            if !name.is_empty() {
                names.insert(id.to_owned(), place(name));
            }
            if tag == "fn" {
                current = names.get(id).cloned().unwrap_or_default();
            }
        } else if line.starts_with("calls=") {
            // What was called has its own lines.
            lines.next();
        } else if line.starts_with(|first: char| first.is_ascii_digit() || "+-*".contains(first)) {
            let cost = line.split(' ').nth(1).and_then(|cost| cost.parse::<u64>().ok());
            *counts.entry(current.clone()).or_default() += cost.unwrap_or_default();
        }
    }
    counts
}

/// The crate of a function, or what a function of C or assembler is for.
fn place(name: &str) -> String {
    const OTHERS: [(&str, &str); 7] = [
        ("aws_lc", SIGNATURE),
        ("ecp_", SIGNATURE),
        ("bn_", SIGNATURE),
        ("ring_core", "ring: HMAC and random bytes"),
        ("mi_", "mimalloc"),
        ("mem", "libc: copies and comparisons"),
        ("sqlite3", "SQLite"),
    ];
    if let Some((krate, _)) = name.trim_start_matches(['<', '&', '(']).split_once("::") {
        return format!("`{}`", krate.rsplit(' ').next().unwrap_or(krate));
    }
    let name = name.trim_start_matches('_');
    let known = OTHERS.iter().find(|(prefix, _)| name.starts_with(prefix));
    known.map_or("libc and others", |(_, what)| what).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_function_costs_by_itself_is_summed_up_by_its_crate() {
        let text = "fn=(1) actix_http::h1::decode\n10 5\n+2 7\ncfn=(2) memcpy\ncalls=1 20\n12 100\nfn=(2)\n20 60\nfn=(3) <actix_http::h1 as Encode>::encode\n* 8\n";
        let expected = [
            ("`actix_http`".to_owned(), 20),
            ("libc: copies and comparisons".to_owned(), 60),
        ];
        assert_eq!(by_place(text), Counts::from(expected));
    }
}
