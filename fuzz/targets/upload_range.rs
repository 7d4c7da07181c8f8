//! Positions: `Content-Range` of uploads, `Range` of pulls, and conditions. The input's first eight bytes are the
//! blob's length.

#![no_main]

use acre_wire::digest::{Algorithm, Digest};
use acre_wire::oci::range::{ContentRange, MAX_RANGES, Ranges, etag, if_match, if_none_match, if_range};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((length, header)) = data.split_first_chunk::<8>() else { return };
    let Ok(header) = std::str::from_utf8(header) else { return };
    let length = u64::from_be_bytes(*length);

    if let Ok(range) = ContentRange::parse(header) {
        assert!(range.first <= range.last && i64::try_from(range.last).is_ok() && range.length() > 0);
        for again in
            [format!("{}-{}", range.first, range.last), format!("bytes {}-{}/*", range.first, range.last)]
        {
            assert_eq!(ContentRange::parse(&again), Ok(range));
        }
    }

    match Ranges::parse(Some(header), length) {
        Ranges::Whole | Ranges::NotSatisfiable | Ranges::TooMany => {}
        Ranges::Partial(range) => {
            assert!(range.start() <= range.end() && *range.end() < length);
            let again = format!("bytes={}-{}", range.start(), range.end());
            assert_eq!(Ranges::parse(Some(&again), length), Ranges::Partial(range));
        }
        Ranges::Several(ranges) => {
            assert!((2..=MAX_RANGES).contains(&ranges.len()));
            assert!(ranges.iter().all(|range| range.start() <= range.end() && *range.end() < length));
            assert!(ranges.windows(2).all(|pair| pair[0].end() < pair[1].start()));
            let said: Vec<_> =
                ranges.iter().map(|range| format!("{}-{}", range.start(), range.end())).collect();
            let again = format!("bytes={}", said.join(","));
            assert_eq!(Ranges::parse(Some(&again), length), Ranges::Several(ranges));
        }
    }

    let digest = Digest::of(Algorithm::Sha256, b"x");
    let names_it = header.contains(&digest.to_string());
    assert!(!if_range(header, &digest) || header.trim() == etag(&digest));
    assert!(!if_match(header, Some(&digest)) || names_it || header.contains('*'));
    assert!(if_none_match(header, Some(&digest)) || names_it || header.contains('*'));
    assert!(!if_match(header, None) && if_none_match(header, None));
});
