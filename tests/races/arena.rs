//! A server, many clients that all begin at one moment, and what must hold when they are done.

use acre_testkit::catalogue::query;
use acre_testkit::ecr::Ecr;
use acre_testkit::http::{Answer, Body, Client};
use acre_testkit::image::{Blob, MANIFEST_TYPE, push_blob};
use acre_testkit::image::{Flavour, pull_and_verify};
use acre_testkit::leftovers::{unmatched_objects, upload_files};
use acre_testkit::random::{Random, number_from_environment};
use acre_testkit::server::{Options, Server, binary};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Barrier;
use std::time::Instant;

/// The repository that holds the layers of all images made here.
pub(crate) const SOURCE: &str = "race/source";

/// Where one race is run again and again.
pub(crate) struct Arena {
    pub(crate) server: Server,
    pub(crate) random: Random,
    pub(crate) rounds: u64,
    pub(crate) judge: Rider,
    config: Blob,
    layer: Blob,
    name: &'static str,
    seed: u64,
    started: Instant,
}

/// A client of both doors.
pub(crate) struct Rider {
    pub(crate) ecr: Ecr,
    pub(crate) client: Client,
}

impl Arena {
    pub(crate) fn new(name: &'static str) -> Self {
        let seed = Random::seed_of_this_run();
        let rounds = number_from_environment("ACRE_ROUNDS").unwrap_or(12);
        println!("{name}: ACRE_SEED={seed} ACRE_ROUNDS={rounds}");
        let server = Server::start(binary(env!("CARGO_BIN_EXE_acre")), Options::default()).unwrap();
        let mut judge = Rider::of(&server);
        judge.ecr.create_repository(SOURCE).unwrap();
        let mut random = Random::new(seed);
        let (config, layer) = (Blob::new(b"{}".to_vec()), Blob::new(random.bytes(70_000)));
        for blob in [&config, &layer] {
            push_blob(&mut judge.client, SOURCE, blob, Flavour::PostPut).unwrap();
        }
        Self { server, random, rounds, judge, config, layer, name, seed, started: Instant::now() }
    }

    pub(crate) fn riders(&self, count: usize) -> Vec<Rider> {
        (0..count).map(|_| Rider::of(&self.server)).collect()
    }

    /// A repository with the layers of all images.
    pub(crate) fn stage(&mut self, repository: &str) {
        self.judge.ecr.create_repository(repository).unwrap();
        for digest in [self.config.digest, self.layer.digest] {
            let target = format!("/v2/{repository}/blobs/uploads/?mount={digest}&from={SOURCE}");
            assert_eq!(self.judge.ask("POST", &target, &[], b"").status, 201);
        }
    }

    /// A manifest like no other: its layers are those of [`Arena::stage`].
    pub(crate) fn manifest(&self, name: &str) -> Blob {
        let descriptor = |media_type: &str, blob: &Blob| json!({ "mediaType": format!("application/vnd.oci.image.{media_type}"), "digest": blob.digest.to_string(), "size": blob.bytes.len() });
        let manifest = json!({
            "schemaVersion": 2, "mediaType": MANIFEST_TYPE, "annotations": { "name": name },
            "config": descriptor("config.v1+json", &self.config), "layers": [descriptor("layer.v1.tar", &self.layer)],
        });
        Blob::new(manifest.to_string().into_bytes())
    }

    /// What holds at the end of a race, whatever happened: rows and objects match, nothing is left of an upload, every
    /// repository counts its images as they are, no tag leads nowhere.
    pub(crate) fn end(mut self) {
        let seconds = self.started.elapsed().as_secs_f64();
        println!("{}: {} rounds in {seconds:.1} s, ACRE_SEED={}", self.name, self.rounds, self.seed);
        let data = self.server.data().to_owned();
        assert_eq!(unmatched_objects(&data).unwrap(), Vec::<String>::new(), "objects and rows");
        assert_eq!(upload_files(&data).unwrap(), BTreeSet::new(), "files of uploads");
        for (what, sql) in COUNTS {
            assert_eq!(query(&data, sql).unwrap(), Vec::<String>::new(), "{what}");
        }
        assert!(!self.server.stderr().contains("ERROR"), "{}", self.server.stderr());
        assert_eq!(self.server.terminate().unwrap().code(), Some(0), "{}", self.server.stderr());
    }
}

/// Nothing is found by any of these.
const COUNTS: &[(&str, &str)] = &[
    (
        "images that a repository counts",
        "SELECT id, images, (SELECT count(*) FROM image WHERE repository = repository.id AND deleted_at IS NULL) AS found
         FROM repository WHERE images <> found",
    ),
    (
        "tags that an image counts",
        "SELECT id, tags, (SELECT count(*) FROM tag WHERE image = image.id) AS found FROM image
         WHERE deleted_at IS NULL AND tags <> found",
    ),
    (
        "tags of images that are gone",
        "SELECT tag.name FROM tag LEFT JOIN image ON image.id = tag.image WHERE image.id IS NULL OR image.deleted_at IS NOT NULL",
    ),
];

