//! Documents, parts of which are written by commands.

use std::path::Path;

use crate::shell::Outcome;

/// Replaces what stands between two lines.
pub(crate) fn replace(document: &Path, [begin, end]: [&str; 2], with: &str) -> Outcome {
    let named = |problem: &str| format!("{}: {problem}", document.display());
    let text = std::fs::read_to_string(document).map_err(|e| named(&e.to_string()))?;
    let parts = text
        .split_once(begin)
        .and_then(|(before, rest)| Some((before, rest.split_once(end)?.1)));
    let (before, after) = parts.ok_or_else(|| named(&format!("it lacks the lines {begin}{end}")))?;
    std::fs::write(document, format!("{before}{begin}{with}{end}{after}")).map_err(|e| named(&e.to_string()))
}
