//! A person in a direct room, who knows nothing but one dialect's document.

use std::net::SocketAddr;
use std::time::Duration;

use chat_core::model::RoomId;
use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::http::{ask, read};
use super::{PATIENCE, Socket};

/// A person in a direct room, who knows nothing but one dialect's document.
pub(crate) struct Person {
    dialect: &'static str,
    address: SocketAddr,
    user: u64,
    room: u64,
    /// None in `rooms`, which documents no socket.
    socket: Option<Socket>,
}

/// What `team` shows a number as.
fn uuid(id: u64) -> String {
    format!("00000000-0000-8000-8000-{id:012x}")
}

fn number(id: &Value) -> u64 {
    let text = id.as_str().expect("an id of the team dialect");
    let digits = text.strip_prefix("00000000-0000-8000-8000-").expect("the form of its ids");
    u64::from_str_radix(digits, 16).expect("hexadecimal digits")
}

impl Person {
    pub(crate) async fn come(
        dialect: &'static str,
        address: SocketAddr,
        user: u64,
        room: RoomId,
    ) -> Self {
        let room = room.get();
        let path = match dialect {
            "team" => format!("/team/ws/chat/{}/", uuid(room)),
            _ => format!("/{dialect}/ws/chat/{room}/"),
        };
        let socket = match dialect {
            "rooms" => None,
            "messenger" => Some(Socket::greeted(address, &path, user).await),
            "direct" => {
                let mut socket = Socket::open(address, &path, user).await;
                socket.send(&Value::Null).await;
                socket.expect_with(|frame| frame.get("error").is_some()).await;
                Some(socket)
            }
            _ => Some(Socket::settled(address, &path, user).await),
        };
        Self { dialect, address, user, room, socket }
    }

    fn socket(&mut self) -> &mut Socket {
        self.socket.as_mut().expect("a dialect with sockets")
    }

    fn messages_path(&self) -> String {
        match self.dialect {
            "campus" => format!("/campus/chat/chats/{}/messages/", self.room),
            "messenger" => format!("/messenger/api/v1.0/chat/rooms/{}/messages/", self.room),
            "team" => format!("/team/api/chat/rooms/{}/messages/", uuid(self.room)),
            "rooms" => format!("/rooms/api/chat/rooms/{}/messages/", self.room),
            other => panic!("{other} documents no list of messages"),
        }
    }

    /// Says something, and returns its id.
    pub(crate) async fn say(&mut self, text: &str) -> u64 {
        match self.dialect {
            "rooms" => {
                let path = self.messages_path();
                let body = json!({ "content": text });
                let (status, sent) =
                    ask(self.address, self.user, Method::POST, &path, Some(body)).await;
                assert_eq!(status, StatusCode::CREATED, "{sent}");
                return sent["id"].as_u64().expect("an id");
            }
            "direct" => self.socket().send(&json!({ "body": text })).await,
            _ => self.socket().send(&json!({ "type": "message", "content": text })).await,
        }
        self.hear(text).await
    }

    /// Waits for something that was said, and returns its id.
    pub(crate) async fn hear(&mut self, text: &str) -> u64 {
        if self.dialect == "rooms" {
            let found = self.poll(|history| id_of(history, text)).await;
            return found.as_u64().expect("an id");
        }
        let dialect = self.dialect;
        let frame = self.socket().expect_with(|frame| says(dialect, frame, text)).await;
        self.id_in(&frame)
    }

    /// Waits for what somebody said who was typing, and for the end of their typing where the
    /// document shows it: from another node they come in either order.
    pub(crate) async fn hear_and_see_typing_end(&mut self, text: &str, user: u64) -> u64 {
        let dialect = self.dialect;
        if !matches!(dialect, "messenger" | "team") {
            return self.hear(text).await;
        }
        let (mut said, mut ended) = (None, false);
        let both = |frame: &Value| {
            ended |= shows_typing(dialect, frame, user, false);
            if says(dialect, frame, text) {
                said = Some(frame.clone());
            }
            ended && said.is_some()
        };
        self.socket().expect_with(both).await;
        self.id_in(&said.expect("a message"))
    }

    fn id_in(&self, frame: &Value) -> u64 {
        let id = if self.dialect == "campus" { &frame["id"] } else { &frame["message"]["id"] };
        if self.dialect == "team" { number(id) } else { id.as_u64().expect("an id") }
    }

    /// Says that a message was read, where the document has a way. In `direct`, seeing is reading.
    pub(crate) async fn mark_read(&mut self, message: u64) -> bool {
        match self.dialect {
            "campus" => {
                let path = format!("/campus/chat/messages/{message}/read/");
                let (status, _) = ask(self.address, self.user, Method::PATCH, &path, None).await;
                assert_eq!(status, StatusCode::OK);
            }
            "messenger" => {
                let frame = json!({ "type": "message_read", "message_id": message });
                self.socket().send(&frame).await;
            }
            "team" => {
                let frame = json!({ "type": "read_receipt", "message_id": uuid(message) });
                self.socket().send(&frame).await;
            }
            "rooms" => return false,
            _ => {}
        }
        true
    }

