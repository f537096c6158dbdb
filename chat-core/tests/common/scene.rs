//! A member's socket and another one that looks on.

use chat_core::dialect::Dialect;
use chat_core::host::Clock;
use chat_core::model::UserId;
use chat_core::store::RoomStore;
use serde_json::Value;

use super::cast::{Place, Who};
use super::stage::Stage;
use super::table::Row;
use super::team::uuid;
use super::{Peer, now};

/// A member and an onlooker on their sockets, with nothing left to look at.
pub(crate) struct Scene {
    pub(crate) stage: Stage,
    pub(crate) caller: Peer,
    /// What the caller was sent last.
    pub(crate) own: Vec<Value>,
    onlooker: Peer,
}

impl Scene {
    pub(crate) fn new(dialect: &'static Dialect, place: Place, who: Who) -> Self {
        let mut stage = Stage::new(dialect, place, who);
        let (room, caller, onlooker) = (stage.room.get(), stage.user(), stage.onlooker());
        let id = if dialect.name == "team" { uuid(room) } else { room.to_string() };
        let path = format!("/ws/chat/{id}/");
        let token = stage.world.token(onlooker);
        let onlooker = stage.world.open_at(&path, &token).unwrap();
        let token = stage.world.token_until(caller, 10);
        let caller = stage.world.open_at(&path, &token).unwrap();
        let mut scene = Self { stage, caller, own: Vec::new(), onlooker };
        scene.forget();
        scene
    }

    pub(crate) fn forget(&mut self) {
        self.stage.world.frames(self.caller);
        self.stage.world.frames(self.onlooker);
    }

    /// Sends a frame of the table, and says in a word what came of it.
    pub(crate) fn send_row(&mut self, row: &Row) -> &'static str {
        self.send(&self.stage.fill(row.body))
    }

    /// Sends a frame, and says in a word what came of it.
    pub(crate) fn send(&mut self, frame: &str) -> &'static str {
        let (before, count) = (self.stage.state(), self.stage.count());
        let world = &mut self.stage.world;
        world.send_text(self.caller, frame);
        self.own = world.frames(self.caller);
        let own = &self.own;
        let others = world.frames(self.onlooker);
        let is_error = |frame: &&Value| frame["type"] == "error" || frame.get("error").is_some();
        let closed = world.closed(self.caller);
        let (sent, changed) = (self.stage.count() > count, self.stage.state() != before);
        let errors: Vec<_> = own.iter().filter(is_error).collect();
        for error in &errors {
            assert!(!self.stage.shows(&error.to_string()), "{error}");
        }
        if let Some(code) = closed {
            assert!(!changed, "{} changed something", short(frame));
            assert_eq!(own.len(), errors.len(), "{own:?}");
            let about_presence = |it: &Value| {
                ["user_status_change", "user_left"].map(Value::from).contains(&it["type"])
            };
            assert!(others.iter().all(about_presence), "{} was told: {others:?}", short(frame));
            return match code {
                4401 => "4401",
                4403 => "4403",
                other => panic!("closed {other}"),
            };
        }
        if !errors.is_empty() {
            assert!(!changed && others.is_empty(), "{} had an effect: {others:?}", short(frame));
            return "error";
        }
        match (sent, changed, others.is_empty(), own.is_empty()) {
            (true, _, _, _) => "sent",
            (_, true, _, _) => "marked",
            (_, _, false, _) => "told",
            (_, _, _, false) => "answered",
            _ => "nothing",
        }
    }

    /// Ends the caller's membership without telling.
    pub(crate) fn remove(&mut self) {
        let (world, user) = (&self.stage.world, UserId::from(self.stage.user()));
        now(world.store.remove_member(self.stage.room, &user, world.time.now())).unwrap();
    }
}

/// The beginning of a text.
pub(crate) fn short(text: &str) -> String {
    text.chars().take(160).collect()
}
