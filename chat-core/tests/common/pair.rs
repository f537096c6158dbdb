//! Two who talk.

use serde_json::json;

use super::{Peer, World};

/// John and Jane in their room, with nothing left to look at.
pub(crate) fn two() -> (World, Peer, Peer) {
    let mut world = World::new();
    let (john, jane) = (world.open(1), world.open(2));
    world.frames(john);
    (world, john, jane)
}

pub(crate) fn say(world: &mut World, peer: Peer, text: &str) {
    world.send(peer, &json!({ "type": "message", "content": text }));
}
