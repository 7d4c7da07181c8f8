//! The store's numbers, as Prometheus reads them.

use acre_registry::{Distribution, Measures};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Unit;
use std::fmt;

/// The numbers of one moment.
#[derive(Debug)]
pub(super) struct Shown(pub(super) Measures);

impl Collector for Shown {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let Self(measures) = self;
        let bytes = Some(&Unit::Bytes);
        for (name, help, unit, value) in [
            ("uploads_open", "Uploads that are open", None, measures.uploads_open),
            ("writes_waiting", "Changes that wait for the catalogue's writer", None, measures.writes_waiting),
            (
                "catalogue_read_only",
                "1 while the catalogue takes no writes, since a commit failed",
                None,
                measures.is_read_only.into(),
            ),
            ("blobs", "Objects that are stored, manifests among them", None, measures.blobs),
            ("blobs_size", "What they hold", bytes, measures.blob_bytes),
            ("disk_free", "What is free on the data folder's disk", bytes, measures.disk_free),
            ("disk_size", "The data folder's disk", bytes, measures.disk_size),
            (
                "disk_reserve",
                "What must stay free: below it, uploads are refused",
                bytes,
                measures.disk_reserve,
            ),
            ("upload_buffers_free", "Buffers free for uploads", None, measures.upload_buffers_free),
            ("read_buffers_free", "Buffers free for pulls", None, measures.read_buffers_free),
        ] {
            let mut gauge = encoder.encode_descriptor(name, help, unit, MetricType::Gauge)?;
            gauge.encode_gauge(&i64::try_from(value).unwrap_or(i64::MAX))?;
        }
        for (name, help, value) in [
            ("catalogue_statements", "Statements that operations have run", measures.statements),
            ("failed_commits", "Commits that failed", measures.failed_commits),
            ("damaged_reads", "Reads that met damaged bytes", measures.damaged_reads),
        ] {
            let mut counter = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
            counter.encode_counter::<NoLabelSet, _, u64>(&value, None)?;
        }
        let seconds = Some(&Unit::Seconds);
        for (name, help, unit, values) in [
            ("commit_batch", "Changes of each commit", None, &measures.batches),
            ("commit_duration", "Each commit, its sync included", seconds, &measures.commits),
            ("object_sync_duration", "Each object's way to the disk", seconds, &measures.object_syncs),
        ] {
            let Distribution { bounds, counts, sum } = values;
            let ends = bounds.iter().copied().chain([f64::INFINITY]);
            let buckets: Vec<_> = ends.zip(counts.iter().copied()).collect();
            let mut histogram = encoder.encode_descriptor(name, help, unit, MetricType::Histogram)?;
            histogram.encode_histogram::<NoLabelSet>(*sum, counts.iter().sum(), &buckets, None)?;
        }
        Ok(())
    }
}
