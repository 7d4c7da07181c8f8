use super::*;
use crate::ecr;
use crate::sts;
use proptest::prelude::*;
use std::time::{Duration, UNIX_EPOCH};

const KEY: &str = "AKIDEXAMPLE";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
/// 20150830T123600Z
const NOW: i64 = 1_440_938_160;
const ECR: Purpose<'_> = Purpose { region: "us-east-1", service: "ecr" };

fn credentials() -> Credentials {
    Credentials { access_key_id: KEY.into(), secret_access_key: Secret::new(SECRET), session_token: None }
}

type Headers = Vec<(String, Vec<u8>)>;

/// A request that can be changed, one part at a time.
#[derive(Clone, Debug)]
struct Request {
    method: String,
    path: String,
    query: String,
    headers: Headers,
    body: Vec<u8>,
}

impl Request {
    fn new(method: &str, path: &str, query: &str, headers: &[(&str, &str)], body: &[u8]) -> Self {
        let headers = headers.iter().map(|(n, v)| ((*n).to_owned(), v.as_bytes().to_vec())).collect();
        Self { method: method.into(), path: path.into(), query: query.into(), headers, body: body.into() }
    }

    fn ecr() -> Self {
        let headers = [
            ("host", "localhost:4510"),
            ("content-type", "application/x-amz-json-1.1"),
            ("x-amz-target", "AmazonEC2ContainerRegistry_V20150921.DescribeRepositories"),
            ("user-agent", "test"),
        ];
        Self::new("POST", "/", "", &headers, b"{}")
    }

