//! The `Link` header: where the next page is (spec/oci.md 8, 9). Path-absolute, because only the client knows by which
//! scheme and host it came. Clients take its query as it is and drop their own, so it must repeat all that counts.

use crate::digest::Digest;
use crate::names::RepositoryName;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// The page of a tag list behind the tag `last`; `limit` is the `n` of the request, if it had one.
pub fn tags(repository: &RepositoryName, last: &str, limit: Option<u16>) -> String {
    list(&format!("/v2/{repository}/tags/list"), last, limit)
}

/// The page of the catalogue behind the repository `last`; `limit` as in [`tags`].
pub fn catalogue(last: &str, limit: Option<u16>) -> String {
    list("/v2/_catalog", last, limit)
}

/// The next page of the referrers of a digest, filtered as this one was; `last` is opaque to clients.
pub fn referrers(
    repository: &RepositoryName,
    subject: &Digest,
    artifact_type: Option<&str>,
    last: &str,
) -> String {
    let filter = artifact_type.map(|text| format!("artifactType={}&", encode(text))).unwrap_or_default();
    format!("</v2/{repository}/referrers/{subject}?{filter}last={}>; rel=\"next\"", encode(last))
}

fn list(path: &str, last: &str, limit: Option<u16>) -> String {
    let limit = limit.map(|n| format!("&n={n}")).unwrap_or_default();
    format!("<{path}?last={}{limit}>; rel=\"next\"", encode(last))
}

/// All but RFC 3986's unreserved characters are encoded.
fn encode(text: &str) -> impl std::fmt::Display {
    const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
    utf8_percent_encode(text, RESERVED)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Algorithm;
    use crate::oci::query::Query;

    #[test]
    fn links() {
        let repository = RepositoryName::parse("team/web").unwrap();
        insta::assert_snapshot!(tags(&repository, "v1.0", None), @r#"</v2/team/web/tags/list?last=v1.0>; rel="next""#);
        insta::assert_snapshot!(tags(&repository, "v1", Some(7)), @r#"</v2/team/web/tags/list?last=v1&n=7>; rel="next""#);
        insta::assert_snapshot!(catalogue("team/web", Some(1000)), @r#"</v2/_catalog?last=team%2Fweb&n=1000>; rel="next""#);
        let subject = Digest::of(Algorithm::Sha256, b"");
        insta::assert_snapshot!(
            referrers(&repository, &subject, Some("application/x+json"), "a=/é>"),
            @r#"</v2/team/web/referrers/sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855?artifactType=application%2Fx%2Bjson&last=a%3D%2F%C3%A9%3E>; rel="next""#
        );
        insta::assert_snapshot!(
            referrers(&repository, &subject, None, "x"),
            @r#"</v2/team/web/referrers/sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855?last=x>; rel="next""#
        );
    }

    #[test]
    fn what_a_link_says_is_read_back() {
        let hostile = "a&b=c +%2B\"<>\r\n\u{0}é";
        let link = catalogue(hostile, None);
        assert!(link.is_ascii() && !link.contains(['\r', '\n']));
        let query = link.split_once('?').unwrap().1.split_once('>').unwrap().0;
        assert_eq!(Query::new(query).first("last").as_deref(), Some(hostile));
    }
}
