//! Mixed load that remembers what was acknowledged: pushes, tag moves, deletes, repositories made and removed, uploads
//! left behind; and after a crash the question whether all of it is as it was promised ([`ledger`]).

pub mod ledger;

use crate::ecr::{Credentials, Ecr};
use crate::http::{Body, Broken, Client, Failure};
use crate::image::{Blob, Flavour, Image, Recipe, open_upload, pull_and_verify, push_blob, put_manifest};
use crate::random::Random;
use crate::server::REGION;
use acre_wire::digest::Digest;
use ledger::{Known, Ledger, Presence};
use serde_json::json;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

/// Lengths on both sides of what the store does differently: nothing, one and two sealed segments, and their bounds.
pub const LENGTHS: [usize; 11] =
    [0, 1, 65_507, 65_508, 65_509, 65_535, 65_536, 65_537, 131_015, 131_016, 131_017];
const SHARED: &str = "load/shared";
const TAGS: usize = 5;

/// One client. No two of them touch the same image or tag, so each knows what must be there; layers and the repository
/// `load/shared` they have in common.
#[derive(Debug)]
pub struct Worker {
    number: usize,
    random: Random,
    made: u64,
    /// What this client was told.
    pub ledger: Ledger,
}

/// Where the server is, and who is asking.
#[derive(Clone, Debug)]
pub struct Site {
    /// `host:port`.
    pub authority: String,
    /// Of the account's root.
    pub credentials: Credentials,
}

/// How far the clients have come together.
#[derive(Debug, Default)]
pub struct Progress {
    steps: Mutex<u64>,
    more: Condvar,
    may_break: AtomicBool,
    may_fail: AtomicBool,
    failed: AtomicU64,
    stop: AtomicBool,
}

/// What one client does its steps with.
struct Session {
    ecr: Ecr,
    client: Client,
}

impl Site {
    /// A caller of the control plane.
    pub fn ecr(&self) -> Ecr {
        Ecr::new(&self.authority, self.credentials.clone(), REGION)
    }
}

impl Progress {
    /// From now on a connection that breaks is no failure but the end of the load.
    pub fn let_break(&self) {
        self.may_break.store(true, Ordering::SeqCst);
    }

    /// From now on an answer that the storage failed (or is full) is no failure: what became of that step is not known,
    /// and the load goes on.
    pub fn let_fail(&self) {
        self.may_fail.store(true, Ordering::SeqCst);
    }

    /// How many steps such an answer ended.
    pub fn failed(&self) -> u64 {
        self.failed.load(Ordering::SeqCst)
    }

    /// Ends the load after the steps that run.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::SeqCst);
    }

    /// Waits until that many steps are done; whether they were within that time.
    pub fn wait_for(&self, steps: u64, within: Duration) -> bool {
        let done = self.steps.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.more.wait_timeout_while(done, within, |done| *done < steps && !self.stopped());
        let (done, _) = waited.unwrap_or_else(PoisonError::into_inner);
        *done >= steps
    }

    fn stopped(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
    }

    fn add(&self) {
        *self.steps.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.more.notify_all();
    }
}

