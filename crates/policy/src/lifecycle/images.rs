//! The images of one repository as a lifecycle policy sees them (spec/ecr.md 4.4): columns of numbers, about 80 bytes an
//! image. Tags are looked at as they pass by and not kept.
//!
//! Rows first ([`Images::add`]), then what ties them together ([`Repository`]); a row is known by its place, a `u32`.

use super::document::{Count, LifecyclePolicy, Rule, StorageClass};
use super::tags::{self, Key, Matcher, SHA_512};
use acre_wire::digest::Digest;
use std::collections::BTreeMap;

/// One image. Times are microseconds since 1970.
#[derive(Clone, Copy, Debug)]
pub struct Image {
    /// Its digest.
    pub digest: Digest,
    /// How many tags point at it.
    pub tags: u32,
    /// When it was pushed.
    pub pushed_at: i64,
    /// When it was last pulled.
    pub pulled_at: Option<i64>,
    /// When it was last restored from the archive (or by an undo): the clocks of push and pull start there.
    pub activated_at: Option<i64>,
    /// When it was archived. Only looked at if it is in the archive; an image that is there since nobody knows when is
    /// never old enough.
    pub archived_at: Option<i64>,
    /// Where it is. An image on its way back (`ACTIVATING`) is [`StorageClass::Standard`].
    pub storage_class: StorageClass,
    /// What its manifest names as its subject.
    pub subject: Option<Digest>,
    /// Bytes, as `DescribeImages` counts them.
    pub size: u64,
}

/// Collects the images of a repository for one policy.
pub struct Images {
    matcher: Matcher,
    repository: Repository,
}

/// A repository has too many images to be evaluated: 4,294,967,295 or more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many images in one repository")]
pub struct TooManyImages;

/// The same image was added twice, so that it would count twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("image {0} was listed twice")]
pub struct RepeatedImage(pub Digest);

impl Images {
    /// No images yet, to be judged by `policy`.
    pub fn new(policy: &LifecyclePolicy) -> Self {
        let mut rules = policy.rules().to_vec();
        rules.sort_unstable_by_key(|rule| rule.priority);
        let reads_pulls = |rule: &Rule| matches!(rule.selection.count, Count::SinceImagePulled { .. });
        let matcher = Matcher::new(rules.iter());
        let repository = Repository {
            reads_pulls: rules.iter().any(reads_pulls),
            rules,
            counts_families: policy.counts_families(),
            in_order: true,
            ..Repository::default()
        };
        Self { matcher, repository }
    }

    /// Whether [`Images::add`] needs the names of all tags. If not, those that begin with `sha256-` or `sha512-` are
    /// enough: by them clients attach signatures.
    pub fn reads_tags(&self) -> bool {
        self.matcher.reads_names()
    }

    /// Makes room for so many images more, exactly: columns that grow by themselves take up to twice their size.
    pub fn reserve(&mut self, images: u32) {
        let (images, columns) = (images as usize, &mut self.repository);
        columns.keys.reserve_exact(images);
        columns.masks.reserve_exact(images);
        columns.pushed.reserve_exact(images);
        columns.pulled.reserve_exact(if columns.reads_pulls { images } else { 0 });
        columns.sizes.reserve_exact(images);
        columns.marks.reserve_exact(images);
    }

    /// Adds an image with the names of its tags, and answers its place. Fastest in the order of digests.
    pub fn add<'a>(
        &mut self,
        image: &Image,
        tags: impl IntoIterator<Item = &'a str>,
    ) -> Result<u32, TooManyImages> {
        let Self { matcher, repository } = self;
        let at = u32::try_from(repository.keys.len()).map_err(|_| TooManyImages)?;
        if at == NONE {
            return Err(TooManyImages);
        }
        let attachments = repository.attachments.len();
        for tag in tags {
            matcher.see(at, tag);
            if let Some(subject) = tags::subject(tag) {
                repository.attachments.push(Attachment::new(at, subject));
            }
        }
        // An image with a tag of its own besides is more than an attachment.
        if repository.attachments.len() - attachments != image.tags as usize {
            repository.attachments.truncate(attachments);
        }
        if let Some(subject) = &image.subject {
            repository.attachments.push(Attachment::new(at, tags::key(subject)));
        }
        let mut marks = 0;
        if image.storage_class == StorageClass::Archive {
            repository.archived.push((at, image.archived_at.unwrap_or(i64::MAX)));
            marks |= ARCHIVED;
        }
        if repository.attachments.len() > attachments {
            marks |= ATTACHED;
        }
        let key = tags::key(&image.digest);
        repository.in_order &= repository.keys.last().is_none_or(|last| *last < key);
        if let Some((_, rest)) = image.digest.hash().split_first_chunk::<32>()
            && !rest.is_empty()
        {
            repository.rests.insert(at, rest.into());
        }
        repository.masks.push(matcher.matched(at, image.tags > 0, image.storage_class));
        repository.keys.push(key);
        repository.pushed.push(image.activated_at.unwrap_or(image.pushed_at));
        if repository.reads_pulls {
            repository.pulled.push(last_pull(image));
        }
        repository.sizes.push(image.size);
        repository.marks.push(marks);
        Ok(at)
    }

    /// No more images: what is attached to what is looked up, and relations may be added.
    pub fn complete(self) -> Result<Repository, RepeatedImage> {
        let mut repository = self.repository;
        if !repository.in_order {
            let keys = &repository.keys;
            let mut places: Vec<u32> = (0..).take(keys.len()).collect();
            places.sort_unstable_by_key(|at| keys.get(*at as usize));
            repository.places = places;
        }
        let key_of = |place: usize| repository.key(repository.place(place)?);
        let repeated = (1..repository.keys.len()).find(|place| key_of(*place) == key_of(place - 1));
        if let Some(digest) = repeated.and_then(|place| repository.digest(repository.place(place)?)) {
            return Err(RepeatedImage(digest));
        }
        let mut attachments = std::mem::take(&mut repository.attachments);
        for attachment in &mut attachments {
            attachment.subject = repository.find_key(&attachment.key).unwrap_or(NONE);
        }
        attachments.retain(|attachment| attachment.subject != attachment.image);
        repository.attachments = attachments;
        Ok(repository)
    }
}

