use super::*;
use acre_client::images::Obstacle;
use acre_wire::digest::Algorithm;
use acre_wire::ecr::Timestamp;
use acre_wire::manifest::MediaType;
use acre_wire::names::Region;
use acre_wire::sigv4::{Credentials, Secret};

/// 2026-11-21 20:10 UTC.
const NOW: i64 = 1_795_291_800_000_000;
const DAY: i64 = 86_400_000_000;

fn digest(name: &str) -> Digest {
    Digest::of(Algorithm::Sha256, name.as_bytes())
}

fn image(name: &str, tags: &[&str], days: i64, size: u64) -> Image {
    Image {
        digest: digest(name),
        tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
        media_type: Some(MediaType::OciImage.as_str().into()),
        pushed_at: Timestamp::from_micros(NOW - days * DAY),
        pulled_at: None,
        activated_at: None,
        archived_at: None,
        is_archived: false,
        subject: None,
        size,
    }
}

/// An index with two children, both untagged; two more untagged ones, a signature, releases.
fn preview(indexes: Indexes) -> Preview {
    let policy = json!({"rules": [
        {
            "rulePriority": 1,
            "selection": {"tagStatus": "untagged", "countType": "sinceImagePushed", "countUnit": "days", "countNumber": 7},
            "action": {"type": "expire"},
        },
        {
            "rulePriority": 2,
            "selection": {"tagStatus": "tagged", "tagPrefixList": ["v"], "countType": "imageCountMoreThan", "countNumber": 2},
            "action": {"type": "transition", "targetStorageClass": "archive"},
        },
    ]});
    let policy = Policy::parse(&policy.to_string()).unwrap();
    let mut signature = image("signature", &[], 20, 300);
    signature.subject = Some(digest("v3"));
    let mut images = vec![
        image("v1", &["v1", "first", "a-tag-that-is-rather-long-0123456789"], 30, 5 << 30),
        image("index", &["v2"], 20, 1 << 20),
        image("v3", &["v3"], 10, 1536),
        image("child 1", &[], 20, 1000),
        image("child 2", &[], 20, 1024),
        image("loose", &[], 9, 0),
        image("fresh", &[], 1, 10_000_000),
        image("evil", &["\u{1b}[2Jx"], 2, 1),
        signature,
    ];
    images.sort_by_key(|image| image.digest);
    let mut collected = collect(&policy.policy, &images).unwrap();
    if !matches!(indexes, Indexes::LeftAlone(_)) {
        let index = collected.find(&digest("index")).unwrap();
        for child in ["child 1", "child 2"] {
            collected.relate(index, collected.find(&digest(child)).unwrap());
        }
    }
    let login = Login {
        endpoint: "http://localhost:4510".into(),
        region: Region::parse("eu-west-1").unwrap(),
        credentials: Credentials {
            access_key_id: "AKIA".into(),
            secret_access_key: Secret::new("secret"),
            session_token: None,
        },
    };
    let repository = RepositoryName::parse("team/app").unwrap();
    Preview { repository, login, now: NOW, refused_by_ecr: None, images, collected, indexes }
}