/// Runs all workers at once until the server is gone or `progress` says stop. The failure of any of them stops all.
pub fn run(workers: &mut [Worker], site: &Site, progress: &Progress) -> Result<(), Failure> {
    std::thread::scope(|scope| {
        let running: Vec<_> = workers
            .iter_mut()
            .map(|worker| {
                scope.spawn(move || {
                    let outcome = worker.run(site, progress);
                    if outcome.is_err() {
                        progress.stop();
                    }
                    progress.more.notify_all();
                    outcome
                })
            })
            .collect();
        let mut outcome = Ok(());
        for thread in running {
            match thread.join() {
                Ok(one) => outcome = outcome.and(one),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        outcome
    })
}

/// One of the fixed sentences about the storage, with the request that it befell.
fn is_of_storage(failure: &Failure) -> bool {
    let Failure::Unexpected { answer, .. } = failure else { return false };
    let text = String::from_utf8_lossy(&answer.body);
    let says = |sentence: &str| text.contains(sentence) && text.contains("request");
    match answer.status {
        500 => says("storage failed") || says("storage is full"),
        507 => says("storage is full"),
        _ => false,
    }
}

impl Worker {
    /// The worker of that number, whose steps the seed decides.
    pub fn new(number: usize, seed: u64) -> Self {
        let random = Random::new(seed ^ (number as u64).rotate_left(32));
        Self { number, random, made: 0, ledger: Ledger::default() }
    }

    fn run(&mut self, site: &Site, progress: &Progress) -> Result<(), Failure> {
        let mut act = || -> Result<(), Failure> {
            let mut ecr = site.ecr();
            let client = ecr.data_plane()?;
            let mut session = Session { ecr, client };
            while !progress.stopped() {
                match self.settle_down(&mut session).and_then(|()| self.step(&mut session)) {
                    Err(failure) if progress.may_fail.load(Ordering::SeqCst) && is_of_storage(&failure) => {
                        progress.failed.fetch_add(1, Ordering::SeqCst);
                    }
                    other => other?,
                }
                progress.add();
            }
            Ok(())
        };
        match act() {
            Err(Failure::Broken { source, .. })
                if progress.may_break.load(Ordering::SeqCst)
                    && !matches!(source, Broken::Malformed { .. }) =>
            {
                Ok(())
            }
            other => other,
        }
    }

    fn settle_down(&mut self, session: &mut Session) -> Result<(), Failure> {
        for home in [SHARED.to_owned(), format!("load/w{}", self.number)] {
            if self.ledger.presence(&home) != Presence::There {
                self.create(session, &home)?;
            }
        }
        Ok(())
    }

    fn step(&mut self, session: &mut Session) -> Result<(), Failure> {
        match self.random.below(100) {
            0..50 => self.push(session),
            50..60 => self.move_tag(session),
            60..67 => self.delete_image(session),
            67..73 => self.delete_tag(session),
            73..79 => self.batch_delete(session),
            79..86 => self.leave_upload(session),
            86..90 => {
                self.made += 1;
                self.create(session, &format!("load/w{}-{}", self.number, self.made))
            }
            90..93 => self.delete_repository(session),
            _ => self.pull(session),
        }
    }

    fn create(&mut self, session: &mut Session, repository: &str) -> Result<(), Failure> {
        // An earlier attempt that got no answer may have made it, and so may another worker the one that all share.
        let may_exist = repository == SHARED || self.ledger.presence(repository) == Presence::Unknown;
        self.ledger.repository(repository).presence = Presence::Unknown;
        let created = session.ecr.create_repository(repository);
        let exists = |failure: &Failure| {
            matches!(failure, Failure::Unexpected { answer, .. }
                if answer.json()["__type"].as_str().is_some_and(|code| code.ends_with("RepositoryAlreadyExistsException")))
        };
        match created {
            Err(failure) if !(may_exist && exists(&failure)) => return Err(failure),
            _ => self.ledger.repository(repository).presence = Presence::There,
        }
        Ok(())
    }

    fn delete_repository(&mut self, session: &mut Session) -> Result<(), Failure> {
        let home = format!("load/w{}", self.number);
        let mut names = self.ledger.repositories_there();
        names.retain(|name| name != SHARED && *name != home);
        let Some(name) = self.random.pick(&names) else { return Ok(()) };
        self.ledger.repository(name).presence = Presence::Unknown;
        session.ecr.expect("DeleteRepository", &json!({ "repositoryName": name, "force": true }))?;
        self.ledger.forget(name);
        Ok(())
    }

    fn push(&mut self, session: &mut Session) -> Result<(), Failure> {
        let Some(repository) = self.random.pick(&self.ledger.repositories_there()).cloned() else {
            return Ok(());
        };
        let gone = self.ledger.images(&repository, Presence::Gone);
        let again = if self.random.below(4) == 0 { self.random.pick(&gone) } else { None };
        let (name, recipes) = match again.and_then(|digest| self.ledger.recipe(&repository, digest)) {
            Some(known) => known,
            None => self.fresh_recipe(),
        };
        let image = Image::made(&name, &recipes);
        let tag = self.tag();
        image.push_blobs(&mut session.client, &repository, self.flavour())?;
        let known = Known { presence: Presence::Unknown, name, recipes };
        self.ledger.repository(&repository).images.insert(image.digest(), known);
        self.ledger.tag_may_be(&repository, &tag, Some(image.digest()));
        put_manifest(&mut session.client, &repository, &tag, &image.manifest)?;
        self.ledger.tag_is(&repository, &tag, Some(image.digest()));
        self.ledger.image_is(&repository, image.digest(), Presence::There);
        Ok(())
    }

    fn move_tag(&mut self, session: &mut Session) -> Result<(), Failure> {
        let Some((repository, digest)) = self.image() else { return Ok(()) };
        let bytes = pull_and_verify(&mut session.client, &repository, &digest.to_string(), &digest)?;
        let tag = self.tag();
        self.ledger.tag_may_be(&repository, &tag, Some(digest));
        put_manifest(&mut session.client, &repository, &tag, &Blob { digest, bytes })?;
        self.ledger.tag_is(&repository, &tag, Some(digest));
        Ok(())
    }

    fn delete_image(&mut self, session: &mut Session) -> Result<(), Failure> {
        let Some((repository, digest)) = self.image() else { return Ok(()) };
        let tags = self.ledger.tags_of(&repository, &digest);
        self.ledger.image_is(&repository, digest, Presence::Unknown);
        for tag in tags.iter().chain(&self.ledger.tags_perhaps_of(&repository, &digest)) {
            self.ledger.tag_may_be(&repository, tag, None);
        }
        let target = format!("/v2/{repository}/manifests/{digest}");
        session.client.expect("delete an image", 202, ("DELETE", &target), &[], Body::None)?;
        self.ledger.image_is(&repository, digest, Presence::Gone);
        for tag in &tags {
            self.ledger.tag_is(&repository, tag, None);
        }
        Ok(())
    }

    /// The data plane's way: the image stays (spec/oci.md 7.6).
    fn delete_tag(&mut self, session: &mut Session) -> Result<(), Failure> {
        let Some((repository, digest)) = self.image() else { return Ok(()) };
        let tags = self.ledger.tags_of(&repository, &digest);
        let Some(tag) = self.random.pick(&tags) else { return Ok(()) };
        self.ledger.tag_may_be(&repository, tag, None);
        let target = format!("/v2/{repository}/manifests/{tag}");
        session.client.expect("delete a tag", 202, ("DELETE", &target), &[], Body::None)?;
        self.ledger.tag_is(&repository, tag, None);
        Ok(())
    }

    /// The control plane's way: the image goes with its last tag (spec/ecr.md 2.2).
    fn batch_delete(&mut self, session: &mut Session) -> Result<(), Failure> {
        let Some((repository, digest)) = self.image() else { return Ok(()) };
        let tags = self.ledger.tags_of(&repository, &digest);
        let Some(tag) = self.random.pick(&tags) else { return Ok(()) };
        let last = tags.len() == 1;
        self.ledger.tag_may_be(&repository, tag, None);
        if last {
            self.ledger.image_is(&repository, digest, Presence::Unknown);
        }
        let input = json!({ "repositoryName": repository, "imageIds": [{ "imageTag": tag }] });
        let answer = session.ecr.expect("BatchDeleteImage", &input)?;
        if answer["failures"] != json!([]) {
            let (step, got) = (format!("BatchDeleteImage {input}"), answer["failures"].to_string());
            return Err(Failure::Differs { step, got, wanted: "no failures".into() });
        }
        self.ledger.tag_is(&repository, tag, None);
        if last && self.ledger.tags_perhaps_of(&repository, &digest).is_empty() {
            self.ledger.image_is(&repository, digest, Presence::Gone);
        }
        Ok(())
    }

    /// An upload that nobody finishes; half of them are cancelled. Only where repositories stay: a session without
    /// its repository could not be cancelled afterwards.
    fn leave_upload(&mut self, session: &mut Session) -> Result<(), Failure> {
        let location = open_upload(&mut session.client, SHARED)?;
        let length = LENGTHS[self.random.below(LENGTHS.len())];
        let bytes = self.random.bytes(length);
        session.client.expect("start a layer", 202, ("PATCH", &location), &[], Body::Sized(&bytes))?;
        let fate = self.random.below(4);
        if fate < 2 {
            session.client.expect("cancel an upload", 204, ("DELETE", &location), &[], Body::None)?;
        } else if fate == 2 {
            // A layer that no manifest will name.
            push_blob(&mut session.client, SHARED, &Blob::new(bytes), self.flavour())?;
        }
        Ok(())
    }

    fn pull(&mut self, session: &mut Session) -> Result<(), Failure> {
        let Some((repository, digest)) = self.image() else { return Ok(()) };
        pull_and_verify(&mut session.client, &repository, &digest.to_string(), &digest).map(|_| ())
    }

    fn image(&mut self) -> Option<(String, Digest)> {
        let repository = self.random.pick(&self.ledger.repositories_there())?.clone();
        let digest = *self.random.pick(&self.ledger.images(&repository, Presence::There))?;
        Some((repository, digest))
    }

    fn tag(&mut self) -> String {
        format!("w{}-{}", self.number, self.random.below(TAGS))
    }

    fn flavour(&mut self) -> Flavour {
        match self.random.below(5) {
            0 => Flavour::SinglePost,
            1 => Flavour::PostPut,
            2 => Flavour::Chunks(1 + self.random.below(3) * 50_000 + self.random.below(100_000)),
            _ => Flavour::PostPatchPut,
        }
    }

    /// One to three layers. A third of them come from a few that all workers push, some of those at the same time.
    fn fresh_recipe(&mut self) -> (String, Vec<Recipe>) {
        self.made += 1;
        let count = 1 + self.random.below(3);
        let layer = |random: &mut Random| {
            let seed = if random.below(3) == 0 { random.below(16) as u64 } else { random.bits() };
            let mut of_seed = Random::new(seed);
            let length = match of_seed.below(8) {
                0 => (1 << 20) + of_seed.below(2 << 20),
                1 => of_seed.below(65_508),
                _ => LENGTHS[of_seed.below(LENGTHS.len())],
            };
            Recipe { seed, length }
        };
        let recipes = (0..count).map(|_| layer(&mut self.random)).collect();
        let size = if self.random.below(8) == 0 { "-wide" } else { "" };
        (format!("w{}-{}-{:x}{size}", self.number, self.made, self.random.bits()), recipes)
    }
}
