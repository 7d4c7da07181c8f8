//! The one question to STS: who am I?

use super::scene::{ELSEWHERE, HOME, OTHER, Scene};
use acre_testkit::ecr;
use acre_testkit::http::{Body, Client};
use acre_testkit::server::REGION;
use acre_wire::sigv4::{Credentials, Purpose, RequestParts, Secret, body_hash, presign, sign};
use std::time::{SystemTime, UNIX_EPOCH};

/// How it is asked, and the account that is told, or status and code. Who asks, column by column, as in
/// [`super::control_plane`]: nobody, forged, session, skewed, stranger, region, owner. A Region is the caller's own choice:
/// the answer is the same in all.
///
/// A link has its signature in the query: without it the rest of what makes a link is left, and that is incomplete.
const TABLE: &str = "
    POST / form 403:MissingAuthenticationToken 403:SignatureDoesNotMatch 403:InvalidClientTokenId 403:SignatureDoesNotMatch 222222222222 000000000000 000000000000
    GET  / query 403:MissingAuthenticationToken 403:SignatureDoesNotMatch 403:InvalidClientTokenId 403:SignatureDoesNotMatch 222222222222 000000000000 000000000000
    GET  / link 400:IncompleteSignature 403:SignatureDoesNotMatch 403:InvalidClientTokenId 403:SignatureDoesNotMatch 222222222222 000000000000 000000000000
";

const QUESTION: &str = "Action=GetCallerIdentity&Version=2011-06-15";
const FORM: &str = "application/x-www-form-urlencoded; charset=utf-8";
/// Seconds that a link is good for: less than the clock of the skewed one is late.
const LIFETIME: u32 = 60;

#[derive(Clone, Copy)]
enum Change {
    None,
    NoSignature,
    Forged,
}

/// One who asks.
struct Who<'a> {
    credentials: &'a ecr::Credentials,
    session_token: Option<&'a str>,
    region: &'a str,
    /// Seconds that their clock is late.
    late: i64,
    change: Change,
}

/// A request as it is sent.
struct Question {
    method: &'static str,
    target: String,
    headers: Vec<(&'static str, String)>,
    body: &'static str,
}

impl Who<'_> {
    /// The question, signed and then changed.
    fn question(&self, host: &str, how: &str) -> Question {
        let credentials = Credentials {
            access_key_id: self.credentials.access_key.clone(),
            secret_access_key: Secret::new(&self.credentials.secret_key),
            session_token: self.session_token.map(Secret::new),
        };
        let purpose = Purpose { region: self.region, service: "sts" };
        let now = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()).unwrap();
        let now = now - self.late;
        let (method, query, body) =
            if how == "form" { ("POST", "", QUESTION) } else { ("GET", QUESTION, "") };
        let typed = (how == "form").then_some(("content-type", FORM.as_bytes()));
        let headers: Vec<_> = typed.into_iter().chain([("host", host.as_bytes())]).collect();
        let parts = RequestParts { method, path: "/", query, headers: &headers };
        let body_hash = body_hash(body.as_bytes());
        let mut question = Question { method, target: "/".into(), headers: Vec::new(), body };
        question.headers.extend(typed.map(|_| ("content-type", FORM.to_owned())));
        let signature = if how == "link" {
            question.target =
                format!("/?{}", presign(&parts, &credentials, purpose, now, LIFETIME, &body_hash));
            &mut question.target
        } else {
            if how == "query" {
                question.target = format!("/?{QUESTION}");
            }
            question.headers.extend(sign(&parts, &credentials, purpose, now, &body_hash));
            &mut question.headers.last_mut().unwrap().1
        };
        match self.change {
            Change::None => {}
            Change::Forged => {
                let last = if signature.pop() == Some('0') { '1' } else { '0' };
                signature.push(last);
            }
            Change::NoSignature if how == "link" => {
                signature.truncate(signature.find("&X-Amz-Signature=").unwrap());
            }
            Change::NoSignature => drop(question.headers.pop()),
        }
        question
    }
}

#[test]
fn who_am_i_asked_by_everybody() {
    let scene = Scene::new();
    let (owner, stranger) = (scene.server.credentials().unwrap(), scene.others.clone());
    let as_owner =
        || Who { credentials: &owner, session_token: None, region: REGION, late: 0, change: Change::None };
    let all = [
        Who { change: Change::NoSignature, ..as_owner() },
        Who { change: Change::Forged, ..as_owner() },
        Who { session_token: Some("expired"), ..as_owner() },
        Who { late: 16 * 60, ..as_owner() },
        Who { credentials: &stranger, ..as_owner() },
        Who { region: ELSEWHERE, ..as_owner() },
        as_owner(),
    ];
    let mut client = Client::new(scene.server.host());
    let mut asked = 0;
    for line in TABLE.lines().filter(|line| !line.trim().is_empty()) {
        let words: Vec<_> = line.split_whitespace().collect();
        let how = words[2];
        let got: Vec<String> = all
            .iter()
            .map(|who| {
                let Question { method, target, headers, body } = who.question(scene.server.host(), how);
                assert_eq!(method, words[0]);
                let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
                let body = if body.is_empty() { Body::None } else { Body::Sized(body.as_bytes()) };
                let answer = client.request(method, &target, &headers, body).unwrap();
                let text = String::from_utf8(answer.body).unwrap();
                if answer.status != 200 {
                    return format!("{}:{}", answer.status, element(&text, "Code"));
                }
                let account = element(&text, "Account");
                assert!([HOME, OTHER].contains(&account), "{text}");
                assert_eq!(element(&text, "Arn"), format!("arn:aws:iam::{account}:root"));
                assert_eq!(element(&text, "UserId"), account);
                account.to_owned()
            })
            .collect();
        assert_eq!(got, words[3..], "{how}");
        asked += got.len();
    }
    assert_eq!(asked, 21);
}

/// What stands in the first element of that name.
fn element<'a>(xml: &'a str, name: &str) -> &'a str {
    let rest = xml.split_once(&format!("<{name}>")).unwrap_or_else(|| panic!("no {name}: {xml}")).1;
    rest.split_once('<').unwrap().0
}
