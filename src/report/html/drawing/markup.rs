//! Elements of SVG and HTML that escape whatever they are given.

use std::fmt::Write;

/// An element, its attributes and what stands in it.
#[derive(Clone, Debug, PartialEq)]
pub struct MarkupElement {
    name: &'static str,
    attributes: Vec<(&'static str, String)>,
    content: Vec<MarkupContent>,
}

#[derive(Clone, Debug, PartialEq)]
enum MarkupContent {
    Text(String),
    Element(MarkupElement),
}

impl MarkupElement {
    pub fn new(name: &'static str) -> MarkupElement {
        MarkupElement { name, attributes: vec![], content: vec![] }
    }

    /// Sets an attribute.
    pub fn set(&mut self, name: &'static str, value: &str) -> &mut MarkupElement {
        self.attributes.retain(|(known, _)| *known != name);
        self.attributes.push((name, value.to_string()));
        self
    }

    /// Adds text.
    pub fn say(&mut self, text: &str) -> &mut MarkupElement {
        self.content.push(MarkupContent::Text(text.to_string()));
        self
    }

    /// Adds an element.
    pub fn push(&mut self, element: MarkupElement) -> &mut MarkupElement {
        self.content.push(MarkupContent::Element(element));
        self
    }

    /// The element as markup.
    pub fn text(&self) -> String {
        let mut out = String::new();
        self.write(&mut out);
        out
    }

    fn write(&self, out: &mut String) {
        let _ = write!(out, "<{}", self.name);
        for (name, value) in &self.attributes {
            let _ = write!(out, " {name}=\"{}\"", escaped(value));
        }
        if self.content.is_empty() {
            out.push_str("/>");
            return;
        }
        out.push('>');
        for part in &self.content {
            match part {
                MarkupContent::Text(text) => out.push_str(&escaped(text)),
                MarkupContent::Element(element) => element.write(out),
            }
        }
        let _ = write!(out, "</{}>", self.name);
    }
}

/// Text of an SVG at a place.
pub fn text(words: &str, (x, y): (f64, f64), class: &str) -> MarkupElement {
    let mut drawn = MarkupElement::new("text");
    drawn.set("x", &format!("{x:.1}")).set("y", &format!("{y:.1}")).set("class", class).say(words);
    drawn
}

/// Text that is neither markup nor ends an attribute; control characters become U+FFFD, and what turns
/// the direction of writing is shown as its number.
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\n' | '\t' => out.push(letter),
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
                let _ = write!(out, "\\u{{{:x}}}", letter as u32);
            }
            control if control.is_control() => out.push('\u{fffd}'),
            _ => out.push(letter),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_of_strangers_stays_text() {
        let mut link = MarkupElement::new("a");
        link.set("title", "\"><script>").say("<b>&'\u{1b}\u{202e}</b>");
        let expected = "<a title=\"&quot;&gt;&lt;script&gt;\">&lt;b&gt;&amp;&#39;\u{fffd}\\u{202e}&lt;/b&gt;</a>";
        assert_eq!(link.text(), expected);
        assert_eq!(MarkupElement::new("g").text(), "<g/>");
    }
}
