//! Every route of the data plane, and the paths beside it.

use super::scene::{ELSEWHERE, HOME, Scene, Subject, counted, token_for_home};
use acre_testkit::ecr::Ecr;
use acre_testkit::http::{Answer, Body, Client};
use acre_testkit::server::{Options, Server, binary};
use acre_wire::oci::path::Shape;
use serde_json::json;
use std::ffi::OsString;
use std::process::Command;

/// Method, path, and the status for each who asks. `{name}`, `{image}`, `{layer}` and `{blob}` are the subject's; `{upload}`
/// is one that the owner opened for this line, `{token}` the query of the URL that `GetDownloadUrlForLayer` gave the owner
/// for `{layer}`: whoever has it needs no credentials, and those he has are not looked at. Column by column:
///
/// - nobody: no credentials;
/// - forged: a token whose seal is broken;
/// - expired: a token of 13 hours ago;
/// - stranger: another account's root with a token for this registry;
/// - region: the owner with a token of another Region, by a host that names no registry: he asks that Region's;
/// - host: the same token at a host that names this Region's registry;
/// - owner.
///
/// There is no clock to be skewed: requests bear no time, and a token's is the server's.
const TABLE: &str = "
    GET    /v2/                                           401 401 403 200 200 403 200
    HEAD   /v2/                                           401 401 403 200 200 403 200
    GET    /v2                                            401 401 403 200 200 403 200
    GET    /v2/_catalog                                   401 401 403 403 200 403 200
    HEAD   /v2/_catalog                                   401 401 403 403 200 403 200
    HEAD   /v2/{name}/blobs/{layer}                       401 401 403 403 404 403 200
    GET    /v2/{name}/blobs/{layer}                       401 401 403 403 404 403 200
    DELETE /v2/{name}/blobs/{blob}                        401 401 403 403 404 403 202
    POST   /v2/{name}/blobs/uploads/                      401 401 403 403 404 403 202
    POST   /v2/{name}/blobs/uploads                       401 401 403 403 404 403 202
    POST   /v2/{name}/blobs/uploads/?digest={empty}       401 401 403 403 404 403 201
    POST   /v2/{name}/blobs/uploads/?mount={layer}        401 401 403 403 404 403 201
    PATCH  /v2/{name}/blobs/uploads/{upload}              401 401 403 403 404 403 202
    PUT    /v2/{name}/blobs/uploads/{upload}?digest={empty} 401 401 403 403 404 403 201
    GET    /v2/{name}/blobs/uploads/{upload}              401 401 403 403 404 403 204
    DELETE /v2/{name}/blobs/uploads/{upload}              401 401 403 403 404 403 204
    HEAD   /v2/{name}/manifests/v1                        401 401 403 403 404 403 200
    GET    /v2/{name}/manifests/v1                        401 401 403 403 404 403 200
    HEAD   /v2/{name}/manifests/{image}                   401 401 403 403 404 403 200
    GET    /v2/{name}/manifests/{image}                   401 401 403 403 404 403 200
    PUT    /v2/{name}/manifests/v2                        401 401 403 403 404 403 201
    DELETE /v2/{name}/manifests/v1                        401 401 403 403 404 403 202
    DELETE /v2/{name}/manifests/{image}                   401 401 403 403 404 403 202
    GET    /v2/{name}/tags/list                           401 401 403 403 404 403 200
    HEAD   /v2/{name}/tags/list                           401 401 403 403 404 403 200
    GET    /v2/{name}/referrers/{image}                   401 401 403 403 404 403 200
    HEAD   /v2/{name}/referrers/{image}                   401 401 403 403 404 403 200
    GET    /layers/{layer}                                403 403 403 403 403 403 403
    GET    /layers/{layer}?token=e30                      403 403 403 403 403 403 403
    GET    /layers/{layer}{token}                         200 200 200 200 200 200 200
    HEAD   /layers/{layer}{token}                         200 200 200 200 200 200 200
    GET    /layers/{image}{token}                         403 403 403 403 403 403 403
    GET    /layers/{blob}{token}                          403 403 403 403 403 403 403
    DELETE /layers/{layer}{token}                         405 405 405 405 405 405 405
    GET    /healthz                                       200 200 200 200 200 200 200
    GET    /readyz                                        200 200 200 200 200 200 200
    GET    /v2/_oci/ext/discover                          404 404 404 404 404 404 404
    GET    /                                              404 404 404 404 404 404 404
    POST   /                                              404 404 404 404 404 404 404
    GET    /v1/                                           404 404 404 404 404 404 404
    OPTIONS /v2/                                          405 405 405 405 405 405 405
    POST   /v2/{name}/tags/list                           405 405 405 405 405 405 405
