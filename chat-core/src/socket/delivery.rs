//! An event on its way to sockets, encoded once for each dialect.

use std::sync::OnceLock;

use super::Frame;
use crate::dialect::Dialect;
use crate::model::{Event, RoomEvent};

/// An event on its way to any number of sockets. Each dialect's frames are encoded by the first
/// socket that needs them and shared by all others.
#[derive(Debug)]
pub struct Delivery {
    event: Event,
    frames: [OnceLock<Box<[Frame]>>; Dialect::COUNT],
}

impl Delivery {
    /// An event that nobody has encoded yet.
    pub fn new(event: Event) -> Self {
        Self { event, frames: Default::default() }
    }

    /// The event.
    pub fn event(&self) -> &Event {
        &self.event
    }

    /// About how much the event takes up in a socket's queue, in bytes.
    pub fn weight(&self) -> usize {
        match &self.event {
            Event::Room(event) => event.weight(),
            Event::Signal(_) => RoomEvent::LIGHTEST,
        }
    }

    /// Whether it can be left out without a message being lost.
    pub fn is_passing(&self) -> bool {
        matches!(self.event, Event::Signal(_))
    }

    /// The event in a dialect's frames; none where the dialect does not show it.
    pub fn frames(&self, dialect: &Dialect) -> &[Frame] {
        self.frames[dialect.index].get_or_init(|| {
            let codec = &dialect.codec;
            let texts: Vec<String> = match &self.event {
                Event::Room(event) => {
                    event.changes.iter().filter_map(|change| (codec.change)(change)).collect()
                }
                Event::Signal(signal) => (codec.signal)(signal).into_iter().collect(),
            };
            texts.into_iter().map(Frame::from).collect()
        })
    }
}
