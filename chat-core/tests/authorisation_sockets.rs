//! Every socket and every frame of every dialect, of everybody, in every kind of room: who gets in,
//! and what comes of what they send. What is expected stands in the tables under
//! `tests/authorisation/`.

mod common;

use std::collections::BTreeSet;
use std::time::Duration;

use chat_core::asyncapi;
use chat_core::dialect::{self, Dialect};
use chat_core::host::Clock;
use chat_core::model::UserId;
use chat_core::store::RoomStore;
use common::stage::{Place, Stage, Who};
use common::table::{Row, table};
use common::{Peer, now};
use serde_json::Value;

fn rows(dialect: &Dialect, method: &str) -> Vec<Row> {
    table(dialect).into_iter().filter(|row| row.method == method).collect()
}

fn with_sockets() -> impl Iterator<Item = &'static Dialect> {
    dialect::all().filter(|dialect| !dialect.sockets.is_empty())
}

/// What tells one frame of a client from another.
fn kind_of(frame: &Value) -> String {
    frame["type"].as_str().unwrap_or("body").to_owned()
}

/// A member and an onlooker on their sockets, with nothing left to look at.
struct Scene {
    stage: Stage,
    caller: Peer,
    onlooker: Peer,
}

impl Scene {
    fn new(dialect: &'static Dialect, place: Place, who: Who) -> Self {
        let mut stage = Stage::new(dialect, place, who);
        let (room, caller, onlooker) = (stage.room.get(), stage.user(), stage.onlooker());
        let id = if dialect.name == "team" { common::uuid(room) } else { room.to_string() };
        let path = format!("/ws/chat/{id}/");
        let token = stage.world.token(onlooker);
        let onlooker = stage.world.open_at(&path, &token).unwrap();
        let token = stage.world.token_until(caller, 10);
        let caller = stage.world.open_at(&path, &token).unwrap();
        let mut scene = Self { stage, caller, onlooker };
        scene.forget();
        scene
    }

    fn forget(&mut self) {
        self.stage.world.frames(self.caller);
        self.stage.world.frames(self.onlooker);
    }

    /// Sends a frame, and says in a word what came of it.
    fn send(&mut self, row: &Row) -> String {
        let (before, count) = (self.stage.state(), self.stage.count());
        let frame = self.stage.fill(row.body);
        let world = &mut self.stage.world;
        world.send_text(self.caller, &frame);
        let own = world.frames(self.caller);
        let others = world.frames(self.onlooker);
        let is_error = |frame: &&Value| frame["type"] == "error" || frame.get("error").is_some();
        let closed = world.closed(self.caller);
        let (sent, changed) = (self.stage.count() > count, self.stage.state() != before);
        let errors: Vec<_> = own.iter().filter(is_error).collect();
        for error in &errors {
            assert!(!self.stage.shows(&error.to_string()), "{error}");
        }
        if let Some(code) = closed {
            assert!(!changed, "{frame} changed something");
            assert_eq!(own.len(), errors.len(), "{own:?}");
            let about_presence = |it: &Value| {
                ["user_status_change", "user_left"].map(Value::from).contains(&it["type"])
            };
            assert!(others.iter().all(about_presence), "{frame} was told: {others:?}");
            return code.to_string();
        }
        if !errors.is_empty() {
            assert!(!changed && others.is_empty(), "{frame} had an effect: {others:?}");
            return "error".to_owned();
        }
        let word = match (sent, changed, others.is_empty(), own.is_empty()) {
            (true, _, _, _) => "sent",
            (_, true, _, _) => "marked",
            (_, _, false, _) => "told",
            (_, _, _, false) => "answered",
            _ => "nothing",
        };
        word.to_owned()
    }

    /// Ends the caller's membership without telling.
    fn remove(&mut self) {
        let (world, user) = (&self.stage.world, UserId::from(self.stage.user()));
        now(world.store.remove_member(self.stage.room, &user, world.time.now())).unwrap();
    }
}