/// The clock of `sinceImagePulled`.
fn last_pull(image: &Image) -> i64 {
    match (image.pulled_at, image.activated_at) {
        (Some(pulled), Some(activated)) if pulled <= activated => activated,
        (Some(pulled), _) => pulled,
        (None, activated) => activated.unwrap_or(image.pushed_at),
    }
}

/// No image.
pub(super) const NONE: u32 = u32::MAX;
const ARCHIVED: u8 = 1;
const ATTACHED: u8 = 2;

/// All images of a repository, and what ties them together.
#[derive(Default)]
pub struct Repository {
    /// By priority.
    pub(super) rules: Vec<Rule>,
    pub(super) counts_families: bool,
    reads_pulls: bool,
    in_order: bool,
    /// Images by their keys, unless they were added in that order.
    places: Vec<u32>,
    keys: Vec<Key>,
    /// What of a SHA-512 is not in its key.
    rests: BTreeMap<u32, Box<[u8]>>,
    /// The rules whose tag selection and storage class an image meets.
    masks: Vec<u64>,
    /// When an image was pushed or, if later it was restored, that.
    pushed: Vec<i64>,
    pulled: Vec<i64>,
    sizes: Vec<u64>,
    marks: Vec<u8>,
    /// By image.
    archived: Vec<(u32, i64)>,
    /// By image.
    attachments: Vec<Attachment>,
    /// One parent of each image that has any, at hand rather than archived. Empty: there are no indexes.
    parents: Vec<u32>,
    pins: BTreeMap<u32, Pin>,
}

/// One image hangs on another.
struct Attachment {
    image: u32,
    key: Key,
    subject: u32,
    deleted_at: Option<i64>,
}

impl Attachment {
    fn new(image: u32, key: Key) -> Self {
        Self { image, key, subject: NONE, deleted_at: None }
    }
}

/// Somebody needs an image: it does not expire and is not archived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pin {
    /// Who.
    pub name: String,
    /// What for.
    pub reason: String,
    /// From then on, in microseconds since 1970, the pin holds no more; nothing: it holds until it is released.
    pub until: Option<i64>,
}

/// What becomes of an image because of its subject.
pub(super) enum Subject {
    /// It has none, or one that was never here.
    None,
    /// There it is.
    Present { subject: u32 },
    /// In the archive, since then.
    Archived { subject: u32, at: i64 },
    /// Deleted then.
    Deleted { at: i64 },
}

