//! What is attached to a digest, for both doors (spec/oci.md 8, spec/ecr.md 2.35): the newest first, page by page.

use crate::pages::Listing;
use crate::pull::manifest_blob;
use crate::repositories::{arn_of, find};
use crate::{Caller, Error, Registry};
use acre_store::catalogue::TimeId;
use acre_store::catalogue::blobs::Blob;
use acre_store::catalogue::images::{self, Image, ReferrerFilter};
use acre_wire::digest::Digest;
use acre_wire::ecr::Operation;
use acre_wire::ecr::image::ImageStatusFilter;
use acre_wire::ecr::referrers::{
    ImageReferrer, ListImageReferrers, ListImageReferrersAnswer, ReferrersFilter,
};
use acre_wire::manifest::Manifest;
use acre_wire::names::RepositoryArn;
use acre_wire::oci::referrers::Referrer;

/// Entries of a page of `ListImageReferrers` when the caller does not say.
const DEFAULT_PAGE: u32 = 20;
/// Entries of a page at the data plane, where many clients read the first page only.
const LARGE_PAGE: u32 = 1_000;
/// Bytes that the entries of a page may take up: annotations come from manifests of 4 MiB.
const ROOM: usize = 7 << 19;
/// Bytes of a list without entries.
const EMPTY: usize = 128;
/// Bytes of manifests that are read for one page.
const READING: u64 = 32 << 20;

/// Which page of which list.
#[derive(Debug)]
struct Query<'a> {
    /// None: of an algorithm that nothing here was ever stored by.
    subject: Option<Digest>,
    /// As they were named, for the page's token.
    named: &'a str,
    types: &'a [String],
    status: Option<&'static str>,
    limit: u32,
    token: Option<&'a str>,
}

/// A page of entries, each with its image's status, and the token of the next page.
struct Page {
    entries: Vec<(Referrer, String)>,
    next: Option<String>,
}

impl Registry {
    /// `GET referrers`: one large page of the active ones, and the `last` of the next.
    pub async fn referrers(
        &self,
        caller: &Caller,
        arn: &RepositoryArn,
        subject: &Digest,
        artifact_type: Option<&str>,
        last: Option<&str>,
    ) -> Result<(Vec<Referrer>, Option<String>), Error> {
        let query = Query {
            subject: Some(*subject),
            named: &subject.to_string(),
            types: &Vec::from_iter(artifact_type.map(str::to_owned)),
            status: Some("ACTIVE"),
            limit: LARGE_PAGE,
            token: last,
        };
        let page = self.list_referrers(caller, arn, query).await?;
        Ok((page.entries.into_iter().map(|(referrer, _)| referrer).collect(), page.next))
    }

    /// `ListImageReferrers`.
    pub async fn list_image_referrers(
        &self,
        caller: &Caller,
        input: &ListImageReferrers,
    ) -> Result<ListImageReferrersAnswer, Error> {
        let arn = arn_of(caller, input.registry_id.as_ref(), &input.repository_name);
        let ReferrersFilter { artifact_status, artifact_types } = input.filter.clone().unwrap_or_default();
        let mut types = artifact_types.unwrap_or_default();
        types.sort();
        types.dedup();
        let query = Query {
            subject: Digest::parse(&input.subject_id.image_digest).ok(),
            named: &input.subject_id.image_digest,
            types: &types,
            status: match artifact_status {
                Some(ImageStatusFilter::Active) | None => Some("ACTIVE"),
                Some(ImageStatusFilter::Archived) => Some("ARCHIVED"),
                Some(ImageStatusFilter::Activating) => Some("ACTIVATING"),
                Some(ImageStatusFilter::Any) => None,
            },
            limit: input.max_results.unwrap_or(DEFAULT_PAGE),
            token: input.next_token.as_deref(),
        };
        let page = self.list_referrers(caller, &arn, query).await?;
        let show = |(referrer, status): (Referrer, String)| ImageReferrer {
            annotations: referrer.annotations,
            artifact_status: crate::images::status(&status),
            artifact_type: referrer.artifact_type,
            digest: referrer.digest.to_string(),
            media_type: referrer.media_type,
            size: referrer.size,
        };
        let referrers = page.entries.into_iter().map(show).collect();
        Ok(ListImageReferrersAnswer { next_token: page.next, referrers })
    }

