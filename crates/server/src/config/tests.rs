use super::*;
use std::collections::HashMap;

type Setting = fn(&Config) -> String;

/// Each key, a good value that is not the default, a bad one, and what the good one sets.
const CASES: &[(&str, &str, &str, Setting)] = &[
    ("listen", "[::1]:80", "80", |c| c.listen.to_string()),
    ("metrics", "127.0.0.1:9451", "9451", |c| c.metrics.unwrap().to_string()),
    ("public-host", "example.com:443", "a b", |c| c.public_host.as_ref().unwrap().to_string()),
    ("domain", "example.com", "10.0.0.1", |c| c.domain.as_ref().unwrap().to_string()),
    ("data", "/srv/acre", "", |c| c.data.display().to_string()),
    ("account", "123456789012", "12", |c| c.account.to_string()),
    ("region", "eu-central-1", "EU", |c| c.region.to_string()),
    ("root-key-file", "/etc/root.key", "\0", |c| c.root_key_file.display().to_string()),
    ("tls-cert", "cert.pem", "", |c| c.tls.as_ref().unwrap().cert.display().to_string()),
    ("tls-key", "key.pem", "", |c| c.tls.as_ref().unwrap().key.display().to_string()),
    ("drain", "45", "1h", |c| c.drain.as_secs().to_string()),
    ("log-format", "json", "xml", |c| format!("{:?}", c.log_format).to_lowercase()),
    ("log-level", "debug", "loud", |c| format!("{:?}", c.log_level).to_lowercase()),
    ("undo-window-days", "30", "-1", |c| (c.undo_window.as_secs() / 86_400).to_string()),
];

#[test]
fn every_key_by_every_way() {
    assert_eq!(
        CASES.iter().map(|case| case.0).collect::<Vec<_>>(),
        KEYS.iter().map(|k| k.name).collect::<Vec<_>>()
    );
    for (key, good, bad, value) in CASES {
        let other = CASES
            .iter()
            .filter(|case| case.0.starts_with("tls-") && key.starts_with("tls-") && case.0 != *key);
        let pairs = |text: &str| {
            other.clone().map(|case| (case.0, case.1)).chain([(*key, text)]).map(owned).collect::<Vec<_>>()
        };
        for way in [by_file, by_variable, by_flag] {
            assert_eq!(value(&way(&pairs(good)).unwrap()), *good, "{key}");
            match way(&pairs(bad)) {
                // An empty variable is none.
                Ok(_) | Err(ConfigError::HalfTls { .. }) => assert!(bad.is_empty(), "{key}"),
                Err(ConfigError::BadValue { key: named, .. }) => assert_eq!(named, *key),
                Err(other) => panic!("{key}: {other}"),
            }
        }
    }
}

#[test]
fn nothing_said() {
    insta::assert_debug_snapshot!(load(None, &[], &[]).unwrap(), @r#"
    Config {
        listen: 127.0.0.1:4510,
        metrics: None,
        public_host: None,
        domain: None,
        data: "acre-data",
        account: 000000000000,
        region: us-east-1,
        root_key_file: "acre-data/root.key",
        tls: None,
        drain: 30s,
        log_format: Human,
        log_level: Info,
        undo_window: 604800s,
    }
    "#);
}

#[test]
fn flags_before_variables_before_the_file() {
    let variables = [("ACRE_REGION", "by-variable"), ("ACRE_DATA", "variable")].map(owned);
    let config =
        load(Some("region = 'by-file'\ndata = 'file'\ndrain = 5"), &variables, &[owned(("data", "flag"))]);
    let config = config.unwrap();
    assert_eq!((config.region.as_str(), config.data.as_path()), ("by-variable", Path::new("flag")));
    assert_eq!(
        (config.root_key_file.as_path(), config.drain),
        (Path::new("flag/root.key"), Duration::from_secs(5))
    );
}

#[test]
fn the_file_by_flag_or_variable() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    std::fs::write(path("a"), "drain = 1").unwrap();
    std::fs::write(path("b"), "drain = 2").unwrap();
    let env = |name: &str| (name == "ACRE_CONFIG").then(|| path("a"));
    assert_eq!(Config::load(&[], env).unwrap().drain, Duration::from_secs(1));
    let flag = Flag { key: "config".into(), text: path("b"), origin: "--config".into() };
    assert_eq!(Config::load(&[flag], env).unwrap().drain, Duration::from_secs(2));
}

