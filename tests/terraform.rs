//! Terraform's configurations, from `init` to `destroy`, against the real binary, with the real Terraform and the real
//! AWS provider, and nothing about AWS in the environment but what `acre env` exports: the seeds' (`examples/`), and those
//! of `terraform/`, which hold every ECR resource and data source that the provider has.
//!
//! `ACRE_TF_PLUGINS` is the folder with the provider (a filesystem mirror; default `/opt/tf-plugins`).

#![expect(clippy::expect_used, reason = "what a test can not set up fails it")]

#[path = "clients/dockerd.rs"]
mod dockerd;
#[path = "clients/programs.rs"]
mod programs;
mod terraform {
    pub(crate) mod desk;
    mod many;
    mod registry;
}

use std::fs;
use std::path::{Path, PathBuf};

use acre_testkit::server::Options;
use programs::{Finished, bash, require, run};
use serde_json::{Value, from_str, json};
use terraform::desk::Desk;

/// Replaced at every plan, in example 001: its trigger is the time.
const STATUS: &str = "terraform_data.ecr_status";

#[test]
fn every_configuration_is_formatted() {
    require(&["terraform"]);
    for folder in [examples(), ours()] {
        run(bash("terraform fmt -check -diff -recursive").current_dir(folder)).ok();
    }
}

#[test]
fn example_000_builds_and_pushes_in_a_module() {
    let example = Example::begin("000", "us-east-1");
    let module = "modules/ecr_docker_images/main.tf";
    example.apply("");
    let urls = example.output("repository_urls");
    let images = example.output("images");
    for service in ["frontend", "backend"] {
        assert_eq!(images[service], format!("{}:1", text(&urls[service])));
        // Terraform built, logged in and pushed.
        example.pull_back(text(&images[service]));
        example.policy(service, &["any"]);
    }
    assert_eq!(example.repositories(), ["backend", "frontend"]);
    example.no_change();

    example.edit(module, "scan_on_push = true", "scan_on_push = false");
    let repository = |service| format!("module.ecr_docker_images.aws_ecr_repository.this[\"{service}\"]");
    assert_eq!(
        example.changes(""),
        [(repository("backend"), "update".to_owned()), (repository("frontend"), "update".to_owned())]
    );
    example.apply("");
    let scanning = json!([{ "scanOnPush": false }, { "scanOnPush": false }]);
    assert_eq!(
        example.aws("describe-repositories --query repositories[].imageScanningConfiguration"),
        scanning
    );

    // "Bump this value to trigger a fresh docker build": the old image stays beside the new one.
    example.edit("main.tf", "build_version = \"1\"", "build_version = \"2\"");
    example.apply("");
    example.no_change();
    let tags = example.aws("list-images --repository-name frontend --query sort(imageIds[].imageTag)");
    assert_eq!(tags, json!(["1", "2"]));
    example.pull_back(text(&example.output("images")["frontend"]));

    example.empty();
    example.destroy();
}

#[test]
fn example_001_runs_its_scripts() {
    let example = Example::begin("001", "us-west-2");
    let (app, client) = ("cfndev-envoy-proxy-poc-app", "cfndev-envoy-proxy-poc-client");
    let told = example.apply("");
    assert!(told.contains("Login Succeeded"), "{told}");
    assert!(told.contains("DescribeRepositories") && told.contains(client), "{told}");
    let summary = json!({
        "region": "us-west-2", "repositories": [app, client], "image_tag_mutability": "MUTABLE",
        "scan_on_push": true, "encryption_type": "AES256", "retention_days": 30,
    });
    assert_eq!(example.output("configuration_summary"), summary);
    example.policy(app, &["any"]);
    for (image, context) in [("app", "app"), ("client", "client")] {
        let [build, push] =
            ["build", "push"].map(|step| example.output(&format!("{image}_docker_{step}_command")));
        let in_context = format!("cd {context}; {}", text(&build));
        example.shell(&in_context).ok();
        example.shell(text(&push)).ok();
        let url = example.output(&format!("{image}_repository_url"));
        example.pull_back(&format!("{}:latest", text(&url)));
    }
    example.shell(text(&example.output("docker_login_command"))).ok();
    example.no_change();

    example.edit("locals.tf", "= \"MUTABLE\"", "= \"IMMUTABLE\"");
    let change = |name: &str| (format!("aws_ecr_repository.{name}"), "update".to_owned());
    assert_eq!(example.changes(""), [change("app"), change("client")]);
    let told = example.apply("");
    // The status names the image that was pushed since.
    assert!(told.contains("IMMUTABLE") && told.contains("latest"), "{told}");
    example.no_change();

    // Only told to does the cleanup delete.
    example.shell(&format!("scripts/ecr-cleanup.sh us-west-2 '' {app} {client}")).ok();
    assert_eq!(example.aws(&format!("list-images --repository-name {app} --query length(imageIds)")), 1);
    let told = example.destroy();
    assert!(told.contains(&format!("{app}: 1 deleted")), "{told}");
}