    fn with<T>(&self, use_parts: impl FnOnce(&RequestParts<'_>) -> T) -> T {
        let headers: Vec<_> = self.headers.iter().map(|(n, v)| (n.as_str(), v.as_slice())).collect();
        use_parts(&RequestParts {
            method: &self.method,
            path: &self.path,
            query: &self.query,
            headers: &headers,
        })
    }

    fn signed(mut self, credentials: &Credentials, purpose: Purpose<'_>) -> Self {
        let body = body_hash(&self.body);
        let added = self.with(|parts| sign(parts, credentials, purpose, NOW, &body));
        self.headers.extend(added.into_iter().map(|(n, v)| (n.to_owned(), v.into_bytes())));
        self
    }

    fn presigned(mut self, body: &str) -> Self {
        self.query = self.with(|parts| presign(parts, &credentials(), ECR, NOW, 60, body));
        self
    }

    fn claim(&self) -> Result<Claim, AuthError> {
        self.with(Claim::parse)
    }

    fn verify(&self) -> Result<(), AuthError> {
        self.claim()?.verify(SECRET, &body_hash(&self.body))
    }

    fn header(&mut self, name: &str) -> &mut Vec<u8> {
        &mut self.headers.iter_mut().find(|header| header.0 == name).unwrap().1
    }

    fn authorization(&mut self, change: impl FnOnce(String) -> String) -> Self {
        let header = self.header("authorization");
        *header = change(String::from_utf8(header.clone()).unwrap()).into_bytes();
        self.clone()
    }

    fn signature(&mut self) -> String {
        let text = String::from_utf8(self.header("authorization").clone()).unwrap();
        text.rsplit_once("Signature=").unwrap().1.to_owned()
    }
}

#[test]
fn published_examples() {
    let plain = [("host", "example.amazonaws.com")];
    let service = Purpose { region: "us-east-1", service: "service" };
    let mut vanilla = Request::new("GET", "/", "", &plain, b"").signed(&credentials(), service);
    assert_eq!(vanilla.signature(), "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31");
    assert_eq!(vanilla.verify(), Ok(()));

    let headers =
        [("host", "iam.amazonaws.com"), ("content-type", "application/x-www-form-urlencoded; charset=utf-8")];
    let iam = Purpose { region: "us-east-1", service: "iam" };
    let mut users = Request::new("GET", "/", "Action=ListUsers&Version=2010-05-08", &headers, b"")
        .signed(&credentials(), iam);
    insta::assert_snapshot!(
        String::from_utf8_lossy(users.header("authorization")),
        @"AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, SignedHeaders=content-type;host;x-amz-date, Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"
    );
    assert_eq!(users.verify(), Ok(()));
}

/// Made with botocore 1.43.11 at the same moment.
#[test]
fn botocore_is_believed() {
    let authorization = |scope: &str, headers: &str, signature: &str| {
        let scope = format!("Credential={KEY}/20150830/{scope}/aws4_request");
        format!("AWS4-HMAC-SHA256 {scope}, SignedHeaders={headers}, Signature={signature}")
    };
    let ecr = authorization(
        "us-west-2/ecr",
        "amz-sdk-invocation-id;amz-sdk-request;content-type;host;x-amz-date;x-amz-target",
        "e9a3512bd3406977d4ff1486dd22b3b694c18bd3ef72df71af6bbf52ab96589d",
    );
    let headers = [
        ("host", "localhost:4510"),
        ("x-amz-target", "AmazonEC2ContainerRegistry_V20150921.DescribeRepositories"),
        ("content-type", "application/x-amz-json-1.1"),
        ("user-agent", "Boto3/1"),
        ("amz-sdk-invocation-id", "00000000-0000-0000-0000-000000000000"),
        ("amz-sdk-request", "attempt=1; max=5"),
        ("x-amz-date", "20150830T123600Z"),
        ("authorization", &ecr),
        ("content-length", "33"),
    ];
    let body = br#"{"repositoryNames": ["team/web"]}"#;
    assert_eq!(Request::new("POST", "/", "", &headers, body).verify(), Ok(()));

    let sts = authorization(
        "us-east-1/sts",
        "content-type;host;x-amz-date",
        "6be0fc3965576da5fccab3a06f0cce1dbd5c2074f78fa15dd9c5cfbf27575d3e",
    );
    let headers = [
        ("host", "localhost:4510"),
        ("content-type", "application/x-www-form-urlencoded; charset=utf-8"),
        ("x-amz-date", "20150830T123600Z"),
        ("authorization", &sts),
    ];
    let body = b"Action=GetCallerIdentity&Version=2011-06-15";
    assert_eq!(Request::new("POST", "/", "", &headers, body).verify(), Ok(()));

    let link = "Action=GetCallerIdentity&Version=2011-06-15&X-Amz-Algorithm=AWS4-HMAC-SHA256\
                &X-Amz-Credential=AKIDEXAMPLE%2F20150830%2Fus-east-1%2Fsts%2Faws4_request\
                &X-Amz-Date=20150830T123600Z&X-Amz-Expires=900&X-Amz-SignedHeaders=host\
                &X-Amz-Signature=3acaeb7c78b995b4eea14879b4a36fd5ae5b8920b9b9220ae69c493d02edf7cb";
    assert_eq!(Request::new("GET", "/", link, &[("host", "localhost:4510")], b"").verify(), Ok(()));
}

#[test]
fn what_a_claim_says() {
    let claim = Request::ecr().signed(&credentials(), ECR).claim().unwrap();
    assert_eq!(claim.access_key_id(), KEY);
    assert_eq!((claim.region().as_str(), claim.service()), ("us-east-1", "ecr"));
    assert_eq!((claim.signed_at(), claim.lifetime(), claim.session_token()), (NOW, None, None));
    assert_eq!(claim.signed_headers(), "content-type;host;x-amz-date;x-amz-target");
    assert_eq!(claim.check_service("ecr"), Ok(()));
    let wrong = claim.check_service("sts").unwrap_err();
    assert_eq!(ecr::ErrorCode::from(&wrong), ecr::ErrorCode::InvalidSignature);
    insta::assert_snapshot!(wrong, @"Credential should be scoped to correct service: 'sts'.");
}

#[test]
fn whatever_is_changed_fails() {
    type Change = fn(&mut Request);
    let signed = Request::ecr().signed(&credentials(), ECR);
    assert_eq!(signed.verify(), Ok(()));
    assert_eq!(signed.claim().unwrap().verify("other", &body_hash(b"{}")), Err(AuthError::BadSignature));
    let changes: &[(&str, Change)] = &[
        ("method", |r| r.method = "GET".into()),
        ("path", |r| r.path = "/x".into()),
        ("query", |r| r.query = "a=1".into()),
        ("body", |r| r.body = b"{ }".to_vec()),
        ("host", |r| *r.header("host") = b"localhost:4511".to_vec()),
        ("target", |r| {
            *r.header("x-amz-target") = b"AmazonEC2ContainerRegistry_V20150921.DeleteRepository".to_vec();
        }),
        ("header gone", |r| r.headers.retain(|h| h.0 != "content-type")),
        ("header twice", |r| r.headers.push(("content-type".into(), b"text/plain".to_vec()))),
        ("time", |r| *r.header("x-amz-date") = b"20150830T123601Z".to_vec()),
        ("region", |r| drop(r.authorization(|a| a.replace("us-east-1", "us-east-2")))),
        ("service", |r| drop(r.authorization(|a| a.replace("/ecr/", "/sts/")))),
        ("signature", |r| {
            r.authorization(|a| {
                let (last, rest) = (a.chars().next_back().unwrap(), &a[..a.len() - 1]);
                format!("{rest}{}", if last == '0' { '1' } else { '0' })
            });
        }),
    ];
    for (what, change) in changes {
        let mut changed = signed.clone();
        change(&mut changed);
        assert_eq!(changed.verify(), Err(AuthError::BadSignature), "{what}");
    }
    // What does not change the canonical form does not matter.
    let mut spaced = signed.clone();
    *spaced.header("content-type") = b"  application/x-amz-json-1.1 ".to_vec();
    *spaced.header("user-agent") = b"another".to_vec();
    spaced.path = "//./".into();
    assert_eq!(spaced.verify(), Ok(()));
}

#[test]
fn flaws() {
    let signed = || Request::ecr().signed(&credentials(), ECR);
    let with = |change: fn(String) -> String| signed().authorization(change).claim().unwrap_err();
    let flaw = AuthError::Incomplete;
    assert_eq!(Request::ecr().claim().unwrap_err(), AuthError::Missing);
    assert_eq!(with(|_| String::new()), flaw(Flaw::Algorithm));
    assert_eq!(with(|_| "AWS4-HMAC-SHA256".into()), flaw(Flaw::Algorithm));
    assert_eq!(with(|_| "Basic QVdTOng=".into()), flaw(Flaw::Algorithm));
    assert_eq!(with(|a| a.replace("SHA256 ", "SHA512 ")), flaw(Flaw::Algorithm));
    assert_eq!(with(|a| a.replace("SHA256 ", "SHA256")), flaw(Flaw::Algorithm));
    assert_eq!(with(|a| a + "é"), flaw(Flaw::Unreadable));
    assert_eq!(with(|a| a + &" ".repeat(9000)), flaw(Flaw::Unreadable));
    assert_eq!(with(|a| a.replace("Credential=", "")), flaw(Flaw::Credential));
    assert_eq!(with(|a| a.replace(KEY, "")), flaw(Flaw::Credential));
    assert_eq!(with(|a| a.replace(KEY, &"A".repeat(129))), flaw(Flaw::Credential));
    assert_eq!(with(|a| a.replace("/ecr/", "/")), flaw(Flaw::Credential));
    assert_eq!(with(|a| a.replace("/ecr/", "/ecr/x/")), flaw(Flaw::Credential));
    assert_eq!(with(|a| a + ", Credential=x"), flaw(Flaw::Credential));
    assert_eq!(with(|a| a.replace("SignedHeaders", "Signedheaders")), flaw(Flaw::SignedHeaders));
    assert_eq!(with(|a| a.replace("content-type;host", "host;content-type")), flaw(Flaw::SignedHeaders));
    assert_eq!(with(|a| a.replace(";host", ";Host")), flaw(Flaw::SignedHeaders));
    assert_eq!(with(|a| a.replace(";host", ";host;host")), flaw(Flaw::SignedHeaders));
    assert_eq!(with(|a| a.replace("content-type;", ";")), flaw(Flaw::SignedHeaders));
    assert_eq!(with(|a| a.replace("Signature=", "Signature=0")), flaw(Flaw::Signature));
    assert_eq!(
        with(|a| a.replace("Signature=", "Signature=G").replace("Signature=G0", "G")),
        flaw(Flaw::Signature)
    );
    assert_eq!(with(|a| a.replace(";host", "")), flaw(Flaw::HostUnsigned));
    assert_eq!(with(|a| a.replace(";x-amz-target", "")), flaw(Flaw::AmzHeaderUnsigned));
    assert_eq!(
        with(|a| a.replace("aws4_request", "aws5_request")),
        AuthError::WrongScope(ScopeFault::Terminator)
    );
    assert_eq!(with(|a| a.replace("us-east-1", "US-EAST-1")), AuthError::WrongScope(ScopeFault::Region));
    insta::assert_snapshot!(with(|a| a.replace("20150830", "20150831")), @"Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '20150831' != '20150830'.");

    let many: Vec<_> = (0..101).map(|n| format!("x{n:03};")).collect();
    let fault = signed().authorization(|a| a.replace("content-type;", &many.concat())).claim().unwrap_err();
    assert_eq!(fault, flaw(Flaw::SignedHeaders));
    let mut twice = signed();
    let again = twice.header("authorization").clone();
    twice.headers.push(("authorization".into(), again));
    assert_eq!(twice.claim().unwrap_err(), flaw(Flaw::Ambiguous));
    let mut undated = signed();
    undated.headers.retain(|header| header.0 != "x-amz-date");
    assert_eq!(undated.claim().unwrap_err(), flaw(Flaw::Date));
}

#[test]
fn clocks() {
    let claim = Request::ecr().signed(&credentials(), ECR).claim().unwrap();
    for now in [NOW - 900, NOW, NOW + 900] {
        assert_eq!(claim.check_time(now), Ok(()));
    }
    insta::assert_snapshot!(claim.check_time(NOW + 901).unwrap_err(), @"Signature expired: 20150830T123600Z is now earlier than 20150830T123601Z (20150830T125101Z - 15 min.)");
    insta::assert_snapshot!(claim.check_time(NOW - 901).unwrap_err(), @"Signature not yet current: 20150830T123600Z is still later than 20150830T123559Z (20150830T122059Z + 15 min.)");
    assert!(claim.check_time(i64::MAX).is_err());
    assert!(claim.check_time(i64::MIN).is_err());

    let link =
        Request::new("GET", "/", "", &[("host", "h")], b"").presigned(&body_hash(b"")).claim().unwrap();
    assert_eq!(link.lifetime(), Some(60));
    for now in [NOW - 900, NOW, NOW + 60] {
        assert_eq!(link.check_time(now), Ok(()));
    }
    insta::assert_snapshot!(link.check_time(NOW + 61).unwrap_err(), @"Signature expired: 20150830T123700Z is now earlier than 20150830T123701Z");
    assert!(link.check_time(NOW - 901).is_err());
}

#[test]
fn stated_hashes() {
    let request = |stated: &str| {
        let mut request = Request::ecr();
        request.headers.push(("x-amz-content-sha256".into(), stated.as_bytes().to_vec()));
        request.signed(&credentials(), ECR)
    };
    assert_eq!(request(&body_hash(b"{}")).verify(), Ok(()));
    assert_eq!(request(&body_hash(b"")).verify(), Err(AuthError::BadSignature));
    assert_eq!(request("").verify(), Err(AuthError::BadSignature));

    let mut unsigned = Request::ecr();
    unsigned.headers.push(("x-amz-content-sha256".into(), UNSIGNED_PAYLOAD.as_bytes().to_vec()));
    let added = unsigned.with(|parts| sign(parts, &credentials(), ECR, NOW, UNSIGNED_PAYLOAD));
    unsigned.headers.extend(added.into_iter().map(|(n, v)| (n.to_owned(), v.into_bytes())));
    assert_eq!(unsigned.verify(), Err(AuthError::BadSignature));
}

#[test]
fn links() {
    let plain = Request::new("GET", "/", "Action=GetCallerIdentity", &[("host", "h:1")], b"");
    let link = plain.clone().presigned(&body_hash(b""));
    assert_eq!(link.verify(), Ok(()));
    let with = |change: &dyn Fn(&mut Request)| {
        let mut changed = link.clone();
        change(&mut changed);
        changed.verify()
    };
    let flaw = |flaw| Err(AuthError::Incomplete(flaw));
    assert_eq!(with(&|r| r.body = b"x".to_vec()), Err(AuthError::BadSignature));
    assert_eq!(with(&|r| r.query = r.query.replace("GetCaller", "Get")), Err(AuthError::BadSignature));
    assert_eq!(
        with(&|r| r.query = r.query.replace("Expires=60", "Expires=61")),
        Err(AuthError::BadSignature)
    );
    for bad in ["0", "604801", "+60", "", "x", "99999999999"] {
        let expires = format!("Expires={bad}");
        assert_eq!(
            with(&|r| r.query = r.query.replace("Expires=60", &expires)),
            flaw(Flaw::Expires),
            "{bad}"
        );
    }
    assert_eq!(with(&|r| r.query.push_str("&X-Amz-Date=20150830T123600Z")), flaw(Flaw::Ambiguous));
    assert_eq!(with(&|r| r.query.push_str("&X-Amz-Security-Token=%ff")), flaw(Flaw::Ambiguous));
    assert_eq!(
        with(&|r| r.headers.push(("authorization".into(), b"AWS4-HMAC-SHA256 x".into()))),
        flaw(Flaw::Ambiguous)
    );
    assert_eq!(
        with(&|r| r.headers.push(("x-amz-target".into(), b"x".into()))),
        flaw(Flaw::AmzHeaderUnsigned)
    );

    let mut stated = plain;
    stated.query.push_str("&X-Amz-Content-Sha256=UNSIGNED-PAYLOAD");
    let mut stated = stated.presigned(UNSIGNED_PAYLOAD);
    assert_eq!(stated.verify(), Ok(()));
    stated.body = b"{}".to_vec();
    assert_eq!(stated.verify(), Err(AuthError::BadSignature));
}

#[test]
fn session_tokens_are_refused() {
    let temporary = Credentials { session_token: Some(Secret::new("token")), ..credentials() };
    let signed = Request::ecr().signed(&temporary, ECR);
    assert_eq!(signed.claim().unwrap().session_token(), Some("token"));
    let refused = signed.verify().unwrap_err();
    assert_eq!(refused, AuthError::SessionToken);
    assert_eq!(ecr::ErrorCode::from(&refused), ecr::ErrorCode::UnrecognizedClient);
    assert_eq!(sts::ErrorCode::from(&refused), sts::ErrorCode::InvalidClientTokenId);
}

#[test]
fn secrets_are_not_shown() {
    assert!(!format!("{:?}", credentials()).contains("wJalr"));
}

/// What the SDK signs, we believe; and we sign the same.
fn agrees_with_the_sdk(request: &Request, link: bool) {
    use aws_sigv4::http_request::{
        SignableBody, SignableRequest, SignatureLocation, SigningSettings, sign as sdk_sign,
    };
    let identity = aws_credential_types::Credentials::new(KEY, SECRET, None, None, "test").into();
    let mut settings = SigningSettings::default();
    if link {
        settings.signature_location = SignatureLocation::QueryParams;
        settings.expires_in = Some(Duration::from_mins(1));
    }
    let time = UNIX_EPOCH + Duration::from_secs(NOW.unsigned_abs());
    let purpose = aws_sigv4::sign::v4::SigningParams::builder()
        .identity(&identity)
        .region("us-east-1")
        .name("ecr")
        .time(time)
        .settings(settings)
        .build()
        .unwrap()
        .into();
    let url = format!("http://localhost:4510{}?{}", request.path, request.query);
    let headers = request.headers.iter().map(|(n, v)| (n.as_str(), std::str::from_utf8(v).unwrap()));
    let signable =
        SignableRequest::new(&request.method, url.as_str(), headers, SignableBody::Bytes(&request.body))
            .unwrap();
    let (instructions, signature) = sdk_sign(signable, &purpose).unwrap().into_parts();
    let mut theirs = request.clone();
    for (name, value) in instructions.headers() {
        theirs.headers.push((name.to_owned(), value.as_bytes().to_vec()));
    }
    for (name, value) in instructions.params() {
        let sign = if theirs.query.is_empty() { "" } else { "&" };
        theirs.query.extend([sign, name, "=", &super::canonical::encode(value.as_bytes())]);
    }
    assert_eq!(theirs.verify(), Ok(()), "{request:?}");
    if !link {
        assert_eq!(request.clone().signed(&credentials(), ECR).signature(), signature, "{request:?}");
    }
}

#[test]
fn the_sdk_agrees_on_odd_requests() {
    for path in [
        "/",
        "/a",
        "/a/",
        "/a%20b",
        "/a//b",
        "/./a/../b",
        "/a/..",
        "/%C3%A9",
        "/a:b@c!$'()*,;=~",
        "/%2e%2E/x",
    ] {
        for query in
            ["", "a=1", "b=2&a=1&a=0", "a", "a=%20%2f%2B", "a+b=c+d", "x-y.z_~=1&x=2", "%C3%A9=1&z=2"]
        {
            let mut request = Request::ecr();
            request.path = path.into();
            request.query = query.into();
            request.headers.push(("x-odd".into(), b"  a   b  c ".to_vec()));
            request.headers.push(("x-odd".into(), b"d".to_vec()));
            agrees_with_the_sdk(&request, false);
            agrees_with_the_sdk(&request, true);
        }
    }
}

proptest! {
    #[test]
    fn the_sdk_agrees(
        path in "(/[a-zA-Z0-9._~:@!$'()*,;=-]{0,6}){1,4}",
        // No percent sign: the SDK reads bytes that are no UTF-8 as U+FFFD, we to the letter.
        query in "([a-z0-9+-]{0,3}=[a-zA-Z0-9.~/?:@-]{0,4}&?){0,3}",
        value in "[ -~]{0,20}",
        body in proptest::collection::vec(any::<u8>(), 0..50),
    ) {
        let mut request = Request::ecr();
        request.path = path;
        request.query = query;
        request.body = body;
        request.headers.push(("x-value".into(), value.into_bytes()));
        agrees_with_the_sdk(&request, false);
    }

    #[test]
    fn no_head_panics(
        query in "([&=%+]|X-Amz-(Algorithm|Credential|Date|Expires|SignedHeaders|Signature)|AWS4-HMAC-SHA256|[0-9a-f/;]{0,9}){0,12}",
        authorization in "(AWS4-HMAC-SHA256 )?((Credential|SignedHeaders|Signature)?[=,/; a-z0-9\u{e9}]{0,20}){0,5}",
        date in "[0-9TZ\u{e9}]{0,17}",
        raw in proptest::collection::vec(any::<u8>(), 0..60),
    ) {
        for (name, value) in [("authorization", authorization.as_bytes()), ("authorization", &raw), ("x", &raw)] {
            let headers = [("host", &b"h"[..]), ("x-amz-date", date.as_bytes()), (name, value)];
            let path = String::from_utf8_lossy(&raw);
            let parts = RequestParts { method: "POST", path: &path, query: &query, headers: &headers };
            if let Ok(claim) = Claim::parse(&parts) {
                let _ = claim.check_time(NOW);
                prop_assert!(claim.verify(SECRET, &body_hash(b"")).is_err());
            }
        }
    }
}