impl Repository {
    /// How many images there are.
    pub fn len(&self) -> u32 {
        u32::try_from(self.keys.len()).unwrap_or(NONE)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The digest of an image; nothing for a place where none is.
    pub fn digest(&self, image: u32) -> Option<Digest> {
        let mut bytes = self.key(image)?.to_vec();
        if bytes.first() == Some(&SHA_512) {
            bytes.extend_from_slice(self.rests.get(&image)?);
        }
        Digest::from_bytes(&bytes).ok()
    }

    /// The place of an image.
    pub fn find(&self, digest: &Digest) -> Option<u32> {
        self.find_key(&tags::key(digest))
    }

    /// Says that `child` stands in the manifest list or index `index`: it stays as long as that does. Places where no
    /// image is are ignored.
    pub fn relate(&mut self, index: u32, child: u32) {
        if index >= self.len() || child >= self.len() || index == child {
            return;
        }
        if self.parents.is_empty() {
            self.parents = vec![NONE; self.keys.len()];
        }
        let new = (self.is_archived(index), index);
        let old = self.parent(child).map(|parent| (self.is_archived(parent), parent));
        if let Some(parent) = self.parents.get_mut(child as usize)
            && old.is_none_or(|old| new < old)
        {
            *parent = index;
        }
    }

    /// Asks, for each subject that is not here, when it was deleted from this repository; nothing: it never was. What
    /// is attached to a deleted image goes too, what came without its subject (signatures kept apart) stays.
    ///
    /// A subject is named by the first 33 bytes of [`Digest::to_bytes`]: the whole of a SHA-256.
    pub fn ask_for_deleted<E>(
        &mut self,
        mut deleted_at: impl FnMut(&[u8; 33]) -> Result<Option<i64>, E>,
    ) -> Result<(), E> {
        for attachment in self.attachments.iter_mut().filter(|attachment| attachment.subject == NONE) {
            attachment.deleted_at = deleted_at(&attachment.key)?;
        }
        Ok(())
    }

    /// Pins an image; of several pins the one that holds longest counts.
    pub fn pin(&mut self, image: u32, pin: Pin) {
        let until = |pin: &Pin| pin.until.unwrap_or(i64::MAX);
        if self.pins.get(&image).is_none_or(|old| until(old) < until(&pin)) {
            self.pins.insert(image, pin);
        }
    }

    /// The pin of an image that holds at `now`.
    pub fn pinned(&self, image: u32, now: i64) -> Option<&Pin> {
        self.pins.get(&image).filter(|pin| pin.until.is_none_or(|until| now < until))
    }

    /// The bytes of an image.
    pub fn size(&self, image: u32) -> u64 {
        at(&self.sizes, image).unwrap_or(0)
    }

    /// Where an image is.
    pub fn storage_class(&self, image: u32) -> StorageClass {
        if self.is_archived(image) { StorageClass::Archive } else { StorageClass::Standard }
    }

    pub(super) fn key(&self, image: u32) -> Option<&Key> {
        self.keys.get(image as usize)
    }

    pub(super) fn mask(&self, image: u32) -> u64 {
        at(&self.masks, image).unwrap_or(0)
    }

    /// When it was pushed or restored.
    pub(super) fn pushed(&self, image: u32) -> i64 {
        at(&self.pushed, image).unwrap_or(i64::MAX)
    }

    pub(super) fn pulled(&self, image: u32) -> i64 {
        at(&self.pulled, image).unwrap_or(i64::MAX)
    }

    /// When it was archived; the end of time if it was not.
    pub(super) fn archived(&self, image: u32) -> i64 {
        if !self.is_archived(image) {
            return i64::MAX;
        }
        let place = self.archived.binary_search_by_key(&image, |(image, _)| *image);
        place.ok().and_then(|place| self.archived.get(place)).map_or(i64::MAX, |(_, at)| *at)
    }

    pub(super) fn is_archived(&self, image: u32) -> bool {
        at(&self.marks, image).unwrap_or(0) & ARCHIVED != 0
    }

    /// An index in which it stands; one at hand, if there is one.
    pub(super) fn parent(&self, image: u32) -> Option<u32> {
        at(&self.parents, image).filter(|parent| *parent != NONE)
    }

    /// Of several subjects, which only tags can give, one that is here holds it, and one that was never here too.
    pub(super) fn subject(&self, image: u32) -> Subject {
        if at(&self.marks, image).unwrap_or(0) & ATTACHED == 0 {
            return Subject::None;
        }
        let first = self.attachments.partition_point(|attachment| attachment.image < image);
        let own = || self.attachments.iter().skip(first).take_while(|attachment| attachment.image == image);
        let present = own().map(|attachment| attachment.subject).filter(|subject| *subject != NONE);
        if let Some((is_archived, subject)) =
            present.map(|subject| (self.is_archived(subject), subject)).min()
        {
            return if is_archived {
                Subject::Archived { subject, at: self.archived(subject) }
            } else {
                Subject::Present { subject }
            };
        }
        let deleted: Option<Vec<i64>> = own().map(|attachment| attachment.deleted_at).collect();
        match deleted.and_then(|all| all.into_iter().max()) {
            Some(at) => Subject::Deleted { at },
            None => Subject::None,
        }
    }

    /// Whether it belongs to another image that is here.
    pub(super) fn is_member(&self, image: u32) -> bool {
        self.parent(image).is_some()
            || matches!(self.subject(image), Subject::Present { .. } | Subject::Archived { .. })
    }

    fn find_key(&self, key: &Key) -> Option<u32> {
        let place = if self.places.is_empty() {
            self.keys.binary_search(key).ok()
        } else {
            self.places.binary_search_by_key(&Some(key), |at| self.key(*at)).ok()
        };
        self.place(place?)
    }

    /// The image that comes at this place in the order of keys.
    fn place(&self, place: usize) -> Option<u32> {
        match self.places.get(place) {
            Some(image) => Some(*image),
            None => u32::try_from(place).ok(),
        }
    }
}

fn at<T: Copy>(column: &[T], image: u32) -> Option<T> {
    column.get(image as usize).copied()
}
