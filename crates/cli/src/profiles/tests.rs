use super::*;
use acre_wire::names::Region;
use acre_wire::sigv4::{Credentials, Secret};
use std::fs::{create_dir, metadata, read_dir, write};
use std::os::unix::fs::symlink;

fn login() -> Login {
    Login {
        endpoint: "http://localhost:4510".into(),
        region: Region::parse("us-east-1").unwrap(),
        credentials: Credentials {
            access_key_id: "AKIA".into(),
            secret_access_key: Secret::new("secret"),
            session_token: None,
        },
    }
}

fn write_profile(home: &Path, name: &str, all: bool) {
    let home = home.to_str().unwrap().to_owned();
    let profiles = Profiles::open(|name| (name == "HOME").then(|| home.clone())).unwrap();
    profiles.write(&Profile { name, login: &login(), all }).unwrap();
}

#[test]
fn on_a_fresh_machine() {
    let home = tempfile::tempdir().unwrap();
    write_profile(home.path(), "acre", false);
    let aws = home.path().join(".aws");
    let text = |name: &str| read_to_string(aws.join(name)).unwrap();
    insta::assert_snapshot!(text("credentials"), @r"
    [acre]
    aws_access_key_id = AKIA
    aws_secret_access_key = secret
    ");
    insta::assert_snapshot!(text("config"), @r"
    [profile acre]
    region = us-east-1
    services = acre-acre

    [services acre-acre]
    ecr =
      endpoint_url = http://localhost:4510
    sts =
      endpoint_url = http://localhost:4510
    ");
    let mode = |path: &Path| metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&aws), 0o700);
    assert_eq!([mode(&aws.join("credentials")), mode(&aws.join("config"))], [0o600; 2]);
    assert_eq!(read_dir(&aws).unwrap().count(), 2);

    // Once more changes nothing; all services instead takes the section of services away.
    let before = text("config");
    write_profile(home.path(), "acre", false);
    assert_eq!(text("config"), before);
    write_profile(home.path(), "acre", true);
    insta::assert_snapshot!(text("config"), @r"
    [profile acre]
    region = us-east-1
    endpoint_url = http://localhost:4510
    ");
}

#[test]
fn among_other_profiles() {
    let home = tempfile::tempdir().unwrap();
    let aws = home.path().join(".aws");
    create_dir(&aws).unwrap();
    let kept = home.path().join("kept");
    write(
        &kept,
        "# mine\n[default]\naws_access_key_id = OLD\naws_session_token = stale\n\n# work\n[work]\nx = [y]\n",
    )
    .unwrap();
    std::fs::set_permissions(&kept, Permissions::from_mode(0o644)).unwrap();
    symlink(&kept, aws.join("credentials")).unwrap();
    write(aws.join("config"), "[profile  \"work\"]\nregion = eu-west-1\n[profile a]\n[default]\nregion = x")
        .unwrap();
    write_profile(home.path(), "default", true);
    insta::assert_snapshot!(read_to_string(&kept).unwrap(), @r"
    # mine
    [default]
    aws_access_key_id = AKIA
    aws_secret_access_key = secret

    # work
    [work]
    x = [y]
    ");
    assert!(metadata(aws.join("credentials")).unwrap().permissions().mode() & 0o777 == 0o600);
    assert!(std::fs::symlink_metadata(aws.join("credentials")).unwrap().is_symlink());
    write_profile(home.path(), "work", true);
    insta::assert_snapshot!(read_to_string(aws.join("config")).unwrap(), @r"
    [profile work]
    region = us-east-1
    endpoint_url = http://localhost:4510
    [profile a]
    [default]
    region = us-east-1
    endpoint_url = http://localhost:4510
    ");
}

#[test]
fn files_named_by_the_environment() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("deep/er");
    let env = |name: &str| match name {
        "HOME" => Some(home.path().display().to_string()),
        "AWS_SHARED_CREDENTIALS_FILE" => Some("~/deep/er/keys".to_owned()),
        "AWS_CONFIG_FILE" => Some(folder.join("settings").display().to_string()),
        _ => None,
    };
    drop(Profiles::open(env).unwrap());
    // Nothing was written, and nothing is left.
    assert_eq!(read_dir(&folder).unwrap().count(), 0);
    Profiles::open(env).unwrap().write(&Profile { name: "a", login: &login(), all: false }).unwrap();
    assert!(folder.join("keys").exists() && folder.join("settings").exists());
    assert!(Profiles::open(|_| None).is_err());
}

#[test]
fn sections() {
    for (before, after) in [
        ("", "[n]\nl\n"),
        ("x", "x\n\n[n]\nl\n"),
        ("x\n\n", "x\n\n[n]\nl\n"),
        ("[n]\nold\n", "[n]\nl\n"),
        ("[n]\nold", "[n]\nl\n"),
        ("[n] # why\nold\n\n[m]\n", "[n]\nl\n\n[m]\n"),
        ("[n]\nold\n# c\nold\n# d\n[m]\n", "[n]\nl\n# d\n[m]\n"),
        ("[n]\nold\n[m]\n[n]\nold\n[o]\n", "[n]\nl\n[m]\n[o]\n"),
        ("[nn]\n[ n ]\n", "[nn]\n[n]\nl\n"),
    ] {
        assert_eq!(with_section(before, "n", Some("l\n")), after, "{before:?}");
    }
    assert_eq!(with_section("[m]\nx\n[n]\ny\n", "n", None), "[m]\nx\n");
    assert_eq!(value("[a]\nx = 1\n[b]\nx=2\nx = 3 ", "b", "x"), Some("3"));
    assert_eq!(value("[a]\nx = 1", "b", "x"), None);
}
