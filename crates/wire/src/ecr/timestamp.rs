//! Points in time as AWS JSON tells them: seconds since 1970, with milliseconds (spec/ecr.md 1.3).

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A point in time: microseconds since 1970. The wire keeps milliseconds of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Timestamp(i64);

impl Timestamp {
    /// That many microseconds after 1970.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Microseconds since 1970.
    pub const fn micros(self) -> i64 {
        self.0
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[expect(clippy::cast_precision_loss, reason = "milliseconds fit 53 bits until the year 287000")]
        let millis = self.0.div_euclid(1000) as f64;
        serializer.serialize_f64(millis / 1000.0)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let seconds = f64::deserialize(deserializer)?;
        #[expect(clippy::cast_possible_truncation, reason = "a cast to an integer saturates, and NaN is 0")]
        let millis = (seconds * 1000.0).round() as i64;
        Ok(Self(millis.saturating_mul(1000)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wire_form() {
        for (micros, text) in [
            (0, "0.0"),
            (1_705_072_146_123_999, "1705072146.123"),
            (1_705_072_146_000_000, "1705072146.0"),
            (-1, "-0.001"),
        ] {
            assert_eq!(serde_json::to_string(&Timestamp::from_micros(micros)).unwrap(), text);
        }
        for (text, micros) in [
            ("0", 0),
            ("1.705072146E9", 1_705_072_146_000_000),
            ("1705072146.123", 1_705_072_146_123_000),
            ("1e300", i64::MAX),
        ] {
            assert_eq!(serde_json::from_str::<Timestamp>(text).unwrap().micros(), micros, "{text}");
        }
        assert!(serde_json::from_str::<Timestamp>("\"2024-01-01\"").is_err());
    }
}
