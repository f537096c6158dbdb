//! The seven endpoints.

use std::sync::Arc;

use futures::stream::{self, StreamExt, TryStreamExt};
use http::{Method, StatusCode};

use super::DIALECT;
use super::views::{ChatView, MarkedView, MessageView, StartBody, StatusView};
use crate::dialect::wire::{self, SendBody, text};
use crate::http::{
    Call, Endpoint, Input, Parameter, Problems, Rejection, Response, Shape, json, json_array,
    positive,
};
use crate::model::{Message, MessageId, RoomId, RoomSummary};
use crate::service::{Error, Outgoing};
use crate::store::ReceiptKind;

type Answer = Result<Response, Rejection>;

/// Where chats are started, whose 400s have a body of their own.
pub(super) const START: &str = "/chat/chats/start/";

pub(super) static ENDPOINTS: [Endpoint; 7] = [
    Endpoint {
        method: Method::GET,
        path: "/chat/chats/",
        summary: "List user chats",
        input: Input::None,
        statuses: &[200],
        query: &[],
        request: None,
        response: Some(Shape::of::<Vec<ChatView>>(include_str!("examples/chats.json"))),
        handler: |call| Box::pin(list_chats(call)),
    },
    Endpoint {
        method: Method::GET,
        path: "/chat/chats/{id}/",
        summary: "Get chat details",
        input: Input::None,
        statuses: &[200, 404],
        query: &[],
        request: None,
        response: Some(Shape::of::<ChatView>(include_str!("examples/chat.json"))),
        handler: |call| Box::pin(chat(call)),
    },
    Endpoint {
        method: Method::GET,
        path: "/chat/chats/{id}/messages/",
        summary: "List chat messages",
        input: Input::None,
        statuses: &[200, 404],
        query: &[
            Parameter::integer("limit", "How many messages at the most, the newest."),
            Parameter::integer("before", "Only messages before the one with this id."),
        ],
        request: None,
        response: Some(Shape::of::<Vec<MessageView>>(include_str!("examples/messages.json"))),
        handler: |call| Box::pin(list_messages(call)),
    },
    Endpoint {
        method: Method::POST,
        path: "/chat/chats/{id}/messages/",
        summary: "Create message",
        input: Input::Json,
        statuses: &[200, 201, 400, 404, 409, 413, 415],
        query: &[],
        request: Some(Shape::of::<SendBody>(include_str!("examples/send.json"))),
        response: Some(Shape::of::<MessageView>(include_str!("examples/message.json"))),
        handler: |call| Box::pin(create_message(call)),
    },
    Endpoint {
        method: Method::PATCH,
        path: "/chat/messages/{id}/read/",
        summary: "Mark message as read",
        input: Input::None,
        statuses: &[200, 404],
        query: &[],
        request: None,
        response: Some(Shape::of::<MarkedView>(include_str!("examples/marked.json"))),
        handler: |call| Box::pin(mark_read(call)),
    },
    Endpoint {
        method: Method::GET,
        path: "/chat/users/{id}/status/",
        summary: "Get user online status",
        input: Input::None,
        statuses: &[200, 404],
        query: &[],
        request: None,
        response: Some(Shape::of::<StatusView>(include_str!("examples/status.json"))),
        handler: |call| Box::pin(user_status(call)),
    },
    Endpoint {
        method: Method::POST,
        path: START,
        summary: "Start or get chat",
        input: Input::Json,
        statuses: &[200, 201, 400, 404, 413, 415],
        query: &[],
        request: Some(Shape::of::<StartBody>(include_str!("examples/start.json"))),
        response: Some(Shape::of::<ChatView>(include_str!("examples/chat.json"))),
        handler: |call| Box::pin(start_chat(call)),
    },
];

async fn list_chats(call: Call) -> Answer {
    let chat = call.actor.chat().clone();
    let parts = |rooms| {
        let parts = wire::parts(rooms, |room: &RoomSummary| room.members.len());
        stream::iter(parts.into_iter().map(Ok::<_, Error>))
    };
    let items = call.actor.all_rooms().map_ok(parts).try_flatten().and_then(move |rooms| {
        let chat = chat.clone();
        async move {
            let people = chat.users(rooms.iter().flat_map(|room| &room.members)).await?;
            Ok(rooms.iter().map(|room| text(&ChatView::new(room, &people))).collect())
        }
    });
    Ok(json_array(items.boxed()).await?)
}

async fn chat(call: Call) -> Answer {
    let room = call.room("id")?;
    show(&call, room, StatusCode::OK).await
}

async fn show(call: &Call, room: RoomId, status: StatusCode) -> Answer {
    let room = call.actor.room(room).await?;
    let people = call.actor.chat().users(&room.members).await?;
    Ok(json(status, &ChatView::new(&room, &people)))
}

async fn list_messages(call: Call) -> Answer {
    let room = call.room("id")?;
    let limit = call.query("limit").and_then(|text| positive(&text));
    // No message has an id so large that it is none; then all are before it.
    let before = call.query("before").and_then(|text| positive(&text)).and_then(MessageId::new);
    let messages = call.actor.all_messages(room, before, limit).await?;
    let chat = call.actor.chat().clone();
    let pages = messages.then(move |page| {
        let chat = chat.clone();
        async move {
            let messages = page?;
            let people = chat.users(messages.iter().map(|message| &message.sender)).await?;
            let view = |message: &Arc<Message>| {
                text(&MessageView::new(message, people.user(&message.sender)))
            };
            Ok(messages.iter().map(view).collect())
        }
    });
    Ok(json_array(pages.boxed()).await?)
}

async fn create_message(call: Call) -> Answer {
    let room = call.room("id")?;
    let mut problems = Problems::default();
    let content = problems.keep("content", call.body.text("content"));
    let Some(content) = content else { return Err(problems.into()) };
    let limit = (DIALECT.message_limit)(call.actor.chat().config());
    let message = Outgoing::new(content).with_limit(limit).with_send_key(call.key()?);
    let sent = call.actor.send(room, message).await?;
    let status = if sent.repeated { StatusCode::OK } else { StatusCode::CREATED };
    Ok(json(status, &MessageView::new(&sent.message, sent.sender)))
}

async fn mark_read(call: Call) -> Answer {
    let id = call.message("id")?;
    let message = call.actor.message(None, id).await?;
    call.actor.mark(message.room, id, ReceiptKind::Read).await?;
    Ok(json(StatusCode::OK, &MarkedView { status: "marked as read" }))
}

async fn user_status(call: Call) -> Answer {
    let user = call.user("id")?;
    let presence = call.actor.chat().presence(&[user]).await?;
    let view = presence.first().and_then(StatusView::new).ok_or(Error::NotFound)?;
    Ok(json(StatusCode::OK, &view))
}

async fn start_chat(call: Call) -> Answer {
    let opened = wire::direct_room(&call).await.map_err(|error| match error {
        error if wire::is_unknown_user(&error) => Error::NotFound,
        error => error,
    })?;
    let status = if opened.created { StatusCode::CREATED } else { StatusCode::OK };
    show(&call, opened.id, status).await
}