    /// The one listing. A page ends at its limit, when its entries take up too much room, or when enough manifests were
    /// read for it; it holds at least one entry, if there is one.
    async fn list_referrers(
        &self,
        caller: &Caller,
        arn: &RepositoryArn,
        query: Query<'_>,
    ) -> Result<Page, Error> {
        let operation = Operation::ListImageReferrers;
        let permit = self.authorize(caller, operation, &arn.registry.account, arn)?;
        let filter = (query.named, query.types, query.status);
        let listing = Listing::new(operation, &arn.to_string(), &filter);
        let before: Option<[u8; 16]> = self.start_of_page(&listing, query.token)?;
        let rows = self.find_referrers(arn, &query, TimeId(before.unwrap_or(TimeId::LAST.0)));
        let rows = permit.record(rows)?;
        let is_last = rows.len() <= usize::try_from(query.limit).unwrap_or(usize::MAX);
        let (mut entries, mut room, mut reading) = (Vec::new(), EMPTY, 0);
        let (mut behind, mut is_full) = (None, !is_last);
        for (image, blob) in rows.into_iter().take(usize::try_from(query.limit).unwrap_or(usize::MAX)) {
            reading += blob.size;
            if behind.is_some() && reading > READING {
                is_full = true;
                break;
            }
            let referrer = self.describe_referrer(&image, &blob).await?;
            room += referrer.length();
            if behind.is_some() && room > ROOM {
                is_full = true;
                break;
            }
            behind = Some(image.id);
            entries.push((referrer, image.status));
        }
        let next = match behind {
            Some(id) if is_full => Some(self.page_behind(&listing, &serde_json::json!(id.0))?),
            _ => None,
        };
        Ok(Page { entries, next })
    }

    /// One more than the page may hold. Several types are several lists, merged: each costs no more than a page.
    fn find_referrers(
        &self,
        arn: &RepositoryArn,
        query: &Query<'_>,
        before: TimeId,
    ) -> Result<Vec<(Image, Blob)>, Error> {
        let one_more = query.limit.saturating_add(1);
        self.store.catalogue.read(|tx| {
            let repository = find(tx, arn)?;
            let Some(subject) = &query.subject else { return Ok(Vec::new()) };
            let page = |artifact_type| {
                let filter = ReferrerFilter { artifact_type, status: query.status };
                images::referrers(tx, repository.id, subject, filter, before, one_more)
            };
            let mut rows = if query.types.is_empty() { page(None)? } else { Vec::new() };
            for artifact_type in query.types {
                rows.extend(page(Some(artifact_type))?);
            }
            rows.sort_by_key(|image| std::cmp::Reverse(image.id));
            rows.truncate(usize::try_from(one_more).unwrap_or(usize::MAX));
            let with_manifest = |image: Image| {
                let blob = manifest_blob(tx, &image)?;
                Ok((image, blob))
            };
            rows.into_iter().map(with_manifest).collect()
        })
    }

    async fn describe_referrer(&self, image: &Image, blob: &Blob) -> Result<Referrer, Error> {
        let manifest = self.read_whole(blob).await?;
        let damaged = |_| acre_store::Error::Damaged(format!("the manifest {}", image.digest));
        Ok(Referrer {
            media_type: image.media_type.clone(),
            digest: image.digest,
            size: blob.size,
            artifact_type: image.artifact_type.clone(),
            annotations: Manifest::annotations_of(&manifest).map_err(damaged)?,
        })
    }
}
