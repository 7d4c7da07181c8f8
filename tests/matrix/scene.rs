//! One server with everything that can be asked for, and the people who ask.

use acre_testkit::ecr::{Credentials, Ecr};
use acre_testkit::http::{Body, Client};
use acre_testkit::image::{Flavour, Image, Recipe, push_blob};
use acre_testkit::server::{Options, REGION, Server, binary};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

pub(super) const HOME: &str = "000000000000";
pub(super) const OTHER: &str = "222222222222";
pub(super) const ELSEWHERE: &str = "eu-west-1";
/// An upstream that asks for credentials, and where they are.
pub(super) const UPSTREAM: &str = "registry-1.docker.io";
pub(super) const SECRET: &str =
    "arn:aws:secretsmanager:us-east-1:000000000000:secret:ecr-pullthroughcache/hub-a1b2c3";

/// What a request is about. All of it is there, or nothing.
#[derive(Clone, Debug)]
pub(super) struct Subject {
    pub(super) repository: String,
    pub(super) image: String,
    /// A layer of the image.
    pub(super) layer: String,
    /// A blob that no image needs.
    pub(super) blob: String,
    /// An upload that the control plane opened.
    pub(super) upload: String,
    /// Of a cache rule and of a creation template.
    pub(super) prefix: String,
}

impl Subject {
    /// One that there is not: of the same form, to the letter's count.
    pub(super) fn absent(like: &Self) -> Self {
        let digest = |fill: char| format!("sha256:{}", fill.to_string().repeat(64));
        Self {
            repository: like.repository.replace("there", "never"),
            image: digest('1'),
            layer: digest('2'),
            blob: digest('3'),
            upload: "01234567-89ab-4def-8123-456789abcdef".into(),
            prefix: like.prefix.replace("there", "never"),
        }
    }

    /// A text about this subject, as it would be about that one.
    pub(super) fn as_about(&self, other: &Self, text: &str) -> String {
        [
            (&self.repository, &other.repository),
            (&self.image, &other.image),
            (&self.layer, &other.layer),
            (&self.blob, &other.blob),
            (&self.upload, &other.upload),
            (&self.prefix, &other.prefix),
        ]
        .iter()
        .fold(text.to_owned(), |text, (mine, theirs)| text.replace(mine.as_str(), theirs))
    }
}

/// The server and who asks it.
pub(super) struct Scene {
    pub(super) server: Server,
    pub(super) owner: Ecr,
    pub(super) stranger: Ecr,
    /// What the stranger signs with.
    pub(super) others: Credentials,
    number: usize,
}

impl Scene {
    pub(super) fn new() -> Self {
        let arguments = ["--metrics", "127.0.0.1:0"].map(Into::into).into();
        let options = Options { arguments, ..Options::default() };
        Self::of(Server::start(binary(env!("CARGO_BIN_EXE_acre")), options).unwrap())
    }

    pub(super) fn of(server: Server) -> Self {
        let mut owner = server.ecr().unwrap();
        let made = owner.call_target("Acre_V1.CreateAccount", &json!({ "accountId": OTHER })).unwrap();
        assert_eq!(made.status, 200, "{}", made.json());
        let made = made.json();
        let text = |name: &str| made[name].as_str().unwrap().to_owned();
        let others = Credentials { access_key: text("accessKeyId"), secret_key: text("secretAccessKey") };
        let stranger = Ecr::new(server.host(), others.clone(), REGION);
        Self { server, owner, stranger, others, number: 0 }
    }

    /// The owner, at work in another Region.
    pub(super) fn owner_elsewhere(&self) -> Ecr {
        Ecr::new(self.server.host(), self.server.credentials().unwrap(), ELSEWHERE)
    }

