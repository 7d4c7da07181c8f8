use super::super::condition::{Comparison, Operator, Quantifier};
use super::super::principal::Identity;
use super::*;
use acre_wire::names::AccountId;
use proptest::prelude::*;
use serde_json::{Value, json};

fn parse(policy: &Value) -> Result<PolicyDocument, InvalidPolicy> {
    PolicyDocument::parse(&policy.to_string())
}

/// A statement that lets everybody pull, with members changed; `null` removes one.
fn statement(changes: Value) -> Value {
    let mut statement = json!({"Effect": "Allow", "Principal": "*", "Action": "ecr:BatchGetImage"});
    let members = statement.as_object_mut().unwrap();
    let Value::Object(changes) = changes else { panic!("not an object") };
    members.extend(changes);
    members.retain(|_, value| !value.is_null());
    statement
}

fn policy(changes: Value) -> Value {
    json!({"Version": "2012-10-17", "Statement": [statement(changes)]})
}

fn account() -> AccountId {
    AccountId::parse("123456789012").unwrap()
}

/// Spec/terraform.md 6, AWS's own examples, and what modules in use send.
fn in_the_wild() -> Vec<Value> {
    vec![
        json!({"Version": "2008-10-17", "Statement": statement(json!({}))}),
        json!({"Statement": [statement(json!({"Action": "*"}))]}),
        json!({
            "Version": "2008-10-17",
            "Id": "team policy",
            "Statement": [
                statement(json!({"Sid": "new statement", "Principal": {"AWS": "arn:aws:iam::123456789012:root"}})),
                statement(json!({"Sid": "new statement", "Principal": {"AWS": ["123456789012", "arn:aws-cn:iam::123456789012:user/team/alice"]}})),
            ]
        }),
        json!({
            "Version": "2012-10-17",
            "Statement": [{
                "Sid": "LambdaECRImageCrossAccountRetrievalPolicy",
                "Effect": "Allow",
                "Principal": {"Service": ["lambda.amazonaws.com", "codebuild.amazonaws.com"]},
                "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
                "Condition": {
                    "StringLike": {"aws:sourceARN": "arn:aws:lambda:us-east-1:123456789012:function:*"},
                    "StringEquals": {"aws:SourceAccount": ["123456789012"]}
                }
            }]
        }),
        policy(
            json!({"Resource": "*", "Condition": {"Bool": {"aws:SecureTransport": false}, "NumericLessThan": {"aws:MultiFactorAuthAge": 300}}}),
        ),
        policy(
            json!({"Resource": ["arn:aws:ecr:us-east-1:123456789012:repository/team/*"], "Action": ["ecr:Get*", "ECR:Describe?mages"]}),
        ),
        policy(
            json!({"Principal": {"AWS": "*"}, "Condition": {"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": ["o-a1/r-b2/ou-c3/*"]}}}),
        ),
        policy(
            json!({"Principal": null, "NotPrincipal": {"AWS": "123456789012"}, "Action": null, "NotAction": "ecr:DeleteRepository"}),
        ),
        policy(
            json!({"Effect": "Deny", "Action": "ecr:*", "Condition": {"NotIpAddress": {"aws:SourceIp": "10.0.0.0/8"}}}),
        ),
    ]
}

#[test]
fn policies_in_the_wild() {
    for policy in in_the_wild() {
        assert_eq!(parse(&policy).map(|_| ()), Ok(()), "{policy}");
    }
}

