//! Policy documents: of repositories and registries, of lifecycles, and the globs in them.

#![no_main]

use acre_policy::iam::document::{MAX_CHARACTERS, PolicyDocument};
use acre_policy::lifecycle::document::LifecyclePolicy;
use acre_policy::pattern::glob;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((kind, text)) = data.split_first() else { return };
    let Ok(text) = std::str::from_utf8(text) else { return };
    match kind {
        b'l' => lifecycle(text),
        b'g' => globs(text),
        _ => document(text),
    }
});

fn document(text: &str) {
    let Ok(policy) = PolicyDocument::parse(text) else { return };
    assert!(text.chars().count() <= MAX_CHARACTERS && !policy.statements.is_empty());
    let _ = (policy.has_deny(), policy.names_resources(), policy.is_limited_to(&["BatchGetImage"]));
    // Another reader sees the same document: nothing in it is said twice.
    let value: serde_json::Value = serde_json::from_str(text).expect("what is accepted is JSON");
    let again = value.to_string();
    if again.chars().count() <= MAX_CHARACTERS {
        let again = PolicyDocument::parse(&again).expect("the same members in another order");
        assert_eq!((again.version, &again.id), (policy.version, &policy.id));
        assert_eq!(again.statements.len(), policy.statements.len());
        assert_eq!(again.has_deny(), policy.has_deny());
    }
}

fn lifecycle(text: &str) {
    let Ok(policy) = LifecyclePolicy::parse(text) else { return };
    let canonical = policy.canonical();
    let again = LifecyclePolicy::parse(&canonical).expect("its canonical text is itself a policy");
    assert_eq!(again.canonical(), canonical);
    assert_eq!(again.rules(), policy.rules());
    let mut priorities: Vec<_> = policy.rules().iter().map(|rule| rule.priority).collect();
    priorities.sort_unstable();
    assert!(!priorities.is_empty() && priorities.windows(2).all(|pair| pair[0] < pair[1]));
}

fn globs(text: &str) {
    let Some((pattern, name)) = text.split_once('\n') else { return };
    let matches = glob(pattern, name);
    if !pattern.contains('*') {
        assert_eq!(matches, pattern == name);
    }
    if matches {
        assert!(glob(&format!("{pattern}*"), &format!("{name}x")));
        assert!(glob(&format!("*{pattern}"), &format!("x{name}")));
    }
    assert!(glob("*", name));
}
