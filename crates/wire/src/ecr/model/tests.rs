use super::*;
use serde_json::json;

const WORD: Pattern = Pattern {
    text: "[a-z]+",
    form: Form::Quoted,
    matches: |text| text.bytes().all(|c| c.is_ascii_lowercase()),
};
const PLAIN: Pattern = Pattern { form: Form::Plain, ..WORD };
const LISTED: Pattern = Pattern { form: Form::Member, ..WORD };

const fn word(pattern: Pattern) -> Shape {
    Shape::Text { min: 2, max: 4, pattern: Some(pattern) }
}

const MEMBERS: &[Member] = &[
    required("name", word(WORD)),
    optional("id", word(PLAIN)),
    optional("Key", Shape::Text { min: 1, max: 3, pattern: None }),
    optional("mode", Shape::Enum(&["ON", "OFF"])),
    optional("count", Shape::Integer { min: 1, max: 1000 }),
    optional("force", Shape::Boolean),
    optional("blob", Shape::Blob { max: 4 }),
    optional("at", Shape::Timestamp),
    optional("words", Shape::List { min: 1, max: 2, of: &word(LISTED) }),
    optional("notes", Shape::Map),
    optional("inner", Shape::Structure(&[required("DeepName", word(LISTED))])),
    optional(
        "inners",
        Shape::List { min: 0, max: 9, of: &Shape::Structure(&[required("deep", Shape::Boolean)]) },
    ),
];

fn told(member: &str, value: &Value) -> String {
    let mut object = json!({ "name": "abc" });
    object[member] = value.clone();
    match validate(&object, MEMBERS) {
        Ok(()) => "ok".to_owned(),
        Err(Constraint::Broken { field, text }) => format!("{field}: {text}"),
        Err(fault @ Constraint::IllTyped { .. }) => format!("! {fault}"),
    }
}

#[test]
fn every_rule() {
    let list = |length| "Member must have length ".to_owned() + length;
    for (member, value, expected) in [
        ("name", json!("a"), "name: must have length greater than or equal to 2".into()),
        ("name", json!("abcde"), "name: must have length less than or equal to 4".into()),
        ("name", json!("éé"), "name: must satisfy regular expression '[a-z]+'".into()),
        ("name", json!(null), "name: Member must not be null".into()),
        ("name", json!(1), "! NUMBER_VALUE can not be converted to a String at 'name'".into()),
        ("id", json!("a1"), "id: must satisfy regular expression [a-z]+".into()),
        ("Key", json!(""), format!("key: {}", list("greater than or equal to 1"))),
        ("Key", json!("ééé"), "ok".into()),
        ("Key", json!("éééé"), format!("key: {}", list("less than or equal to 3"))),
        ("mode", json!("on"), "mode: Member must satisfy enum value set: [ON, OFF]".into()),
        ("mode", json!("OFF"), "ok".into()),
        ("mode", json!(true), "! TRUE_VALUE can not be converted to a String at 'mode'".into()),
        ("count", json!(0), "count: Member must have value greater than or equal to 1".into()),
        ("count", json!(1001), "count: Member must have value less than or equal to 1000".into()),
        ("count", json!(1000), "ok".into()),
        ("count", json!("10"), "! STRING_VALUE can not be converted to an Integer at 'count'".into()),
        ("count", json!(1.5), "! NUMBER_VALUE can not be converted to an Integer at 'count'".into()),
        ("force", json!("true"), "! STRING_VALUE can not be converted to a Boolean at 'force'".into()),
        ("force", json!(false), "ok".into()),
        ("blob", json!("AAAAAA=="), "ok".into()),
        ("blob", json!("AAAAAAA="), format!("blob: {}", list("less than or equal to 4"))),
        ("at", json!(1.5), "ok".into()),
        ("at", json!("now"), "! STRING_VALUE can not be converted to a Timestamp at 'at'".into()),
        ("words", json!([]), format!("words: {}", list("greater than or equal to 1"))),
        ("words", json!(["ab", "ab", "ab"]), format!("words: {}", list("less than or equal to 2"))),
        (
            "words",
            json!(["ab", "A1"]),
            "words: Member must satisfy constraint: [Member must satisfy regular expression pattern: [a-z]+]"
                .into(),
        ),
        ("words", json!([null]), "words: Member must satisfy constraint: [Member must not be null]".into()),
        ("words", json!({}), "! Start of structure or map can not be converted to a list at 'words'".into()),
        ("words", json!([[]]), "! Start of list can not be converted to a String at 'words'".into()),
        ("notes", json!({ "a": "b" }), "ok".into()),
        ("notes", json!({ "a": 1 }), "! NUMBER_VALUE can not be converted to a String at 'notes'".into()),
        ("inner", json!({}), "deepName: Member must not be null".into()),
        (
            "inner",
            json!({ "DeepName": "A1" }),
            "deepName: Member must satisfy regular expression pattern: [a-z]+".into(),
        ),
        ("inner", json!("x"), "! STRING_VALUE can not be converted to a structure at 'inner'".into()),
        ("inners", json!([{ "deep": true }, {}]), "deep: Member must not be null".into()),
        ("unknown", json!([[[1]]]), "ok".into()),
        ("count", json!(null), "ok".into()),
    ] {
        assert_eq!(told(member, &value), expected, "{member}: {value}");
    }
}

#[test]
fn the_frame() {
    let fault = validate(&json!({ "name": "A1" }), MEMBERS).unwrap_err();
    assert_eq!(fault.code(), ErrorCode::InvalidParameter);
    insta::assert_snapshot!(
        fault,
        @"Invalid parameter at 'name' failed to satisfy constraint: 'must satisfy regular expression '[a-z]+''"
    );
    let fault = validate(&json!([]), MEMBERS).unwrap_err();
    assert_eq!(fault.code(), ErrorCode::Serialization);
    insta::assert_snapshot!(fault, @"Start of list can not be converted to a structure at 'body'");
    assert_eq!(validate(&json!({}), &[]), Ok(()));
}
