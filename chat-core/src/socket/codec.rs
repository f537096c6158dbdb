//! What a dialect says about its frames.

use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::Command;
use crate::config::Config;
use crate::model::{Change, RoomId, Signal, Timestamp, User};
use crate::service::{Error, SendKey};

/// How a dialect's sockets find out whether the other side is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heartbeat {
    /// By frames of its own ([`Reply::Ping`]), and by telling when one stays unanswered.
    Frames,
    /// By the protocol's ping frames.
    Protocol,
}

/// What the frames of one direction look like, for the documentation.
#[derive(Clone, Copy)]
pub(crate) struct FrameShapes {
    /// The schema of an enum with a variant for each frame.
    pub(crate) schema: fn(&mut SchemaGenerator) -> Schema,
    /// A JSON array of examples.
    pub(crate) examples: &'static str,
}

impl FrameShapes {
    /// The frames of an enum.
    pub(crate) const fn of<T: JsonSchema>(examples: &'static str) -> Self {
        Self { schema: |generator| T::json_schema(generator), examples }
    }
}

impl fmt::Debug for FrameShapes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FrameShapes")
    }
}

/// What the frames of both directions look like, for the documentation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BothShapes {
    /// What clients send.
    pub(crate) client: FrameShapes,
    /// What the server sends.
    pub(crate) server: FrameShapes,
}

/// A dialect's frames, in both directions. All but [`Codec::decode`] return JSON text; `None` where
/// the dialect has no such frame.
#[derive(Debug, Clone, Copy)]
pub struct Codec {
    /// How its sockets are kept alive.
    pub heartbeat: Heartbeat,
    /// Whether its sockets are told of other members' presence.
    pub presence: bool,
    /// Whether its sockets begin with all messages so far, and what they are told counts as read
    /// once it is written to them.
    pub history: bool,
    /// Understands a client's frame, or says in a sentence what is wrong with it.
    pub decode: fn(&Map<String, Value>, &Config) -> Result<Incoming, String>,
    /// A change as everybody in the room sees it.
    pub change: fn(&Change) -> Option<String>,
    /// Changes that everybody sees in a way of their own; none where all see all alike.
    pub personal: Option<Personal>,
    /// A message that was sent, as the sending socket itself sees it.
    pub own_copy: fn(&Change, &TempId) -> Option<String>,
    /// A signal as everybody sees it.
    pub signal: fn(&Signal) -> Option<String>,
    /// What they look like; none where the dialect has no sockets.
    pub(crate) frames: Option<BothShapes>,
    /// What concerns one socket alone.
    pub reply: fn(&Reply<'_>, &About<'_>) -> Option<String>,
}

impl Codec {
    /// No frames, for a dialect without sockets.
    pub(crate) const NONE: Self = Self {
        heartbeat: Heartbeat::Protocol,
        presence: false,
        history: false,
        decode: |_, _| Err("This dialect has no sockets".to_owned()),
        change: |_| None,
        personal: None,
        own_copy: |_, _| None,
        signal: |_| None,
        reply: |_, _| None,
        frames: None,
    };
}

/// Makes a URL of a path of the dialect, for one user.
pub type Link<'a> = dyn Fn(&str) -> String + 'a;

/// Changes that everybody sees in a way of their own.
#[derive(Debug, Clone, Copy)]
pub struct Personal {
    /// Whether a change is one.
    pub applies: fn(&Change) -> bool,
    /// Such a change as JSON text, for whom links to the dialect's paths are made.
    pub change: fn(&Change, &Link<'_>) -> Option<String>,
}

/// A client's frame, understood.
#[derive(Debug, Clone, PartialEq)]
pub enum Incoming {
    /// Something to be done.
    Command(Command),
    /// A ping, to be answered with this timestamp: JSON text, which takes up least while it waits.
    Ping(String),
    /// The answer to a ping.
    Pong,
    /// A question about the connection.
    Check,
}

/// The key that a client gave a message, as it gave it: a string or an integer, which comes back
/// as it was (wire.md, "Sending twice").
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TempId(Value);

impl TempId {
    /// The longest key, in characters.
    const MOST: usize = 200;