    /// Waits until one's own message was read, where the document shows it.
    pub(crate) async fn see_read(&mut self, message: u64, by: u64) {
        match self.dialect {
            "campus" => {
                self.poll(|history| {
                    item(history, &json!(message)).filter(|m| m["is_read"] == true)
                })
                .await;
            }
            "messenger" => {
                let read = |frame: &Value| {
                    frame["type"] == "message_status_update"
                        && frame["message_id"] == message
                        && frame["status"] == "read"
                };
                let update = self.socket().expect_with(read).await;
                assert_eq!(update["updated_by"], by, "{update}");
            }
            "team" => {
                let by = json!(by.to_string());
                let read = move |message: &Value| message["read_by"][0]["id"] == by;
                let id = json!(uuid(message));
                self.poll(|history| item(history, &id).filter(|message| read(message))).await;
            }
            // What a frame shows is how it stood before, so a new socket is looked at.
            "direct" => {
                let read = |frame: &Value| frame["message"]["id"] == message;
                let shown = async {
                    loop {
                        let path = format!("/direct/ws/chat/{}/", self.room);
                        let mut again = Socket::open(self.address, &path, self.user).await;
                        if again.expect_with(read).await["message"]["is_read"] == true {
                            return;
                        }
                        tokio::time::sleep(Duration::from_millis(50)).await;
                    }
                };
                tokio::time::timeout(PATIENCE, shown).await.expect("it is shown as read");
            }
            _ => {}
        }
    }

    /// Begins to type, where the document has a way.
    pub(crate) async fn start_typing(&mut self) -> bool {
        match self.dialect {
            "messenger" => self.socket().send(&json!({ "type": "typing_on" })).await,
            "team" => self.socket().send(&json!({ "type": "typing", "is_typing": true })).await,
            _ => return false,
        }
        true
    }

    /// Waits until it is shown that somebody types, where the document shows it.
    pub(crate) async fn see_typing(&mut self, user: u64) {
        let dialect = self.dialect;
        if matches!(dialect, "messenger" | "team") {
            self.socket().expect_with(|frame| shows_typing(dialect, frame, user, true)).await;
        }
    }

    /// Waits until somebody is shown as there or away, where the document shows it.
    pub(crate) async fn see_presence(&mut self, user: u64, online: bool) {
        match self.dialect {
            "messenger" => {
                let changed = |frame: &Value| {
                    frame["type"] == "user_status_change"
                        && frame["user_id"] == user
                        && frame["is_online"] == online
                };
                self.socket().expect_with(changed).await;
            }
            "team" => {
                let kind = if online { "user_joined" } else { "user_left" };
                let id = json!(user.to_string());
                let came = |frame: &Value| frame["type"] == kind && frame["user_id"] == id;
                self.socket().expect_with(came).await;
            }
            "campus" => {
                let path = format!("/campus/chat/users/{user}/status/");
                let shown = async {
                    loop {
                        let (_, status) =
                            ask(self.address, self.user, Method::GET, &path, None).await;
                        if status["is_online"] == online {
                            return;
                        }
                        tokio::time::sleep(Duration::from_millis(50)).await;
                    }
                };
                tokio::time::timeout(PATIENCE, shown).await.expect("the status is shown");
            }
            _ => {}
        }
    }

    /// The ids of all messages, oldest first, as the document lists them.
    pub(crate) async fn history(&mut self) -> Option<Vec<u64>> {
        if self.dialect == "direct" {
            return None;
        }
        let answer = read(self.address, self.user, &self.messages_path()).await;
        let list = answer.get("results").unwrap_or(&answer).as_array().expect("a list").clone();
        let id = |message: &Value| match self.dialect {
            "team" => number(&message["id"]),
            _ => message["id"].as_u64().expect("an id"),
        };
        let mut ids: Vec<u64> = list.iter().map(id).collect();
        if matches!(self.dialect, "messenger" | "rooms") {
            ids.reverse();
        }
        Some(ids)
    }

    /// Goes away.
    pub(crate) fn go(self) {
        drop(self.socket);
    }

    /// Reads the messages until something is found.
    async fn poll(&self, find: impl Fn(&Value) -> Option<Value>) -> Value {
        let path = self.messages_path();
        let found = async {
            loop {
                if let Some(found) = find(&read(self.address, self.user, &path).await) {
                    return found;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(PATIENCE, found).await.expect("it is shown within the time")
    }
}

/// Whether a frame of a dialect with sockets is a message with this text.
fn says(dialect: &str, frame: &Value, text: &str) -> bool {
    let content = match dialect {
        "campus" => &frame["content"],
        "direct" => &frame["message"]["body"],
        _ => &frame["message"]["content"],
    };
    content == text
}

/// Whether a frame of `messenger` or `team` shows that somebody types, or types no more.
fn shows_typing(dialect: &str, frame: &Value, user: u64, is_typing: bool) -> bool {
    let user = if dialect == "team" { json!(user.to_string()) } else { json!(user) };
    frame["type"] == "typing" && frame["user_id"] == user && frame["is_typing"] == is_typing
}

fn items(history: &Value) -> impl Iterator<Item = &Value> {
    history.get("results").unwrap_or(history).as_array().into_iter().flatten()
}

fn item(history: &Value, id: &Value) -> Option<Value> {
    items(history).find(|message| message["id"] == *id).cloned()
}

fn id_of(history: &Value, text: &str) -> Option<Value> {
    items(history).find(|message| message["content"] == text).map(|message| message["id"].clone())
}