#[track_caller]
fn assert_none(faults: &[String]) {
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn every_socket_and_every_frame_is_in_the_table_of_its_dialect() {
    for dialect in with_sockets() {
        let sockets: BTreeSet<_> = dialect.sockets.iter().map(|route| route.path).collect();
        let known: BTreeSet<_> = rows(dialect, "WS").iter().map(|row| row.path).collect();
        assert_eq!(known, sockets, "{}", dialect.name);
        let document = asyncapi::document(dialect, "").unwrap();
        let messages = document["components"]["messages"].as_object().unwrap();
        let client = messages.iter().filter(|(name, _)| name.starts_with("client_"));
        let examples = client.flat_map(|(_, message)| message["examples"].as_array().unwrap());
        let frames: BTreeSet<_> = examples.map(|example| kind_of(&example["payload"])).collect();
        let stage = Stage::new(dialect, Place::NoRoom, Who::Member);
        let frame = |row: &Row| serde_json::from_str(&stage.fill(row.body)).unwrap();
        let known: BTreeSet<_> =
            rows(dialect, "FRAME").iter().map(|row| kind_of(&frame(row))).collect();
        assert_eq!(known, frames, "{}", dialect.name);
    }
}

#[test]
fn everybody_is_let_in_or_closed_as_the_table_says() {
    let mut faults = Vec::new();
    for dialect in with_sockets() {
        for row in rows(dialect, "WS") {
            for cell in &row.cells {
                let mut stage = Stage::new(dialect, cell.place, cell.who);
                let before = stage.state();
                let opened = stage.open(row.path);
                if let Err((code, reason)) = opened {
                    assert_eq!((code, reason), (4403, "no access to this room"));
                    assert!(stage.state() == before && !stage.world.take_told(), "{cell:?}");
                }
                let word = opened.map_or_else(|(code, _)| code.to_string(), |_| "open".to_owned());
                if word != cell.expected {
                    faults.push(format!("{} {} {cell:?}: {word}", dialect.name, row.title()));
                }
            }
            for place in row.cells.iter().map(|cell| cell.place).collect::<Vec<_>>() {
                for who in Who::SIGNED_OUT {
                    let mut stage = Stage::new(dialect, place, who);
                    let before = stage.state();
                    let close = stage.open(row.path).unwrap_err();
                    assert_eq!(close, (4401, "authentication failed"), "{who:?} {}", row.title());
                    assert!(
                        stage.state() == before && !stage.world.take_told(),
                        "{who:?} {place:?}"
                    );
                }
            }
        }
    }
    assert_none(&faults);
}

#[test]
fn what_comes_of_a_frame_is_what_the_table_says() {
    let mut faults = Vec::new();
    for dialect in with_sockets() {
        for row in rows(dialect, "FRAME") {
            for cell in &row.cells {
                let mut scene = Scene::new(dialect, cell.place, cell.who);
                match cell.place {
                    Place::OtherRoom => scene.stage.look_elsewhere(),
                    Place::Removed => scene.remove(),
                    _ => {}
                }
                let word = scene.send(&row);
                if word != cell.expected {
                    faults.push(format!("{} {} {cell:?}: {word}", dialect.name, row.title()));
                }
            }
        }
    }
    assert_none(&faults);
}

#[test]
fn once_the_removal_is_told_no_frame_has_any_effect() {
    for dialect in with_sockets() {
        for row in rows(dialect, "FRAME") {
            let mut scene = Scene::new(dialect, Place::Removed, Who::Member);
            let (room, user) = (scene.stage.room, scene.stage.user());
            scene.stage.world.remove_member(room, user);
            assert_eq!(scene.stage.world.closed(scene.caller), Some(4403));
            scene.forget();
            assert_eq!(scene.send(&row), "4403", "{} {}", dialect.name, row.title());
        }
    }
}

#[test]
fn once_the_token_has_expired_no_frame_has_any_effect_even_if_no_timer_ran() {
    for dialect in with_sockets() {
        for row in rows(dialect, "FRAME") {
            for timer_ran in [true, false] {
                let mut scene = Scene::new(dialect, Place::Removed, Who::Member);
                let later = Duration::from_secs(41);
                if timer_ran {
                    scene.stage.world.advance(later);
                } else {
                    scene.stage.world.time.advance(later);
                }
                scene.forget();
                assert_eq!(
                    scene.send(&row),
                    "4401",
                    "{} {} {timer_ran}",
                    dialect.name,
                    row.title()
                );
            }
        }
    }
}
