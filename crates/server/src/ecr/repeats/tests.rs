use super::*;
use acre_registry::Principal;
use acre_wire::names::{AccountId, Region};
use http::HeaderValue;
use std::sync::Arc;
use tokio::time::advance;

fn caller(principal: i64, account: &str, region: &str) -> Caller {
    let account = AccountId::parse(account).unwrap();
    let principal = Principal {
        id: principal,
        account: account.clone(),
        arn: format!("arn:aws:iam::{account}:root"),
        unique_id: account.to_string(),
    };
    Caller {
        principal: Arc::new(principal),
        registry: RegistryName { account, region: Region::parse(region).unwrap() },
        request: "request".into(),
    }
}

fn headers(id: &str, request: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert("amz-sdk-invocation-id", HeaderValue::from_str(id).unwrap());
    headers.insert("amz-sdk-request", HeaderValue::from_str(request).unwrap());
    headers
}

const ACCOUNT: &str = "000000000000";

fn attempt(id: &str, number: u32) -> Attempt {
    let caller = caller(1, ACCOUNT, "us-east-1");
    let headers = headers(id, &format!("attempt={number}; max=3"));
    Attempt::read(&headers, &caller, Operation::CreateRepository, "hash").unwrap()
}

/// Carries a call out if it is its turn; what was answered, and whether it was carried out.
async fn call(repeats: &Repeats, attempt: Attempt, answer: &'static [u8]) -> (Bytes, bool) {
    match repeats.turn(attempt, true).await {
        Turn::Run(ticket) => {
            let answer = Bytes::from_static(answer);
            ticket.keep(&answer);
            (answer, true)
        }
        Turn::Again(answer, _) => (answer, false),
        Turn::Running => panic!("it waits for nobody"),
    }
}

async fn runs(repeats: &Repeats, attempt: Attempt) -> bool {
    call(repeats, attempt, b"other").await.1
}

