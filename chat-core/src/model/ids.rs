//! The ids of users, rooms, messages, sessions and nodes.

use std::borrow::Borrow;
use std::fmt;
use std::num::NonZeroU64;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Why a text or a number is no id; says what would be one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidId(&'static str);

impl InvalidId {
    const USER: Self = Self("a user id has 1 to 255 bytes and no control characters");
    const NUMBER: Self = Self("the id of a room or a message is positive and below 2^48");
}

/// A user id of the host's: an opaque string, 1 to 255 bytes without control characters.
///
/// The library never looks into it, except to show a canonical decimal integer as a JSON number
/// where a dialect's document does so; by itself it is a string in JSON. Cloning is cheap.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct UserId(Arc<str>);

impl UserId {
    /// The longest user id, in bytes.
    pub const MAX_BYTES: usize = 255;

    /// Checks a text and makes it a user id.
    ///
    /// # Errors
    /// [`InvalidId`] where the text is empty, longer than [`UserId::MAX_BYTES`] or has control
    /// characters (NUL among them).
    pub fn new(text: impl AsRef<str>) -> Result<Self, InvalidId> {
        let text = text.as_ref();
        if text.is_empty() || text.len() > Self::MAX_BYTES || text.chars().any(char::is_control) {
            return Err(InvalidId::USER);
        }
        Ok(Self(text.into()))
    }

    /// The id as the host wrote it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The id as an integer where it is a canonical decimal one (no sign, no leading zero) of at
    /// most 2^53-1, the largest that every JSON reader keeps exact.
    pub fn as_integer(&self) -> Option<u64> {
        let text = self.as_str();
        let canonical = text.bytes().all(|byte| byte.is_ascii_digit())
            && (text.len() == 1 || !text.starts_with('0'));
        if !canonical || text.len() > 16 {
            return None;
        }
        text.parse().ok().filter(|id| *id < 1 << 53)
    }

    /// Orders ids as the APIs list users: integers by value first, then all others by code point.
    pub fn cmp_for_listing(&self, other: &Self) -> std::cmp::Ordering {
        let key = |id: &Self| id.as_integer().unwrap_or(u64::MAX);
        key(self).cmp(&key(other)).then_with(|| self.0.cmp(&other.0))
    }
}

macro_rules! user_id_from {
    ($($id:ty),*) => {$(
        /// In its usual form as text.
        impl From<$id> for UserId {
            fn from(id: $id) -> Self {
                Self(id.to_string().into())
            }
        }
    )*};
}

user_id_from!(i32, i64, u32, u64, Uuid);

impl From<&UserId> for UserId {
    fn from(id: &UserId) -> Self {
        id.clone()
    }
}

impl TryFrom<&str> for UserId {
    type Error = InvalidId;

    fn try_from(text: &str) -> Result<Self, InvalidId> {
        Self::new(text)
    }
}

impl TryFrom<String> for UserId {
    type Error = InvalidId;

    fn try_from(text: String) -> Result<Self, InvalidId> {
        Self::new(text)
    }
}

impl FromStr for UserId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        Self::new(text)
    }
}

impl From<UserId> for String {
    fn from(id: UserId) -> Self {
        id.as_str().to_owned()
    }
}

impl Borrow<str> for UserId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UserId({})", self.0)
    }
}

/// The bound below which room and message ids stay: they fit the 48 free bits of a version 8
/// UUID, as which the `team` dialect shows them.
const ID_BOUND: u64 = 1 << 48;

/// The bits of a version 8 UUID that are not the id's.
const UUID_FRAME: u128 = 0x8000_8000 << 48;

macro_rules! numeric_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(into = "u64", try_from = "u64")]
        pub struct $name(NonZeroU64);

        impl $name {
            /// The id of this number, if it is positive and below 2^48.
            pub fn new(id: u64) -> Option<Self> {
                NonZeroU64::new(id).filter(|id| id.get() < ID_BOUND).map(Self)
            }

            /// The id as a number.
            pub fn get(self) -> u64 {
                self.0.get()
            }

            /// The id as the `team` dialect shows it: a version 8 UUID,
            /// `00000000-0000-8000-8000-` and the id as 12 hex digits.
            ///
            /// ```
            #[doc = concat!("# use chat_core::model::", stringify!($name), " as Id;")]
            /// let id = Id::new(255).unwrap();
            /// assert_eq!(id.to_uuid().to_string(), "00000000-0000-8000-8000-0000000000ff");
            /// assert_eq!(Id::from_uuid(id.to_uuid()), Some(id));
            /// ```
            pub fn to_uuid(self) -> Uuid {
                Uuid::from_u128(UUID_FRAME | u128::from(self.get()))
            }

            /// The id that a UUID of the `team` dialect shows; `None` for any other UUID.
            pub fn from_uuid(uuid: Uuid) -> Option<Self> {
                Self::new(u64::try_from(uuid.as_u128() ^ UUID_FRAME).ok()?)
            }
        }

        impl From<$name> for u64 {
            fn from(id: $name) -> Self {
                id.get()
            }
        }

        impl TryFrom<u64> for $name {
            type Error = InvalidId;

            fn try_from(id: u64) -> Result<Self, InvalidId> {
                Self::new(id).ok_or(InvalidId::NUMBER)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                let is_canonical = !text.starts_with(['+', '0']);
                let id = text.parse().ok().filter(|_| is_canonical);
                id.and_then(Self::new).ok_or(InvalidId::NUMBER)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }
    };
}