#[test]
fn typed() {
    let parsed = parse(&json!({
        "Version": "2008-10-17",
        "Id": "team policy",
        "Statement": {
            "Sid": "a b",
            "Effect": "Deny",
            "Principal": {"AWS": ["123456789012", "*"], "Service": "lambda.amazonaws.com"},
            "NotAction": ["eCr:Put*", "*"],
            "Resource": "*",
            "Condition": {"ForAllValues:StringEqualsIfExists": {"aws:TagKeys": ["a", true, 1]}, "Null": {"aws:x": "true"}}
        }
    }));
    let condition = |operator: &str, key: &str, values: &[&str]| Condition {
        operator: Operator::parse(operator).unwrap(),
        key: key.into(),
        values: values.iter().map(|value| (*value).to_owned()).collect(),
    };
    let expected = PolicyDocument {
        version: Version::V2008,
        id: Some("team policy".into()),
        statements: vec![Statement {
            sid: Some("a b".into()),
            effect: Effect::Deny,
            principals: Selected::Only(vec![
                Principal::Account(account()),
                Principal::Anyone,
                Principal::Service("lambda.amazonaws.com".into()),
            ]),
            actions: Selected::AllBut(vec![ActionPattern("Put*".into()), ActionPattern("*".into())]),
            resources: Some(Selected::Only(vec!["*".into()])),
            conditions: vec![
                condition("ForAllValues:StringEqualsIfExists", "aws:TagKeys", &["a", "true", "1"]),
                condition("Null", "aws:x", &["true"]),
            ],
        }],
    };
    assert_eq!(parsed, Ok(expected));
}

#[test]
fn deny() {
    let denies = |effects: &[&str]| {
        let statements: Vec<_> = effects.iter().map(|effect| statement(json!({"Effect": effect}))).collect();
        parse(&json!({"Statement": statements})).unwrap().has_deny()
    };
    assert!(!denies(&["Allow", "Allow"]));
    assert!(denies(&["Allow", "Deny"]));
}

#[test]
fn principals() {
    let identity =
        |path: &str, name: &str| Identity { account: account(), path: path.into(), name: name.into() };
    for (text, expected) in [
        ("*", Principal::Anyone),
        ("123456789012", Principal::Account(account())),
        ("arn:aws:iam::123456789012:root", Principal::Account(account())),
        ("arn:aws-us-gov:iam::123456789012:root", Principal::Account(account())),
        ("arn:aws:iam::123456789012:user/Alice", Principal::User(identity("/", "Alice"))),
        ("arn:aws:iam::123456789012:user/a/b/x@y.z", Principal::User(identity("/a/b/", "x@y.z"))),
        (
            "arn:aws:iam::123456789012:role/service-role/codebuild",
            Principal::Role(identity("/service-role/", "codebuild")),
        ),
        (
            "arn:aws:sts::123456789012:assumed-role/build/i-0123",
            Principal::AssumedRole { account: account(), role: "build".into(), session: "i-0123".into() },
        ),
        (
            "arn:aws:sts::123456789012:federated-user/bob",
            Principal::FederatedUser { account: account(), name: "bob".into() },
        ),
        ("AIDAJQABLZS4A3QDU576Q", Principal::UniqueId("AIDAJQABLZS4A3QDU576Q".into())),
        ("AROAJQABLZS4A3QDU576Q", Principal::UniqueId("AROAJQABLZS4A3QDU576Q".into())),
    ] {
        let parsed = parse(&policy(json!({"Principal": {"AWS": text}}))).unwrap();
        assert_eq!(parsed.statements[0].principals, Selected::Only(vec![expected]), "{text}");
    }
    let long = format!("arn:aws:iam::123456789012:role/{}", "r".repeat(65));
    for text in [
        "",
        "Alice",
        "12345678901",
        "1234567890123",
        "arn:aws:iam::123456789012:",
        "arn:aws:iam::123456789012:root/x",
        "arn:aws:iam::123456789012:user",
        "arn:aws:iam::123456789012:user/",
        "arn:aws:iam::123456789012:user//x",
        "arn:aws:iam::123456789012:role/a/",
        "arn:aws:iam::123456789012:role/*",
        "arn:aws:iam::123456789012:role/a*/b",
        "arn:aws:iam::123456789012:role/a b",
        "arn:aws:iam::123456789012:group/admins",
        "arn:aws:iam::*:root",
        "arn:aws:iam:us-east-1:123456789012:root",
        "arn:azure:iam::123456789012:root",
        "arn:aws-:iam::123456789012:root",
        "arn:aws:sts::123456789012:root",
        "arn:aws:sts::123456789012:assumed-role/build",
        "arn:aws:sts::123456789012:assumed-role/build/a/b",
        "arn:aws:sts::123456789012:federated-user/",
        "arn:aws:s3:::bucket",
        "AIDA",
        "AIDAjqablzs4a3qdu576q",
        "AGPAJQABLZS4A3QDU576Q",
        "lambda.amazonaws.com",
        &long,
    ] {
        let invalid = parse(&policy(json!({"Principal": {"AWS": ["*", text]}}))).unwrap_err();
        assert_eq!(invalid.reason, Reason::NotAPrincipal, "{text}");
        assert_eq!(invalid.at, "Statement[0].Principal.AWS[1]", "{text}");
    }
    for (kind, text, good) in [
        ("Service", "codebuild.amazonaws.com", true),
        ("Service", "delivery.logs.amazonaws.com.cn", true),
        ("Service", "*", false),
        ("Service", "codebuild", false),
        ("Service", "CodeBuild.amazonaws.com", false),
        ("Service", "code..amazonaws.com", false),
        ("Service", "-x.amazonaws.com", false),
        ("Federated", "accounts.google.com", true),
        ("Federated", "arn:aws:iam::123456789012:saml-provider/idp", true),
        ("Federated", "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com", true),
        ("Federated", "arn:aws:iam::123456789012:oidc-provider/*", false),
        ("Federated", "arn:aws:iam::123456789012:role/x", false),
        ("CanonicalUser", "79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be", true),
        ("CanonicalUser", "79a59df9", false),
    ] {
        assert_eq!(parse(&policy(json!({"Principal": {kind: text}}))).is_ok(), good, "{kind} {text}");
    }
}