#[test]
fn drain_and_undo_window() {
    for (text, seconds) in
        [("0", Some(0)), ("30s", Some(30)), ("3600", Some(3600)), ("3601", None), ("s", None)]
    {
        let drain = by_flag(&[owned(("drain", text))]).ok().map(|config| config.drain.as_secs());
        assert_eq!(drain, seconds, "{text}");
    }
    assert!(by_flag(&[owned(("undo-window-days", "0"))]).unwrap().undo_window.is_zero());
    assert!(by_flag(&[owned(("undo-window-days", "3651"))]).is_err());
}

#[test]
fn refusals_name_the_place() {
    let long = format!("region = '{}'", "X".repeat(100_000));
    let cases: &[(&str, &str)] = &[
        (
            "listen = '127.0.0.1:1'\n\npublic_host = 'x'",
            "line 3: unknown key \"public_host\", did you mean public-host?",
        ),
        ("[server]\nlisten = 'x'", "line 1: unknown key \"server\""),
        ("config = 'x'", "line 1: unknown key \"config\""),
        ("data = 'x'\nregion = ''", "line 2: region must be 2 to 25 of 0-9 a-z -, not \"\""),
        ("drain = [30]", "line 1: drain must be a string or a whole number, not \"array\""),
        ("drain = 0x1e", "line 1: drain must be a string or a whole number, not \"integer\""),
        ("drain = 30\ndrain = 31", "line 2: duplicate key"),
        ("\n\ndata = ", "line 3: string values must be quoted, expected literal string"),
        (&long, &format!("line 1: region must be 2 to 25 of 0-9 a-z -, not \"{}\"", "X".repeat(80))),
        ("tls-cert = 'x'", "tls-cert needs tls-key beside it"),
    ];
    for (text, message) in cases {
        let printed = load(Some(text), &[], &[]).unwrap_err().to_string();
        let printed = printed.split_once("acre.toml, ").map_or(printed.as_str(), |(_, rest)| rest);
        assert_eq!(printed, *message);
    }
    let flag = load(None, &[], &[owned(("account", "1"))]).unwrap_err();
    assert_eq!(flag.to_string(), "--account: account must be twelve digits, not \"1\"");
    let variable = load(None, &[owned(("ACRE_LOG_LEVEL", "loud\n"))], &[]).unwrap_err();
    assert_eq!(
        variable.to_string(),
        "ACRE_LOG_LEVEL: log-level must be error, warn, info, debug or trace, not \"loud\\n\""
    );
}

#[test]
fn files_that_are_none() {
    let folder = tempfile::tempdir().unwrap();
    let read = |path: PathBuf| {
        let flag =
            Flag { key: "config".into(), text: path.to_str().unwrap().into(), origin: "--config".into() };
        Config::load(&[flag], |_| None).unwrap_err()
    };
    assert!(matches!(read(folder.path().join("absent")), ConfigError::Unreadable { .. }));
    std::fs::write(folder.path().join("binary"), [0xff, 0xfe]).unwrap();
    assert!(matches!(read(folder.path().join("binary")), ConfigError::Unreadable { .. }));
    std::fs::write(folder.path().join("long"), vec![b'\n'; (1 << 20) + 1]).unwrap();
    assert!(matches!(read(folder.path().join("long")), ConfigError::TooLong(_)));
}

type Pair = (String, String);

fn owned((name, value): (&str, &str)) -> Pair {
    (name.to_owned(), value.to_owned())
}

fn by_file(pairs: &[Pair]) -> Result<Config, ConfigError> {
    let line = |(key, text): &Pair| format!("{key} = {}\n", serde_json::to_string(text).unwrap());
    load(Some(&pairs.iter().map(line).collect::<String>()), &[], &[])
}

fn by_variable(pairs: &[Pair]) -> Result<Config, ConfigError> {
    let variable = |name: &str| format!("ACRE_{}", name.replace('-', "_").to_uppercase());
    load(None, &pairs.iter().map(|(name, text)| (variable(name), text.clone())).collect::<Vec<_>>(), &[])
}

fn by_flag(pairs: &[Pair]) -> Result<Config, ConfigError> {
    load(None, &[], pairs)
}

fn load(file: Option<&str>, variables: &[Pair], flags: &[Pair]) -> Result<Config, ConfigError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("acre.toml").to_str().unwrap().to_owned();
    let mut all = Vec::new();
    if let Some(text) = file {
        std::fs::write(&path, text).unwrap();
        all.push(Flag { key: "config".into(), text: path, origin: "--config".into() });
    }
    all.extend(flags.iter().map(|(key, text)| Flag {
        key: key.clone(),
        text: text.clone(),
        origin: format!("--{key}"),
    }));
    let variables: HashMap<_, _> = variables.iter().cloned().collect();
    Config::load(&all, |name| variables.get(name).cloned())
}
