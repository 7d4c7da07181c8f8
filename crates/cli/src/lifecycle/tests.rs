use super::*;
use serde_json::json;

fn rule(priority: u32, count: &str, action: &str) -> serde_json::Value {
    let mut selection = json!({"tagStatus": "any", "countType": count, "countNumber": 9});
    if count != "imageCountMoreThan" {
        selection["countUnit"] = json!("days");
    }
    let action = match action {
        "expire" => json!({"type": "expire"}),
        _ => json!({"type": "transition", "targetStorageClass": "archive"}),
    };
    json!({"rulePriority": priority, "selection": selection, "action": action})
}

#[test]
fn policies_of_either_kind() {
    let parse = |rules: &[serde_json::Value]| Policy::parse(&json!({"rules": rules}).to_string());
    let plain = parse(&[rule(1, "imageCountMoreThan", "expire")]).unwrap();
    assert!(plain.refused_by_ecr.is_none() && !plain.counts_pulls());
    let pulls = parse(&[rule(1, "sinceImagePulled", "transition")]).unwrap();
    assert!(pulls.refused_by_ecr.is_none() && pulls.counts_pulls());
    let ours = parse(&[rule(1, "sinceImagePulled", "expire")]).unwrap();
    assert!(ours.refused_by_ecr.is_some() && ours.counts_pulls());
    assert!(parse(&[]).is_err());
}

#[test]
fn files_that_hold_no_policy() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("policy.json");
    let refusal = || {
        let failure = Policy::read(&path).map(|_| ()).unwrap_err();
        format!("{:#}", failure.error).replace(path.to_str().unwrap(), "FILE")
    };
    assert!(refusal().starts_with("cannot read FILE: No such file"), "{}", refusal());
    for (bytes, said) in [
        (b"rules".to_vec(), "FILE: Could not map policyString into LifecyclePolicy."),
        (b"\xff".to_vec(), "cannot read FILE: it is not UTF-8"),
        (vec![b' '; 4 * MAX_CHARACTERS], "FILE: Could not map policyString into LifecyclePolicy."),
        (
            vec![b' '; 4 * MAX_CHARACTERS + 1],
            "cannot read FILE: a lifecycle policy has at most 30720 characters",
        ),
    ] {
        std::fs::write(&path, bytes).unwrap();
        assert_eq!(refusal(), said);
    }
}

#[test]
fn numbers_for_people() {
    for (number, text) in [
        (0, "0 images"),
        (1, "1 image"),
        (999, "999 images"),
        (1000, "1,000 images"),
        (1_234_567, "1,234,567 images"),
    ] {
        assert_eq!(counted(number, "image", "images"), text);
    }
}