    /// The frame's `temp_id` if it is one to give back: a string or an integer.
    pub fn of(frame: &Map<String, Value>) -> Option<Self> {
        Self::plain(frame.get("temp_id")?.clone())
    }

    /// The `temp_id` of a frame that is refused as a whole, such as for half a character in its text.
    pub(super) fn guess(text: &str) -> Option<Self> {
        #[derive(Deserialize)]
        struct Frame {
            temp_id: Value,
        }
        let is_object = text.trim_start().starts_with('{');
        let frame: Frame = serde_json::from_str(text).ok().filter(|_| is_object)?;
        Self::plain(frame.temp_id)
    }

    /// Whether it is as short as a key has to be.
    pub(super) fn fits(&self) -> bool {
        self.0.as_str().is_none_or(|text| text.len() <= 4 * Self::MOST)
    }

    fn plain(value: Value) -> Option<Self> {
        let is_plain = value.is_string() || value.is_i64() || value.is_u64();
        is_plain.then_some(Self(value))
    }

    /// The frame's `temp_id`, checked; none where it has none.
    ///
    /// # Errors
    /// A sentence, where it is no string or integer of 1 to 200 characters.
    pub fn parse(frame: &Map<String, Value>) -> Result<Option<Self>, String> {
        if frame.get("temp_id").is_none_or(Value::is_null) {
            return Ok(None);
        }
        let temp = Self::of(frame).ok_or("temp_id must be a string or an integer")?;
        if let Value::String(text) = &temp.0 {
            if !(1..=Self::MOST).contains(&text.chars().count()) {
                return Err(format!("temp_id must have 1 to {} characters", Self::MOST));
            }
            if text.contains('\0') {
                return Err("temp_id may not contain null characters".to_owned());
            }
        }
        Ok(Some(temp))
    }

    /// As JSON.
    pub fn value(&self) -> &Value {
        &self.0
    }

    /// As the key under which the store finds a repetition.
    pub fn key(&self) -> SendKey {
        SendKey::Temporary(self.0.to_string())
    }
}

/// What is told to one socket alone.
#[derive(Debug)]
pub enum Reply<'a> {
    /// The socket is open.
    Opened,
    /// Are you there?
    Ping {
        /// Counts this socket's pings from 1.
        sequence: u64,
    },
    /// The answer to a client's ping.
    Pong {
        /// What the ping bore.
        timestamp: &'a Value,
    },
    /// The answer to a question about the connection.
    Status,
    /// The answer to a health check of the room.
    Health,
    /// Opening a new socket would be wise.
    Reconnect {
        /// Why: `ping_timeout` or `server_restart`.
        reason: &'static str,
        /// How many pings in a row were not answered.
        attempts: u32,
    },
    /// The frame was not understood.
    BadFrame {
        /// What is wrong, in a sentence.
        sentence: &'a str,
        /// The frame's key, if it had one.
        temp_id: Option<&'a TempId>,
    },
    /// What the frame asked for was refused or failed.
    Refused {
        /// Why.
        error: &'a Error,
        /// The frame's key, if it had one.
        temp_id: Option<&'a TempId>,
        /// Whether it was to send a message.
        is_send: bool,
    },
    /// The message could not be stored. Told after [`Reply::Refused`].
    SendFailed {
        /// The frame's key, if it had one.
        temp_id: Option<&'a TempId>,
    },
}

/// The socket that a reply is for.
#[derive(Debug)]
pub struct About<'a> {
    /// The room.
    pub room: RoomId,
    /// Whose socket.
    pub user: &'a User,
    /// When it opened.
    pub connected_at: Timestamp,
    /// When the last frame came, or it opened.
    pub last_activity: Timestamp,
    /// The time.
    pub now: Timestamp,
    /// The figures in force.
    pub config: &'a Config,
}
