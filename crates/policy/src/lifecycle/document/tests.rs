use super::*;
use proptest::prelude::*;
use serde_json::{Value, json};

fn parse(policy: &Value) -> Result<LifecyclePolicy, LifecycleError> {
    LifecyclePolicy::parse(&policy.to_string())
}

fn message(policy: &Value) -> String {
    parse(policy).unwrap_err().to_string()
}

/// A selection with its members, an action with its.
#[expect(clippy::needless_pass_by_value, reason = "rows of literals read better without references")]
fn rule(priority: u32, selection: Value, action: Value) -> Value {
    json!({"rulePriority": priority, "selection": selection, "action": action})
}

fn expire() -> Value {
    json!({"type": "expire"})
}

fn archive() -> Value {
    json!({"type": "transition", "targetStorageClass": "archive"})
}

/// A rule that keeps ten images, with the tag members given.
fn keep(priority: u32, tags: Value) -> Value {
    let mut selection = json!({"countType": "imageCountMoreThan", "countNumber": 10});
    merge(&mut selection, tags);
    rule(priority, selection, expire())
}

fn merge(into: &mut Value, members: Value) {
    let Value::Object(members) = members else { panic!("not an object") };
    into.as_object_mut().unwrap().extend(members);
}

fn policy(rules: impl Into<Vec<Value>>) -> Value {
    json!({"rules": rules.into()})
}

/// What the seeds' configurations send. 002 is to the letter; the others say in prose what their rules are.
fn seeds() -> Vec<(&'static str, Value)> {
    let untagged = |priority, days| {
        let selection = json!({"tagStatus": "untagged", "countType": "sinceImagePushed", "countUnit": "days", "countNumber": days});
        rule(priority, selection, expire())
    };
    vec![
        ("000", policy([keep(1, json!({"tagStatus": "any"}))])),
        (
            "001",
            policy([rule(
                1,
                json!({"tagStatus": "any", "countType": "sinceImagePushed", "countUnit": "days", "countNumber": 30}),
                expire(),
            )]),
        ),
        (
            "002",
            json!({"rules": [
                {
                    "rulePriority": 1,
                    "description": "Keep last 10 'prod' images",
                    "selection": {
                        "tagStatus": "tagged",
                        "tagPrefixList": ["prod"],
                        "countType": "imageCountMoreThan",
                        "countNumber": 10
                    },
                    "action": {"type": "expire"}
                },
                {
                    "rulePriority": 2,
                    "description": "Delete untagged images older than 7 days",
                    "selection": {
                        "tagStatus": "untagged",
                        "countType": "sinceImagePushed",
                        "countUnit": "days",
                        "countNumber": 7
                    },
                    "action": {"type": "expire"}
                }
            ]}),
        ),
        (
            "003",
            policy([
                keep(1, json!({"tagStatus": "tagged", "tagPrefixList": ["v", "release", "prod"]})),
                rule(
                    2,
                    json!({
                        "tagStatus": "tagged",
                        "tagPrefixList": ["dev", "staging"],
                        "countType": "sinceImagePushed",
                        "countUnit": "days",
                        "countNumber": 7
                    }),
                    expire(),
                ),
                untagged(3, 1),
            ]),
        ),
        ("004", policy([keep(1, json!({"tagStatus": "tagged", "tagPrefixList": ["v"]})), untagged(2, 7)])),
    ]
}

#[test]
fn seeds_are_accepted() {
    for (seed, policy) in seeds() {
        let text = serde_json::to_string_pretty(&policy).unwrap();
        assert!(text.chars().count() >= MIN_CHARACTERS, "{seed}");
        let parsed = LifecyclePolicy::parse(&text).unwrap();
        assert_eq!(serde_json::from_str::<Value>(&parsed.canonical()).unwrap(), policy, "{seed}");
        assert_eq!(parsed.rules().len(), policy["rules"].as_array().unwrap().len(), "{seed}");
    }
}

