//! What the documents have to paste.

use std::{fs, path::Path};

/// The programs that commands begin with, and SQL. Other inline code is no command.
const PROGRAMS: [&str; 9] = [
    "CREATE",
    "GRANT",
    "adduser",
    "cargo",
    "docker",
    "install",
    "openssl",
    "systemctl",
    "wmda-auth",
];

pub(super) fn document(name: &str) -> String {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
    fs::read_to_string(docs.join(name)).unwrap()
}

/// The commands in a document's blocks, and the text of its configuration blocks.
pub(super) fn code(text: &str) -> (Vec<String>, String) {
    let (mut commands, mut configuration, mut is_configuration) = (Vec::new(), String::new(), false);
    for line in text.lines() {
        match line.strip_prefix("    ").map(str::trim) {
            Some(code) => {
                is_configuration |= code.starts_with('[');
                match is_configuration {
                    true => configuration += &format!("{code}\n"),
                    false => commands.push(code.trim_end_matches(';').to_owned()),
                }
            }
            None => is_configuration &= line.is_empty(),
        }
    }
    (commands, configuration)
}

/// Inline code of sentences and tables.
pub(super) fn spans(text: &str) -> impl Iterator<Item = &str> {
    let sentences = text.lines().filter(|line| !line.starts_with("    "));
    sentences.flat_map(|line| line.split('`').skip(1).step_by(2))
}

/// The commands among it; a name alone is none.
pub(super) fn inline(text: &str) -> Vec<String> {
    let is_command = |span: &&str| {
        span.split_once(' ')
            .is_some_and(|(first, _)| PROGRAMS.contains(&first))
    };
    spans(text).filter(is_command).map(str::to_owned).collect()
}