#[test]
fn what_goes() {
    insta::assert_snapshot!(preview(Indexes::Read(Vec::new())).text(false, false), @r#"
    IMAGE         TAGS          PUSHED (UTC)         SIZE  RESULT    RULE  WHY
    3bfc269594ef  v1, first +1  2026-10-22 20:10  5.0 GiB  archives     2  number 3 from the newest, 2 are kept
    b5e0eee6e28e                2026-11-12 20:10      0 B  expires      1  pushed or restored more than 7 days ago

    1 image would expire (0 B), 1 would be archived (5.0 GiB), 7 are kept (10.5 MiB) (--all shows what is kept)
    team/app in eu-west-1 at http://localhost:4510, judged 2026-11-21 20:10 UTC
    Sizes are those of whole images: a layer that several share is counted in each, so fewer bytes may be freed.
    "#);
}

#[test]
fn all_images() {
    insta::assert_snapshot!(preview(Indexes::Read(Vec::new())).text(true, false), @r#"
    IMAGE         TAGS          PUSHED (UTC)         SIZE  RESULT    RULE  WHY
    3bfc269594ef  v1, first +1  2026-10-22 20:10  5.0 GiB  archives     2  number 3 from the newest, 2 are kept
    b5e0eee6e28e                2026-11-12 20:10      0 B  expires      1  pushed or restored more than 7 days ago
    d098ab5e44b9                2026-11-20 20:10  9.5 MiB  kept         1  pushed or restored no more than 7 days ago
    b5c1fb2efc6d  [2Jx          2026-11-19 20:10      1 B  kept            no rule is about it
    e0d2747b9ab7  v3            2026-11-11 20:10  1.5 KiB  kept         2  number 1 from the newest, 2 are kept
    1a2fc26dc7ea                2026-11-01 20:10    300 B  kept         1  attached to e0d2747b9ab7; rule 1 would act on it
    1bc04b5291c2  v2            2026-11-01 20:10  1.0 MiB  kept         2  number 2 from the newest, 2 are kept
    219744bdffed                2026-11-01 20:10   1000 B  kept         1  stands in index 1bc04b5291c2; rule 1 would act on it
    cd6aa8779b31                2026-11-01 20:10  1.0 KiB  kept         1  stands in index 1bc04b5291c2; rule 1 would act on it

    1 image would expire (0 B), 1 would be archived (5.0 GiB), 7 are kept (10.5 MiB)
    team/app in eu-west-1 at http://localhost:4510, judged 2026-11-21 20:10 UTC
    Sizes are those of whole images: a layer that several share is counted in each, so fewer bytes may be freed.
    "#);
}

#[test]
fn what_programs_read() {
    let preview = preview(Indexes::Read(Vec::new()));
    insta::assert_snapshot!(format!("{:#}", preview.json(false)), @r#"
    {
      "endpoint": "http://localhost:4510",
      "evaluatedAt": "2026-11-21T20:10:00Z",
      "images": [
        {
          "digest": "sha256:3bfc269594ef649228e9a74bab00f042efc91d5acc6fbee31a382e80d42388fe",
          "outcome": "transition",
          "pushedAt": "2026-10-22T20:10:00Z",
          "rule": 2,
          "shieldedFrom": null,
          "sizeInBytes": 5368709120,
          "storageClass": "standard",
          "tags": [
            "v1",
            "first",
            "a-tag-that-is-rather-long-0123456789"
          ],
          "why": "number 3 from the newest, 2 are kept"
        },
        {
          "digest": "sha256:b5e0eee6e28efca6d6ad05d7b8a94631576037ec9e5ff6d305fe89faa0e1032e",
          "outcome": "expire",
          "pushedAt": "2026-11-12T20:10:00Z",
          "rule": 1,
          "shieldedFrom": null,
          "sizeInBytes": 0,
          "storageClass": "standard",
          "tags": [],
          "why": "pushed or restored more than 7 days ago"
        }
      ],
      "indexesLeftAlone": 0,
      "refusedByEcr": null,
      "region": "eu-west-1",
      "repository": "team/app",
      "summary": {
        "expire": {
          "bytes": 0,
          "images": 1
        },
        "keep": {
          "bytes": 11052437,
          "images": 7
        },
        "sharedLayersAreCountedInEachImage": true,
        "transition": {
          "bytes": 5368709120,
          "images": 1
        }
      },
      "unreadIndexes": []
    }
    "#);
    let all = preview.json(true);
    assert_eq!(all["images"].as_array().map(Vec::len), Some(9));
    let index = all["images"]
        .as_array()
        .unwrap()
        .iter()
        .find(|image| image["digest"] == digest("child 1").to_string());
    let why = format!("stands in index {}; rule 1 would act on it", digest("index"));
    assert_eq!((&index.unwrap()["outcome"], &index.unwrap()["why"]), (&json!("keep"), &json!(why)));
}

#[test]
fn what_is_not_known_is_said() {
    let unread = vec![Unread { index: digest("index"), because: Obstacle::Archived }];
    let unread = preview(Indexes::Read(unread));
    let text = unread.text(false, false);
    let line = format!("index {} could not be read: it is archived. ", short(&digest("index")));
    assert!(text.contains(&line), "{text}");
    assert_eq!(
        unread.json(false)["unreadIndexes"],
        json!([{"digest": digest("index").to_string(), "because": "it is archived"}])
    );

    let alone = preview(Indexes::LeftAlone(1));
    let text = alone.text(false, false);
    assert!(text.contains("\n1 index was not read: reading one counts as a pull"), "{text}");
    assert!(text.contains("\n3 images would expire"), "{text}");
    assert_eq!(alone.json(false)["indexesLeftAlone"], json!(1));
}

#[test]
fn colours_only_where_they_are_wanted() {
    let preview = preview(Indexes::NotNeeded);
    assert!(!preview.text(true, false).contains('\u{1b}'));
    let text = preview.text(true, true);
    for word in ["\u{1b}[31mexpires\u{1b}[0m", "\u{1b}[33marchives\u{1b}[0m", "\u{1b}[32mkept\u{1b}[0m"] {
        assert!(text.contains(word), "{text:?}");
    }
    assert!(!text.contains("\u{1b}[2J"), "{text:?}");
}

#[test]
fn sizes() {
    for (bytes, text) in [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (1587, "1.5 KiB"),
        ((1 << 20) - 1, "1.0 MiB"),
        (5 << 30, "5.0 GiB"),
        (u64::MAX, "16.0 EiB"),
    ] {
        assert_eq!(size(bytes), text, "{bytes}");
    }
}

#[test]
fn tags_that_go_into_a_line() {
    let said = |list: &[&str]| tags(&list.iter().map(|tag| (*tag).to_owned()).collect::<Vec<_>>());
    assert_eq!(said(&[]), "");
    assert_eq!(said(&["a", "b"]), "a, b");
    let long = "x".repeat(128);
    assert_eq!(said(&[&long, "a"]), format!("{}… +1", "x".repeat(40)));
    assert_eq!(said(&["a", &long, "b"]), "a +2");
}

#[test]
fn times() {
    assert_eq!(minute(NOW), "2026-11-21 20:10");
    assert_eq!(moment(1_705_072_146_123_000).as_deref(), Some("2024-01-12T15:09:06.123Z"));
    assert_eq!((minute(i64::MAX), moment(i64::MAX)), (String::new(), None));
}
