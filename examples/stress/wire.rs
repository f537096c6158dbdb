//! The frames of `api/messenger.md` that a load test needs, encoded and decoded on its own.

use std::borrow::Cow;
use std::fmt;
use std::hash::{BuildHasher, Hasher, RandomState};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::check::Echo;

/// Which run a message belongs to, so that what other people write is told apart.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RunId(u64);

/// What the content of a message says about itself: whose it is and when it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    pub(crate) index: u64,
    pub(crate) sender: usize,
    /// Microseconds since the start of the run.
    pub(crate) sent_at: u64,
}

/// A frame of the server, borrowed from the text it was read from.
#[derive(Debug)]
pub(crate) enum Frame<'a> {
    Established,
    Message(Body<'a>, Option<&'a RawValue>),
    Ping(Option<&'a RawValue>),
    Error {
        message: String,
        temp_id: Option<&'a RawValue>,
    },
    /// One that the load test has no use for, or does not know.
    Other,
}

/// The `message` of a `message` frame, as far as it is looked at.
#[derive(Debug, Deserialize)]
pub(crate) struct Body<'a> {
    pub(crate) id: u64,
    #[serde(borrow)]
    pub(crate) content: Cow<'a, str>,
}

/// Decoded first; `message` is an object in one frame and a sentence in another.
#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow, default, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    message: Option<&'a RawValue>,
    #[serde(borrow)]
    temp_id: Option<&'a RawValue>,
    #[serde(borrow)]
    timestamp: Option<&'a RawValue>,
}

#[derive(Serialize)]
struct Send<'a> {
    r#type: &'static str,
    content: &'a str,
    temp_id: &'a str,
    timestamp: &'a str,
}

#[derive(Serialize)]
struct Pong<'a> {
    r#type: &'static str,
    timestamp: Option<&'a RawValue>,
    client_time: &'a str,
}

impl RunId {
    /// One that no other run has: 64 random bits.
    pub(crate) fn random() -> Self {
        Self(RandomState::new().build_hasher().finish())
    }

    /// The content of a message of this run; `None` for any other text.
    ///
    /// # Errors
    /// Text that begins as one of this run's, and goes on as none of them does.
    pub(crate) fn read(self, content: &str) -> Option<Result<Stamp, Damaged>> {
        let rest = content.strip_prefix("stress ")?;
        let (run, rest) = rest.split_at_checked(16)?;
        if u64::from_str_radix(run, 16) != Ok(self.0) {
            return None;
        }
        Some(Stamp::parse(rest).ok_or(Damaged))
    }

    /// Whose `temp_id` this is, as it stood in the frame.
    pub(crate) fn read_echo(self, temp_id: Option<&RawValue>) -> Echo {
        let Some(raw) = temp_id else { return Echo::Absent };
        self.read_temp_id(raw.get()).map_or(Echo::Foreign, Echo::Of)
    }

    fn read_temp_id(self, json: &str) -> Option<u64> {
        let text = json.strip_prefix('"')?.strip_suffix('"')?;
        let (run, index) = text.strip_prefix("stress-")?.split_once('-')?;
        (u64::from_str_radix(run, 16) == Ok(self.0)).then(|| index.parse().ok())?
    }

