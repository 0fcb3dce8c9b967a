//! Display names: visible text on one line, without characters that allow spoofing. Length is counted in characters
//! (Unicode scalar values).

/// The default length limit in characters.
pub const LONGEST: usize = 120;

/// The text is no valid name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "must have 1 to {longest} characters, one of them visible, and no control characters, line breaks or direction marks"
)]
pub struct InvalidName {
    longest: usize,
}

/// Validates a name of at most [`LONGEST`] characters.
pub fn parse(text: &str) -> Result<String, InvalidName> {
    parse_within(text, LONGEST)
}

/// Validates a name of at most `longest` characters.
pub fn parse_within(text: &str, longest: usize) -> Result<String, InvalidName> {
    let good =
        text.chars().count() <= longest && !text.chars().any(is_forbidden) && text.chars().any(is_visible);
    good.then(|| text.to_owned()).ok_or(InvalidName { longest })
}

/// Whether a character may break a line, reorder the text around it, or hide text: names with these must not be
/// displayed (Unicode Technical Report 36, section 2.5).
pub fn is_forbidden(one: char) -> bool {
    one.is_control()
        || matches!(one,
            // Line and paragraph separator.
            '\u{2028}' | '\u{2029}'
            // Bidirectional marks, embeddings, overrides and isolates (UAX 9).
            | '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{206f}'
            // Interlinear annotations, noncharacters and tags.
            | '\u{fff9}'..='\u{fffb}' | '\u{fdd0}'..='\u{fdef}' | '\u{fffe}' | '\u{ffff}' | '\u{e0000}'..='\u{e0fff}'
            // Private use: its appearance depends on the font.
            | '\u{e000}'..='\u{f8ff}' | '\u{f0000}'..='\u{10ffff}')
}

/// Whether a character is visible on its own: neither a space, nor ignored by default (Unicode property
/// `Default_Ignorable_Code_Point`), nor drawn blank.
fn is_visible(one: char) -> bool {
    !one.is_whitespace()
        && !matches!(one,
            '\u{00ad}' | '\u{034f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200d}' | '\u{2060}'..='\u{2065}' | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffc}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
            // Combining marks need a base character.
            | '\u{0300}'..='\u{036f}')
        && !is_forbidden(one)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_visible_text_on_one_line() {
        for good in [
            "Search, <b>production</b>",
            "Zürich \u{2013} 東京",
            // Joiners are needed in Persian and in emoji.
            "می\u{200c}خواهم",
            "👩\u{200d}⚕\u{fe0f}",
            "=1+1",
            &"é".repeat(120),
            &"😀".repeat(120),
        ] {
            assert_eq!(parse(good).as_deref(), Ok(good));
        }
        let bad = [
            "",
            "  ",
            "\u{a0}",
            "a\r\nb",
            "a\0",
            "\u{7f}",
            "a\u{85}",
            "a\u{2028}b",
            "\u{200b}",
            "\u{2800}\u{2800}",
            "\u{3164}",
            "\u{ffa0} \u{115f}",
            "\u{feff}",
            "\u{fe0f}",
            "\u{301}",
            "a\u{202e}nimda",
            "\u{200f}a",
            "a\u{2066}b\u{2069}",
            "a\u{e0041}",
            "\u{e000}",
            "a\u{1b}[31m",
        ];
        for bad in bad.iter().copied().chain([&*"é".repeat(121)]) {
            assert_eq!(parse(bad), Err(InvalidName { longest: 120 }), "{bad:?}");
        }
        assert!(parse_within("abc", 2).is_err());
    }
}
