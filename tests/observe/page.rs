//! `/metrics` as Prometheus reads it: every line looked at, series by name and labels.

use super::log::find;
use acre_testkit::http::{Answer, Body, Client};
use acre_testkit::server::Server;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

/// Series, as they are written: `acre_blobs`, `acre_requests_total{operation="Ping",…}`.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) series: BTreeMap<String, f64>,
    kinds: BTreeMap<String, String>,
}

/// The address that the server's log names.
pub(crate) fn address(server: &Server) -> String {
    let line = find(server, |line| line["message"] == "metrics are shown");
    let endpoint = line["endpoint"].as_str().unwrap();
    endpoint.strip_prefix("http://").unwrap().strip_suffix("/metrics").unwrap().to_owned()
}

pub(crate) fn ask(address: &str, method: &str, target: &str) -> Answer {
    Client::new(address).request(method, target, &[], Body::None).unwrap()
}

impl Page {
    pub(crate) fn of(server: &Server) -> Self {
        let answer = ask(&address(server), "GET", "/metrics");
        assert_eq!(answer.status, 200, "{answer:?}");
        let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
        assert_eq!(answer.header("content-type"), Some(kind));
        Self::parse(&String::from_utf8(answer.body).unwrap())
    }

    /// Waits until that holds: the last bytes of an answer reach a client before they are counted.
    pub(crate) fn when(server: &Server, holds: impl Fn(&Self) -> bool) -> Self {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            let page = Self::of(server);
            if holds(&page) {
                return page;
            }
            assert!(Instant::now() < deadline, "{page:#?}");
        }
    }

    fn parse(text: &str) -> Self {
        let mut page = Self { series: BTreeMap::new(), kinds: BTreeMap::new() };
        let lines = text.strip_suffix("# EOF\n").unwrap_or_else(|| panic!("no end: {text}"));
        for line in lines.lines() {
            if let Some(comment) = line.strip_prefix("# ") {
                let (what, rest) = comment.split_once(' ').unwrap();
                let (name, value) = rest.split_once(' ').unwrap();
                assert!(matches!(what, "HELP" | "TYPE" | "UNIT") && !value.is_empty(), "{line}");
                if what == "TYPE" {
                    assert_eq!(page.kinds.insert(name.into(), value.into()), None, "twice: {line}");
                }
                continue;
            }
            let (series, value) = line.rsplit_once(' ').unwrap();
            let value: f64 = value.parse().unwrap_or_else(|_| panic!("{line}"));
            let name = series.split('{').next().unwrap();
            assert!(page.kind_of(name).is_some(), "no type: {line}");
            assert!(value >= 0.0, "{line}");
            assert_eq!(page.series.insert(series.into(), value), None, "twice: {line}");
        }
        page.check_histograms();
        page
    }

    /// The type that was told of the family that a sample belongs to.
    fn kind_of(&self, sample: &str) -> Option<&str> {
        let suffixes = ["", "_total", "_bucket", "_sum", "_count", "_info"];
        let mut families = suffixes.iter().filter_map(|suffix| sample.strip_suffix(suffix));
        families.find_map(|family| self.kinds.get(family)).map(String::as_str)
    }

    /// Buckets grow to the count.
    fn check_histograms(&self) {
        let mut families: BTreeMap<String, Vec<(f64, f64)>> = BTreeMap::new();
        for (series, value) in &self.series {
            let Some((before, rest)) = series.split_once("le=\"") else { continue };
            let (end, after) = rest.split_once('"').unwrap();
            let end = if end == "+Inf" { f64::INFINITY } else { end.parse().unwrap() };
            let labels = format!("{}{}", before.split_once('{').unwrap().1, after.trim_start_matches(','));
            let labels = labels.strip_suffix('}').unwrap().trim_end_matches(',');
            let name = before.split_once("_bucket{").unwrap().0;
            let count =
                if labels.is_empty() { format!("{name}_count") } else { format!("{name}_count{{{labels}}}") };
            families.entry(count).or_default().push((end, *value));
        }
        for (count, mut buckets) in families {
            buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
            assert!(buckets.is_sorted_by(|a, b| a.1 <= b.1), "{count}: {buckets:?}");
            let (end, last) = *buckets.last().unwrap();
            assert!(end.is_infinite(), "{count}: {buckets:?}");
            assert_eq!(self.series.get(&count), Some(&last), "{count}");
        }
    }

    /// The value of a series without labels, which must be there.
    pub(crate) fn value(&self, name: &str) -> f64 {
        *self.series.get(name).unwrap_or_else(|| panic!("no {name} in {:#?}", self.series))
    }

    /// Of all series of a family with these labels, the values together.
    pub(crate) fn sum(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let is_one = |series: &str| {
            series.strip_prefix(name).is_some_and(|rest| {
                rest.starts_with('{')
                    && labels.iter().all(|(label, value)| rest.contains(&format!("{label}=\"{value}\"")))
            })
        };
        self.series.iter().filter(|(series, _)| is_one(series)).map(|(_, value)| value).sum()
    }

    /// Requests to that operation that ended so.
    pub(crate) fn requests(&self, operation: &str, status: &str, outcome: &str) -> f64 {
        let labels = [("operation", operation), ("status", status), ("outcome", outcome)];
        self.sum("acre_requests_total", &labels)
    }

    /// The values of a label.
    pub(crate) fn values_of(&self, label: &str) -> BTreeSet<&str> {
        let start = format!("{label}=\"");
        let values = self.series.keys().filter_map(|series| series.split_once(&start));
        values.map(|(_, rest)| rest.split('"').next().unwrap()).collect()
    }

    /// The names of all labels.
    pub(crate) fn labels(&self) -> BTreeSet<&str> {
        let labels = self.series.keys().filter_map(|series| series.split_once('{'));
        labels
            .flat_map(|(_, labels)| labels.trim_end_matches('}').split(','))
            .filter_map(|pair| pair.split_once('=').map(|(label, _)| label))
            .collect()
    }
}
