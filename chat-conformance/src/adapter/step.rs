//! One step of a case, as the files have it.

#![allow(clippy::struct_field_names, reason = "a step is told by the key that names it")]

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error};
use serde_json::Value;

/// One step of a case. In a file it is an object that one of these keys tells from the others.
#[derive(Debug)]
pub(super) enum Step {
    /// `request`
    Request(Box<Request>),
    /// `open`
    Open(Box<Open>),
    /// `send`
    Send(Send),
    /// `expect`
    Expect(Expect),
    /// `quiet`
    Quiet(Quiet),
    /// `closed`
    Closed(Closed),
    /// `close`
    Close(Close),
    /// `act`
    Act(Act),
}

/// A request and its answer.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Request {
    /// The method and the path with its query. The path has a trailing slash, which every other
    /// run leaves out.
    pub(super) request: String,
    /// Leaves the path as it is.
    #[serde(default)]
    pub(super) verbatim: bool,
    /// Who asks: a user, or one of the kinds of credentials of `Tokens`.
    #[serde(default = "somebody", rename = "as")]
    pub(super) who: String,
    #[serde(default)]
    pub(super) headers: BTreeMap<String, Option<String>>,
    /// The body, as JSON; or as text.
    pub(super) json: Option<Value>,
    pub(super) text: Option<String>,
    pub(super) status: u16,
    /// Headers that the answer has, as patterns.
    #[serde(default)]
    pub(super) answer_headers: BTreeMap<String, Value>,
    /// What the body is like, as JSON or as text; not looked at where both are absent.
    pub(super) answer: Option<Value>,
    pub(super) answer_text: Option<String>,
}

/// A socket that is opened, or a handshake that is refused.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Open {
    /// What the case calls the socket.
    pub(super) open: String,
    pub(super) path: Option<String>,
    #[serde(default)]
    pub(super) verbatim: bool,
    #[serde(default = "somebody", rename = "as")]
    pub(super) who: String,
    #[serde(default)]
    pub(super) via: Via,
    #[serde(default)]
    pub(super) headers: BTreeMap<String, Option<String>>,
    #[serde(default = "switching")]
    pub(super) status: u16,
    #[serde(default)]
    pub(super) answer_headers: BTreeMap<String, Value>,
    /// With which code it is closed at once, instead of the greeting.
    pub(super) closed: Option<u16>,
    /// What it is greeted with, where that is not as in the manifest.
    pub(super) greeting: Option<Value>,
}

/// Where a handshake carries its token.
#[derive(Debug, Default, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Via {
    #[default]
    Query,
    Header,
    Subprotocol,
    Cookie,
}

/// A frame that a client sends.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Send {
    /// The socket.
    pub(super) send: String,
    /// How often.
    #[serde(default = "once")]
    pub(super) times: usize,
    /// The frame as JSON; as text; as binary; or as bytes that are said to be text.
    pub(super) frame: Option<Value>,
    pub(super) text: Option<String>,
    pub(super) binary: Option<Vec<u8>>,
    pub(super) bytes: Option<Vec<u8>>,
}

/// Frames that a socket receives next, in this order.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Expect {
    /// The socket.
    pub(super) expect: String,
    #[serde(default = "once")]
    pub(super) times: usize,
    pub(super) frame: Option<Value>,
    #[serde(default)]
    pub(super) frames: Vec<Value>,
    /// Types of frames that may come in between.
    #[serde(default)]
    pub(super) skip: Vec<String>,
}

/// Sockets for which nothing waits: each answers pings of the protocol and has no frame before.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Quiet {
    pub(super) quiet: Vec<String>,
}

/// A socket that the server closes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Closed {
    /// The socket.
    pub(super) closed: String,
    pub(super) code: u16,
    /// Types of frames that may come before.
    #[serde(default)]
    pub(super) skip: Vec<String>,
}

/// A socket that the client closes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Close {
    /// The socket.
    pub(super) close: String,
}

/// Something that is done in the process of the server.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Act {
    pub(super) act: Deed,
    #[serde(default = "somebody", rename = "as")]
    pub(super) who: String,
    #[serde(default)]
    pub(super) room: Option<Value>,
    pub(super) message: Option<Value>,
    pub(super) text: Option<String>,
    #[serde(default = "once")]
    pub(super) times: usize,
    /// What the case calls the id of the (last) message.
    pub(super) save: Option<String>,
}

/// See [`Act`].
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Deed {
    /// A message is sent.
    Send,
    /// A message is deleted.
    Delete,
    /// A membership is ended, in the store, and nobody is told.
    RemoveMember,
    /// The host deletes a room.
    DeleteRoom,
    /// The server drains.
    Drain,
}

fn somebody() -> String {
    "1".to_owned()
}

fn switching() -> u16 {
    101
}

fn once() -> usize {
    1
}

impl<'de> Deserialize<'de> for Step {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        let has = |key| value.get(key).is_some();
        let step = if has("request") {
            Request::deserialize(&value).map(|step| Self::Request(Box::new(step)))
        } else if has("open") {
            Open::deserialize(&value).map(|step| Self::Open(Box::new(step)))
        } else if has("send") {
            Send::deserialize(&value).map(Self::Send)
        } else if has("expect") {
            Expect::deserialize(&value).map(Self::Expect)
        } else if has("quiet") {
            Quiet::deserialize(&value).map(Self::Quiet)
        } else if has("closed") {
            Closed::deserialize(&value).map(Self::Closed)
        } else if has("close") {
            Close::deserialize(&value).map(Self::Close)
        } else if has("act") {
            Act::deserialize(&value).map(Self::Act)
        } else {
            return Err(D::Error::custom(format!("a step of no kind: {value}")));
        };
        step.map_err(|error| D::Error::custom(format!("{error} in {value}")))
    }
}

/// As a failure names it.
impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Request(step) => write!(f, "{} as {}", step.request, step.who),
            Self::Open(step) => write!(f, "open {} as {}", step.open, step.who),
            Self::Send(step) => write!(f, "send over {}", step.send),
            Self::Expect(step) => write!(f, "expect on {}", step.expect),
            Self::Quiet(step) => write!(f, "quiet {}", step.quiet.join(", ")),
            Self::Closed(step) => write!(f, "{} is closed {}", step.closed, step.code),
            Self::Close(step) => write!(f, "close {}", step.close),
            Self::Act(step) => write!(f, "act {:?} as {}", step.act, step.who),
        }
    }
}
