//! How long a messenger socket lives: pings, missed pings, expiry, lifetime, drain.

mod common;

use std::time::Duration;

use chat_core::Config;
use chat_core::socket::Input;
use common::{Peer, World, assert_shape, server_frame};
use serde_json::{Value, json};

/// What a socket is sent while time passes, each with the second it came at.
fn timeline(world: &mut World, peer: Peer, seconds: u64) -> Vec<(u64, Value)> {
    let mut seen = Vec::new();
    for second in 1..=seconds {
        world.advance_secs(1);
        seen.extend(world.frames(peer).into_iter().map(|frame| (second, frame)));
    }
    seen
}

fn of_type(timeline: &[(u64, Value)], kind: &str, field: &str) -> Vec<(u64, u64)> {
    let frames = timeline.iter().filter(|(_, frame)| frame["type"] == kind);
    frames.map(|(second, frame)| (*second, frame[field].as_u64().unwrap())).collect()
}

/// Answers each ping at once while time passes.
fn stay_alive(world: &mut World, peer: Peer, seconds: u64) {
    for _ in 0..seconds / 10 {
        world.advance_secs(10);
        for frame in world.frames(peer) {
            assert_eq!(frame["type"], "ping");
            world.send(peer, &json!({ "type": "pong" }));
        }
    }
    world.advance_secs(seconds % 10);
}

#[test]
fn a_socket_is_pinged_every_30_seconds_with_a_sequence_from_1() {
    let mut world = World::new();
    let peer = world.open(1);
    for sequence in 1..=20 {
        world.advance(Duration::from_micros(29_999_999));
        world.assert_quiet(peer);
        world.advance(Duration::from_micros(1));
        let ping = world.frame(peer);
        assert_shape(&ping, &server_frame("ping"));
        assert_eq!(ping["sequence"], sequence);
        world.send(peer, &json!({ "type": "pong" }));
        world.assert_quiet(peer);
    }
    assert_eq!(world.closed(peer), None);
}

#[test]
fn five_pings_unanswered_are_told_one_by_one_and_then_close_4408() {
    let mut world = World::new();
    let peer = world.open(1);
    let seen = timeline(&mut world, peer, 200);
    let suggested = of_type(&seen, "reconnect_suggested", "attempts");
    assert_eq!(suggested, [(40, 1), (70, 2), (100, 3), (130, 4), (160, 5)]);
    let pings = of_type(&seen, "ping", "sequence");
    assert_eq!(pings, [(30, 1), (60, 2), (90, 3), (120, 4), (150, 5)]);
    for (_, frame) in seen.iter().filter(|(_, frame)| frame["type"] == "reconnect_suggested") {
        assert_shape(frame, &server_frame("reconnect_suggested"));
        assert_eq!((&frame["reason"], &frame["max_attempts"]), (&json!("ping_timeout"), &json!(5)));
    }
    assert_eq!(seen.last().unwrap().0, 160);
    assert_eq!(world.closed(peer), Some(4408));
}

#[test]
fn the_fifth_suggestion_closes_at_exactly_160_seconds() {
    let mut world = World::new();
    let peer = world.open(1);
    world.advance(Duration::from_micros(159_999_999));
    assert_eq!(world.closed(peer), None);
    world.advance(Duration::from_micros(1));
    assert_eq!(world.closed(peer), Some(4408));
}

