//! Text, code and tables of Markdown as GitHub and GitLab read it.

use paring_core::text::{printable, shortened, table_cell};

/// Letters of a sentence that are shown.
const MOST_LETTERS: usize = 8_000;

/// Text on one line: what stands between backticks is code, and everything else that Markdown, HTML and
/// links are made of is taken as it is.
pub(in crate::report) fn text(words: &str) -> String {
    let words = printable(words);
    let words = shortened(&words, MOST_LETTERS);
    let mut out = String::with_capacity(words.len());
    let mut rest = &*words;
    while let Some((before, after)) = rest.split_once('`') {
        plain(before, &mut out);
        match after.split_once('`') {
            Some((name, after)) => {
                push_code(&code(name), &mut out);
                rest = after;
            }
            None => {
                out.push_str("\\`");
                rest = after;
            }
        }
    }
    plain(rest, &mut out);
    out
}

/// Adds code; two spans side by side would be one.
fn push_code(code: &str, out: &mut String) {
    if out.ends_with('`') {
        out.push(' ');
    }
    out.push_str(code);
}

/// Adds text without backticks.
fn plain(words: &str, out: &mut String) {
    let letters: Vec<char> = words.chars().collect();
    let at = |index: Option<usize>| index.and_then(|index| letters.get(index)).copied();
    let list_number = letters.iter().position(|letter| !letter.is_ascii_digit());
    for (index, letter) in letters.iter().copied().enumerate() {
        let (before, next) = (at(index.checked_sub(1)), at(Some(index + 1)));
        let starts = out.is_empty();
        let word = |letter: Option<char>| letter.is_some_and(char::is_alphanumeric);
        let escapes = match letter {
            '\\' | '*' | '|' | '~' | '$' => true,
            '_' => !(word(before) && word(next)),
            ']' => matches!(next, Some('(' | '[' | ':')),
            '[' | '#' | '-' | '+' | '=' => starts,
            '.' | ')' if out.chars().all(|c| c.is_ascii_digit()) => {
                list_number == Some(index) && next == Some(' ')
            }
            // Addresses become links by themselves.
            '.' => {
                let last = out.len().checked_sub(3).and_then(|from| out.as_bytes().get(from..));
                last.is_some_and(|last| last.eq_ignore_ascii_case(b"www"))
            }
            '/' => before == Some(':'),
            _ => false,
        };
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            // As code it names nobody.
            '@' => push_code("`@`", out),
            _ if escapes => out.extend(['\\', letter]),
            _ => out.push(letter),
        }
    }
}

/// A name as code: whatever it holds is shown as it is.
pub(in crate::report) fn code(name: &str) -> String {
    let name = table_cell(name).replace('|', "\\|");
    let longest = name.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    // A space beside a backtick, and no empty code.
    let pad = if longest > 0 || name.trim().is_empty() { " " } else { "" };
    format!("{fence}{pad}{name}{pad}{fence}")
}

/// A table; cells are Markdown already.
pub(in crate::report) fn table(header: &[&str], rows: &[Vec<String>]) -> String {
    let line = |cells: Vec<&str>| format!("| {} |\n", cells.join(" | "));
    let mut out = line(header.to_vec());
    out += &line(header.iter().map(|_| "---").collect());
    out.extend(rows.iter().map(|row| line(row.iter().map(String::as_str).collect())));
    out
}

/// A part that folds; its title is text, its body Markdown.
pub(super) fn folded(title: &str, body: &str) -> String {
    let title = table_cell(title).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    format!("<details><summary>{title}</summary>\n\n{}\n\n</details>\n", body.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn written(words: &str, expected: &str) {
        assert_eq!(text(words), expected);
    }

    #[test]
    fn sentences_stay_readable() {
        written("saves 8.3 µs [7.9, 8.8] of conv_nhwc.", "saves 8.3 µs [7.9, 8.8] of conv_nhwc.");
        written("`--measure` times it", "`--measure` times it");
        written("2 of 3 groups (1.5 %)", "2 of 3 groups (1.5 %)");
    }

    #[test]
    fn names_of_strangers_are_no_markup_and_call_nobody() {
        written("<b>*a*</b> | _x_", "&lt;b&gt;\\*a\\*&lt;/b&gt; \\| \\_x\\_");
        written("![x](http://y) www.w.org", "![x\\](http:\\//y) www\\.w.org");
        written("[x]: y\n# h", "\\[x\\]: y\\\\u000a# h");
        written("# h", "\\# h");
        written("- [ ] x", "\\- [ ] x");
        written("1. x", "1\\. x");
        written("a @team", "a `@`team");
        written("`a` `b", "`a` \\`b");
        // Spans side by side would be one, and the name outside of it.
        written("`a`@team", "`a` `@`team");
        written("``@team``", "`  ` `@`team`  `");
        assert_eq!(code("a|b"), "`a\\|b`");
        assert_eq!(code("``a`"), "``` ``a` ```");
        assert_eq!(code(""), "`  `");
    }

    #[test]
    fn parts_fold_and_tables_have_cells() {
        let folded = folded("<img src=x>", "body\n");
        assert_eq!(folded, "<details><summary>&lt;img src=x&gt;</summary>\n\nbody\n\n</details>\n");
        let table = table(&["a", "b"], &[vec![code("x"), text("y|z")]]);
        assert_eq!(table, "| a | b |\n| --- | --- |\n| `x` | y\\|z |\n");
    }
}
