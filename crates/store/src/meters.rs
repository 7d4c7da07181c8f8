//! What a store counts while it works: plain numbers, for whoever shows them.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// The numbers of one moment. They are read one after the other, so two of them may differ by what happened in between.
#[derive(Clone, Debug, PartialEq)]
pub struct Measures {
    /// Uploads that are open in this process.
    pub uploads_open: u64,
    /// Closures that wait for the writer, or that it works on.
    pub writes_waiting: u64,
    /// Closures of each commit.
    pub batches: Distribution,
    /// Seconds of each commit, from the first closure to the end of the sync.
    pub commits: Distribution,
    /// Commits that failed.
    pub failed_commits: u64,
    /// Statements that operations have run in the catalogue.
    pub statements: u64,
    /// Whether writes are refused since a commit failed.
    pub is_read_only: bool,
    /// Seconds of each object's way to the disk: its bytes' sync, its name, that name's sync.
    pub object_syncs: Distribution,
    /// Objects that the catalogue names.
    pub blobs: u64,
    /// Bytes of plaintext that they hold.
    pub blob_bytes: u64,
    /// Reads that met damaged bytes.
    pub damaged_reads: u64,
    /// Bytes of the disk that are free.
    pub disk_free: u64,
    /// Bytes of the disk.
    pub disk_size: u64,
    /// Bytes that must stay free: below, uploads are refused.
    pub disk_reserve: u64,
    /// Buffers that the bodies of uploads wait for when there are none.
    pub upload_buffers_free: u64,
    /// Buffers of pulls; without one a pull reads in smaller parts.
    pub read_buffers_free: u64,
}

/// How values are distributed.
#[derive(Clone, Debug, PartialEq)]
pub struct Distribution {
    /// Upper ends, inclusive; the last range has none.
    pub bounds: Vec<f64>,
    /// How many values lie in each range: one more than there are bounds.
    pub counts: Vec<u64>,
    /// All values together.
    pub sum: f64,
}

/// Counts values by range.
#[derive(Debug)]
pub(crate) struct Spread {
    bounds: &'static [u64],
    counts: Box<[AtomicU64]>,
    sum: AtomicU64,
    /// How many units of what is counted make one of what is shown.
    divisor: f64,
}

/// Microseconds, from a fast disk's sync to one that a person would look after.
const MICROS: &[u64] = &[
    100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000,
    2_500_000, 10_000_000, 60_000_000,
];
/// Up to the most that one commit takes.
const SIZES: &[u64] = &[1, 2, 4, 8, 16, 32, 64, 128, 256];

impl Spread {
    /// Of times, shown in seconds.
    pub(crate) fn of_times() -> Self {
        Self::new(MICROS, 1e6)
    }

    /// Of small numbers.
    pub(crate) fn of_sizes() -> Self {
        Self::new(SIZES, 1.0)
    }

    fn new(bounds: &'static [u64], divisor: f64) -> Self {
        let counts = (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect();
        Self { bounds, counts, sum: AtomicU64::new(0), divisor }
    }

    /// Counts the time since then.
    pub(crate) fn time(&self, since: Instant) {
        self.count(micros(since.elapsed()));
    }

    /// Counts a value.
    pub(crate) fn count(&self, value: u64) {
        let at = self.bounds.partition_point(|bound| *bound < value);
        if let Some(count) = self.counts.get(at) {
            count.fetch_add(1, Relaxed);
        }
        self.sum.fetch_add(value, Relaxed);
    }

    #[expect(clippy::cast_precision_loss, reason = "a sum is shown, not counted on with")]
    pub(crate) fn distribution(&self) -> Distribution {
        Distribution {
            bounds: self.bounds.iter().map(|bound| *bound as f64 / self.divisor).collect(),
            counts: self.counts.iter().map(|count| count.load(Relaxed)).collect(),
            sum: self.sum.load(Relaxed) as f64 / self.divisor,
        }
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_lies_below_its_bound() {
        let spread = Spread::of_sizes();
        for value in [0, 1, 2, 3, 256, 257] {
            spread.count(value);
        }
        let shown = spread.distribution();
        assert_eq!(shown.counts, [2, 1, 1, 0, 0, 0, 0, 0, 1, 1]);
        assert_eq!(shown.bounds.len() + 1, shown.counts.len());
        assert!((shown.sum - 519.0).abs() < f64::EPSILON);
    }

    #[test]
    fn times_are_shown_in_seconds() {
        let spread = Spread::of_times();
        spread.count(2_000_000);
        let shown = spread.distribution();
        assert!((shown.sum - 2.0).abs() < f64::EPSILON);
        let range = shown.counts.iter().position(|count| *count == 1).unwrap();
        assert!(shown.bounds[range - 1] < 2.0 && 2.0 <= shown.bounds[range]);
    }
}