#[test]
fn typed() {
    let (_, seed) = seeds().remove(2);
    let parsed = parse(&seed).unwrap();
    assert_eq!(
        parsed.rules(),
        [
            Rule {
                priority: 1,
                description: Some("Keep last 10 'prod' images".into()),
                selection: Selection {
                    tags: Tags::Prefixes(vec!["prod".into()]),
                    storage_class: StorageClass::Standard,
                    count: Count::ImageCountMoreThan { images: 10 },
                },
                action: Action::Expire,
            },
            Rule {
                priority: 2,
                description: Some("Delete untagged images older than 7 days".into()),
                selection: Selection {
                    tags: Tags::Untagged,
                    storage_class: StorageClass::Standard,
                    count: Count::SinceImagePushed { days: 7 },
                },
                action: Action::Expire,
            },
        ]
    );
}

#[test]
fn canonical_keeps_the_order_and_adds_nothing() {
    let text = r#" { "rules" : [ { "selection" : { "tagStatus" : "tagged", "countNumber" : 999999,
        "countType" : "imageCountMoreThan", "tagPatternList" : [ "b\/*", "\u0061*" ] },
        "rulePriority" : 7, "description" : "", "action" : { "type" : "expire" } } ] } "#;
    insta::assert_snapshot!(
        LifecyclePolicy::parse(text).unwrap().canonical(),
        @r#"{"rules":[{"selection":{"tagStatus":"tagged","countNumber":999999,"countType":"imageCountMoreThan","tagPatternList":["b/*","a*"]},"rulePriority":7,"description":"","action":{"type":"expire"}}]}"#
    );
}