#[test]
fn what_headers_say() {
    let caller = caller(1, ACCOUNT, "us-east-1");
    let read = |headers: &HeaderMap, operation| {
        Attempt::read(headers, &caller, operation, "hash").map(|attempt| attempt.number)
    };
    for (text, number) in [
        ("attempt=1", Some(1)),
        ("attempt=2; max=25", Some(2)),
        ("ttl=20261121T000000Z; attempt=3; max=5", Some(3)),
        ("max=5;attempt = 4", Some(4)),
        ("attempt=", None),
        ("attempt=-1", None),
        ("attempt=99999999999", None),
        ("max=5", None),
        ("", None),
    ] {
        assert_eq!(read(&headers("id", text), Operation::CreateRepository), number, "{text}");
    }
    assert_eq!(read(&headers("", "attempt=2"), Operation::CreateRepository), None);
    assert_eq!(read(&headers(&"x".repeat(65), "attempt=2"), Operation::CreateRepository), None);
    assert_eq!(read(&HeaderMap::new(), Operation::CreateRepository), None);
    // What only reads may be asked again.
    assert_eq!(read(&headers("id", "attempt=2"), Operation::DescribeRepositories), None);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_comes_again_is_answered_again() {
    let repeats = Repeats::default();
    assert_eq!(call(&repeats, attempt("a", 1), b"first").await, (Bytes::from_static(b"first"), true));
    assert_eq!(call(&repeats, attempt("a", 2), b"second").await, (Bytes::from_static(b"first"), false));
    assert_eq!(call(&repeats, attempt("a", 3), b"third").await, (Bytes::from_static(b"first"), false));
    assert_eq!(repeats.answered_again(), 2);
    // A repeat of a call that never came is carried out.
    assert!(runs(&repeats, attempt("b", 2)).await);
}

#[tokio::test(start_paused = true)]
async fn another_call_is_not_the_same() {
    let repeats = Repeats::default();
    let of = |caller: &Caller, operation, id: &str, hash: &str| {
        Attempt::read(&headers(id, "attempt=2"), caller, operation, hash).unwrap()
    };
    let (create, put) = (Operation::CreateRepository, Operation::PutImage);
    let me = caller(1, ACCOUNT, "us-east-1");
    assert!(runs(&repeats, of(&me, create, "id", "hash")).await);
    let others = [
        of(&caller(2, ACCOUNT, "us-east-1"), create, "id", "hash"),
        of(&caller(1, "111111111111", "us-east-1"), create, "id", "hash"),
        of(&caller(1, ACCOUNT, "us-west-2"), create, "id", "hash"),
        of(&me, put, "id", "hash"),
        of(&me, create, "other", "hash"),
        of(&me, create, "id", "other"),
    ];
    for other in others {
        assert!(runs(&repeats, other.clone()).await, "{other:?}");
    }
    assert!(!runs(&repeats, of(&me, create, "id", "hash")).await);
}

#[tokio::test(start_paused = true)]
async fn two_minutes_and_no_longer() {
    let repeats = Repeats::default();
    assert!(runs(&repeats, attempt("a", 1)).await);
    advance(Duration::from_secs(119)).await;
    assert!(!runs(&repeats, attempt("a", 2)).await);
    advance(Duration::from_secs(1)).await;
    assert!(runs(&repeats, attempt("a", 2)).await);
    advance(KEPT_FOR).await;
    assert!(runs(&repeats, attempt("b", 1)).await);
    assert_eq!(format!("{repeats:?}"), "Repeats(1 calls, 517 bytes)");
}

#[tokio::test(start_paused = true)]
async fn an_id_that_is_used_anew_is_a_new_call() {
    let repeats = Repeats::default();
    assert!(runs(&repeats, attempt("a", 1)).await);
    assert_eq!(call(&repeats, attempt("a", 1), b"second").await, (Bytes::from_static(b"second"), true));
    assert_eq!(call(&repeats, attempt("a", 2), b"third").await, (Bytes::from_static(b"second"), false));
    assert_eq!(format!("{repeats:?}"), "Repeats(1 calls, 518 bytes)");
}

#[tokio::test(start_paused = true)]
async fn as_many_and_as_large_as_agreed() {
    let repeats = Repeats { most: 2, ..Repeats::default() };
    for id in ["a", "b", "c"] {
        assert!(runs(&repeats, attempt(id, 1)).await);
    }
    assert!(!runs(&repeats, attempt("c", 2)).await);
    assert!(!runs(&repeats, attempt("b", 2)).await);
    assert!(runs(&repeats, attempt("a", 2)).await, "the oldest went");
    let repeats = Repeats { most_bytes: 2 * OVERHEAD + 10, ..Repeats::default() };
    for (id, answer) in [("a", b"12345" as &[u8]), ("b", b"12345"), ("c", b"1")] {
        assert!(call(&repeats, attempt(id, 1), answer).await.1);
    }
    assert!(runs(&repeats, attempt("a", 2)).await);
    let large = Repeats { most_bytes: OVERHEAD + 10, ..Repeats::default() };
    assert!(call(&large, attempt("small", 1), b"1").await.1);
    assert!(call(&large, attempt("large", 1), b"12345678901").await.1);
    assert!(call(&large, attempt("large", 2), b"12345678901").await.1, "it is larger than all may be");
    assert!(!call(&large, attempt("small", 2), b"1").await.1, "nothing went for it");
}

#[tokio::test(start_paused = true)]
async fn while_the_first_runs_the_second_waits() {
    let repeats = Arc::new(Repeats::default());
    let Turn::Run(first) = repeats.turn(attempt("a", 1), true).await else { panic!("nobody runs") };
    let waiting: Vec<_> = (2..5)
        .map(|number| {
            let repeats = Arc::clone(&repeats);
            tokio::spawn(async move { call(&repeats, attempt("a", number), b"never").await })
        })
        .collect();
    advance(WAIT / 2).await;
    assert!(waiting.iter().all(|task| !task.is_finished()));
    // A new call of that id is nobody's repeat: it does not wait, and is not kept.
    assert!(runs(&repeats, attempt("a", 1)).await);
    first.keep(&Bytes::from_static(b"first"));
    for task in waiting {
        assert_eq!(task.await.unwrap(), (Bytes::from_static(b"first"), false));
    }
}

#[tokio::test(start_paused = true)]
async fn a_first_that_fails_leaves_its_turn_to_one_other() {
    let repeats = Arc::new(Repeats::default());
    let Turn::Run(first) = repeats.turn(attempt("a", 1), true).await else { panic!("nobody runs") };
    let waiting: Vec<_> = (2..5)
        .map(|number| {
            let repeats = Arc::clone(&repeats);
            tokio::spawn(async move { call(&repeats, attempt("a", number), b"later").await })
        })
        .collect();
    tokio::task::yield_now().await;
    drop(first);
    let mut carried_out = 0;
    for task in waiting {
        let (answer, ran) = task.await.unwrap();
        assert_eq!(answer, "later");
        carried_out += u32::from(ran);
    }
    assert_eq!(carried_out, 1);
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_ever() {
    let repeats = Repeats::default();
    let Turn::Run(_first) = repeats.turn(attempt("a", 1), true).await else { panic!("nobody runs") };
    let begun = Instant::now();
    assert!(matches!(repeats.turn(attempt("a", 2), true).await, Turn::Running));
    // Nor at all, who may not.
    let start = Instant::now();
    assert!(matches!(repeats.turn(attempt("a", 2), false).await, Turn::Running));
    assert_eq!(start.elapsed(), Duration::ZERO);
    assert_eq!(begun.elapsed(), WAIT);
}
