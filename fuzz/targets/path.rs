//! Method, path and query of the data plane, and the host beside them: what is accepted can be said again in one way,
//! and then means the same.

#![no_main]

use acre_wire::host;
use acre_wire::names::RepositoryArn;
use acre_wire::oci::path::Shape;
use acre_wire::oci::request::{MAX_PAGE, MAX_TAGS, Mount, MountSource, Page, Request};
use acre_wire::sts::StsRequest;
use libfuzzer_sys::fuzz_target;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

const METHODS: [&str; 8] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "get"];

fuzz_target!(|data: &[u8]| {
    let Some((method, target)) = data.split_first() else { return };
    let Ok(target) = std::str::from_utf8(target) else { return };
    // The names that stand elsewhere have grammars of the same kind.
    if let Some(registry) = host::registry(target) {
        let again = format!("{}.dkr.ecr.{}.x", registry.account, registry.region);
        assert_eq!(host::registry(&again), Some(registry));
    }
    if let Ok(arn) = RepositoryArn::parse(target) {
        assert_eq!(arn.to_string(), target);
    }
    let _ = StsRequest::parse(target.as_bytes());

    // By a letter, so that a seed is legible.
    let method = METHODS[usize::from(method.wrapping_sub(b'a')) % METHODS.len()];
    let (path, query) = match target.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (target, None),
    };
    let Ok(shape) = Shape::parse(method, path, query) else { return };
    let Ok(request) = Request::parse(&shape) else { return };
    if let Request::ListTags { page, .. } | Request::ListRepositories { page } = &request {
        assert!(page.limit.is_none_or(|limit| limit <= MAX_PAGE));
    }
    if let Request::PutManifest { tags, .. } = &request {
        let distinct: std::collections::HashSet<_> = tags.iter().collect();
        assert!(tags.len() <= MAX_TAGS && distinct.len() == tags.len());
    }
    let (path, query) = said(&request);
    let again = Shape::parse(method, &path, Some(&query)).expect("it was accepted before");
    assert_eq!(Request::parse(&again), Ok(request), "{path}?{query}");
});

/// The plainest path and query of a request.
fn said(request: &Request) -> (String, String) {
    let mut query = Query::default();
    let path = match request {
        Request::Ping => "/v2/".into(),
        Request::ListRepositories { page } => {
            query.page(page);
            "/v2/_catalog".into()
        }
        Request::HeadBlob { repository, digest }
        | Request::GetBlob { repository, digest }
        | Request::DeleteBlob { repository, digest } => format!("/v2/{repository}/blobs/{digest}"),
        Request::StartUpload { repository, digest, algorithm, mount } => {
            query.some("digest", digest.as_ref());
            query.some("digest-algorithm", algorithm.map(|algorithm| algorithm.name()));
            if let Some(Mount { digest, from }) = mount {
                query.some("mount", Some(digest));
                match from {
                    MountSource::Anywhere => {}
                    MountSource::Repository(name) => query.some("from", Some(name)),
                    MountSource::Nowhere => query.some("from", Some("No name")),
                }
            }
            format!("/v2/{repository}/blobs/uploads/")
        }
        Request::FinishUpload { repository, upload, digest } => {
            query.some("digest", Some(digest));
            format!("/v2/{repository}/blobs/uploads/{upload}")
        }
        Request::AppendUpload { repository, upload }
        | Request::DescribeUpload { repository, upload }
        | Request::CancelUpload { repository, upload } => format!("/v2/{repository}/blobs/uploads/{upload}"),
        Request::HeadManifest { repository, reference }
        | Request::GetManifest { repository, reference }
        | Request::DeleteManifest { repository, reference } => {
            format!("/v2/{repository}/manifests/{reference}")
        }
        Request::PutManifest { repository, reference, tags } => {
            tags.iter().for_each(|tag| query.some("tag", Some(tag)));
            format!("/v2/{repository}/manifests/{reference}")
        }
        Request::ListTags { repository, page } => {
            query.page(page);
            format!("/v2/{repository}/tags/list")
        }
        Request::ListReferrers { repository, digest, artifact_type, last } => {
            query.some("artifactType", artifact_type.as_ref());
            query.some("last", last.as_ref());
            format!("/v2/{repository}/referrers/{digest}")
        }
    };
    (path, query.0)
}

#[derive(Default)]
struct Query(String);

impl Query {
    fn some(&mut self, name: &str, value: Option<impl ToString>) {
        let Some(value) = value else { return };
        let value = value.to_string();
        let encoded = utf8_percent_encode(&value, NON_ALPHANUMERIC);
        self.0.push_str(&format!("&{name}={encoded}"));
    }

    fn page(&mut self, page: &Page) {
        self.some("n", page.limit);
        self.some("last", page.last.as_ref());
    }
}
