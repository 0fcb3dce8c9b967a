//! The page behind `error_uri`: what each of Entra's codes means, for client developers. Generated from the table of
//! refusals.

use std::collections::BTreeSet;

use super::Cause;

/// One line for each code and text.
pub(crate) fn error_page(support_address: &str) -> String {
    let line = |cause: Cause| {
        let row = cause.row();
        let (code, error, text) = (row.entra_code, row.entra.error, row.entra.text(support_address));
        (
            code,
            format!("AADSTS{code}  {}  {error}  {text}\n", row.entra.status.as_u16()),
        )
    };
    let lines: BTreeSet<(u32, String)> = Cause::all().map(line).collect();
    lines.into_iter().map(|(_, line)| line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_that_an_answer_links_to_is_explained() {
        let page = error_page("help@example.org");
        for cause in Cause::all() {
            let code = format!("AADSTS{} ", cause.row().entra_code);
            assert!(page.contains(&code), "{code}");
        }
        assert!(page.contains("AADSTS7000112  400  unauthorized_client  The application is disabled: write to help@example.org.\n"));
    }
}
