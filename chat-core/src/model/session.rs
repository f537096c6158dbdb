//! Sessions and presence.

use std::net::IpAddr;

use super::{NodeId, RoomId, SessionId, Timestamp, UserId};

/// One open socket of a user, on one node, in one room.
///
/// A session is a lease: it counts as open until it is closed or `lease_until` has passed,
/// whichever comes first, so that the sessions of a node that died end by themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// The id.
    pub id: SessionId,
    /// Whose socket it is.
    pub user: UserId,
    /// The room the socket is in.
    pub room: RoomId,
    /// The node that holds the socket.
    pub node: NodeId,
    /// When the socket opened.
    pub connected_at: Timestamp,
    /// When the last frame came, as far as the store was told; from the start `connected_at`.
    pub last_seen: Timestamp,
    /// Until when the node has vouched for the socket.
    pub lease_until: Timestamp,
    /// When the socket closed, or its lease was found to be over.
    pub closed_at: Option<Timestamp>,
    /// What the client calls itself; at most 512 bytes.
    pub user_agent: Option<String>,
    /// Where the client connected from, as the node saw it.
    pub ip_address: Option<IpAddr>,
}

impl Session {
    /// Whether the socket counts as open at a moment.
    pub fn is_open(&self, now: Timestamp) -> bool {
        self.closed_at.is_none() && self.lease_until > now
    }
}

/// Whether a user is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Presence {
    /// Whether at least one of the user's sockets is open, on any node, in any dialect.
    pub online: bool,
    /// The later of the last frame received and the last close; none until the user has opened a
    /// socket.
    pub last_seen: Option<Timestamp>,
}