numeric_id! {
    /// A room's id: positive, below 2^48, unique in its store, given by the store.
    RoomId
}

numeric_id! {
    /// A message's id: positive, below 2^48, unique in its store, given by the store.
    /// Inside one room ids ascend with [`Seq`](super::Seq).
    MessageId
}

/// The id of a session, which is one open socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionId(pub Uuid);

impl SessionId {
    /// A new id that no other session has.
    pub fn random() -> Self {
        Self(Uuid::now_v7())
    }
}

/// The id of one running server process, new at every start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(pub Uuid);

impl NodeId {
    /// A new id that no other node has.
    pub fn random() -> Self {
        Self(Uuid::now_v7())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_canonical_integers_that_json_keeps_exact_are_numbers() {
        let integer = |text: &str| UserId::new(text).unwrap().as_integer();
        assert_eq!(integer("0"), Some(0));
        assert_eq!(integer("42"), Some(42));
        assert_eq!(integer("9007199254740991"), Some((1 << 53) - 1));
        for text in ["9007199254740992", "042", "-1", "+1", "1.0", "user_2abc", "٣"] {
            assert_eq!(integer(text), None, "{text}");
        }
    }

    #[test]
    fn integers_and_uuids_are_user_ids_as_they_are_usually_written() {
        let uuid = Uuid::from_u128(0xff);
        let ids = [UserId::from(7), (-7_i64).into(), u64::MAX.into(), 7_u32.into(), uuid.into()];
        let written = ["7", "-7", "18446744073709551615", "7", &uuid.to_string()];
        assert_eq!(ids.map(|id| id.to_string()), written);
    }

    #[test]
    fn user_ids_are_bounded_and_without_control_characters() {
        assert!(UserId::new("a".repeat(255)).is_ok());
        for text in ["", "a\0b", "a\nb", &"a".repeat(256)] {
            assert_eq!(UserId::new(text), Err(InvalidId::USER));
        }
    }

    #[test]
    fn users_are_listed_numbers_first_then_by_code_point() {
        let mut ids: Vec<_> =
            ["b", "10", "9", "a", "9007199254740992"].map(|text| UserId::new(text).unwrap()).into();
        ids.sort_by(UserId::cmp_for_listing);
        let texts: Vec<_> = ids.iter().map(UserId::as_str).collect();
        assert_eq!(texts, ["9", "10", "9007199254740992", "a", "b"]);
    }

    #[test]
    fn room_ids_are_positive_and_below_two_to_the_48() {
        assert_eq!(RoomId::new(0), None);
        assert_eq!(RoomId::new(1 << 48), None);
        assert_eq!(RoomId::new((1 << 48) - 1).map(RoomId::get), Some((1 << 48) - 1));
    }
    #[test]
    fn ids_are_read_as_they_are_written() {
        let (user, room) = (UserId::new("u_7").unwrap(), RoomId::new(7).unwrap());
        assert_eq!(serde_json::to_string(&(&user, room)).unwrap(), r#"["u_7",7]"#);
        let read: (UserId, RoomId) = serde_json::from_str(r#"["u_7",7]"#).unwrap();
        assert_eq!(read, (user.clone(), room));
        assert_eq!((user.to_string().parse(), room.to_string().parse()), (Ok(user), Ok(room)));
        for text in ["0", "281474976710656", "-1", "+7", "007", "7.0", "seven", ""] {
            assert_eq!(text.parse::<MessageId>(), Err(InvalidId::NUMBER), "{text}");
        }
        assert!(serde_json::from_str::<UserId>("\"\"").is_err());
        assert!(serde_json::from_str::<MessageId>("0").is_err());
    }
}
