use super::*;
use proptest::prelude::*;

const D: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
const U: &str = "0195d3ee-2f4b-7cc2-9c1b-0123456789ab";

fn name(method: &str, path: &str) -> Result<&'static str, NoShape> {
    Shape::parse(method, path, None).map(|shape| shape.name())
}

/// Every route of spec/oci.md 2 for a repository of that name, what it is called, and the methods of its path.
fn routes(n: &str) -> Vec<(&'static str, String, &'static str, &'static str)> {
    let lists = "GET, HEAD";
    let blob = "GET, HEAD, DELETE";
    let upload = "GET, PATCH, PUT, DELETE";
    let manifest = "GET, HEAD, PUT, DELETE";
    vec![
        ("GET", "/v2/".to_owned(), "Ping", lists),
        ("HEAD", "/v2/".to_owned(), "Ping", lists),
        ("GET", "/v2".to_owned(), "Ping", lists),
        ("HEAD", "/v2".to_owned(), "Ping", lists),
        ("HEAD", format!("/v2/{n}/blobs/{D}"), "HeadBlob", blob),
        ("GET", format!("/v2/{n}/blobs/{D}"), "GetBlob", blob),
        ("DELETE", format!("/v2/{n}/blobs/{D}"), "DeleteBlob", blob),
        ("POST", format!("/v2/{n}/blobs/uploads/"), "StartUpload", "POST"),
        ("POST", format!("/v2/{n}/blobs/uploads"), "StartUpload", "POST"),
        ("PATCH", format!("/v2/{n}/blobs/uploads/{U}"), "AppendUpload", upload),
        ("PUT", format!("/v2/{n}/blobs/uploads/{U}"), "FinishUpload", upload),
        ("GET", format!("/v2/{n}/blobs/uploads/{U}"), "DescribeUpload", upload),
        ("DELETE", format!("/v2/{n}/blobs/uploads/{U}"), "CancelUpload", upload),
        ("HEAD", format!("/v2/{n}/manifests/latest"), "HeadManifest", manifest),
        ("GET", format!("/v2/{n}/manifests/{D}"), "GetManifest", manifest),
        ("PUT", format!("/v2/{n}/manifests/{D}"), "PutManifest", manifest),
        ("DELETE", format!("/v2/{n}/manifests/latest"), "DeleteManifest", manifest),
        ("GET", format!("/v2/{n}/tags/list"), "ListTags", lists),
        ("HEAD", format!("/v2/{n}/tags/list"), "ListTags", lists),
        ("GET", format!("/v2/{n}/referrers/{D}"), "ListReferrers", lists),
        ("HEAD", format!("/v2/{n}/referrers/{D}"), "ListReferrers", lists),
        ("GET", "/v2/_catalog".to_owned(), "ListRepositories", lists),
        ("HEAD", "/v2/_catalog".to_owned(), "ListRepositories", lists),
    ]
}

const ROUTE_WORDS: [&str; 14] = [
    "ab",
    "team/web",
    "blobs",
    "blobs/uploads",
    "blobs/uploads/blobs/uploads",
    "a/blobs",
    "a/manifests/b",
    "manifests/tags",
    "tags",
    "tags/list",
    "uploads",
    "referrers/x",
    "v2",
    "v2/v2",
];

#[test]
fn every_route_with_every_name() {
    for n in ROUTE_WORDS {
        let routes = routes(n);
        for (method, path, expected, allow) in &routes {
            let shape = Shape::parse(method, path, Some("q=1")).unwrap();
            assert_eq!(shape.name(), *expected, "{method} {path}");
            let debug = format!("{shape:?}");
            assert!(
                !debug.contains("repository") || debug.contains(&format!("repository: {n:?}")),
                "{debug}"
            );
            for other in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "get", ""] {
                let known = allow.split(", ").any(|allowed| allowed == other);
                let found = name(other, path);
                assert_eq!(found.is_ok(), known, "{other} {path}");
                assert!(known || found == Err(NoShape::MethodNotAllowed { allow }), "{other} {path}");
            }
        }
    }
}

