use super::*;
use proptest::prelude::*;

const D: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
const U: &str = "0195D3EE-2f4b-7cc2-9c1b-0123456789ab";

fn read(method: &str, target: &str) -> Result<Request, InvalidValue> {
    let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
    Request::parse(&Shape::parse(method, path, query).unwrap())
}

fn digest() -> Digest {
    Digest::parse(D).unwrap()
}

fn sha512() -> Digest {
    Digest::of(Algorithm::Sha512, b"")
}

fn web() -> RepositoryName {
    RepositoryName::parse("team/web").unwrap()
}

fn tag(text: &str) -> Tag {
    Tag::parse(text).unwrap()
}

#[test]
fn blobs_uploads_and_manifests() {
    let (repository, digest, upload) = (web, digest, || UploadId::parse(U).unwrap());
    let latest = || Reference::Tag(tag("latest"));
    let cases = [
        ("GET", "/v2/".to_owned(), Request::Ping),
        (
            "HEAD",
            format!("/v2/team/web/blobs/{D}"),
            Request::HeadBlob { repository: web(), digest: digest() },
        ),
        (
            "GET",
            format!("/v2/team/web/blobs/{}?ns=example.com", D.replace(':', "%3a")),
            Request::GetBlob { repository: web(), digest: digest() },
        ),
        (
            "DELETE",
            format!("/v2/team/web/blobs/{}", sha512()),
            Request::DeleteBlob { repository: web(), digest: sha512() },
        ),
        (
            "PATCH",
            format!("/v2/team/web/blobs/uploads/{U}"),
            Request::AppendUpload { repository: repository(), upload: upload() },
        ),
        (
            "PUT",
            format!("/v2/team/web/blobs/uploads/{U}?_state=x&digest={}", D.replace(':', "%3A")),
            Request::FinishUpload { repository: repository(), upload: upload(), digest: digest() },
        ),
        (
            "GET",
            format!("/v2/team/web/blobs/uploads/{U}?digest=whatever"),
            Request::DescribeUpload { repository: repository(), upload: upload() },
        ),
        (
            "DELETE",
            format!("/v2/team/web/blobs/uploads/{U}"),
            Request::CancelUpload { repository: repository(), upload: upload() },
        ),
        (
            "HEAD",
            "/v2/team/web/manifests/latest".to_owned(),
            Request::HeadManifest { repository: web(), reference: latest() },
        ),
        (
            "GET",
            format!("/v2/team/web/manifests/{D}"),
            Request::GetManifest { repository: web(), reference: Reference::Digest(digest()) },
        ),
        (
            "DELETE",
            "/v2/team/web/manifests/latest".to_owned(),
            Request::DeleteManifest { repository: web(), reference: latest() },
        ),
        (
            "PUT",
            "/v2/team/web/manifests/latest".to_owned(),
            Request::PutManifest { repository: web(), reference: latest(), tags: vec![] },
        ),
        (
            "PUT",
            format!("/v2/team/web/manifests/{D}?tag=b&tag=a&x=1&tag=b"),
            Request::PutManifest {
                repository: web(),
                reference: Reference::Digest(digest()),
                tags: vec![tag("b"), tag("a")],
            },
        ),
    ];
    for (method, target, expected) in cases {
        assert_eq!(read(method, &target), Ok(expected), "{method} {target}");
    }
}

#[test]
fn starting_an_upload() {
    let mount = |from| Some(Mount { digest: digest(), from });
    let base = RepositoryName::parse("team/base").unwrap();
    let cases = [
        (String::new(), (None, None, None)),
        ("?digest=&mount=&digest-algorithm=".to_owned(), (None, None, None)),
        (format!("?digest={D}"), (Some(digest()), None, None)),
        ("?digest-algorithm=sha512".to_owned(), (None, Some(Algorithm::Sha512), None)),
        (format!("?digest={D}&digest-algorithm=sha256"), (Some(digest()), Some(Algorithm::Sha256), None)),
        (format!("?mount={D}"), (None, None, mount(MountSource::Anywhere))),
        (format!("?mount={D}&from="), (None, None, mount(MountSource::Anywhere))),
        (
            format!("?from=team%2Fbase&mount={}&origin=host", D.replace(':', "%3A")),
            (None, None, mount(MountSource::Repository(base.clone()))),
        ),
        (
            format!("?mount={D}&from=team/base&from=other&mount=bad"),
            (None, None, mount(MountSource::Repository(base))),
        ),
        (format!("?mount={D}&from=Bad..Name"), (None, None, mount(MountSource::Nowhere))),
        ("?from=team/base".to_owned(), (None, None, None)),
    ];
    for (query, (digest, algorithm, mount)) in cases {
        let expected = Request::StartUpload { repository: web(), digest, algorithm, mount };
        assert_eq!(read("POST", &format!("/v2/team/web/blobs/uploads/{query}")), Ok(expected), "{query}");
    }
}