#[test]
fn example_002_keeps_its_tags() {
    let example = Example::begin("002", "us-east-1");
    example.apply("");
    let uri = example.output("ecr_repository_uri");
    let uri = text(&uri);
    assert_eq!(example.output("ecr_login_info"), "000000000000.dkr.ecr.us-east-1.amazonaws.com");
    example.policy("my-private-app-repo", &["tagged", "untagged"]);
    example.log_in(uri.split('/').next().unwrap_or_default());
    example.push("image", &format!("{uri}:prod-1"));
    let told = example
        .shell(&format!(
            "echo other >image/web.txt; docker build --tag {uri}:prod-1 image; docker push {uri}:prod-1"
        ))
        .refused();
    let refusal = "The image tag 'prod-1' already exists in the 'my-private-app-repo' repository and cannot be \
                   overwritten because the tag is immutable.";
    assert!(told.contains(refusal), "{told}");
    example.no_change();

    example.edit("main.tf", "\"Development\"", "\"Production\"");
    example.edit("main.tf", "\"IMMUTABLE\"", "\"MUTABLE\"");
    assert_eq!(example.changes(""), [("aws_ecr_repository.private_repo".to_owned(), "update".to_owned())]);
    example.apply("");
    example.no_change();
    let arn = example.aws("describe-repositories --query repositories[0].repositoryArn");
    let tags = example
        .aws(&format!("list-tags-for-resource --resource-arn {} --query sort_by(tags,&Key)", text(&arn)));
    let expected = json!([{ "Key": "Environment", "Value": "Production" }, { "Key": "Name", "Value": "my-private-app-repo" }]);
    assert_eq!(tags, expected);
    example.shell(&format!("docker push {uri}:prod-1")).ok();

    example.empty();
    example.destroy();
}

#[test]
fn example_003_has_a_frontend_and_a_backend() {
    let example = Example::begin("003", "us-west-2");
    example.apply("");
    let names = ["frontend", "backend"].map(|part| (part, format!("durableai-dev-{part}")));
    for (part, name) in &names {
        let output = |member: &str| example.output(&format!("ecr_{part}_repository_{member}"));
        assert_eq!(output("name"), *name);
        assert_eq!(output("arn"), format!("arn:aws:ecr:us-west-2:000000000000:repository/{name}"));
        example.policy(name, &["tagged", "tagged", "untagged"]);
        let url = output("url");
        example.log_in(text(&url).split('/').next().unwrap_or_default());
        example.push(part, &format!("{}:v1.0.0", text(&url)));
    }
    example.no_change();

    example.edit("ecr.tf", "scan_on_push = true", "scan_on_push = false");
    let change = |name: &str| (format!("aws_ecr_repository.{name}"), "update".to_owned());
    assert_eq!(example.changes(""), [change("backend"), change("frontend")]);
    example.apply("");
    example.no_change();

    example.empty();
    example.destroy();
}