";

/// SHA-256 of nothing.
const EMPTY: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
const MANIFEST: &[u8] =
    br#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}"#;

/// The variants of [`Shape`], and the name of each. Without a wildcard: a new route does not compile until it is here, and
/// what is here must have a line.
macro_rules! routes {
    ($($route:ident)*) => {
        const ROUTES: &[&str] = &[$(stringify!($route),)*];

        fn route(shape: &Shape) -> &'static str {
            match shape {
                $(Shape::$route { .. } => stringify!($route),)*
            }
        }
    };
}

routes! {
    Ping ListRepositories HeadBlob GetBlob DeleteBlob StartUpload AppendUpload FinishUpload DescribeUpload CancelUpload
    HeadManifest GetManifest PutManifest DeleteManifest ListTags ListReferrers
}

struct Line {
    method: &'static str,
    path: &'static str,
    statuses: Vec<u16>,
}

fn lines() -> impl Iterator<Item = Line> {
    TABLE.lines().filter(|line| !line.trim().is_empty()).map(|line| {
        let mut words = line.split_whitespace();
        let (method, path) = (words.next().unwrap(), words.next().unwrap());
        Line { method, path, statuses: words.map(|status| status.parse().unwrap()).collect() }
    })
}

impl Line {
    fn target(&self, subject: &Subject, upload: &str, token: &str) -> String {
        self.path
            .replace("{name}", &subject.repository)
            .replace("{image}", &subject.image)
            .replace("{layer}", &subject.layer)
            .replace("{blob}", &subject.blob)
            .replace("{empty}", EMPTY)
            .replace("{upload}", upload)
            .replace("{token}", token)
    }

    fn ask(&self, client: &mut Client, target: &str, headers: &[(&str, &str)]) -> Answer {
        let mut headers = headers.to_vec();
        let body = match self.method {
            "PUT" if self.path.contains("/manifests/") => {
                headers.push(("Content-Type", "application/vnd.oci.image.index.v1+json"));
                Body::Sized(MANIFEST)
            }
            "PUT" | "PATCH" | "POST" => Body::Sized(b""),
            _ => Body::None,
        };
        client.request(self.method, target, &headers, body).unwrap()
    }
}

/// The query of the URL by which anybody may fetch the subject's layer.
fn token_of_layer(owner: &mut Ecr, subject: &Subject) -> String {
    let input = json!({ "repositoryName": subject.repository, "layerDigest": subject.layer });
    let answer = owner.expect("GetDownloadUrlForLayer", &input).unwrap();
    let (_, query) = answer["downloadUrl"].as_str().unwrap().split_once('?').unwrap();
    format!("?{query}")
}

/// The environment in which a program believes that it is 13 hours ago: that of `faketime`, asked for it.
fn thirteen_hours_ago() -> Vec<(OsString, OsString)> {
    let output = Command::new("faketime").args(["-f", "-13h", "env"]).output();
    let output = output.unwrap_or_else(|error| panic!("faketime is missing (.ci/install): {error}"));
    let text = String::from_utf8(output.stdout).unwrap();
    let wanted = ["LD_PRELOAD", "FAKETIME"];
    let pairs =
        text.lines().filter_map(|line| line.split_once('=')).filter(|(name, _)| wanted.contains(name));
    let pairs: Vec<_> = pairs.map(|(name, value)| (name.into(), value.into())).collect();
    assert_eq!(pairs.len(), wanted.len(), "{text}");
    pairs
}