#[test]
fn lists() {
    let page = |limit, last: Option<&str>| Page { limit, last: last.map(Into::into) };
    let cases = [
        ("", page(None, None)),
        ("?n=&last=", page(None, None)),
        ("?n=0", page(Some(0), None)),
        ("?n=007", page(Some(7), None)),
        ("?n=1000&last=v1.0", page(Some(1000), Some("v1.0"))),
        ("?last=no%20tag%20%2f%00&n=1&n=x", page(Some(1), Some("no tag /\0"))),
    ];
    for (query, page) in cases {
        let expected = Request::ListTags { repository: web(), page: page.clone() };
        assert_eq!(read("GET", &format!("/v2/team/web/tags/list{query}")), Ok(expected), "{query}");
        assert_eq!(
            read("HEAD", &format!("/v2/_catalog{query}")),
            Ok(Request::ListRepositories { page }),
            "{query}"
        );
    }
    let cases = [
        ("", None, None),
        ("?artifactType=", None, None),
        ("?artifactType=application/vnd.x+json", Some("application/vnd.x+json"), None),
        (
            "?artifactType=application%2Fvnd.x%2Bjson&last=abc%3D",
            Some("application/vnd.x+json"),
            Some("abc="),
        ),
    ];
    for (query, artifact_type, last) in cases {
        let expected = Request::ListReferrers {
            repository: web(),
            digest: digest(),
            artifact_type: artifact_type.map(Into::into),
            last: last.map(Into::into),
        };
        assert_eq!(read("GET", &format!("/v2/team/web/referrers/{D}{query}")), Ok(expected), "{query}");
    }
}

#[test]
fn wrong_values() {
    let tags = |count: usize| {
        let tags: Vec<_> = (0..count).map(|n| format!("tag=t{n}")).collect();
        format!("/v2/team/web/manifests/{D}?{}", tags.join("&"))
    };
    let upper = D.to_uppercase().replace("SHA", "sha");
    let cases = [
        ("GET", "/v2/Team/manifests/latest".to_owned(), ErrorCode::NameInvalid),
        ("GET", "/v2/a/tags/list?n=x".to_owned(), ErrorCode::NameInvalid),
        ("GET", format!("/v2/team%2Fweb/blobs/{D}"), ErrorCode::NameInvalid),
        ("POST", "/v2//blobs/uploads/?digest=bad".to_owned(), ErrorCode::NameInvalid),
        ("PUT", "/v2/../../manifests/latest".to_owned(), ErrorCode::NameInvalid),
        ("PUT", "/v2/team/web/manifests/sha256:baddigeststring".to_owned(), ErrorCode::DigestInvalid),
        ("GET", "/v2/team/web/manifests/sha256:baddigeststring".to_owned(), ErrorCode::DigestInvalid),
        ("GET", "/v2/team/web/manifests/sha256%3Abad".to_owned(), ErrorCode::DigestInvalid),
        ("HEAD", "/v2/team/web/blobs/latest".to_owned(), ErrorCode::DigestInvalid),
        ("GET", format!("/v2/team/web/blobs/{upper}"), ErrorCode::DigestInvalid),
        (
            "DELETE",
            "/v2/team/web/blobs/md5:d41d8cd98f00b204e9800998ecf8427e".to_owned(),
            ErrorCode::DigestInvalid,
        ),
        ("GET", "/v2/team/web/referrers/sha256:00".to_owned(), ErrorCode::DigestInvalid),
        ("POST", "/v2/team/web/blobs/uploads/?digest=x".to_owned(), ErrorCode::DigestInvalid),
        ("POST", "/v2/team/web/blobs/uploads/?mount=x".to_owned(), ErrorCode::DigestInvalid),
        ("POST", "/v2/team/web/blobs/uploads/?digest-algorithm=md5".to_owned(), ErrorCode::DigestInvalid),
        ("PUT", format!("/v2/team/web/blobs/uploads/{U}"), ErrorCode::DigestInvalid),
        ("PUT", format!("/v2/team/web/blobs/uploads/{U}?digest="), ErrorCode::DigestInvalid),
        ("PUT", format!("/v2/team/web/blobs/uploads/{U}?digest=bad&digest={D}"), ErrorCode::DigestInvalid),
        ("PUT", "/v2/team/web/manifests/.bad".to_owned(), ErrorCode::TagInvalid),
        ("PUT", "/v2/team/web/manifests/a%2Fb".to_owned(), ErrorCode::TagInvalid),
        ("PUT", "/v2/team/web/manifests/latest?tag=ok&tag=".to_owned(), ErrorCode::TagInvalid),
        ("PUT", tags(101), ErrorCode::TagInvalid),
        ("GET", "/v2/team/web/manifests/.bad".to_owned(), ErrorCode::ManifestUnknown),
        ("HEAD", "/v2/team/web/manifests/a%00".to_owned(), ErrorCode::ManifestUnknown),
        ("DELETE", "/v2/team/web/manifests/-bad".to_owned(), ErrorCode::ManifestUnknown),
        ("PATCH", "/v2/team/web/blobs/uploads/x".to_owned(), ErrorCode::BlobUploadUnknown),
        ("PUT", "/v2/team/web/blobs/uploads/x?digest=bad".to_owned(), ErrorCode::BlobUploadUnknown),
        ("GET", format!("/v2/team/web/blobs/uploads/{U}0"), ErrorCode::BlobUploadUnknown),
        (
            "DELETE",
            format!("/v2/team/web/blobs/uploads/{}", U.replace('-', "0")),
            ErrorCode::BlobUploadUnknown,
        ),
        ("GET", "/v2/team/web/tags/list?n=1001".to_owned(), ErrorCode::Unsupported),
    ];
    for (method, target, code) in cases {
        let found = read(method, &target);
        assert_eq!(found.clone().map_err(|error| error.code()), Err(code), "{found:?} for {method} {target}");
    }
    assert_eq!(read("PUT", &tags(101)), Err(InvalidValue::TooManyTags));
    assert!(matches!(read("PUT", &tags(100)), Ok(Request::PutManifest { tags, .. }) if tags.len() == 100));
}

