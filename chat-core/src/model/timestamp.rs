//! A moment of wall time.

use std::borrow::Cow;
use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;

const RFC_3339: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:6]Z");

/// The last representable microsecond of the year 9999, the last that RFC 3339 can write.
const MAX_MICROS: i64 = 253_402_300_799_999_999;

/// A moment in UTC with microseconds, written as RFC 3339 ending in `Z` (wire.md, "Timestamps").
///
/// Microseconds are what every store keeps, so a moment read back equals the moment written.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The start of 1970, before everything that a chat can hold.
    pub const EPOCH: Self = Self(0);

    /// The moment this many microseconds after the start of 1970, held within the years 1970
    /// to 9999.
    pub fn from_micros(micros: i64) -> Self {
        Self(micros.clamp(0, MAX_MICROS))
    }

    /// The moment this many seconds after the start of 1970, held within the years 1970 to 9999.
    pub fn from_seconds(seconds: i64) -> Self {
        Self::from_micros(seconds.saturating_mul(1_000_000))
    }

    /// Microseconds since the start of 1970.
    pub fn as_micros(self) -> i64 {
        self.0
    }

    /// The moment a duration later.
    #[must_use]
    pub fn after(self, duration: Duration) -> Self {
        let micros = i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
        Self::from_micros(self.0.saturating_add(micros))
    }

    /// The moment a duration earlier.
    #[must_use]
    pub fn before(self, duration: Duration) -> Self {
        let micros = i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
        Self::from_micros(self.0.saturating_sub(micros))
    }

    /// The time from an earlier moment to this one; zero where the other is later.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.0 - earlier.0).unwrap_or(0))
    }

    /// 00:00 UTC of this moment's day.
    #[must_use]
    pub fn start_of_day(self) -> Self {
        const DAY: i64 = 86_400_000_000;
        Self(self.0 - self.0.rem_euclid(DAY))
    }

    /// The moment as a date and time in UTC.
    pub fn to_utc(self) -> OffsetDateTime {
        OffsetDateTime::UNIX_EPOCH + time::Duration::microseconds(self.0)
    }
}

impl JsonSchema for Timestamp {
    fn schema_name() -> Cow<'static, str> {
        "Timestamp".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "date-time" })
    }
}

impl From<SystemTime> for Timestamp {
    fn from(time: SystemTime) -> Self {
        let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        Self::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
    }
}

/// Held within the years 1970 to 9999; what is finer than microseconds is cut off.
impl From<OffsetDateTime> for Timestamp {
    fn from(time: OffsetDateTime) -> Self {
        let micros = time.unix_timestamp_nanos().div_euclid(1_000).max(0);
        Self::from_micros(i64::try_from(micros).unwrap_or(i64::MAX))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.to_utc().format(RFC_3339).map_err(|_| fmt::Error)?;
        f.write_str(&text)
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// From RFC 3339, in any offset, as `From<OffsetDateTime>` has it.
impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        OffsetDateTime::parse(&text, &Rfc3339).map(Self::from).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{from_str, to_string};

    use super::*;

    #[test]
    fn a_moment_is_written_in_utc_with_microseconds() {
        let moment = Timestamp::from_micros(1_735_122_600_000_001);
        assert_eq!(moment.to_string(), "2024-12-25T10:30:00.000001Z");
        assert_eq!(moment.start_of_day().to_string(), "2024-12-25T00:00:00.000000Z");
    }

    #[test]
    fn moments_stay_within_what_rfc_3339_can_write() {
        assert_eq!(Timestamp::from_micros(-1), Timestamp::EPOCH);
        let last = Timestamp::from_seconds(i64::MAX);
        assert_eq!(last.to_string(), "9999-12-31T23:59:59.999999Z");
        assert_eq!(last.after(Duration::MAX), last);
        assert_eq!(Timestamp::EPOCH.before(Duration::MAX), Timestamp::EPOCH);
    }
    #[test]
    fn a_moment_is_read_as_it_was_written_and_from_any_offset() {
        let moment = Timestamp::from_micros(1_735_122_600_000_001);
        assert_eq!(from_str::<Timestamp>(&to_string(&moment).unwrap()).unwrap(), moment);
        let text = "\"2024-12-25T12:30:00.000001999+02:00\"";
        assert_eq!(from_str::<Timestamp>(text).unwrap(), moment);
        assert_eq!(Timestamp::from(moment.to_utc()), moment);
        assert_eq!(from_str::<Timestamp>("\"1969-12-31T23:59:59Z\"").unwrap(), Timestamp::EPOCH);
        assert!(from_str::<Timestamp>("\"yesterday\"").is_err());
    }
}
