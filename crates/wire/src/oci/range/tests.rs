use super::*;
use crate::digest::Algorithm;
use proptest::prelude::*;

#[test]
fn single_ranges() {
    use Ranges::{NotSatisfiable, Partial, Whole};
    let cases = [
        ("bytes=0-499", 2048, Partial(0..=499)),
        ("bytes=500-1499", 2048, Partial(500..=1499)),
        ("bytes=2000-5000", 2048, Partial(2000..=2047)),
        ("bytes=500-", 2048, Partial(500..=2047)),
        ("bytes=0-", 1, Partial(0..=0)),
        ("bytes=-500", 2048, Partial(1548..=2047)),
        ("bytes=-5000", 2048, Partial(0..=2047)),
        ("bytes=7-7", 8, Partial(7..=7)),
        ("Bytes = 1-2 ", 8, Partial(1..=2)),
        ("bytes=,1-2,,", 8, Partial(1..=2)),
        ("bytes=0-99999999999999999999999999", 8, Partial(0..=7)),
        ("bytes=-99999999999999999999999999", 8, Partial(0..=7)),
        ("bytes=0-18446744073709551615", u64::MAX, Partial(0..=u64::MAX - 1)),
        ("bytes=5000-10000", 2048, NotSatisfiable),
        ("bytes=2048-", 2048, NotSatisfiable),
        ("bytes=99999999999999999999999999-", 8, NotSatisfiable),
        ("bytes=500-0", 2048, NotSatisfiable),
        ("bytes=-0", 2048, NotSatisfiable),
        ("bytes=0-", 0, NotSatisfiable),
        ("bytes=0-0", 0, NotSatisfiable),
        ("bytes=-1", 0, NotSatisfiable),
        ("", 8, Whole),
        ("bytes", 8, Whole),
        ("bytes=", 8, Whole),
        ("bytes=,", 8, Whole),
        ("bytes=-", 8, Whole),
        ("bytes=a-b", 8, Whole),
        ("bytes=1", 8, Whole),
        ("bytes=1-2-3", 8, Whole),
        ("bytes=+1-2", 8, Whole),
        ("bytes=1 - 2", 8, Whole),
        ("bytes=--1", 8, Whole),
        ("items=0-1", 8, Whole),
        ("bytes 0-1", 8, Whole),
    ];
    for (header, length, expected) in cases {
        assert_eq!(Ranges::parse(Some(header), length), expected, "{header} of {length}");
    }
    assert_eq!(Ranges::parse(None, 8), Whole);
}

#[test]
fn several_ranges() {
    use Ranges::{NotSatisfiable, Partial, Several, TooMany, Whole};
    let many = |count: u64| {
        let specs: Vec<_> = (0..count).map(|n| format!("{0}-{0}", n * 2)).collect();
        format!("bytes={}", specs.join(", "))
    };
    let cases = [
        ("bytes=0-1,4-5".to_owned(), Several(vec![0..=1, 4..=5])),
        ("bytes=4-5, 0-1".to_owned(), Several(vec![0..=1, 4..=5])),
        ("bytes=0-3,4-5".to_owned(), Several(vec![0..=3, 4..=5])),
        ("bytes=-1,0-0".to_owned(), Several(vec![0..=0, 999..=999])),
        ("bytes=0-1,2000-3000,5-6".to_owned(), Several(vec![0..=1, 5..=6])),
        ("bytes=0-4,2-9,9-12".to_owned(), Partial(0..=12)),
        ("bytes=0-900,5-6".to_owned(), Partial(0..=900)),
        ("bytes=0-,0-".to_owned(), Partial(0..=999)),
        ("bytes=0-1,5-2".to_owned(), Partial(0..=1)),
        ("bytes=1000-,5-2,-0".to_owned(), NotSatisfiable),
        ("bytes=0-1,x".to_owned(), Whole),
        (many(64), Several((0..64).map(|n| n * 2..=n * 2).collect())),
        (many(65), TooMany),
        (many(5000), TooMany),
    ];
    for (header, expected) in cases {
        assert_eq!(Ranges::parse(Some(&header), 1000), expected, "{header}");
    }
}

