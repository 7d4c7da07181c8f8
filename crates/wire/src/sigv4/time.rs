//! Times as signatures write them: `20150830T123600Z`.

const DAY: i64 = 86_400;

/// The basic ISO 8601 form of seconds since 1970. Years before 0 and after 9999 are held to those.
pub fn basic_time(epoch: i64) -> String {
    const FIRST: i64 = -62_167_219_200;
    const LAST: i64 = 253_402_300_799;
    let epoch = epoch.clamp(FIRST, LAST);
    let (year, month, day) = civil(epoch.div_euclid(DAY));
    let second = epoch.rem_euclid(DAY);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}Z")
}

/// Reads the basic form, to the letter; a day or an hour that does not exist is none.
pub fn parse_basic_time(text: &str) -> Option<i64> {
    let digits = |from: usize, to: usize| -> Option<i64> {
        let part = text.get(from..to)?;
        part.bytes().all(|c| c.is_ascii_digit()).then(|| part.parse().ok()).flatten()
    };
    if text.len() != 16 || text.get(8..9) != Some("T") || text.get(15..) != Some("Z") {
        return None;
    }
    let (year, month, day) = (digits(0, 4)?, digits(4, 6)?, digits(6, 8)?);
    let (hour, minute, second) = (digits(9, 11)?, digits(11, 13)?, digits(13, 15)?);
    let days = days(year, month, day);
    let exists = civil(days) == (year, month, day) && hour < 24 && minute < 60 && second < 60;
    exists.then_some(days * DAY + hour * 3600 + minute * 60 + second)
}

/// Days since 1970 of a date of the Gregorian calendar. The year is counted from March, so that the leap day is its
/// last; 400 years repeat.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month > 2 { year } else { year - 1 };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// The inverse of [`days`].
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = (from_march + 2) % 12 + 1;
    (era * 400 + year + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_times() {
        for (epoch, text) in [
            (0, "19700101T000000Z"),
            (1_440_938_160, "20150830T123600Z"),
            (951_827_696, "20000229T123456Z"),
            (-1, "19691231T235959Z"),
            (253_402_300_799, "99991231T235959Z"),
        ] {
            assert_eq!(basic_time(epoch), text);
            assert_eq!(parse_basic_time(text), Some(epoch));
        }
        assert_eq!(basic_time(i64::MAX), "99991231T235959Z");
        assert_eq!(basic_time(i64::MIN), "00000101T000000Z");
    }

    #[test]
    fn refused() {
        for text in [
            "",
            "20150830",
            "20150830T123600",
            "20150830t123600Z",
            "20150230T123600Z",
            "19000229T000000Z",
            "20151330T123600Z",
            "20150030T123600Z",
            "20150800T123600Z",
            "20150830T243600Z",
            "20150830T126000Z",
            "20150830T123660Z",
            "+0150830T123600Z",
            "2015-08-30T12:36:00Z",
            "20150830T1236\u{e9}Z",
        ] {
            assert_eq!(parse_basic_time(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn round_trip(epoch in -62_167_219_200_i64..=253_402_300_799) {
            prop_assert_eq!(parse_basic_time(&basic_time(epoch)), Some(epoch));
        }
    }
}