#[test]
fn example_004_is_changed_by_its_variables() {
    let example = Example::begin("004", "us-west-2");
    example.shell("cp terraform.tfvars.example terraform.tfvars").ok();
    example.apply("");
    assert_eq!(example.output("repository_name"), "app-template-dev");
    assert_eq!(example.output("registry_id"), "000000000000");
    let arn = "arn:aws:ecr:us-west-2:000000000000:repository/app-template-dev";
    assert_eq!(example.output("repository_arn"), arn);
    let url = example.output("repository_url");
    let url = text(&url);
    example.policy("app-template-dev", &["tagged", "untagged"]);
    // The document logs in to the repository's whole URL.
    example.log_in(url);
    example.push("image", &format!("{url}:latest"));
    example.no_change();

    let variables =
        "-var image_tag_mutability=IMMUTABLE -var scan_on_push=false -var image_retention_count=5";
    let changes = [
        ("aws_ecr_lifecycle_policy.this".to_owned(), "delete,create".to_owned()),
        ("aws_ecr_repository.this".to_owned(), "update".to_owned()),
    ];
    assert_eq!(example.changes(variables), changes);
    example.apply(variables);
    assert_eq!(example.changes(variables), []);
    let mutability = example.aws("describe-repositories --query repositories[0].imageTagMutability");
    assert_eq!(mutability, "IMMUTABLE");

    let told = example.terraform("destroy -auto-approve").refused();
    assert!(told.contains("not empty, consider using force_delete"), "{told}");
    example.empty();
    example.destroy();
}

/// A copy of a configuration, initialised, and the server that it works against.
struct Example {
    desk: Desk,
    folder: PathBuf,
    region: &'static str,
}

impl Example {
    fn begin(number: &str, region: &'static str) -> Self {
        require(&["docker"]);
        let desk = Desk::open_with_docker();
        Self::begin_at(desk, &examples().join(number).join("terraform"), region)
    }

    /// One of `tests/terraform`.
    fn ours(name: &str, region: &'static str, options: Options) -> Self {
        Self::begin_at(Desk::open(options), &ours().join(name), region)
    }

    fn begin_at(desk: Desk, configuration: &Path, region: &'static str) -> Self {
        require(&["terraform", "aws"]);
        let folder = desk.folder().join("terraform");
        // Without what an earlier run by hand left there.
        let copy = format!("cp -R '{}' terraform; cd terraform", configuration.display());
        let left = "rm -rf .terraform* terraform.tfvars; find . -name '*.tfstate*' -delete";
        desk.shell_in(desk.folder(), &format!("{copy}; {left}")).ok();
        let plugins = std::env::var("ACRE_TF_PLUGINS").unwrap_or_else(|_| "/opt/tf-plugins".to_owned());
        assert!(
            Path::new(&plugins).is_dir(),
            "{plugins} is missing: set ACRE_TF_PLUGINS to a filesystem mirror with hashicorp/aws"
        );
        let settings =
            format!("provider_installation {{\n  filesystem_mirror {{\n    path = {plugins:?}\n  }}\n}}\n");
        fs::write(desk.folder().join("terraform.rc"), settings).expect("a file is written");
        let example = Self { desk, folder, region };
        example.terraform("init").ok();
        example.terraform("validate").ok();
        example
    }

    fn shell(&self, script: &str) -> Finished {
        self.desk.shell_in(&self.folder, script)
    }

    fn terraform(&self, arguments: &str) -> Finished {
        // CHECKPOINT_DISABLE: Terraform asks nobody whether it is new.
        let settings = "export TF_CLI_CONFIG_FILE=../terraform.rc TF_IN_AUTOMATION=1 CHECKPOINT_DISABLE=1";
        self.shell(&format!("{settings} TF_INPUT=0 TF_CLI_ARGS=-no-color\nterraform {arguments}"))
    }

    fn apply(&self, variables: &str) -> String {
        self.terraform(&format!("apply -auto-approve {variables}")).ok()
    }

    fn output(&self, name: &str) -> Value {
        from_str(&self.terraform(&format!("output -json {name}")).ok()).expect("terraform writes JSON")
    }

    /// The second plan is empty, outputs included; but for 001's status resource, by its name.
    fn no_change(&self) {
        let finished = self.terraform("plan -detailed-exitcode -out=../plan");
        let has_status = self.terraform("state list").ok().lines().any(|line| line == STATUS);
        assert_eq!(finished.code, Some(if has_status { 2 } else { 0 }), "{}", finished.stdout);
        assert_eq!(self.planned(), []);
    }

    /// What a plan would do, by address, without [`STATUS`].
    fn changes(&self, variables: &str) -> Vec<(String, String)> {
        self.terraform(&format!("plan -out=../plan {variables}")).ok();
        self.planned()
    }