#[test]
fn operators() {
    for (text, quantifier, comparison, if_exists) in [
        ("StringEquals", None, Comparison::StringEquals, false),
        ("StringLikeIfExists", None, Comparison::StringLike, true),
        ("ForAllValues:ArnLike", Some(Quantifier::ForAllValues), Comparison::ArnLike, false),
        ("ForAnyValue:BoolIfExists", Some(Quantifier::ForAnyValue), Comparison::Bool, true),
        ("Null", None, Comparison::Null, false),
    ] {
        assert_eq!(Operator::parse(text), Some(Operator { quantifier, comparison, if_exists }), "{text}");
    }
    for comparison in Comparison::ALL {
        assert!(Operator::parse(comparison.as_str()).is_some());
    }
    for text in [
        "",
        "IfExists",
        "NullIfExists",
        "ForAllValues:Null",
        "ForAllValues:",
        "ForSomeValues:Bool",
        "stringequals",
        "StringEqualsIfExistsIfExists",
        "Foo",
        ":StringEquals",
        "ForAnyValue:ForAnyValue:Bool",
    ] {
        assert_eq!(Operator::parse(text), None, "{text}");
    }
}

#[test]
fn refused() {
    for (policy, reason, at) in [
        (json!([]), Reason::WrongType("an object"), ""),
        (json!(null), Reason::WrongType("an object"), ""),
        (json!({}), Reason::Missing("Statement"), ""),
        (json!({"Statement": []}), Reason::Empty, "Statement"),
        (json!({"Statement": "x"}), Reason::WrongType("an object"), "Statement"),
        (json!({"Statement": [[]]}), Reason::WrongType("an object"), "Statement[0]"),
        (json!({"Statement": statement(json!({})), "statement": 1}), Reason::UnknownMember, "statement"),
        (json!({"Version": "2012-10-18", "Statement": []}), Reason::UnknownVersion, "Version"),
        (json!({"Version": null, "Statement": []}), Reason::WrongType("a string"), "Version"),
        (json!({"Id": 1, "Statement": []}), Reason::WrongType("a string"), "Id"),
        (policy(json!({"Sid": 1})), Reason::WrongType("a string"), "Statement[0].Sid"),
        (policy(json!({"Foo\n\"": 1})), Reason::UnknownMember, r#"Statement[0].Foo\n\""#),
        (policy(json!({"Effect": null})), Reason::Missing("Effect"), "Statement[0]"),
        (policy(json!({"Effect": "allow"})), Reason::UnknownEffect, "Statement[0].Effect"),
        (policy(json!({"Principal": null})), Reason::Missing("Principal"), "Statement[0]"),
        (policy(json!({"NotPrincipal": "*"})), Reason::Both("Principal", "NotPrincipal"), "Statement[0]"),
        (policy(json!({"Principal": "123456789012"})), Reason::NotAPrincipal, "Statement[0].Principal"),
        (policy(json!({"Principal": ["*"]})), Reason::WrongType("an object"), "Statement[0].Principal"),
        (policy(json!({"Principal": {}})), Reason::Empty, "Statement[0].Principal"),
        (policy(json!({"Principal": {"AWS": []}})), Reason::Empty, "Statement[0].Principal.AWS"),
        (
            policy(json!({"Principal": {"AWS": [["*"]]}})),
            Reason::WrongType("a string"),
            "Statement[0].Principal.AWS[0]",
        ),
        (
            policy(json!({"Principal": {"Everyone": "*"}})),
            Reason::UnknownMember,
            "Statement[0].Principal.Everyone",
        ),
        (policy(json!({"Action": null})), Reason::Missing("Action"), "Statement[0]"),
        (policy(json!({"NotAction": "*"})), Reason::Both("Action", "NotAction"), "Statement[0]"),
        (policy(json!({"Action": []})), Reason::Empty, "Statement[0].Action"),
        (policy(json!({"Action": ["ecr:*", "s3:GetObject"]})), Reason::NotAnAction, "Statement[0].Action[1]"),
        (policy(json!({"Action": "ecr:"})), Reason::NotAnAction, "Statement[0].Action"),
        (policy(json!({"Action": "ecr:Put Image"})), Reason::NotAnAction, "Statement[0].Action"),
        (policy(json!({"Action": "ecr-public:PutImage"})), Reason::NotAnAction, "Statement[0].Action"),
        (policy(json!({"Action": "PutImage"})), Reason::NotAnAction, "Statement[0].Action"),
        (policy(json!({"Action": "**"})), Reason::NotAnAction, "Statement[0].Action"),
        (policy(json!({"Resource": "team/web"})), Reason::NotAResource, "Statement[0].Resource"),
        (
            policy(json!({"Resource": "arn:aws:ecr:us-east-1:1:"})),
            Reason::NotAResource,
            "Statement[0].Resource",
        ),
        (
            policy(json!({"Resource": "*", "NotResource": "*"})),
            Reason::Both("Resource", "NotResource"),
            "Statement[0]",
        ),
        (policy(json!({"Condition": []})), Reason::WrongType("an object"), "Statement[0].Condition"),
        (policy(json!({"Condition": {"Foo": {}}})), Reason::UnknownOperator, "Statement[0].Condition.Foo"),
        (
            policy(json!({"Condition": {"Bool": 1}})),
            Reason::WrongType("an object"),
            "Statement[0].Condition.Bool",
        ),
        (
            policy(json!({"Condition": {"Bool": {"x": true}}})),
            Reason::NotAConditionKey,
            "Statement[0].Condition.Bool.x",
        ),
        (
            policy(json!({"Condition": {"Bool": {"aws:x": {}}}})),
            Reason::WrongType("a string"),
            "Statement[0].Condition.Bool.aws:x",
        ),
        (
            policy(json!({"Condition": {"Bool": {"aws:x": [true, null]}}})),
            Reason::WrongType("a string"),
            "Statement[0].Condition.Bool.aws:x[1]",
        ),
    ] {
        assert_eq!(parse(&policy), Err(InvalidPolicy { reason, at: at.into() }), "{policy}");
    }
}

#[test]
fn hostile_texts() {
    let good = policy(json!({})).to_string();
    let longest = format!("{good}{}", " ".repeat(MAX_CHARACTERS - good.len()));
    assert!(PolicyDocument::parse(&longest).is_ok());
    let bomb = |open: &str| format!(r#"{{"Statement":{}"#, open.repeat((MAX_CHARACTERS - 20) / open.len()));
    for (text, reason) in [
        (format!("{longest} "), Reason::TooLong),
        (String::new(), Reason::NotJson),
        (bomb("["), Reason::TooDeep),
        (bomb(r#"{"a":"#), Reason::TooDeep),
        (good.replace("\"Effect\"", "\"Effect\":\"Deny\",\"Effect\""), Reason::RepeatedMember),
        (good.replace("\"Effect\"", "\"Effect\":\"Deny\",\"\\u0045ffect\""), Reason::RepeatedMember),
        (good.replace("{\"Action", "{\"Version\":1}{\"Action"), Reason::NotJson),
    ] {
        assert_eq!(PolicyDocument::parse(&text).unwrap_err().reason, reason, "{text}");
    }
}

#[test]
fn what_a_log_shows() {
    let shown = |policy: Value| parse(&policy).unwrap_err().to_string();
    insta::assert_snapshot!(shown(policy(json!({"Action": ["ecr:*", "s3:GetObject"]}))), @"invalid policy at Statement[0].Action[1]: not an action of ecr");
    insta::assert_snapshot!(shown(json!({})), @"invalid policy: Statement is missing");
    assert!(shown(json!({"x".repeat(10_000): 1})).len() < 200);
}

/// Any JSON, with the words of a policy among its own.
fn any_json() -> impl Strategy<Value = Value> {
    let word = prop_oneof![
        "\\PC{0,6}",
        prop::sample::select(vec![
            "Version",
            "2012-10-17",
            "Statement",
            "Effect",
            "Allow",
            "Principal",
            "AWS",
            "*",
            "Action",
            "ecr:*",
            "Resource",
            "Condition",
            "StringEquals",
            "aws:SourceArn",
            "arn:aws:iam::123456789012:root",
            "arn:aws:iam::",
        ])
        .prop_map(str::to_owned),
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
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

/// Nothing panics; what is accepted has at least one statement, and each a principal and an action.
fn check(text: &str) -> Result<(), TestCaseError> {
    match PolicyDocument::parse(text) {
        Ok(policy) => {
            prop_assert!(!policy.statements.is_empty());
            for statement in &policy.statements {
                let (Selected::Only(principals) | Selected::AllBut(principals)) = &statement.principals;
                let (Selected::Only(actions) | Selected::AllBut(actions)) = &statement.actions;
                prop_assert!(!principals.is_empty() && !actions.is_empty());
            }
        }
        Err(invalid) => prop_assert!(invalid.to_string().len() < 2_000),
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
        check(&json!({"Statement": value.clone()}).to_string())?;
        check(&policy(json!({"Principal": value.clone()})).to_string())?;
        check(&policy(json!({"Principal": {"AWS": value.clone()}})).to_string())?;
        check(&policy(json!({"Action": value.clone()})).to_string())?;
        check(&policy(json!({"Condition": value})).to_string())?;
    }

    #[test]
    fn any_principal(text in "(arn:aws:(iam|sts)::123456789012:)?(user|role|assumed-role|root|AIDA)?[/a-z*:A-Z0-9]{0,20}") {
        check(&policy(json!({"Principal": {"AWS": text}})).to_string())?;
    }

    #[test]
    fn a_valid_text_with_a_piece_replaced(
        which in any::<prop::sample::Index>(), at in any::<prop::sample::Index>(), length in 0..20_usize,
        piece in "[\\[\\]{}:,\"0-9a-z *-]{0,6}"
    ) {
        let policies = in_the_wild();
        let mut text = policies[which.index(policies.len())].to_string();
        let start = at.index(text.len());
        let end = (start + length).min(text.len());
        text.replace_range(start..end, &piece);
        check(&text)?;
    }
}
