use super::*;
use proptest::prelude::*;

#[test]
fn compact_and_in_order() {
    for (text, expected) in [
        (" { \"b\" : 1 , \"a\" : [ true , null , -2 , 0.5 ] } ", r#"{"b":1,"a":[true,null,-2,0.5]}"#),
        (r#"{"":{},"x":[]}"#, r#"{"":{},"x":[]}"#),
        (r#""<\/\u0041\u0000\n""#, "\"</A\\u0000\\n\""),
        ("18446744073709551615", "18446744073709551615"),
    ] {
        assert_eq!(parse(text).unwrap().to_string(), expected);
    }
}

#[test]
fn refused() {
    for (text, fault) in [
        ("", Fault::Syntax),
        ("{", Fault::Syntax),
        ("{} {}", Fault::Syntax),
        ("{'a':1}", Fault::Syntax),
        ("[1,]", Fault::Syntax),
        ("01", Fault::Syntax),
        ("1e999", Fault::Syntax),
        ("NaN", Fault::Syntax),
        (r#""\ud800""#, Fault::Syntax),
        ("\u{feff}{}", Fault::Syntax),
        (r#"{"a":1,"b":2,"a":1}"#, Fault::Repeated),
        (r#"{"a":1,"\u0061":1}"#, Fault::Repeated),
        (r#"[{"x":{"a":1,"a":1}}]"#, Fault::Repeated),
    ] {
        assert_eq!(parse(text), Err(fault), "{text}");
    }
}

#[test]
fn depth_bombs() {
    let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    assert!(parse(&nested(MAX_DEPTH)).is_ok());
    for depth in [MAX_DEPTH + 1, 1_000, 1_000_000] {
        assert_eq!(parse(&nested(depth)), Err(Fault::Deep));
        assert_eq!(parse(&"[".repeat(depth)), Err(Fault::Deep));
        assert_eq!(parse(&r#"{"a":"#.repeat(depth)), Err(Fault::Deep));
    }
}

proptest! {
    #[test]
    fn never_panics(text in "\\PC*") {
        let _ = parse(&text);
    }

    #[test]
    fn what_is_read_is_what_was_said(text in "[\\[\\]{}:,\"a1 e.-]{0,24}") {
        if let Ok(json) = parse(&text) {
            prop_assert_eq!(
                serde_json::from_str::<serde_json::Value>(&text).unwrap(),
                serde_json::from_str::<serde_json::Value>(&json.to_string()).unwrap()
            );
        }
    }
}
