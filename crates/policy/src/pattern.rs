//! Patterns over whole tags: `*` is zero or more characters, everything else stands for itself (spec/ecr.md 3.12, 4.2).

/// Whether `pattern` matches the whole of `text`, case-sensitively.
///
/// Every piece between two `*` is taken at its leftmost place and never moved again, which is enough because nothing
/// but `*` is special: the time is linear in both lengths whatever the input.
pub fn glob(pattern: &str, text: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut left) = text.strip_prefix(head) else { return false };
    let (middle, tail) = rest.rsplit_once('*').unwrap_or(("", rest));
    for piece in middle.split('*') {
        match left.split_once(piece) {
            Some((_, after)) => left = after,
            None => return false,
        }
    }
    left.ends_with(tail)
}

/// A pattern that many texts are compared with: [`glob`], prepared.
pub(crate) struct Pattern {
    head: Box<str>,
    /// What stands between two `*`.
    middle: Box<[Box<str>]>,
    /// What stands behind the last `*`; nothing: there is none.
    tail: Option<Box<str>>,
}

impl Pattern {
    /// Prepares a pattern.
    pub(crate) fn new(pattern: &str) -> Self {
        let mut pieces: Vec<Box<str>> = pattern.split('*').map(Into::into).collect();
        let head = if pieces.is_empty() { "".into() } else { pieces.remove(0) };
        let tail = pieces.pop();
        pieces.retain(|piece| !piece.is_empty());
        Self { head, middle: pieces.into(), tail }
    }

    /// Whatever begins with `prefix`, whose `*` are letters like any other.
    pub(crate) fn prefix(prefix: &str) -> Self {
        Self { head: prefix.into(), middle: [].into(), tail: Some("".into()) }
    }

    /// Whether it matches the whole of `text`: the ends are compared first, which settles nearly every text.
    pub(crate) fn matches(&self, text: &str) -> bool {
        let Some(rest) = text.as_bytes().strip_prefix(self.head.as_bytes()) else { return false };
        let Some(tail) = &self.tail else { return rest.is_empty() };
        let Some(mut rest) = rest.strip_suffix(tail.as_bytes()) else { return false };
        for piece in &self.middle {
            match after(rest, piece.as_bytes()) {
                Some(left) => rest = left,
                None => return false,
            }
        }
        true
    }
}

/// What follows the first `piece`. Both are short: a search that prepares itself takes longer to do so than to search.
fn after<'a>(text: &'a [u8], piece: &[u8]) -> Option<&'a [u8]> {
    let first = piece.first()?;
    let at = text.windows(piece.len()).position(|window| window.first() == Some(first) && window == piece)?;
    text.get(at + piece.len()..)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn table() {
        for (pattern, text, expected) in [
            ("", "", true),
            ("", "a", false),
            ("latest", "latest", true),
            ("latest", "latest1", false),
            ("latest", "Latest", false),
            ("*", "", true),
            ("*", "anything", true),
            ("**", "", true),
            ("prod*", "prod", true),
            ("prod*", "prod-1", true),
            ("prod*", "preprod", false),
            ("*release", "1-release", true),
            ("*release", "release-1", false),
            ("a*a", "a", false),
            ("a*a", "aa", true),
            ("ab*ba", "aba", false),
            ("*test*1*2*3", "a-test-1.2.3", true),
            ("*test*1*2*3", "a-test-1.3.2", false),
            ("test*1*2*3*", "test-1-2-3-4", true),
            ("*ab*", "aab", true),
            ("*aab*b", "aaabab", true),
            ("v?.[0-9]", "v1.2", false),
            ("v?.[0-9]", "v?.[0-9]", true),
            ("a.c", "abc", false),
            ("é*", "éa", true),
            ("*é", "aé", true),
        ] {
            assert_eq!(glob(pattern, text), expected, "{pattern} {text}");
            assert_eq!(Pattern::new(pattern).matches(text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn hostile_patterns_take_no_time() {
        let text = "a".repeat(100_000);
        for pattern in ["*a".repeat(2_000) + "*b", "*a".repeat(2_000) + "b", "*aaaa*aaaaab".repeat(500)] {
            assert!(!glob(&pattern, &text));
        }
        assert!(glob(&"*a".repeat(2_000), &text));
        assert!(glob(&"*".repeat(100_000), &text));
    }

    /// The definition, word for word: exponential, for short input only.
    fn by_definition(pattern: &[u8], text: &[u8]) -> bool {
        match (pattern, text) {
            ([], []) => true,
            ([b'*', rest @ ..], _) => {
                by_definition(rest, text) || (!text.is_empty() && by_definition(pattern, &text[1..]))
            }
            ([first, rest @ ..], [head, tail @ ..]) => first == head && by_definition(rest, tail),
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn agrees_with_the_definition(pattern in "[ab*]{0,8}", text in "[ab]{0,10}") {
            prop_assert_eq!(glob(&pattern, &text), by_definition(pattern.as_bytes(), text.as_bytes()));
            prop_assert_eq!(Pattern::new(&pattern).matches(&text), glob(&pattern, &text));
            prop_assert_eq!(Pattern::prefix(&pattern).matches(&text), text.starts_with(&pattern));
        }

        #[test]
        fn never_panics(pattern in "\\PC*", text in "\\PC*") {
            prop_assert_eq!(Pattern::new(&pattern).matches(&text), glob(&pattern, &text));
        }
    }
}
