//! Text of strangers as the page shows it: nothing turns the direction of writing, no word is endless.

use std::fmt::Write;

/// Letters of a word from which its middle is left out.
const LONG: usize = 160;
/// Letters that stay of such a word at its beginning.
const BEGINNING: usize = 100;
/// Letters that stay at its end.
const END: usize = 40;

/// Text in which the middle of every endless word is left out, and how much that is said.
pub(super) fn shortened(text: String) -> String {
    if text.len() <= LONG {
        return text;
    }
    text.split(' ').map(shortened_word).collect::<Vec<_>>().join(" ")
}

fn shortened_word(word: &str) -> String {
    let letters = word.chars().count();
    if letters <= LONG {
        return word.to_string();
    }
    let beginning: String = word.chars().take(BEGINNING).collect();
    let end: String = word.chars().skip(letters - END).collect();
    format!("{beginning}…({} letters)…{end}", letters - BEGINNING - END)
}

/// A page in which characters that turn the direction of writing are shown as their numbers, and other
/// control characters as U+FFFD.
pub(super) fn without_controls(html: String) -> String {
    let turns = |c: char| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let control = |c: char| c.is_control() && !matches!(c, '\n' | '\t');
    if !html.contains(|c| turns(c) || control(c)) {
        return html;
    }
    let mut out = String::with_capacity(html.len());
    for letter in html.chars() {
        match letter {
            c if turns(c) => {
                let _ = write!(out, "\\u{{{:x}}}", c as u32);
            }
            c if control(c) => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_endless_words_lose_their_middle() {
        let list = vec!["17 (0.123),"; 100].join(" ");
        assert_eq!(shortened(list.clone()), list);
        let found = shortened(format!("layer {} went", "é".repeat(10_000)));
        assert!(found.chars().count() < 200, "{found}");
        assert!(found.starts_with("layer é") && found.ends_with("é went"), "{found}");
        assert!(found.contains("…(9860 letters)…"), "{found}");
    }

    #[test]
    fn direction_stays() {
        let found = without_controls("a\u{202e}b\u{1b}[m\nשלום 🙂".into());
        assert_eq!(found, "a\\u{202e}b\u{fffd}[m\nשלום 🙂");
    }
}