    /// What the last plan says, as [`Example::changes`].
    fn planned(&self) -> Vec<(String, String)> {
        let plan: Value =
            from_str(&self.terraform("show -json ../plan").ok()).expect("terraform writes JSON");
        let changes = plan["resource_changes"].as_array().expect("a plan lists resources").iter();
        let mut changes: Vec<(String, String)> = changes
            .map(|change| {
                let actions = change["change"]["actions"].as_array().expect("a change has actions");
                let actions: Vec<&str> = actions.iter().map(text).collect();
                (text(&change["address"]).to_owned(), actions.join(","))
            })
            .filter(|(address, actions)| actions != "no-op" && actions != "read" && address != STATUS)
            .collect();
        changes.sort();
        changes
    }

    /// Replaces a text in the copy: somebody edits the configuration.
    fn edit(&self, file: &str, from: &str, to: &str) {
        let path = self.folder.join(file);
        let before = fs::read_to_string(&path).expect("the file is there");
        assert!(before.contains(from), "{file} does not contain {from}");
        fs::write(path, before.replace(from, to)).expect("a file is written");
    }

    fn log_in(&self, registry: &str) {
        let password = format!("aws ecr get-login-password --region {}", self.region);
        let login = format!("docker login --username AWS --password-stdin {registry}");
        self.shell(&format!("{password} | {login}")).ok();
    }

    /// Builds, pushes, and pulls back.
    fn push(&self, context: &str, image: &str) {
        self.shell(&format!("docker build --tag {image} {context}; docker push {image}")).ok();
        self.pull_back(image);
    }

    /// Forgets an image, pulls it, and has the same one again.
    fn pull_back(&self, image: &str) {
        let id = format!("docker image inspect --format '{{{{.Id}}}}' {image}");
        let before = self.shell(&id).ok();
        self.shell(&format!("docker rmi --force {before}; docker pull {image}")).ok();
        assert_eq!(self.shell(&id).ok(), before, "{image}");
    }

    fn aws(&self, command: &str) -> Value {
        let (operation, rest) = command.split_once(" --").unwrap_or((command, ""));
        // A query has brackets and an ampersand: it is quoted.
        let rest = match format!(" --{rest}").split_once("--query ") {
            Some((options, query)) => format!("{options}--query '{query}'"),
            None => format!("--{rest}"),
        };
        let told =
            self.shell(&format!("aws ecr {operation} {rest} --region {} --output json", self.region)).ok();
        from_str(&told).expect("aws writes JSON")
    }

    fn repositories(&self) -> Vec<String> {
        let names = self.aws("describe-repositories --query sort(repositories[].repositoryName)");
        names.as_array().expect("a list").iter().map(|name| text(name).to_owned()).collect()
    }

    /// The repository has a lifecycle policy whose rules, in order, select these.
    fn policy(&self, repository: &str, tag_status: &[&str]) {
        let policy = self
            .aws(&format!("get-lifecycle-policy --repository-name {repository} --query lifecyclePolicyText"));
        let policy: Value = from_str(text(&policy)).expect("a policy is JSON");
        let rules = policy["rules"].as_array().expect("a policy has rules").iter();
        let found: Vec<&str> = rules.map(|rule| text(&rule["selection"]["tagStatus"])).collect();
        assert_eq!(found, tag_status, "{repository}");
    }

    /// Deletes every image: none of these configurations says `force_delete`, so a destroy would be refused.
    fn empty(&self) {
        for name in self.repositories() {
            let images = self.aws(&format!("list-images --repository-name {name} --query imageIds"));
            if images != json!([]) {
                let delete = "batch-delete-image --query failures --output json";
                let region = self.region;
                let told = self
                    .shell(&format!(
                        "aws ecr {delete} --region {region} --repository-name {name} --image-ids '{images}'"
                    ))
                    .ok();
                assert_eq!(told, "[]");
            }
        }
    }

    /// Destroys, and finds nothing left.
    fn destroy(&self) -> String {
        let told = self.terraform("destroy -auto-approve").ok();
        assert_eq!(self.terraform("state list").ok(), "");
        assert_eq!(self.repositories(), Vec::<String>::new());
        told
    }
}

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples")
}

fn ours() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/terraform")
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}
