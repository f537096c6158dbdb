//! What the document's bodies look like.

use std::time::Instant;

use serde::Serialize;
use serde_json::Value;

use crate::dialect::wire::UserIdView;
use crate::http::Call;
use crate::model::{Member, Message, RoomSummary, Status, Timestamp, User, UserId};
use crate::service::{People, Person};

/// A participant or sender, with presence.
#[derive(Serialize)]
pub(super) struct PersonView<'a> {
    id: UserIdView<'a>,
    username: &'a str,
    display_name: &'a str,
    #[serde(rename = "imageUrls")]
    image_urls: &'a [String],
    is_online: bool,
    last_seen: Option<Timestamp>,
}

impl<'a> PersonView<'a> {
    fn new(person: &'a Person) -> Self {
        let user = &*person.user;
        Self {
            id: UserIdView(&user.id),
            username: &user.username,
            display_name: &user.display_name,
            image_urls: &user.image_urls,
            is_online: person.presence.online,
            last_seen: person.presence.last_seen,
        }
    }
}

/// Somebody who types.
#[derive(Serialize)]
struct TypingView<'a> {
    id: UserIdView<'a>,
    username: &'a str,
    display_name: &'a str,
}

impl<'a> TypingView<'a> {
    fn new(user: &'a User) -> Self {
        Self {
            id: UserIdView(&user.id),
            username: &user.username,
            display_name: &user.display_name,
        }
    }
}

#[derive(Serialize)]
struct LastMessageView<'a> {
    id: u64,
    content: &'a str,
    sender_id: UserIdView<'a>,
    status: Status,
    created_at: Timestamp,
}

impl<'a> LastMessageView<'a> {
    fn new(message: &'a Message) -> Self {
        Self {
            id: message.id.get(),
            content: &message.content,
            sender_id: UserIdView(&message.sender),
            status: message.status(),
            created_at: message.created_at,
        }
    }
}

#[derive(Serialize)]
struct RoomView<'a> {
    id: u64,
    participant1: Option<PersonView<'a>>,
    participant2: Option<PersonView<'a>>,
    other_participant: Option<PersonView<'a>>,
    #[serde(rename = "match")]
    matched: Option<&'a Value>,
    last_message: Option<LastMessageView<'a>>,
    unread_count: u64,
    typing_users: Vec<TypingView<'a>>,
    created_at: Timestamp,
}

/// A room as the asking user sees it.
pub(super) fn room(
    call: &Call,
    me: &UserId,
    summary: &RoomSummary,
    people: &People,
    now: Instant,
) -> Value {
    let people: Vec<Person> =
        summary.members.iter().map(|member| people.person(&member.user)).collect();
    let typing = call.actor.others_typing(summary.room.id, now);
    value(&RoomView {
        id: summary.room.id.get(),
        participant1: people.first().map(PersonView::new),
        participant2: people.get(1).map(PersonView::new),
        other_participant: people.iter().find(|person| person.user.id != *me).map(PersonView::new),
        matched: summary.room.metadata.get("match"),
        last_message: summary.last_message.as_deref().map(LastMessageView::new),
        unread_count: summary.unread,
        typing_users: typing.iter().map(|(user, _)| TypingView::new(user)).collect(),
        created_at: summary.room.created_at,
    })
}

/// Everybody whom a room view shows.
pub(super) fn shown(summary: &RoomSummary) -> impl Iterator<Item = &UserId> {
    summary.members.iter().map(|member: &Member| &member.user)
}

#[derive(Serialize)]
struct MessageView<'a> {
    id: u64,
    room: u64,
    sender: PersonView<'a>,
    content: &'a str,
    status: Status,
    status_display: &'static str,
    sent_at: Timestamp,
    delivered_at: Option<Timestamp>,
    read_at: Option<Timestamp>,
    is_read: bool,
    created_at: Timestamp,
    updated_at: Timestamp,
}

/// A message with its sender.
pub(super) fn message(message: &Message, people: &People) -> Value {
    let sender = people.person(&message.sender);
    let status = message.status();
    value(&MessageView {
        id: message.id.get(),
        room: message.room.get(),
        sender: PersonView::new(&sender),
        content: &message.content,
        status,
        status_display: display(status),
        sent_at: message.created_at,
        delivered_at: message.delivered_at,
        read_at: message.read_at,
        is_read: status == Status::Read,
        created_at: message.created_at,
        updated_at: message.updated_at(),
    })
}

fn display(status: Status) -> &'static str {
    match status {
        Status::Sending => "Sending",
        Status::Sent => "Sent",
        Status::Delivered => "Delivered",
        Status::Read => "Read",
        Status::Failed => "Failed",
    }
}

fn value(view: &impl Serialize) -> Value {
    // The views are plain structs with string keys, which always serialise.
    serde_json::to_value(view).unwrap_or_default()
}
