//! Every socket and every frame of every dialect, of everybody, in every kind of room: who gets in,
//! and what comes of what they send. What is expected stands in the tables under
//! `tests/authorisation/`.

mod common;

use std::collections::BTreeSet;
use std::time::Duration;

use chat_core::asyncapi;
use chat_core::dialect::{self, Dialect};
use common::cast::{Place, Who};
use common::scene::Scene;
use common::stage::Stage;
use common::table::{Row, table};
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
                let word = scene.send_row(&row);
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
            assert_eq!(scene.send_row(&row), "4403", "{} {}", dialect.name, row.title());
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
                    scene.send_row(&row),
                    "4401",
                    "{} {} {timer_ran}",
                    dialect.name,
                    row.title()
                );
            }
        }
    }
}