#[test]
fn values_are_decoded_once() {
    let encoded = D.replace(':', "%3A");
    let repository = || "team/web".to_owned();
    let cases = [
        (
            "GET",
            format!("/v2/team/web/blobs/{encoded}"),
            Shape::GetBlob { repository: repository(), digest: D.to_owned() },
        ),
        (
            "GET",
            format!("/v2/te%61m/web/manifests/{}", D.replace(':', "%253A")),
            Shape::GetManifest { repository: repository(), reference: encoded.clone() },
        ),
        (
            "PUT",
            "/v2/team/web/%6Danifests/v1%2E0".to_owned(),
            Shape::PutManifest {
                repository: repository(),
                reference: "v1.0".to_owned(),
                query: "tag=a%3A".to_owned(),
            },
        ),
        (
            "GET",
            "/v2/team%2Fweb/manifests/x".to_owned(),
            Shape::GetManifest { repository: "team%2Fweb".to_owned(), reference: "x".to_owned() },
        ),
        (
            "GET",
            "/v2/team/web/manifests/a%2fb".to_owned(),
            Shape::GetManifest { repository: repository(), reference: "a%2fb".to_owned() },
        ),
        (
            "GET",
            "/v2/team/web/manifests/a%00".to_owned(),
            Shape::GetManifest { repository: repository(), reference: "a%00".to_owned() },
        ),
        (
            "GET",
            "/v2/team/web/manifests/%ff".to_owned(),
            Shape::GetManifest { repository: repository(), reference: "%ff".to_owned() },
        ),
        (
            "GET",
            "/v2/team/web/manifests/%zz%".to_owned(),
            Shape::GetManifest { repository: repository(), reference: "%zz%".to_owned() },
        ),
        (
            "GET",
            "/v2/team/web/blobs%2Fuploads/tags/list".to_owned(),
            Shape::ListTags {
                repository: "team/web/blobs%2Fuploads".to_owned(),
                query: "tag=a%3A".to_owned(),
            },
        ),
    ];
    for (method, path, shape) in cases {
        assert_eq!(Shape::parse(method, &path, Some("tag=a%3A")), Ok(shape), "{path}");
    }
}

#[test]
fn bad_values_are_known_shapes() {
    for path in [
        "/v2/team/web/manifests/sha256:baddigeststring",
        "/v2/A/manifests/x",
        "/v2//manifests/x",
        "/v2/a//b/blobs/x",
        "/v2/../../manifests/x",
        "/v2/team/web/blobs/uploads/not-a-uuid",
        "/v2/team/web/blobs/uploads/uploads",
    ] {
        assert!(name("GET", path).is_ok(), "{path}");
    }
}

#[test]
fn unknown_paths() {
    for path in [
        "",
        "/",
        "v2/",
        "*",
        "/v1/",
        "/v2//",
        "/v22/ab/tags/list",
        "/v2/ab",
        "/v2/ab/",
        "/v2/ab/cd/ef",
        "/v2/_catalog/",
        "/v2/_oci/ext/discover",
        "/v2/_oci/manifests/x",
        "/v2/ab/_oci/ext/discover",
        "/v2/tags/list",
        "/v2/manifests/x",
        "/v2/blobs/x",
        "/v2/blobs/uploads",
        "/v2/blobs/uploads/",
        "/v2/blobs/uploads/x",
        "/v2/referrers/x",
        "/v2/ab/manifests",
        "/v2/ab/manifests/",
        "/v2/ab/blobs/",
        "/v2/ab/referrers/",
        "/v2/ab/tags/list/",
        "/v2/ab/tags",
        "/v2/ab/blobs/uploads/x/",
        "/v2/ab/blobs/uploads/x/y",
        "/v2/ab/manifests/x/",
        "/V2/ab/tags/list",
    ] {
        for method in ["GET", "POST", "OPTIONS"] {
            assert_eq!(name(method, path), Err(NoShape::NotFound), "{method} {path}");
        }
    }
}

proptest! {
    #[test]
    fn never_panics(method in ".{0,8}", path in ".{0,80}", query in prop::option::of(".{0,40}")) {
        let _ = Shape::parse(&method, &path, query.as_deref());
        let _ = Shape::parse("GET", &format!("/v2/{path}"), query.as_deref());
    }

    #[test]
    fn words_in_any_order(words in prop::collection::vec(
        prop::sample::select(vec!["v2", "blobs", "uploads", "manifests", "tags", "list", "referrers", "_catalog", "", "%2F", "ab", D, U]),
        0..8,
    )) {
        let path = format!("/v2/{}", words.join("/"));
        for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"] {
            if let Ok(shape) = Shape::parse(method, &path, None) {
                let _ = crate::oci::request::Request::parse(&shape);
            }
        }
    }
}
