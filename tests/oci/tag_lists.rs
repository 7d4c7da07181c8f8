//! Lists of tags, page by page (spec/oci.md 9.1, 12.13).

use super::place::{NOWHERE, OCI_IMAGE, Place, head_is_get, image, refused};
use acre_testkit::http::{Answer, Body};
use acre_testkit::image::Blob;
use serde_json::json;

fn tags(answer: &Answer) -> Vec<String> {
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")), "{answer:?}");
    assert_eq!(answer.json()["name"], "aa");
    serde_json::from_value(answer.json()["tags"].clone()).unwrap()
}

/// Where the next page is.
fn next(answer: &Answer) -> Option<String> {
    let link = answer.header("link")?;
    Some(link.strip_prefix('<').unwrap().strip_suffix(">; rel=\"next\"").unwrap().to_owned())
}

/// All pages from there on, and how many there were.
fn follow(place: &mut Place, mut target: String, page: usize) -> (Vec<String>, usize) {
    let (mut all, mut pages) = (Vec::new(), 0);
    loop {
        let answer = place.ask("GET", &target);
        let some = tags(&answer);
        pages += 1;
        let link = next(&answer);
        assert!(some.len() == page || link.is_none() && some.len() <= page, "{target}: {}", some.len());
        all.extend(some);
        match link {
            Some(link) => target = link,
            None => return (all, pages),
        }
        assert!(target.starts_with("/v2/aa/tags/list?"), "{target}");
    }
}

/// Sets these tags on images made for them, a hundred at a time.
fn set(place: &mut Place, names: &[String]) {
    let config = place.push("aa", b"{}");
    for (number, names) in names.chunks(100).enumerate() {
        let mut manifest = image(&config, &[]);
        manifest["annotations"] = json!({ "number": number.to_string() });
        let manifest = Blob::new(manifest.to_string().into_bytes());
        let query: Vec<String> = names.iter().map(|name| format!("tag={name}")).collect();
        let target = format!("/v2/aa/manifests/{}?{}", manifest.digest, query.join("&"));
        let headers = [("Content-Type", OCI_IMAGE)];
        let answer = place.send("PUT", &target, &headers, Body::Sized(&manifest.bytes));
        assert_eq!(answer.status, 201, "{answer:?}");
    }
}

#[test]
fn a_thousand_and_one_tags_that_begin_alike() {
    let mut place = Place::with(&["aa"]);
    let mut names: Vec<String> = (0..994).map(|number| format!("v{number}")).collect();
    names.extend(["v", "V", "v1.0", "v1-a", "v1_a", "_", "v10."].map(str::to_owned));
    assert_eq!(names.len(), 1001);
    set(&mut place, &names);
    names.sort_unstable();
    for page in [1, 7, 500, 1000] {
        let (all, pages) = follow(&mut place, format!("/v2/aa/tags/list?n={page}"), page);
        assert_eq!((all, pages), (names.clone(), 1001_usize.div_ceil(page)), "n={page}");
    }
    assert_eq!(follow(&mut place, "/v2/aa/tags/list".into(), 100), (names.clone(), 11));
    for (last, first) in [("v1", 0), ("v1-", 0), ("zz", 1001), ("0", 0), ("v100", 0), (&names[500], 501)] {
        let wanted: Vec<&String> = names.iter().filter(|name| name.as_str() > last).take(100).collect();
        let answer = place.ask("GET", &format!("/v2/aa/tags/list?last={last}"));
        assert_eq!(tags(&answer), wanted.into_iter().cloned().collect::<Vec<_>>(), "last={last}");
        assert!(first == 0 || answer.json()["tags"][0] == json!(names.get(first)), "last={last}");
    }
    let answer = place.ask("GET", "/v2/aa/tags/list?n=2");
    assert_eq!(next(&answer).as_deref(), Some("/v2/aa/tags/list?last=_&n=2"));
    let answer = head_is_get(&mut place.client, "/v2/aa/tags/list?n=2", &[]);
    assert_eq!(tags(&answer).len(), 2);
}

#[test]
fn sizes_of_pages() {
    let mut place = Place::with(&["aa"]);
    assert_eq!(place.ask("GET", "/v2/aa/tags/list").json(), json!({ "name": "aa", "tags": [] }));
    let names: Vec<String> = ["a", "b", "c", "d"].map(str::to_owned).to_vec();
    set(&mut place, &names);
    for (query, wanted, link) in [
        ("n=0", &names[..0], None),
        ("n=0&last=a", &names[..0], None),
        ("n=1", &names[..1], Some("/v2/aa/tags/list?last=a&n=1")),
        ("n=2&last=a", &names[1..3], Some("/v2/aa/tags/list?last=c&n=2")),
        ("n=3&last=a", &names[1..], None),
        ("n=4", &names[..], None),
        ("n=1000", &names[..], None),
        ("n=", &names[..], None),
        ("n=2&n=x", &names[..2], Some("/v2/aa/tags/list?last=b&n=2")),
        ("last=", &names[..], None),
        ("last=%61%62", &names[1..], None),
        ("last=d", &names[4..], None),
        ("unknown=1", &names[..], None),
    ] {
        let answer = place.ask("GET", &format!("/v2/aa/tags/list?{query}"));
        assert_eq!(tags(&answer), wanted, "{query}");
        assert_eq!(next(&answer).as_deref(), link, "{query}");
    }
    for (n, constraint) in [
        ("-1", "Member must have value greater than or equal to 0"),
        ("x", "Member must be an integer"),
        ("1.5", "Member must be an integer"),
        ("1001", "Member must have value less than or equal to 1000"),
        ("99999999999999999999", "Member must have value less than or equal to 1000"),
    ] {
        let answer = place.ask("GET", &format!("/v2/aa/tags/list?n={n}"));
        let text = refused(&answer, 405, "UNSUPPORTED");
        assert_eq!(
            text,
            format!("Invalid parameter at 'maxResults' failed to satisfy constraint: '{constraint}'")
        );
    }
    for query in ["", "?n=1", "?last=x"] {
        let text = refused(&place.ask("GET", &format!("/v2/bb/tags/list{query}")), 404, "NAME_UNKNOWN");
        assert_eq!(
            text,
            "The repository with name 'bb' does not exist in the registry with id '000000000000'"
        );
    }
}

#[test]
fn tags_that_come_and_go_while_paging() {
    let mut place = Place::with(&["aa"]);
    let names: Vec<String> = ["b", "d", "f", "h"].map(str::to_owned).to_vec();
    set(&mut place, &names);
    let first = place.ask("GET", "/v2/aa/tags/list?n=2");
    assert_eq!(tags(&first), ["b", "d"]);
    set(&mut place, &["a", "c", "e", "g"].map(str::to_owned));
    assert_eq!(place.ask("DELETE", "/v2/aa/manifests/d").status, 202);
    let (rest, _) = follow(&mut place, next(&first).unwrap(), 2);
    assert_eq!(rest, ["e", "f", "g", "h"]);
    let all = place.ask("GET", "/v2/aa/tags/list");
    assert_eq!(tags(&all), ["a", "b", "c", "e", "f", "g", "h"]);
    assert_eq!(place.status(&format!("/v2/aa/manifests/{NOWHERE}")), 404);
}