#[test]
fn page_sizes() {
    use PageSizeFault::{Negative, NotANumber, TooLarge};
    for (text, fault) in [
        ("1001", TooLarge),
        ("99999999999999999999999999", TooLarge),
        ("-1", Negative),
        ("x", NotANumber),
        ("-", NotANumber),
        ("%2B5", NotANumber),
        ("1.0", NotANumber),
        ("+5", NotANumber),
    ] {
        let found = read("GET", &format!("/v2/team/web/tags/list?n={text}"));
        assert_eq!(found, Err(InvalidValue::PageSize(fault)), "{text}");
    }
    insta::assert_snapshot!(
        InvalidValue::PageSize(TooLarge),
        @"Invalid parameter at 'maxResults' failed to satisfy constraint: 'Member must have value less than or equal to 1000'"
    );
}

#[test]
fn upload_ids() {
    let id = UploadId::parse(U).unwrap();
    assert_eq!((id.as_str(), id.to_string()), (U.to_lowercase().as_str(), U.to_lowercase()));
    for bad in [
        "",
        "-",
        &U[1..],
        &U.replace('a', "g"),
        &U.replacen('-', "_", 1),
        "é195d3ee-2f4b-7cc2-9c1b-0123456789a",
    ] {
        assert_eq!(UploadId::parse(bad), None, "{bad}");
    }
}

proptest! {
    #[test]
    fn never_panics(repository in ".{0,20}", item in ".{0,60}", query in ".{0,60}", key in "digest|mount|n|tag|last") {
        let query = format!("{key}={query}");
        let (r, i, q) = (|| repository.clone(), || item.clone(), || query.clone());
        for shape in [
            Shape::GetBlob { repository: r(), digest: i() },
            Shape::StartUpload { repository: "team/web".to_owned(), query: q() },
            Shape::FinishUpload { repository: r(), upload: U.to_owned(), query: q() },
            Shape::DescribeUpload { repository: "team/web".to_owned(), upload: i() },
            Shape::PutManifest { repository: "team/web".to_owned(), reference: i(), query: q() },
            Shape::GetManifest { repository: "team/web".to_owned(), reference: i() },
            Shape::ListTags { repository: "team/web".to_owned(), query: q() },
            Shape::ListReferrers { repository: "team/web".to_owned(), digest: D.to_owned(), query: q() },
        ] {
            let _ = Request::parse(&shape);
        }
    }
}