/// A token that the server gave 13 hours ago, and the server, today.
fn an_old_token(folder: &std::path::Path) -> (String, Server) {
    let data = folder.join("data");
    let binary = binary(env!("CARGO_BIN_EXE_acre"));
    let options =
        Options { data: Some(data.clone()), environment: thirteen_hours_ago(), ..Options::default() };
    let mut server = Server::start(&binary, options).unwrap();
    let token = server.ecr().unwrap().with_clock(-13 * 3600).authorization_token().unwrap();
    assert!(server.terminate().unwrap().success());
    let options = Options { data: Some(data), ..Options::default() };
    (token, Server::start(&binary, options).unwrap())
}

#[test]
fn every_route_asked_by_everybody() {
    let folder = tempfile::tempdir().unwrap();
    let (expired, server) = an_old_token(folder.path());
    let mut scene = Scene::of(server);
    let owner = token_for_home(&mut scene.owner);
    let stranger = token_for_home(&mut scene.stranger);
    let elsewhere = scene.owner_elsewhere().authorization_token().unwrap();
    // One letter in its middle is another one.
    let middle = owner.len() / 2;
    let letter = if owner.as_bytes()[middle] == b'A' { "B" } else { "A" };
    let forged = format!("{}{letter}{}", &owner[..middle], &owner[middle + 1..]);
    let host = format!("{HOME}.dkr.ecr.us-east-1.registry.test");
    assert_ne!(ELSEWHERE, "us-east-1");
    let (mut wrong, mut seen) = (Vec::new(), Vec::new());
    for line in lines() {
        seen.extend(Shape::parse(line.method, line.path, None).map(|shape| route(&shape)));
        let subject = scene.subject();
        let mut client = scene.owner.data_plane().unwrap();
        let opened = client.request(
            "POST",
            &format!("/v2/{}/blobs/uploads/", subject.repository),
            &[],
            Body::Sized(b""),
        );
        let upload = opened.unwrap().header("docker-upload-uuid").unwrap().to_owned();
        let target = line.target(&subject, &upload, &token_of_layer(&mut scene.owner, &subject));
        let mut client = Client::new(scene.server.host());
        let got: Vec<u16> = [
            &[][..],
            &[("Authorization", forged.as_str())],
            &[("Authorization", &expired)],
            &[("Authorization", &stranger)],
            &[("Authorization", &elsewhere)],
            &[("Authorization", &elsewhere), ("Host", &host)],
            &[("Authorization", &owner)],
        ]
        .iter()
        .map(|headers| line.ask(&mut client, &target, headers).status)
        .collect();
        if got != line.statuses {
            wrong.push(format!(
                "{} {}\n  is     {got:?}\n  should {:?}",
                line.method, line.path, line.statuses
            ));
        }
    }
    for name in ROUTES {
        assert!(seen.contains(name), "{name} has no line");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_a_stranger_may_not_know_is_refused_as_what_is_not_there() {
    let mut scene = Scene::new();
    let stranger = token_for_home(&mut scene.stranger);
    let mut client = Client::new(scene.server.host()).with_header("Authorization", &stranger);
    let there = scene.subject();
    let absent = Subject::absent(&there);
    let mut owner = scene.owner.data_plane().unwrap();
    let opened =
        owner.request("POST", &format!("/v2/{}/blobs/uploads/", there.repository), &[], Body::Sized(b""));
    let upload = opened.unwrap().header("docker-upload-uuid").unwrap().to_owned();
    let mut compared = 0;
    for line in lines().filter(|line| line.statuses[3] == 403 && line.path.starts_with("/v2/{name}")) {
        let mut ask = |subject: &Subject, upload: &str| {
            let ((status, headers, body), ran) = counted(&scene.server, || {
                let answer = line.ask(&mut client, &line.target(subject, upload, ""), &[]);
                let mut headers = answer.headers;
                headers.retain(|(name, _)| !["date", "x-amzn-requestid"].contains(&name.as_str()));
                (answer.status, headers, String::from_utf8(answer.body).unwrap())
            });
            (status, headers, body, ran)
        };
        let (status, headers, text, ran) = ask(&there, &upload);
        assert_eq!(status, 403, "{} {}", line.method, line.path);
        let about = there.as_about(&absent, &text);
        assert_eq!(
            ask(&absent, &absent.upload),
            (status, headers, about, ran),
            "{} {}",
            line.method,
            line.path
        );
        compared += 1;
    }
    assert_eq!(compared, 22, "as many as the table refuses to strangers below a name");
}