    /// Something new to ask about.
    pub(super) fn subject(&mut self) -> Subject {
        self.number += 1;
        let repository = format!("there/{}", self.number);
        let prefix = format!("there{}", self.number);
        // A registry holds 50 rules and 50 templates.
        let before = format!("there{}", self.number - 1);
        for (operation, input) in [
            ("DeletePullThroughCacheRule", json!({ "ecrRepositoryPrefix": before })),
            ("DeleteRepositoryCreationTemplate", json!({ "prefix": before })),
        ] {
            self.owner.call(operation, &input).unwrap();
        }
        self.owner.create_repository(&repository).unwrap();
        let mut client = self.owner.data_plane().unwrap();
        let image = Image::made("app", &[Recipe { seed: 1, length: 40 }]);
        image.push(&mut client, &repository, "v1", Flavour::PostPut).unwrap();
        let loose = Image::made("loose", &[Recipe { seed: 2, length: 50 }]);
        push_blob(&mut client, &repository, &loose.layers[0], Flavour::PostPut).unwrap();
        let named = json!({ "repositoryName": repository });
        let upload = self.owner.expect("InitiateLayerUpload", &named).unwrap();
        let with = |more: Value| {
            let mut all = named.clone();
            all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            all
        };
        for (operation, input) in [
            ("PutLifecyclePolicy", with(json!({ "lifecyclePolicyText": lifecycle() }))),
            ("SetRepositoryPolicy", with(json!({ "policyText": policy() }))),
            ("PutRegistryPolicy", json!({ "policyText": registry_policy() })),
            (
                "CreatePullThroughCacheRule",
                json!({ "ecrRepositoryPrefix": prefix, "upstreamRegistryUrl": UPSTREAM, "credentialArn": SECRET }),
            ),
            (
                "CreateRepositoryCreationTemplate",
                json!({ "prefix": prefix, "appliedFor": ["PULL_THROUGH_CACHE"] }),
            ),
        ] {
            self.owner.expect(operation, &input).unwrap();
        }
        Subject {
            repository,
            image: image.digest().to_string(),
            layer: image.layers[0].digest.to_string(),
            blob: loose.layers[0].digest.to_string(),
            upload: upload["uploadId"].as_str().unwrap().into(),
            prefix,
        }
    }
}

/// A token that this caller gets for the home registry, as an `Authorization` header.
pub(super) fn token_for_home(caller: &mut Ecr) -> String {
    let answer = caller.expect("GetAuthorizationToken", &json!({ "registryIds": [HOME] })).unwrap();
    format!("Basic {}", answer["authorizationData"][0]["authorizationToken"].as_str().unwrap())
}

/// An Allow for everybody: nobody gains by it until policies are evaluated.
pub(super) fn policy() -> String {
    json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Principal": "*", "Action": "ecr:*" }
    ] })
    .to_string()
}

pub(super) fn registry_policy() -> String {
    json!({ "Version": "2012-10-17", "Statement": [{
        "Sid": "all", "Effect": "Allow", "Principal": { "AWS": format!("arn:aws:iam::{OTHER}:root") },
        "Action": ["ecr:ReplicateImage"], "Resource": format!("arn:aws:ecr:{REGION}:{HOME}:repository/*"),
    }] })
    .to_string()
}

pub(super) fn lifecycle() -> String {
    json!({ "rules": [ { "rulePriority": 1, "description": "untagged images go after a week", "selection": {
        "tagStatus": "untagged", "countType": "sinceImagePushed", "countUnit": "days", "countNumber": 7
    }, "action": { "type": "expire" } } ] })
    .to_string()
}

/// Asks the same three times: what it is answered, and the fewest statements that ran meanwhile (now and then a job of the
/// server's own runs one more).
pub(super) fn counted<T: PartialEq + std::fmt::Debug>(
    server: &Server,
    mut ask: impl FnMut() -> T,
) -> (T, u64) {
    let mut once = || {
        let before = statements(server);
        let answer = ask();
        (answer, statements(server) - before)
    };
    let (answer, mut fewest) = once();
    for _ in 0..2 {
        let (again, ran) = once();
        assert_eq!(again, answer);
        fewest = fewest.min(ran);
    }
    (answer, fewest)
}

/// Statements that the catalogue has run so far.
fn statements(server: &Server) -> u64 {
    let deadline = Instant::now() + Duration::from_secs(20);
    let address = loop {
        let text = server.stderr();
        let line = text.lines().find_map(|line| line.split_once("/metrics")?.0.split_once("http://"));
        if let Some((_, address)) = line {
            break address.to_owned();
        }
        assert!(Instant::now() < deadline, "{text}");
        std::thread::yield_now();
    };
    let answer = Client::new(&address).request("GET", "/metrics", &[], Body::None).unwrap();
    let text = String::from_utf8(answer.body).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("acre_catalogue_statements_total "));
    line.unwrap_or_else(|| panic!("{text}")).parse().unwrap()
}