#[test]
fn any_frame_is_a_sign_of_life_also_a_bad_one_and_one_of_the_protocol() {
    for sign in [
        Input::Text(r#"{"type":"pong"}"#),
        Input::Text(r#"{"type":"connection_check"}"#),
        Input::Text(r#"{"type":"typing_on"}"#),
        Input::Text("nonsense"),
        Input::Activity,
    ] {
        let mut world = World::new();
        let peer = world.open(1);
        world.advance_secs(156);
        assert_eq!(world.frames(peer).len(), 9);
        world.input(peer, sign);
        world.frames(peer);
        // Four were missed; counting begins anew with the ping at 180 seconds.
        let seen = timeline(&mut world, peer, 100);
        let suggested = of_type(&seen, "reconnect_suggested", "attempts");
        assert_eq!(suggested, [(34, 1), (64, 2), (94, 3)]);
        assert_eq!(world.closed(peer), None);
    }
}

#[test]
fn pings_of_whom_nothing_is_read_are_not_missed() {
    let mut world = World::new();
    let peer = world.open(1);
    world.hold_commands(peer);
    while world.wants_frames(peer) {
        world.send(peer, &json!({ "type": "typing_on" }));
    }
    let seen = timeline(&mut world, peer, 1_000);
    assert_eq!(of_type(&seen, "reconnect_suggested", "attempts"), []);
    assert_eq!(world.closed(peer), None);
    // Once they are read again they count.
    world.release_command(peer);
    let seen = timeline(&mut world, peer, 200);
    assert_eq!(of_type(&seen, "reconnect_suggested", "attempts").len(), 5);
    assert_eq!(world.closed(peer), Some(4408));
}

#[test]
fn an_answer_just_in_time_is_no_missed_ping() {
    let mut world = World::new();
    let peer = world.open(1);
    world.advance(Duration::from_micros(39_999_999));
    assert_eq!(world.frame(peer)["type"], "ping");
    world.send(peer, &json!({ "type": "pong" }));
    world.advance_secs(10);
    world.assert_quiet(peer);
}

#[test]
fn pings_that_were_slept_through_are_not_made_up_for() {
    let mut world = World::new();
    let peer = world.open(1);
    world.sleep(Duration::from_secs(100));
    let ping = world.frame(peer);
    assert_eq!((&ping["type"], &ping["sequence"]), (&json!("ping"), &json!(1)));
    assert_eq!(of_type(&timeline(&mut world, peer, 9), "reconnect_suggested", "attempts"), []);
    assert_eq!(timeline(&mut world, peer, 1)[0].1["type"], "reconnect_suggested");
    assert_eq!(of_type(&timeline(&mut world, peer, 20), "ping", "sequence"), [(20, 2)]);
}

#[test]
fn the_connection_ends_at_exactly_the_expiry_of_its_token() {
    let mut world = World::new();
    let token = world.token_until(1, 45);
    let peer = world.open_at(&format!("/ws/chat/{}/", world.room), &token).unwrap();
    world.frames(peer);
    stay_alive(&mut world, peer, 44);
    world.assert_quiet(peer);
    world.advance(Duration::from_micros(999_999));
    assert_eq!(world.closed(peer), None);
    world.advance(Duration::from_micros(1));
    assert_eq!(world.closed(peer), Some(4401));
    world.assert_quiet(peer);
}

#[test]
fn who_was_let_in_by_the_leeway_has_until_its_end() {
    let mut world = World::new();
    let token = world.token_until(1, -10);
    let peer = world.open_at(&format!("/ws/chat/{}/", world.room), &token).unwrap();
    world.advance(Duration::from_micros(19_999_999));
    assert_eq!(world.closed(peer), None);
    world.advance(Duration::from_micros(1));
    assert_eq!(world.closed(peer), Some(4401));
}

#[test]
fn a_token_beyond_its_leeway_is_4401_at_once() {
    let mut world = World::new();
    let path = format!("/ws/chat/{}/", world.room);
    let last = world.token_until(1, -29);
    assert!(world.open_at(&path, &last).is_ok());
    let over = world.token_until(1, -30);
    assert_eq!(world.open_at(&path, &over).unwrap_err().code, 4401);
}

#[test]
fn the_lifetime_of_four_hours_ends_with_4410() {
    let mut world = World::new();
    let peer = world.open(1);
    stay_alive(&mut world, peer, 14_399);
    assert_eq!(world.closed(peer), None);
    world.frames(peer);
    world.advance_secs(1);
    assert_eq!(world.closed(peer), Some(4410));
}

#[test]
fn draining_suggests_to_reconnect_and_closes_1012() {
    let mut world = World::new();
    let peer = world.open(1);
    world.input(peer, Input::Drain);
    let expected = json!({
        "type": "reconnect_suggested",
        "reason": "server_restart",
        "attempts": 0,
        "max_attempts": 5,
    });
    assert_eq!(world.frame(peer), expected);
    assert_eq!(world.closed(peer), Some(1012));
}

#[test]
fn the_figures_are_configuration_and_are_those_reported() {
    let mut config = Config::default();
    config.ping_interval = Duration::from_secs(7);
    config.ping_timeout = Duration::from_secs(3);
    config.max_missed_pings = 2;
    config.lifetime = Duration::from_mins(10);
    let mut world = World::with_config(config);
    let token = world.token(1);
    let peer = world.open_at(&format!("/ws/chat/{}/", world.room), &token).unwrap();
    let opened = world.frame(peer);
    assert_shape(&opened, &server_frame("connection_established"));
    assert_eq!(opened["heartbeat_interval"], 7);
    assert_eq!(opened["connection_timeout"], 600);

    let seen = timeline(&mut world, peer, 30);
    let suggested = of_type(&seen, "reconnect_suggested", "attempts");
    assert_eq!(suggested, [(10, 1), (17, 2)]);
    assert_eq!(seen[1].1["max_attempts"], 2);
    assert_eq!(world.closed(peer), Some(4408));

    let peer = world.open(1);
    for _ in 0..100 {
        world.advance_secs(6);
        world.send(peer, &json!({ "type": "pong" }));
    }
    assert_eq!(world.closed(peer), Some(4410));

    let stats = world.get(1, "/api/v1.0/chat/stats/").body;
    let settings = json!({
        "heartbeat_interval": 7,
        "connection_timeout": 600,
        "ping_timeout": 3,
        "max_reconnect_attempts": 2,
    });
    assert_eq!(stats["connection_settings"], settings);
}

#[test]
fn a_timeout_longer_than_the_interval_counts_each_silence_once() {
    let mut config = Config::default();
    config.ping_interval = Duration::from_secs(5);
    config.ping_timeout = Duration::from_secs(12);
    let mut world = World::with_config(config);
    let peer = world.open(1);
    let seen = timeline(&mut world, peer, 33);
    let suggested = of_type(&seen, "reconnect_suggested", "attempts");
    assert_eq!(suggested, [(17, 1), (32, 2)]);
}