/// Spec/ecr.md 4.3: the whole document.
#[test]
fn documents() {
    const UNREADABLE: &str = "Could not map policyString into LifecyclePolicy.";
    for text in [
        "",
        "some invalid input",
        "\"text\"",
        "null",
        "[]",
        "17",
        r#"{"rules":[]"#,
        r#"{"rules":[]} x"#,
        r#"{"rules":[],"rules":[]}"#,
        &format!(r#"{{"rules":{}}}"#, "[".repeat(30_000)),
        &format!(r#"{{"rules":{}{}}}"#, "[".repeat(15_000), "]".repeat(15_000)),
        &format!("{}{}", policy([keep(1, json!({"tagStatus": "any"}))]), " ".repeat(MAX_CHARACTERS)),
    ] {
        assert_eq!(LifecyclePolicy::parse(text).unwrap_err().to_string(), UNREADABLE);
    }
    let deep =
        r#"{"rules":[{"rulePriority":1,"selection":{"tagStatus":"any","tagStatus":"any"},"action":{}}]}"#;
    assert_eq!(LifecyclePolicy::parse(deep).unwrap_err().to_string(), UNREADABLE);
    for (policy, expected) in [
        (json!({}), r#"object has missing required properties (["rules"])"#),
        (
            json!({"rules": null}),
            r#"instance type (null) does not match any allowed primitive type (allowed: ["array"])"#,
        ),
        (
            json!({"rules": {}}),
            r#"instance type (object) does not match any allowed primitive type (allowed: ["array"])"#,
        ),
        (
            json!({"rules": []}),
            "array is too short: must have at least 1 elements but instance has 0 elements",
        ),
        (
            json!({"rules": vec![0; 51]}),
            "array is too long: must have at most 50 elements but instance has 51 elements",
        ),
        (
            json!({"rules": [], "foo": 1}),
            r#"object instance has properties which are not allowed by the schema: (["foo"])"#,
        ),
        (
            json!({"z": 0, "foo": 1}),
            "object has missing required properties ([\"rules\"])\n\
             object instance has properties which are not allowed by the schema: ([\"foo\",\"z\"])",
        ),
    ] {
        assert_eq!(message(&policy), expected, "{policy}");
    }
}

/// Spec/ecr.md 4.3: a rule.
#[test]
fn rules_of_the_wrong_shape() {
    let good = keep(1, json!({"tagStatus": "any"}));
    for (change, expected) in [
        (json!({"action": 5}), wrong("integer", "object")),
        (json!({"selection": null}), wrong("null", "object")),
        (json!({"selection": []}), wrong("array", "object")),
        (json!({"rulePriority": "1"}), wrong("string", "integer")),
        (json!({"rulePriority": null}), wrong("null", "integer")),
        (json!({"rulePriority": true}), wrong("boolean", "integer")),
        (json!({"rulePriority": 1.5}), wrong("number", "integer")),
        (json!({"rulePriority": 1.0}), wrong("number", "integer")),
        (json!({"description": null}), wrong("null", "string")),
        (
            json!({"rulePriority": 0}),
            "numeric instance is lower than the required minimum (minimum: 1, found: 0)".into(),
        ),
        (
            json!({"rulePriority": -4}),
            "numeric instance is lower than the required minimum (minimum: 1, found: -4)".into(),
        ),
        (
            json!({"rulePriority": 2_147_483_648_u32}),
            "numeric instance is greater than the required maximum (maximum: 2147483647, found: 2147483648)".into(),
        ),
        (
            json!({"rulePriority": u64::MAX}),
            "numeric instance is greater than the required maximum (maximum: 2147483647, found: 18446744073709551615)"
                .into(),
        ),
        (
            json!({"foo": 1, "bar": 2}),
            r#"object instance has properties which are not allowed by the schema: (["bar","foo"])"#.into(),
        ),
        (
            json!({"rulePriority": "1", "description": 1}),
            format!("{}\n{}", wrong("string", "integer"), wrong("integer", "string")),
        ),
    ] {
        let mut rule = good.clone();
        merge(&mut rule, change.clone());
        assert_eq!(message(&policy([rule])), expected, "{change}");
    }
    for (names, expected) in [
        (vec!["rulePriority"], r#"(["rulePriority"])"#),
        (vec!["selection", "action"], r#"(["action","selection"])"#),
    ] {
        let mut rule = good.clone();
        rule.as_object_mut().unwrap().retain(|name, _| !names.contains(&name.as_str()));
        assert_eq!(message(&policy([rule])), format!("object has missing required properties {expected}"));
    }
    assert_eq!(
        message(&policy([json!("x"), json!(1)])),
        format!("{}\n{}", wrong("string", "object"), wrong("integer", "object"))
    );
}

const NO_VARIANT: &str = "instance failed to match exactly one schema (matched 0 out of 2)";

fn wrong(found: &str, allowed: &str) -> String {
    format!("instance type ({found}) does not match any allowed primitive type (allowed: [\"{allowed}\"])")
}

/// Spec/ecr.md 4.3: a selection that keeps ten of any, with one change.
#[test]
fn selections_of_the_wrong_shape() {
    let in_enum = |value: &str, known: &str| {
        format!("instance value ({value}) not found in enum :(possible values: {known})")
    };
    for (change, expected) in [
        (json!({"tagStatus": "TAGGED"}), in_enum("TAGGED", r#"["any","tagged","untagged"]"#)),
        (json!({"tagStatus": null}), wrong("null", "string")),
        (json!({"countType": "unknown"}), NO_VARIANT.into()),
        (json!({"countType": null}), wrong("null", "string")),
        (json!({"countUnit": "days"}), NO_VARIANT.into()),
        (json!({"countUnit": null}), NO_VARIANT.into()),
        (json!({"countType": "sinceImagePushed"}), NO_VARIANT.into()),
        (json!({"countType": "sinceImagePushed", "countUnit": "weeks"}), in_enum("weeks", r#"["days"]"#)),
        (json!({"countType": "sinceImagePushed", "countUnit": null}), wrong("null", "string")),
        (json!({"countNumber": "10"}), wrong("string", "integer")),
        (json!({"countNumber": null}), wrong("null", "integer")),
        (
            json!({"countNumber": 0}),
            "numeric instance is lower than the required minimum (minimum: 1, found: 0)".into(),
        ),
        (
            json!({"countNumber": -1}),
            "numeric instance is lower than the required minimum (minimum: 1, found: -1)".into(),
        ),
        (json!({"storageClass": "glacier"}), in_enum("glacier", r#"["archive","standard"]"#)),
        (json!({"storageClass": null}), wrong("null", "string")),
        (json!({"tagPrefixList": null}), wrong("null", "array")),
        (json!({"tagPrefixList": null, "tagPatternList": null}), format!("{0}\n{0}", wrong("null", "array"))),
        (json!({"tagPrefixList": "prod"}), wrong("string", "array")),
        (
            json!({"tagPrefixList": ["a", 1, null]}),
            format!("{}\n{}", wrong("integer", "string"), wrong("null", "string")),
        ),
        (
            json!({"tagPatternList": []}),
            "array is too short: must have at least 1 elements but instance has 0 elements".into(),
        ),
        (json!({"tagPrefixList": [""]}), "string \"\" is too short (length: 0, required minimum: 1)".into()),
        (
            json!({"unknown": 123}),
            r#"object instance has properties which are not allowed by the schema: (["unknown"])"#.into(),
        ),
    ] {
        let mut selection = json!({"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 10});
        merge(&mut selection, change.clone());
        assert_eq!(message(&policy([rule(1, selection, expire())])), expected, "{change}");
    }
    assert_eq!(
        message(&policy([rule(1, json!({}), expire())])),
        r#"object has missing required properties (["countNumber","countType","tagStatus"])"#
    );
}

/// Spec/ecr.md 4.3: an action.
#[test]
fn actions_of_the_wrong_shape() {
    for (action, expected) in [
        (json!({}), r#"object has missing required properties (["type"])"#),
        (
            json!({"type": "keep"}),
            r#"instance value (keep) not found in enum :(possible values: ["expire","transition"])"#,
        ),
        (
            json!({"type": null}),
            r#"instance type (null) does not match any allowed primitive type (allowed: ["string"])"#,
        ),
        (
            json!({"type": "expire", "foo": 1}),
            r#"object instance has properties which are not allowed by the schema: (["foo"])"#,
        ),
        (json!({"type": "expire", "targetStorageClass": null}), NO_VARIANT),
        (json!({"type": "expire", "targetStorageClass": "archive"}), NO_VARIANT),
        (json!({"type": "transition"}), NO_VARIANT),
        (json!({"type": "transition", "targetStorageClass": "standard"}), NO_VARIANT),
        (json!({"type": "transition", "targetStorageClass": 1}), NO_VARIANT),
    ] {
        let selection = json!({"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 10});
        assert_eq!(message(&policy([rule(1, selection, action.clone())])), expected, "{action}");
    }
}

/// Spec/ecr.md 4.1: every row of the table with every unit, class and action.
#[test]
fn pairings() {
    for (count_type, with_unit, archived, actions) in [
        ("imageCountMoreThan", false, false, ["expire", "transition"].as_slice()),
        ("sinceImagePushed", true, false, &["expire", "transition"]),
        ("sinceImagePulled", true, false, &["transition"]),
        ("sinceImageTransitioned", true, true, &["expire"]),
    ] {
        for unit in [false, true] {
            for class in [None, Some("standard"), Some("archive")] {
                for action in [expire(), archive()] {
                    let mut selection =
                        json!({"tagStatus": "any", "countType": count_type, "countNumber": 90});
                    if unit {
                        merge(&mut selection, json!({"countUnit": "days"}));
                    }
                    if let Some(class) = class {
                        merge(&mut selection, json!({"storageClass": class}));
                    }
                    let good = unit == with_unit
                        && archived == (class == Some("archive"))
                        && actions.contains(&action["type"].as_str().unwrap());
                    let policy = policy([rule(1, selection, action)]);
                    match parse(&policy) {
                        Ok(_) => assert!(good, "{policy}"),
                        Err(error) => {
                            assert!(!good, "{policy}");
                            assert_eq!(error.to_string(), NO_VARIANT, "{policy}");
                        }
                    }
                }
            }
        }
    }
    let archived = |days: i32| {
        policy([rule(
            1,
            json!({
                "tagStatus": "any",
                "storageClass": "archive",
                "countType": "sinceImageTransitioned",
                "countUnit": "days",
                "countNumber": days
            }),
            expire(),
        )])
    };
    assert!(parse(&archived(90)).is_ok());
    assert_eq!(
        message(&archived(89)),
        "numeric instance is lower than the required minimum (minimum: 90, found: 89)"
    );
}

/// Spec/ecr.md 4.2 and the second half of 4.3.
#[test]
fn rules_that_make_no_sense() {
    let prefix = |list: &[&str]| json!({"tagStatus": "tagged", "tagPrefixList": list});
    let pattern = |list: &[&str]| json!({"tagStatus": "tagged", "tagPatternList": list});
    let archived = |priority: u32, tags: Value| {
        let mut selection = json!({"storageClass": "archive", "countType": "sinceImageTransitioned", "countUnit": "days", "countNumber": 90});
        merge(&mut selection, tags);
        rule(priority, selection, expire())
    };
    let (any, untagged) = (json!({"tagStatus": "any"}), json!({"tagStatus": "untagged"}));
    let both = json!({"tagStatus": "tagged", "tagPrefixList": ["a"], "tagPatternList": ["a*"]});
    for (rules, expected) in [
        (
            vec![keep(1, json!({"tagStatus": "tagged"}))],
            "Must specify tagPrefixList or tagPatternList when tagStatus=TAGGED.",
        ),
        (vec![keep(1, both)], "Must not specify both tagPrefixList and tagPatternList."),
        (
            vec![keep(1, json!({"tagStatus": "untagged", "tagPrefixList": ["a"]}))],
            "Must not specify tagPrefixList or tagPatternList when tagStatus=UNTAGGED.",
        ),
        (
            vec![keep(1, json!({"tagStatus": "any", "tagPatternList": ["a"]}))],
            "Must not specify tagPrefixList or tagPatternList when tagStatus=ANY.",
        ),
        (
            vec![keep(1, untagged.clone()), keep(2, untagged.clone())],
            "Only one rule can select Untagged images per storage class",
        ),
        (
            vec![keep(1, any.clone()), keep(2, untagged.clone())],
            "Rule for tagStatus=ANY must have the lowest priority per storage class",
        ),
        (
            vec![keep(9, prefix(&["a"])), keep(3, any.clone())],
            "Rule for tagStatus=ANY must have the lowest priority per storage class",
        ),
        (
            vec![keep(1, any.clone()), keep(2, any.clone())],
            "Rule for tagStatus=ANY must have the lowest priority per storage class",
        ),
        (vec![keep(4, untagged.clone()), keep(4, any.clone())], "Only one rule can have rulePriority 4"),
        (
            vec![keep(1, prefix(&["a", "b"])), keep(2, prefix(&["b", "a", "a"]))],
            "Only one rule can select the same tagPrefixList or tagPatternList per storage class",
        ),
        (
            vec![keep(1, pattern(&["a*"])), keep(2, pattern(&["a*"]))],
            "Only one rule can select the same tagPrefixList or tagPatternList per storage class",
        ),
        (
            vec![keep(1, pattern(&["ok*", "test*1*2*3*4*5*6"]))],
            "Must not specify more than 4 wildcards (*) per string in tagPatternList (found: 6).",
        ),
    ] {
        let policy = policy(rules);
        assert_eq!(message(&policy), expected, "{policy}");
    }
    for rules in [
        vec![keep(1, untagged.clone()), archived(2, untagged)],
        vec![keep(1, any.clone()), archived(2, any.clone())],
        vec![archived(1, any.clone()), keep(2, prefix(&["a"])), keep(3, any.clone())],
        vec![keep(7, any), keep(5, prefix(&["a"]))],
        vec![keep(1, prefix(&["a"])), keep(2, prefix(&["a", "b"])), keep(3, pattern(&["a"]))],
        vec![keep(1, prefix(&["a"])), archived(2, prefix(&["a"]))],
        vec![keep(1, pattern(&["*test*1*2*3", "test*1*2*3*"]))],
        vec![keep(1, prefix(&["*****"]))],
    ] {
        let policy = policy(rules);
        assert_eq!(parse(&policy).map(|_| ()), Ok(()), "{policy}");
    }
}

/// Spec/terraform.md 6: what modules in use send.
#[test]
fn policies_in_the_wild() {
    let mut rules: Vec<_> = (1..=49)
        .map(|priority| {
            let mut rule =
                keep(priority, json!({"tagStatus": "tagged", "tagPrefixList": [format!("p{priority}")]}));
            rule["selection"]["countNumber"] = json!(999_999);
            rule
        })
        .collect();
    rules.push(keep(50, json!({"tagStatus": "any"})));
    assert_eq!(parse(&policy(rules.clone())).unwrap().rules().len(), 50);
    rules.insert(0, keep(51, json!({"tagStatus": "tagged", "tagPrefixList": ["v"]})));
    assert!(message(&policy(rules)).starts_with("array is too long"));
}

#[test]
fn an_answer_does_not_outgrow_its_question() {
    let nulls = json!({"tagStatus": "tagged", "tagPrefixList": vec![Value::Null; 6_000]});
    assert_eq!(message(&policy([keep(1, nulls)])).lines().count(), 50);
}

/// Any JSON, with the words of a policy among its own.
fn any_json() -> impl Strategy<Value = Value> {
    let word = prop_oneof![
        "\\PC{0,6}",
        prop::sample::select(vec![
            "rules",
            "rulePriority",
            "selection",
            "action",
            "type",
            "expire",
            "transition",
            "archive",
            "tagStatus",
            "tagged",
            "any",
            "tagPrefixList",
            "countType",
            "countNumber",
            "imageCountMoreThan",
            "sinceImagePushed",
            "countUnit",
            "days",
        ])
        .prop_map(str::to_owned),
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        (-1..3).prop_map(Value::from),
        word.clone().prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 48, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::hash_map(word.clone(), inner, 0..6)
                .prop_map(|members| Value::from(members.into_iter().collect::<serde_json::Map<_, _>>())),
        ]
    })
}

/// The JSON pointers of every value of a document.
fn paths(value: &Value) -> Vec<String> {
    let below: Vec<(String, &Value)> = match value {
        Value::Array(items) => {
            items.iter().enumerate().map(|(index, item)| (index.to_string(), item)).collect()
        }
        Value::Object(members) => members.iter().map(|(name, member)| (name.clone(), member)).collect(),
        _ => vec![],
    };
    let below = below
        .into_iter()
        .flat_map(|(name, value)| paths(value).into_iter().map(move |path| format!("/{name}{path}")));
    std::iter::once(String::new()).chain(below).collect()
}

fn check(text: &str) -> Result<(), TestCaseError> {
    match LifecyclePolicy::parse(text) {
        Ok(policy) => {
            let canonical = policy.canonical();
            prop_assert_eq!(
                serde_json::from_str::<Value>(&canonical).unwrap(),
                serde_json::from_str::<Value>(text).unwrap()
            );
            prop_assert_eq!(LifecyclePolicy::parse(&canonical), Ok(policy));
        }
        Err(error) => prop_assert!(!error.to_string().is_empty()),
    }
    Ok(())
}

proptest! {
    #[test]
    fn any_text(text in "\\PC*") {
        check(&text)?;
    }

    #[test]
    fn any_document(value in any_json()) {
        check(&value.to_string())?;
        check(&json!({"rules": [value.clone()]}).to_string())?;
        check(&policy([rule(1, value.clone(), expire())]).to_string())?;
        check(&policy([keep(1, json!({"tagStatus": "tagged", "tagPatternList": value}))]).to_string())?;
    }

    #[test]
    fn a_valid_document_with_one_value_changed(
        seed in 0..5_usize, at in any::<prop::sample::Index>(), value in any_json()
    ) {
        let (_, mut policy) = seeds().swap_remove(seed);
        let paths = paths(&policy);
        *policy.pointer_mut(&paths[at.index(paths.len())]).unwrap() = value;
        check(&policy.to_string())?;
    }

    #[test]
    fn a_valid_text_with_a_piece_replaced(
        seed in 0..5_usize, at in any::<prop::sample::Index>(), length in 0..20_usize, piece in "[\\[\\]{}:,\"0-9a-z -]{0,6}"
    ) {
        let mut text = seeds().swap_remove(seed).1.to_string();
        let start = at.index(text.len());
        let end = (start + length).min(text.len());
        text.replace_range(start..end, &piece);
        check(&text)?;
    }
}