    /// The frame that sends the message of this stamp.
    pub(crate) fn message(self, stamp: Stamp) -> String {
        let Stamp { index, sender, sent_at } = stamp;
        encode(&Send {
            r#type: "message",
            content: &format!("stress {self} {index} {sender} {sent_at}"),
            temp_id: &format!("stress-{self}-{index}"),
            timestamp: &wall_clock(),
        })
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// A message of this run whose text came back altered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Damaged;

impl Stamp {
    fn parse(text: &str) -> Option<Self> {
        let mut words = text.strip_prefix(' ')?.split(' ');
        let stamp = Self {
            index: words.next()?.parse().ok()?,
            sender: words.next()?.parse().ok()?,
            sent_at: words.next()?.parse().ok()?,
        };
        words.next().is_none().then_some(stamp)
    }
}

/// Decodes a frame of the server.
///
/// # Errors
/// What is no JSON object, or a `message` frame without its documented fields.
pub(crate) fn decode(text: &str) -> serde_json::Result<Frame<'_>> {
    let envelope: Envelope<'_> = serde_json::from_str(text)?;
    let message = envelope.message.map_or("null", RawValue::get);
    Ok(match &*envelope.kind {
        "message" => Frame::Message(serde_json::from_str(message)?, envelope.temp_id),
        "ping" => Frame::Ping(envelope.timestamp),
        "connection_established" => Frame::Established,
        "error" => Frame::Error {
            message: serde_json::from_str(message).unwrap_or_else(|_| message.to_owned()),
            temp_id: envelope.temp_id,
        },
        _ => Frame::Other,
    })
}

/// The answer to a `ping`, with that one's timestamp.
pub(crate) fn pong(timestamp: Option<&RawValue>) -> String {
    encode(&Pong { r#type: "pong", timestamp, client_time: &wall_clock() })
}

fn encode(frame: &impl Serialize) -> String {
    // Structs of strings: serde_json has nothing to refuse.
    serde_json::to_string(frame).unwrap()
}

fn wall_clock() -> String {
    // RFC 3339 can write every year up to 9999.
    OffsetDateTime::now_utc().format(&Rfc3339).unwrap()
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUN: RunId = RunId(0xabc);
    const STAMP: Stamp = Stamp { index: 17, sender: 3, sent_at: 1_234_567 };

    /// The frame that the document shows, around the content and `temp_id` of a sent one.
    fn echoed(sent: &str) -> String {
        let sent: serde_json::Value = serde_json::from_str(sent).unwrap();
        serde_json::json!({
            "type": "message",
            "message": { "id": 456, "content": sent["content"], "sender_id": 123, "status": "sent" },
            "delivery_id": "msg_456_1703419800.123",
            "temp_id": sent["temp_id"],
        })
        .to_string()
    }

    #[test]
    fn what_was_sent_is_known_again() {
        let text = echoed(&RUN.message(STAMP));
        let Ok(Frame::Message(body, temp_id)) = decode(&text) else { panic!("{text}") };
        assert_eq!(body.id, 456);
        assert!(matches!(body.content, Cow::Borrowed(_)));
        assert_eq!(RUN.read(&body.content), Some(Ok(STAMP)));
        assert_eq!(RUN.read_echo(temp_id), Echo::Of(17));

        assert_eq!(RunId(0xabd).read(&body.content), None);
        assert_eq!(RunId(0xabd).read_echo(temp_id), Echo::Foreign);
    }

    #[test]
    fn other_peoples_text_is_left_alone_and_damaged_text_is_not() {
        let table = [
            ("Hello, world!", None),
            ("stress", None),
            ("stress 000000000000äbc 1 2 3", None),
            ("stress 0000000000000abc 17 3 1234567", Some(Ok(STAMP))),
            ("stress 0000000000000abc 17 3", Some(Err(Damaged))),
            ("stress 0000000000000abc 17 3 1234567 8", Some(Err(Damaged))),
            ("stress 0000000000000abc 17 3 x", Some(Err(Damaged))),
        ];
        for (content, expected) in table {
            assert_eq!(RUN.read(content), expected, "{content}");
        }
    }

    #[test]
    fn temp_ids_of_others_are_foreign() {
        for (json, expected) in [
            (r#""stress-abc-5""#, Echo::Of(5)),
            (r#""stress-abc-x""#, Echo::Foreign),
            (r#""temp_1703419800123""#, Echo::Foreign),
            ("5", Echo::Foreign),
        ] {
            let raw: &RawValue = serde_json::from_str(json).unwrap();
            assert_eq!(RUN.read_echo(Some(raw)), expected, "{json}");
        }
        assert_eq!(RUN.read_echo(None), Echo::Absent);
    }

    #[test]
    fn frames_are_told_apart() {
        let is = |text, kind: fn(&Frame<'_>) -> bool| kind(&decode(text).unwrap());
        assert!(is(r#"{"type":"connection_established","room_id":1}"#, |frame| {
            matches!(frame, Frame::Established)
        }));
        assert!(is(r#"{"type":"error","message":"no \"way\"","temp_id":"t"}"#, |frame| {
            matches!(frame, Frame::Error { message, temp_id: Some(_) } if message == "no \"way\"")
        }));
        assert!(is(r#"{"type":"typing","user_id":1}"#, |frame| matches!(frame, Frame::Other)));
        assert!(is("{}", |frame| matches!(frame, Frame::Other)));
        for text in ["", "[", r#"{"type":"message"}"#, r#"{"type":"message","message":{"id":1}}"#] {
            assert!(decode(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_pong_echoes_the_timestamp_of_its_ping() {
        let text = r#"{"type":"ping","timestamp":"2024-12-25T10:30:00Z","sequence":1}"#;
        let Ok(Frame::Ping(timestamp)) = decode(text) else { panic!("{text}") };
        let pong: serde_json::Value = serde_json::from_str(&pong(timestamp)).unwrap();
        assert_eq!(pong["type"], "pong");
        assert_eq!(pong["timestamp"], "2024-12-25T10:30:00Z");
        assert!(pong["client_time"].as_str().unwrap().ends_with('Z'));
    }
}