impl Rider {
    fn of(server: &Server) -> Self {
        let mut ecr = server.ecr().unwrap();
        let client = ecr.data_plane().unwrap();
        Self { ecr, client }
    }

    /// A request that may be refused, and never fails.
    pub(crate) fn ask(
        &mut self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Answer {
        let body = if matches!(method, "GET" | "DELETE") { Body::None } else { Body::Sized(body) };
        let answer = self.client.request(method, target, headers, body).unwrap();
        assert!(answer.status < 500, "{method} {target}: {answer:?}");
        answer
    }

    /// The status and the answer, or the exception's name.
    pub(crate) fn call(&mut self, operation: &str, input: &Value) -> (u16, Value) {
        let (status, answer) = self.ecr.call(operation, input).unwrap();
        assert!(status < 500, "{operation}: {answer}");
        if status == 200 { (status, answer) } else { (status, answer["__type"].clone()) }
    }

    pub(crate) fn put_manifest(&mut self, repository: &str, reference: &str, manifest: &Blob) -> Answer {
        let target = format!("/v2/{repository}/manifests/{reference}");
        self.ask("PUT", &target, &[("Content-Type", MANIFEST_TYPE)], &manifest.bytes)
    }

    pub(crate) fn put_image(&mut self, repository: &str, tag: &str, manifest: &Blob) -> (u16, Value) {
        let text = String::from_utf8(manifest.bytes.clone()).unwrap();
        self.call(
            "PutImage",
            &json!({ "repositoryName": repository, "imageTag": tag, "imageManifest": text }),
        )
    }

    /// The digest that a tag leads to, if it leads anywhere.
    pub(crate) fn tag(&mut self, repository: &str, tag: &str) -> Option<String> {
        let answer = self.ask("GET", &format!("/v2/{repository}/manifests/{tag}"), &[], b"");
        match answer.status {
            200 => Some(answer.header("docker-content-digest").unwrap().to_owned()),
            404 => None,
            _ => panic!("{answer:?}"),
        }
    }

    /// The repository's images, each pulled whole under its digest and under each of its tags, from listings of both doors
    /// that agree. None: there is no such repository, and nothing in it.
    pub(crate) fn images(&mut self, repository: &str) -> Option<BTreeSet<String>> {
        let input = json!({ "repositoryName": repository, "maxResults": 1000 });
        let listed = match self.call("DescribeImages", &input) {
            (200, answer) => answer,
            (400, code) if code == "RepositoryNotFoundException" => {
                let tags = self.ask("GET", &format!("/v2/{repository}/tags/list"), &[], b"");
                assert_eq!((tags.status, &tags.json()["errors"][0]["code"]), (404, &json!("NAME_UNKNOWN")));
                return None;
            }
            other => panic!("{other:?}"),
        };
        let (mut digests, mut tags) = (BTreeSet::new(), BTreeSet::new());
        for image in listed["imageDetails"].as_array().unwrap() {
            let text = image["imageDigest"].as_str().unwrap();
            let digest = acre_wire::digest::Digest::parse(text).unwrap();
            pull_and_verify(&mut self.client, repository, text, &digest).unwrap();
            for tag in image["imageTags"].as_array().into_iter().flatten() {
                pull_and_verify(&mut self.client, repository, tag.as_str().unwrap(), &digest).unwrap();
                assert!(tags.insert(tag.as_str().unwrap().to_owned()), "{tag} is on two images");
            }
            digests.insert(text.to_owned());
        }
        let answer = self.ask("GET", &format!("/v2/{repository}/tags/list"), &[], b"").json();
        let names = answer["tags"].as_array().into_iter().flatten();
        assert_eq!(names.map(|name| name.as_str().unwrap().to_owned()).collect::<BTreeSet<_>>(), tags);
        Some(digests)
    }
}

/// All at once: their answers, in order.
pub(crate) fn at_once<T: Send>(riders: &mut [Rider], act: impl Fn(usize, &mut Rider) -> T + Sync) -> Vec<T> {
    let start = Barrier::new(riders.len());
    std::thread::scope(|scope| {
        let running: Vec<_> = riders
            .iter_mut()
            .enumerate()
            .map(|(number, rider)| {
                let (start, act) = (&start, &act);
                scope.spawn(move || {
                    start.wait();
                    act(number, rider)
                })
            })
            .collect();
        running.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}
