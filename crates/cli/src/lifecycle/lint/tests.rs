use super::*;

fn linted(rules: &Value) -> Linted {
    let policy = LifecyclePolicy::parse(&json!({"rules": rules}).to_string()).unwrap();
    Linted { subject: "policy.json".into(), images: None, refused_by_ecr: None, report: lint(&policy, None) }
}

fn prefixes(priority: u32, list: &[&str]) -> Value {
    json!({
        "rulePriority": priority,
        "selection": {
            "tagStatus": "tagged", "tagPrefixList": list, "countType": "imageCountMoreThan", "countNumber": 10,
        },
        "action": {"type": "expire"},
    })
}

#[test]
fn what_people_read() {
    insta::assert_snapshot!(linted(&json!([prefixes(1, &["v"])])).text(), @"policy.json: no findings");
    insta::assert_snapshot!(linted(&json!([prefixes(1, &["v", "prod"]), prefixes(2, &["v1"]), prefixes(3, &["v1.2"])])).text(), @r#"
    policy.json: 2 findings

    rule 1: several prefixes in one rule mean AND: an image must have a tag for each of v, prod. For OR, give each a rule of its own; each then keeps 10
      {"action":{"type":"expire"},"rulePriority":1,"selection":{"countNumber":10,"countType":"imageCountMoreThan","tagPrefixList":["v"],"tagStatus":"tagged"}}
      {"action":{"type":"expire"},"rulePriority":2,"selection":{"countNumber":10,"countType":"imageCountMoreThan","tagPrefixList":["prod"],"tagStatus":"tagged"}}

    rule 3 never acts: all that it is about is claimed before by rule 2. Give it a lower number

    in the policy below, rule 3 never acts: all that it is about is claimed before by rule 1. Give it a lower number

    in the policy below, rule 4 never acts: all that it is about is claimed before by rule 1. Give it a lower number

    The whole policy with these rules:

    {
      "rules": [
        {
          "action": {
            "type": "expire"
          },
          "rulePriority": 1,
          "selection": {
            "countNumber": 10,
            "countType": "imageCountMoreThan",
            "tagPrefixList": [
              "v"
            ],
            "tagStatus": "tagged"
          }
        },
        {
          "action": {
            "type": "expire"
          },
          "rulePriority": 2,
          "selection": {
            "countNumber": 10,
            "countType": "imageCountMoreThan",
            "tagPrefixList": [
              "prod"
            ],
            "tagStatus": "tagged"
          }
        },
        {
          "action": {
            "type": "expire"
          },
          "rulePriority": 3,
          "selection": {
            "countNumber": 10,
            "countType": "imageCountMoreThan",
            "tagPrefixList": [
              "v1"
            ],
            "tagStatus": "tagged"
          }
        },
        {
          "action": {
            "type": "expire"
          },
          "rulePriority": 4,
          "selection": {
            "countNumber": 10,
            "countType": "imageCountMoreThan",
            "tagPrefixList": [
              "v1.2"
            ],
            "tagStatus": "tagged"
          }
        }
      ]
    }
    "#);
}

#[test]
fn what_programs_read() {
    insta::assert_snapshot!(format!("{:#}", linted(&json!([prefixes(1, &["a", "b"])])).json()), @r#"
    {
      "findings": [
        {
          "rule": 1,
          "rules": [
            {
              "action": {
                "type": "expire"
              },
              "rulePriority": 1,
              "selection": {
                "countNumber": 10,
                "countType": "imageCountMoreThan",
                "tagPrefixList": [
                  "a"
                ],
                "tagStatus": "tagged"
              }
            },
            {
              "action": {
                "type": "expire"
              },
              "rulePriority": 2,
              "selection": {
                "countNumber": 10,
                "countType": "imageCountMoreThan",
                "tagPrefixList": [
                  "b"
                ],
                "tagStatus": "tagged"
              }
            }
          ],
          "text": "rule 1: several prefixes in one rule mean AND: an image must have a tag for each of a, b. For OR, give each a rule of its own; each then keeps 10",
          "trap": "allOfSeveral"
        }
      ],
      "images": null,
      "refusedByEcr": null,
      "rewritten": {
        "rules": [
          {
            "action": {
              "type": "expire"
            },
            "rulePriority": 1,
            "selection": {
              "countNumber": 10,
              "countType": "imageCountMoreThan",
              "tagPrefixList": [
                "a"
              ],
              "tagStatus": "tagged"
            }
          },
          {
            "action": {
              "type": "expire"
            },
            "rulePriority": 2,
            "selection": {
              "countNumber": 10,
              "countType": "imageCountMoreThan",
              "tagPrefixList": [
                "b"
              ],
              "tagStatus": "tagged"
            }
          }
        ]
      },
      "rewrittenFindings": [],
      "subject": "policy.json"
    }
    "#);
    let of_none = linted(&json!([prefixes(1, &["v"])])).json();
    assert_eq!((&of_none["findings"], &of_none["rewritten"]), (&json!([]), &Value::Null));
}

#[test]
fn a_rewritten_policy_that_is_too_long_is_not_hidden() {
    let rules: Vec<Value> =
        (1..=50).map(|rule| prefixes(rule, &[&format!("a{rule}-"), &format!("b{rule}-")])).collect();
    let linted = linted(&json!(rules));
    let text = linted.text();
    assert!(text.starts_with("policy.json: 50 findings\n"), "{text}");
    assert!(text.ends_with("it has at most 50 rules and 30720 characters.\n"), "{text}");
    assert_eq!(linted.json()["rewritten"], Value::Null);
}

#[test]
fn nothing_that_a_policy_holds_reaches_the_terminal_as_it_is() {
    let text = linted(&json!([prefixes(1, &["a\u{1b}[2J", "b\u{9b}31m\n"])])).text();
    assert!(text.chars().all(|letter| !letter.is_control() || letter == '\n'), "{text:?}");
    let policy = text.split_once("these rules:\n\n").unwrap().1;
    let list =
        |rule: usize| serde_json::from_str::<Value>(policy).unwrap()["rules"][rule]["selection"].clone();
    assert_eq!(list(0)["tagPrefixList"], json!(["a\u{1b}[2J"]));
    assert_eq!(list(1)["tagPrefixList"], json!(["b\u{9b}31m\n"]));
}

#[test]
fn files_and_repositories() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    assert!(is_file(file.as_os_str()));
    assert!(!is_file(folder.path().as_os_str()));
    for none in ["nothing", "file/below", "a/b"] {
        assert!(!is_file(folder.path().join(none).as_os_str()), "{none}");
    }
    assert!(!is_file(OsStr::new(&"long".repeat(1000))));
}
