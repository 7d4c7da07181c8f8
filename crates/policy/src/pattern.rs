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
        }

        #[test]
        fn never_panics(pattern in "\\PC*", text in "\\PC*") {
            glob(&pattern, &text);
        }
    }
}
