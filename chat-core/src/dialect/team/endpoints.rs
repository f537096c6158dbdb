//! The twenty endpoints of the document, and where files are downloaded.

use http::{Method, StatusCode};

use super::views::{
    AllReadView, CleanupView, CreateBody, DirectBody, MessageView, ReactBody, ReactedView,
    ReadView, RoomView, SendBody, SessionView, StatusView, TypingView, UpdateBody,
};
use super::{files, messages, rooms};
use crate::dialect::wire;
use crate::http::{Call, Endpoint, Envelope, Input, Parameter, Rejection, Response, Shape, json};

pub(super) type Answer = Result<Response, Rejection>;

/// The most that a search shows.
pub(super) const FOUND: usize = 50;

const ROOMS: &str = "/api/chat/rooms/";
const ROOM: &str = "/api/chat/rooms/{room_id}/";
const MESSAGES: &str = "/api/chat/rooms/{room_id}/messages/";
const MESSAGE: &str = "/api/chat/rooms/{room_id}/messages/{message_id}/";

pub(super) static ENDPOINTS: [Endpoint; 21] = [
    Endpoint {
        method: Method::GET,
        path: ROOMS,
        summary: "List chat rooms",
        input: Input::None,
        statuses: &[200, 404],
        query: &[Parameter::PAGE, Parameter::PAGE_SIZE],
        request: None,
        response: Some(Shape::of::<Envelope<RoomView>>(include_str!("examples/rooms.json"))),
        handler: |call| Box::pin(rooms::list(call)),
    },
    Endpoint {
        method: Method::POST,
        path: ROOMS,
        summary: "Create a chat room",
        input: Input::Json,
        statuses: &[201, 400, 413, 415],
        query: &[],
        request: Some(Shape::of::<CreateBody>(include_str!("examples/create.json"))),
        response: Some(Shape::of::<RoomView>(include_str!("examples/room.json"))),
        handler: |call| Box::pin(rooms::create(call)),
    },
    Endpoint {
        method: Method::POST,
        path: "/api/chat/rooms/direct_message/",
        summary: "Create or get a direct message room",
        input: Input::Json,
        statuses: &[200, 201, 400, 404, 413, 415],
        query: &[],
        request: Some(Shape::of::<DirectBody>(include_str!("examples/direct_message.json"))),
        response: Some(Shape::of::<RoomView>(include_str!("examples/room.json"))),
        handler: |call| Box::pin(rooms::direct_message(call)),
    },
    Endpoint {
        method: Method::GET,
        path: ROOM,
        summary: "Get a chat room",
        input: Input::None,
        statuses: &[200, 403, 404],
        query: &[],
        request: None,
        response: Some(Shape::of::<RoomView>(include_str!("examples/room.json"))),
        handler: |call| Box::pin(rooms::show(call)),
    },
    Endpoint {
        method: Method::PATCH,
        path: ROOM,
        summary: "Update a chat room",
        input: Input::Json,
        statuses: &[200, 400, 403, 404, 413, 415],
        query: &[],
        request: Some(Shape::of::<UpdateBody>(include_str!("examples/update.json"))),
        response: Some(Shape::of::<RoomView>(include_str!("examples/room.json"))),
        handler: |call| Box::pin(rooms::update(call)),
    },
    Endpoint {
        method: Method::DELETE,
        path: ROOM,
        summary: "Make a chat room inactive",
        input: Input::None,
        statuses: &[204, 400, 403, 404],
        query: &[],
        request: None,
        response: None,
        handler: |call| Box::pin(rooms::delete(call)),
    },
    Endpoint {
        method: Method::POST,
        path: "/api/chat/rooms/{room_id}/mark_read/",
        summary: "Mark all messages as read",
        input: Input::None,
        statuses: &[200, 403, 404],
        query: &[],
        request: None,
        response: Some(Shape::of::<AllReadView>(include_str!("examples/all_read.json"))),
        handler: |call| Box::pin(rooms::mark_read(call)),
    },
    Endpoint {
        method: Method::GET,
        path: "/api/chat/rooms/{room_id}/typing_users/",
        summary: "List who types",
        input: Input::None,
        statuses: &[200, 403, 404],
        query: &[],
        request: None,
        response: Some(Shape::of::<Vec<TypingView>>(include_str!("examples/typing.json"))),
        handler: |call| Box::pin(rooms::typing_users(call)),
    },
    Endpoint {
        method: Method::POST,
        path: "/api/chat/rooms/{room_id}/join/",
        summary: "Join a public room",
        input: Input::None,
        statuses: &[200, 400, 403, 404],
        query: &[],
        request: None,
        response: Some(Shape::of::<StatusView>(include_str!("examples/status.json"))),
        handler: |call| Box::pin(rooms::join(call)),
    },
    Endpoint {
        method: Method::POST,
        path: "/api/chat/rooms/{room_id}/leave/",
        summary: "Leave a room",
        input: Input::None,
        statuses: &[200, 400, 403, 404],
        query: &[],
        request: None,
        response: Some(Shape::of::<StatusView>(include_str!("examples/status.json"))),
        handler: |call| Box::pin(rooms::leave(call)),
    },
    Endpoint {
        method: Method::GET,
        path: MESSAGES,
        summary: "List messages in a room",
        input: Input::None,
        statuses: &[200, 403, 404],
        query: &[
            Parameter::PAGE,
            Parameter::PAGE_SIZE,
            Parameter::text("before", "Only messages before the one with this id."),
        ],
        request: None,
        response: Some(Shape::of::<Envelope<MessageView>>(include_str!("examples/messages.json"))),
        handler: |call| Box::pin(messages::list(call)),
    },
    Endpoint {
        method: Method::POST,
        path: MESSAGES,
        summary: "Send a message",
        input: Input::JsonOrForm,
        statuses: &[200, 201, 400, 403, 404, 409, 413, 415],
        query: &[],
        request: Some(Shape::of::<SendBody>(include_str!("examples/send.json"))),
        response: Some(Shape::of::<MessageView>(include_str!("examples/message.json"))),
        handler: |call| Box::pin(messages::send(call)),
    },
    Endpoint {
        method: Method::PATCH,
        path: MESSAGE,
        summary: "Update a message",
        input: Input::Json,
        statuses: &[200, 400, 403, 404, 413, 415],
        query: &[],
        request: Some(Shape::of::<wire::SendBody>(include_str!("examples/edit.json"))),
        response: Some(Shape::of::<MessageView>(include_str!("examples/message.json"))),
        handler: |call| Box::pin(messages::update(call)),
    },
    Endpoint {
        method: Method::DELETE,
        path: MESSAGE,
        summary: "Delete a message",
        input: Input::None,
        statuses: &[204, 403, 404],
        query: &[],
        request: None,
        response: None,
        handler: |call| Box::pin(messages::delete(call)),
    },
    Endpoint {
        method: Method::POST,
        path: "/api/chat/rooms/{room_id}/messages/{message_id}/react/",
        summary: "Add or remove a reaction",
        input: Input::Json,
        statuses: &[200, 400, 403, 404, 413, 415],
        query: &[],
        request: Some(Shape::of::<ReactBody>(include_str!("examples/react.json"))),
        response: Some(Shape::of::<ReactedView>(include_str!("examples/reacted.json"))),
        handler: |call| Box::pin(messages::react(call)),
    },
    Endpoint {
        method: Method::POST,
        path: "/api/chat/rooms/{room_id}/messages/{message_id}/mark_read/",
        summary: "Mark a message as read",
        input: Input::None,
        statuses: &[200, 403, 404],
        query: &[],
        request: None,
        response: Some(Shape::of::<ReadView>(include_str!("examples/read.json"))),
        handler: |call| Box::pin(messages::mark_read(call)),
    },
    Endpoint {
        method: Method::GET,
        path: files::PATH,
        summary: "Download the file of a message",
        input: Input::Link,
        statuses: &[200, 206, 304, 403, 404, 412, 416],
        query: &[
            Parameter::text("user", "From the signed link."),
            Parameter::integer("expires", "From the signed link."),
            Parameter::text("signature", "From the signed link."),
        ],
        request: None,
        response: None,
        handler: |call| Box::pin(files::download(call)),
    },
    Endpoint {
        method: Method::GET,
        path: "/api/chat/search/messages/",
        summary: "Search messages",
        input: Input::None,
        statuses: &[200, 400],
        query: &[Parameter::text("q", "The words to find, or their beginnings.").required()],
        request: None,
        response: Some(Shape::of::<Vec<MessageView>>(include_str!("examples/found_messages.json"))),
        handler: |call| Box::pin(messages::search(call)),
    },
    Endpoint {
        method: Method::GET,
        path: "/api/chat/search/rooms/",
        summary: "Search rooms",
        input: Input::None,
        statuses: &[200, 400],
        query: &[Parameter::text("q", "The words to find, or their beginnings.").required()],
        request: None,
        response: Some(Shape::of::<Vec<RoomView>>(include_str!("examples/found_rooms.json"))),
        handler: |call| Box::pin(rooms::search(call)),
    },
    Endpoint {
        method: Method::GET,
        path: "/api/chat/sessions/active_sessions/",
        summary: "List active sessions",
        input: Input::None,
        statuses: &[200],
        query: &[],
        request: None,
        response: Some(Shape::of::<Vec<SessionView>>(include_str!("examples/sessions.json"))),
        handler: |call| Box::pin(active_sessions(call)),
    },
    Endpoint {
        method: Method::POST,
        path: "/api/chat/sessions/cleanup_old_sessions/",
        summary: "Remove old sessions",
        input: Input::None,
        statuses: &[200],
        query: &[],
        request: None,
        response: Some(Shape::of::<CleanupView>(include_str!("examples/cleanup.json"))),
        handler: |call| Box::pin(cleanup_old_sessions(call)),
    },
];

/// What a search is for. A term that was not given is a blank one.
pub(super) fn term(call: &Call) -> String {
    call.query("q").unwrap_or_default().into_owned()
}

async fn active_sessions(call: Call) -> Answer {
    let sessions = call.actor.sessions().await?;
    let views: Vec<_> = sessions.iter().map(SessionView::from).collect();
    Ok(json(StatusCode::OK, &views))
}

async fn cleanup_old_sessions(call: Call) -> Answer {
    let deleted_sessions = call.actor.forget_old_sessions().await?;
    Ok(json(StatusCode::OK, &CleanupView { status: "cleanup completed", deleted_sessions }))
}
