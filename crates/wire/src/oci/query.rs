//! The query of a URL, by the rules of forms (spec/oci.md 1.1).

use percent_encoding::percent_decode_str;
use std::borrow::Cow;

/// A raw query, without its question mark. Parameters are decoded when they are asked for.
#[derive(Clone, Copy, Debug)]
pub struct Query<'a>(&'a str);

impl<'a> Query<'a> {
    /// Any text is a query.
    pub fn new(raw: &'a str) -> Self {
        Self(raw)
    }

    /// The first value of that parameter; an empty one counts as absent, the later ones do not count.
    pub fn first(self, name: &str) -> Option<Cow<'a, str>> {
        self.all(name).next().filter(|value| !value.is_empty())
    }

    /// All values of that parameter, in order, empty ones included.
    pub fn all(self, name: &str) -> impl Iterator<Item = Cow<'a, str>> {
        let pairs = self.0.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        pairs.filter(move |(key, _)| decode(key) == name).map(|(_, value)| decode(value))
    }
}

/// Form decoding. What does not decode to UTF-8 is left as it is: its `%` is in no digest, name or tag, so those refuse it.
fn decode(raw: &str) -> Cow<'_, str> {
    if raw.contains('+') {
        let spaced = raw.replace('+', " ");
        return Cow::Owned(match percent_decode_str(&spaced).decode_utf8() {
            Ok(text) => text.into_owned(),
            Err(_) => spaced,
        });
    }
    percent_decode_str(raw).decode_utf8().unwrap_or(Cow::Borrowed(raw))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters() {
        let query =
            Query::new("a=1&tag=x&b=p%2Fq+r%2B&tag=y%3A&a=2&c&%64=4&e=&tag=&=z&f=1=2&g=%ff%20&h=%ff+");
        let first = |name| query.first(name).map(Cow::into_owned);
        assert_eq!(first("a").as_deref(), Some("1"));
        assert_eq!(first("b").as_deref(), Some("p/q r+"));
        assert_eq!(first("c"), None);
        assert_eq!(first("d").as_deref(), Some("4"));
        assert_eq!(first("e"), None);
        assert_eq!(first(""), Some("z".to_owned()));
        assert_eq!(first("f").as_deref(), Some("1=2"));
        assert_eq!(first("g").as_deref(), Some("%ff%20"));
        assert_eq!(first("h").as_deref(), Some("%ff "));
        assert_eq!(first("A"), None);
        assert_eq!(query.all("tag").collect::<Vec<_>>(), ["x", "y:", ""]);
        assert_eq!(Query::new("").first("a"), None);
    }
}
