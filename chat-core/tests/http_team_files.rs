//! Files in team: forms, signed links, and what is left of them.

mod common;

use std::fmt::Write;
use std::time::Duration;

use bytes::Bytes;
use chat_core::Config;
use chat_core::dialect::TEAM;
use common::{Answer, World, assert_detail, headers, in_room, request, team, uuid};
use futures::FutureExt;
use futures::stream::{self, StreamExt};
use serde_json::{Value, json};

/// A part of a form: its name, the file name if it is a file, and its content.
type Part<'a> = (&'a str, Option<&'a str>, &'a str);

fn form(parts: &[Part<'_>]) -> String {
    let mut body = String::new();
    for (name, file, content) in parts {
        let file = file.map_or(String::new(), |file| format!("; filename=\"{file}\""));
        let kind = if file.is_empty() { "" } else { "Content-Type: text/html\r\n" };
        write!(body, "--x\r\nContent-Disposition: form-data; name=\"{name}\"{file}\r\n{kind}\r\n{content}\r\n").unwrap();
    }
    body + "--x--\r\n"
}

/// Sends a form in pieces of a hundred bytes.
fn send(world: &World, user: u64, more: &[(&str, &str)], parts: &[Part<'_>]) -> Answer {
    send_raw(world, user, more, &form(parts))
}

fn send_raw(world: &World, user: u64, more: &[(&str, &str)], body: &str) -> Answer {
    let bearer = format!("Bearer {}", world.token(user));
    let mut all = headers(&[
        ("authorization", &bearer),
        ("host", "example.com"),
        ("content-type", "multipart/form-data; boundary=x"),
    ]);
    all.extend(headers(more));
    let pieces = body.as_bytes().chunks(100).map(Bytes::copy_from_slice).collect();
    world.dispatch(request("POST", &in_room(world.room, "messages/"), all, pieces))
}

/// Follows a link without credentials.
fn follow(world: &World, method: &str, url: &str) -> Answer {
    follow_with(world, method, url, &[])
}

fn follow_with(world: &World, method: &str, url: &str, more: &[(&str, &str)]) -> Answer {
    let target = url.strip_prefix("http://example.com").expect("an absolute URL");
    let mut all = headers(&[("host", "example.com")]);
    all.extend(headers(more));
    world.dispatch(request(method, target, all, Vec::new()))
}

const NOTES: &str = "The meeting is at noon, caf\u{e9}.";

fn notes(world: &World) -> Value {
    let parts = [("content", None, "see below"), ("file_attachment", Some("notes.txt"), NOTES)];
    let answer = send(world, 1, &[], &parts);
    assert_eq!(answer.status, 201, "{}", answer.body);
    answer.body
}

fn url(message: &Value) -> &str {
    message["file_attachment"].as_str().expect("a URL")
}

#[test]
fn a_file_goes_up_with_its_message_and_comes_down_as_it_was() {
    let world = team();
    let message = notes(&world);
    assert_eq!(message["content"], "see below");
    assert_eq!(message["message_type"], "file");
    assert_eq!(
        (&message["file_name"], &message["file_size"]),
        (&json!("notes.txt"), &json!(NOTES.len()))
    );
    let file = follow(&world, "GET", url(&message));
    assert_eq!((file.status, file.text.as_str()), (200, NOTES));
    assert_eq!(file.header("content-type"), "text/plain");
    assert_eq!(file.header("content-length"), NOTES.len().to_string());
    let disposition = "attachment; filename=\"notes.txt\"; filename*=UTF-8''notes.txt";
    assert_eq!(file.header("content-disposition"), disposition);
    assert_eq!(file.header("x-content-type-options"), "nosniff");
    assert_eq!(file.header("content-security-policy"), "default-src 'none'; sandbox");
    assert_eq!(follow(&world, "HEAD", url(&message)).status, 200);
}

#[test]
fn a_file_comes_down_in_parts_to_who_asks_for_them() {
    let world = team();
    let message = notes(&world);
    let read = |more: &[(&str, &str)]| follow_with(&world, "GET", url(&message), more);
    let whole = read(&[]);
    assert_eq!((whole.status, whole.header("accept-ranges")), (200, "bytes"));
    let tag = whole.header("etag").to_owned();
    let size = NOTES.len();
    for (range, first, last) in
        [("bytes=0-3", 0, 3), ("bytes=4-", 4, size - 1), ("bytes=-5", size - 5, size - 1)]
    {
        let part = read(&[("range", range), ("if-range", &tag)]);
        assert_eq!(part.status, 206, "{range}");
        assert_eq!(part.text, NOTES[first..=last]);
        assert_eq!(part.header("content-length"), (last - first + 1).to_string());
        assert_eq!(part.header("content-range"), format!("bytes {first}-{last}/{size}"));
        assert_eq!(part.header("content-type"), "text/plain");
        assert_eq!(part.header("etag"), tag);
        assert!(part.header("content-disposition").starts_with("attachment; "));
        assert_eq!(part.header("x-content-type-options"), "nosniff");
    }
    for whole in [
        read(&[("range", "bytes=0-3,5-6")]),
        read(&[("range", "lines=1-2")]),
        read(&[("range", "bytes=0-3"), ("if-range", "\"another\"")]),
        follow_with(&world, "HEAD", url(&message), &[("range", "bytes=0-3")]),
    ] {
        assert_eq!((whole.status, whole.header("content-length")), (200, &*size.to_string()));
    }
    let known = read(&[("range", "bytes=0-3"), ("if-none-match", &tag)]);
    assert_eq!((known.status, &*known.text, known.header("etag")), (304, "", &*tag));
    let other = read(&[("range", "bytes=0-3"), ("if-match", "\"another\"")]);
    assert_detail(&other, 412);
    let beyond = read(&[("range", "bytes=1000-")]);
    assert_detail(&beyond, 416);
    assert_eq!(beyond.header("content-range"), format!("bytes */{size}"));
    let foreign = url(&message).replace("user=1", "user=3");
    assert_detail(&follow_with(&world, "GET", &foreign, &[("range", "bytes=0-3")]), 403);
}

#[test]
fn a_link_is_for_one_user_and_one_file_and_an_hour() {
    let mut world = team();
    let message = notes(&world);
    let link = url(&message).to_owned();
    let own = world.get(2, &in_room(world.room, "messages/"));
    let hers = url(&own.body["results"][0]).to_owned();
    assert_ne!(link, hers);
    assert_eq!(follow(&world, "GET", &hers).status, 200);
    for forged in [
        link.replace("user=1", "user=2"),
        link.replace("user=1", "user=unknown"),
        link.replace("signature=", "signature=00"),
        link.replace("expires=1", "expires=2"),
        link.split("&signature").next().unwrap().to_owned() + "&signature=",
        hers.replace(&uuid(1), &uuid(2)),
    ] {
        assert_detail(&follow(&world, "GET", &forged), 403);
    }
    let bare = link.split('?').next().unwrap();
    assert_detail(&follow(&world, "GET", bare), 401);
    world.advance(Duration::from_secs(3_599));
    assert_eq!(follow(&world, "GET", &link).status, 200);
    world.advance(Duration::from_secs(1));
    assert_detail(&follow(&world, "GET", &link), 403);
}

#[test]
fn a_file_is_for_members_also_by_their_token() {
    let world = team();
    let message = notes(&world);
    let path = url(&message).strip_prefix("http://example.com").unwrap().to_owned();
    let path = path.split('?').next().unwrap();
    assert_eq!(world.get(2, path).text, NOTES);
    assert_detail(&world.get(3, path), 403);
    assert_detail(&world.get(1, &path.replace(&uuid(1), &uuid(77))), 404);
    assert_detail(&world.get(1, "/api/chat/files/1/"), 404);
    let text = common::sent(&world, 1, world.room, "no file");
    let none = path.replace(&uuid(1), text["id"].as_str().unwrap());
    assert_detail(&world.get(1, &none), 404);
}

#[test]
fn with_the_message_its_file_is_gone() {
    let world = team();
    let message = notes(&world);
    let link = url(&message).to_owned();
    assert_eq!(world.files.contents().len(), 1);
    let path = common::about(&message, "");
    assert_eq!(world.ask(1, "DELETE", &path, &[], "").status, 204);
    assert!(world.files.contents().is_empty());
    assert_detail(&follow(&world, "GET", &link), 404);
    let list = world.get(1, &in_room(world.room, "messages/"));
    assert_eq!(list.body["results"][0]["file_attachment"], Value::Null);
}

#[test]
fn a_refused_message_leaves_no_file() {
    let world = team();
    let file = ("file_attachment", Some("a.txt"), "a");
    let long = "x".repeat(10_001);
    let cases: [&[Part<'_>]; 6] = [
        &[file, ("content", None, &long)],
        &[file, ("message_type", None, "system")],
        &[file, ("reply_to", None, "nonsense")],
        &[file, ("content", None, "a\0b")],
        &[file, file],
        &[("other", Some("a.txt"), "a")],
    ];
    for parts in cases {
        let answer = send(&world, 1, &[], parts);
        assert_eq!(answer.status, 400, "{parts:?}: {}", answer.body);
        assert!(answer.body["error"].is_string());
        assert!(world.files.contents().is_empty(), "{parts:?}");
    }
    assert_detail(&send(&world, 3, &[], &[file]), 403);
    assert_eq!(world.files.taken(), 4 + 1, "a stranger's file is not even read");
    let broken = form(&[file]);
    let answer = send_raw(&world, 1, &[], &broken[..broken.len() - 8]);
    assert_eq!(answer.status, 400, "{}", answer.body);
    assert!(world.files.contents().is_empty());
}

#[test]
fn text_may_be_left_out_where_there_is_a_file_and_a_file_where_there_is_text() {
    let world = team();
    let alone = send(&world, 1, &[], &[("file_attachment", Some("a.txt"), "a")]);
    assert_eq!((alone.status, &alone.body["content"]), (201, &json!("")));
    let text = send(&world, 1, &[], &[("content", None, "hi"), ("file_attachment", None, "")]);
    assert_eq!((text.status, &text.body["message_type"]), (201, &json!("text")));
    let nothing = send(&world, 1, &[], &[("content", None, " ")]);
    assert_eq!(nothing.status, 400);
    let answers_nothing = send(&world, 1, &[], &[("content", None, "hi"), ("reply_to", None, "")]);
    assert_eq!((answers_nothing.status, &answers_nothing.body["reply_to"]), (201, &Value::Null));
}

#[test]
fn the_text_beside_a_file_can_be_taken_away_and_no_other() {
    let world = team();
    let edit = |message: &Value| {
        let path = in_room(world.room, &format!("messages/{}/", message["id"].as_str().unwrap()));
        world.ask(1, "PATCH", &path, &[], r#"{"content": ""}"#)
    };
    let captioned = edit(&notes(&world));
    assert_eq!((captioned.status, &captioned.body["content"]), (200, &json!("")));
    assert_eq!(edit(&common::sent(&world, 1, world.room, "hi")).status, 400);
}

#[test]
fn a_file_that_comes_outside_of_a_form_is_refused() {
    let world = team();
    let send = |file: Value| {
        let body = json!({ "content": "see below", "file_attachment": file }).to_string();
        world.ask(1, "POST", &in_room(world.room, "messages/"), &[], &body).status
    };
    for (file, status) in [(json!(null), 201), (json!(""), 201), (json!("aGk="), 400)] {
        assert_eq!(send(file), status);
    }
}

#[test]
fn what_a_client_says_of_a_file_does_not_count() {
    let world = team();
    let html = "<!DOCTYPE html><script>alert(1)</script>";
    let name = "..%2f../x\u{202e}gpj.html";
    let answer = send(&world, 1, &[], &[("file_attachment", Some(name), html)]);
    assert_eq!(answer.body["file_name"], "xgpj.html");
    let file = follow(&world, "GET", url(&answer.body));
    assert_eq!(file.header("content-type"), "application/octet-stream");
    assert!(file.header("content-disposition").starts_with("attachment; "));
    assert_eq!(file.text, html);
}

#[test]
fn a_file_that_is_too_large_is_413_and_not_kept() {
    let mut config = Config::default();
    config.uploads.max_bytes = 1_000;
    let world = World::speaking_with(TEAM, config);
    let fits = "x".repeat(1_000);
    assert_eq!(send(&world, 1, &[], &[("file_attachment", Some("a"), &fits)]).status, 201);
    let large = "x".repeat(1_001);
    assert_detail(&send(&world, 1, &[], &[("file_attachment", Some("a"), &large)]), 413);
    assert_eq!(world.files.contents().len(), 1);
}

#[test]
fn one_user_uploads_so_many_files_at_once_and_more_are_429() {
    let mut config = Config::default();
    config.uploads_per_user = 2;
    let world = World::speaking_with(TEAM, config);
    let john = world.chat.acting_as(1);
    let file = [("file_attachment", Some("a"), "a")];
    let mut slow: Vec<_> = (0..2)
        .map(|_| Box::pin(john.upload(world.room, "slow", stream::pending().boxed())))
        .collect();
    for upload in &mut slow {
        assert!(upload.now_or_never().is_none());
    }
    let refused = send(&world, 1, &[], &file);
    assert_detail(&refused, 429);
    assert_eq!(refused.header("retry-after"), "1");
    assert!(world.files.contents().is_empty());
    assert_eq!(send(&world, 2, &[], &file).status, 201, "others go on");
    assert_eq!(
        world.post(1, &in_room(world.room, "messages/"), &json!({ "content": "hi" })).status,
        201
    );
    slow.pop();
    for _ in 0..3 {
        assert_eq!(send(&world, 1, &[], &file).status, 201, "what ended does not count");
    }
}

#[test]
fn the_file_is_part_of_what_is_sent_twice() {
    let world = team();
    let key = [("idempotency-key", "k")];
    let parts = |content| [("content", None, "hi"), ("file_attachment", Some("a.txt"), content)];
    let first = send(&world, 1, &key, &parts("one"));
    let again = send(&world, 1, &key, &parts("one"));
    assert_eq!((first.status, again.status), (201, 200));
    assert_eq!(first.body["id"], again.body["id"]);
    assert_detail(&send(&world, 1, &key, &parts("two")), 409);
    assert_eq!(world.files.contents(), [b"one"]);
}

#[test]
fn a_file_store_that_is_down_is_503() {
    let world = team();
    world.files.set_down(true);
    assert_detail(&send(&world, 1, &[], &[("file_attachment", Some("a"), "a")]), 503);
    world.files.set_down(false);
    let message = notes(&world);
    world.files.set_down(true);
    assert_detail(&follow(&world, "GET", url(&message)), 503);
    assert_detail(&follow_with(&world, "GET", url(&message), &[("range", "bytes=0-3")]), 503);
    assert_eq!(world.ask(1, "DELETE", &common::about(&message, ""), &[], "").status, 204);
}

#[test]
fn an_edit_shows_every_socket_a_link_of_its_own_that_works() {
    let mut world = team();
    let message = notes(&world);
    let room = world.room;
    let peers = [1, 2].map(|user| common::open_team(&mut world, user, room));
    let path = in_room(room, &format!("messages/{}/", message["id"].as_str().unwrap()));
    world.ask(1, "PATCH", &path, &[], r#"{"content": "see above"}"#);
    world.settle();
    for (peer, user) in peers.into_iter().zip(["user=1", "user=2"]) {
        let frames = world.frames(peer);
        let edited = frames.iter().find(|frame| frame["type"] == "message_edited").unwrap();
        let link = url(&edited["message"]);
        assert!(link.contains(user), "{link}");
        assert_eq!(follow(&world, "GET", link).text, NOTES);
    }
}