#[test]
fn content_ranges() {
    use InvalidContentRange::{Contradictory, Unparseable};
    let cases = [
        ("0-511", Ok((0, 511))),
        ("7-7", Ok((7, 7))),
        ("bytes 0-511/*", Ok((0, 511))),
        ("bytes 0-511/512", Ok((0, 511))),
        ("bytes=0-511", Ok((0, 511))),
        ("Bytes 512-1023/2000", Ok((512, 1023))),
        (" 0-1 ", Ok((0, 1))),
        ("0-9223372036854775807", Ok((0, 9_223_372_036_854_775_807))),
        ("5-4", Err(Contradictory)),
        ("bytes 0-512/512", Err(Contradictory)),
        ("0-9223372036854775808", Err(Unparseable)),
        ("0-99999999999999999999999", Err(Unparseable)),
        ("", Err(Unparseable)),
        ("-", Err(Unparseable)),
        ("0-", Err(Unparseable)),
        ("-5", Err(Unparseable)),
        ("0--1", Err(Unparseable)),
        ("bytes", Err(Unparseable)),
        ("bytes0-1", Err(Unparseable)),
        ("bytes */512", Err(Unparseable)),
        ("bytes 0-1/", Err(Unparseable)),
        ("bytes 0-1/x", Err(Unparseable)),
        ("bytes 0-1/*/*", Err(Unparseable)),
        ("items 0-1", Err(Unparseable)),
        ("0 - 1", Err(Unparseable)),
        ("byté 0-1", Err(Unparseable)),
    ];
    for (header, expected) in cases {
        let found = ContentRange::parse(header).map(|range| (range.first, range.last));
        assert_eq!(found, expected, "{header}");
    }
    assert_eq!(ContentRange::parse("0-511").unwrap().length(), 512);
    assert_eq!(ContentRange::parse("0-9223372036854775807").unwrap().length(), 1 << 63);
}

#[test]
fn conditions() {
    let digest = Digest::of(Algorithm::Sha256, b"");
    let other = Digest::of(Algorithm::Sha256, b"other");
    let tag = etag(&digest);
    // The header; whether it names the digest strongly, and at all.
    let cases = [
        (tag.clone(), true, true),
        (format!("W/{tag}"), false, true),
        ("*".to_owned(), true, true),
        (format!("{}, {tag}", etag(&other)), true, true),
        (format!("\"a,b\",W/{tag} "), false, true),
        (etag(&other), false, false),
        (digest.to_string(), false, false),
        (format!("\"a, {digest}, b\""), false, false),
        (String::new(), false, false),
    ];
    for (header, strong, weak) in cases {
        assert_eq!(if_match(&header, Some(&digest)), strong, "{header}");
        assert_eq!(if_none_match(&header, Some(&digest)), !weak, "{header}");
        assert!(!if_match(&header, None) && if_none_match(&header, None), "{header}");
    }
    assert!(if_range(&tag, &digest));
    for header in
        [format!("W/{tag}"), "*".to_owned(), "Sat, 21 Nov 2026 07:28:00 GMT".to_owned(), etag(&other)]
    {
        assert!(!if_range(&header, &digest), "{header}");
    }
}

proptest! {
    #[test]
    fn parts_lie_in_the_blob_and_never_overlap(header in "bytes=[0-9, -]{0,40}", length in 0_u64..200) {
        let parts = match Ranges::parse(Some(&header), length) {
            Ranges::Partial(part) => vec![part],
            Ranges::Several(parts) => parts,
            _ => vec![],
        };
        let mut next = 0;
        for part in parts {
            prop_assert!(*part.start() >= next && part.start() <= part.end() && *part.end() < length, "{header}");
            next = *part.end() + 1;
        }
    }

    #[test]
    fn never_panics(header in ".{0,60}", length in any::<u64>()) {
        let _ = Ranges::parse(Some(&header), length);
        let _ = Ranges::parse(Some(&format!("bytes={header}")), length);
        let _ = ContentRange::parse(&header).map(ContentRange::length);
        let _ = ContentRange::parse(&format!("bytes {header}"));
        let digest = Digest::of(Algorithm::Sha256, b"");
        let _ = (if_match(&header, Some(&digest)), if_none_match(&header, Some(&digest)), if_range(&header, &digest));
    }
}
