//! The nine endpoints.

use std::sync::Arc;

use futures::stream::{self, StreamExt};
use http::{Method, StatusCode};

use super::DIALECT;
use super::cursor::Cursor;
use super::views::{self, CreateBody, MessageView, MessagesView, RoomView, UpdateBody};
use crate::dialect::wire::{self, SendBody, text};
use crate::http::{
    Call, Endpoint, Envelope, Input, Offset, Parameter, Problems, Rejection, Response, Shape, json,
    json_page, no_content,
};
use crate::model::{Message, RoomId, RoomKind, RoomSummary, Slice};
use crate::rules::{Action, Denial, RoomName};
use crate::service::{Error, Outgoing};
use crate::store::{Anchor, RoomOrder};

type Answer = Result<Response, Rejection>;

/// Messages on a page.
const PAGE: usize = 50;

const ROOMS: &str = "/api/chat/rooms/";
const ROOM: &str = "/api/chat/rooms/{room_id}/";
const MESSAGES: &str = "/api/chat/rooms/{room_id}/messages/";
const MESSAGE: &str = "/api/chat/rooms/{room_id}/messages/{pk}/";

pub(super) static ENDPOINTS: [Endpoint; 9] = [
    Endpoint {
        method: Method::GET,
        path: ROOMS,
        summary: "List chat rooms",
        input: Input::None,
        statuses: &[200],
        query: &[
            Parameter::integer("limit", "Items on a page, at most 100; 50 unless given."),
            Parameter::integer("offset", "How many to leave out before the first; 0 unless given."),
        ],
        request: None,
        response: Some(Shape::of::<Envelope<RoomView>>(include_str!("examples/rooms.json"))),
        handler: |call| Box::pin(list_rooms(call)),
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
        handler: |call| Box::pin(create_room(call)),
    },
    Endpoint {
        method: Method::GET,
        path: ROOM,
        summary: "Get chat room details",
        input: Input::None,
        statuses: &[200, 404],
        query: &[],
        request: None,
        response: Some(Shape::of::<RoomView>(include_str!("examples/room.json"))),
        handler: |call| Box::pin(room(call)),
    },
    Endpoint {
        method: Method::GET,
        path: MESSAGES,
        summary: "List messages in a chat room",
        input: Input::None,
        statuses: &[200, 404],
        query: &[Parameter::text("cursor", "From `next` or `previous` of another page.")],
        request: None,
        response: Some(Shape::of::<MessagesView>(include_str!("examples/messages.json"))),
        handler: |call| Box::pin(list_messages(call)),
    },
    Endpoint {
        method: Method::POST,
        path: MESSAGES,
        summary: "Create a message in a chat room",
        input: Input::Json,
        statuses: &[200, 201, 400, 404, 409, 413, 415],
        query: &[],
        request: Some(Shape::of::<SendBody>(include_str!("examples/send.json"))),
        response: Some(Shape::of::<MessageView>(include_str!("examples/message.json"))),
        handler: |call| Box::pin(create_message(call)),
    },
    Endpoint {
        method: Method::GET,
        path: MESSAGE,
        summary: "Retrieve a message",
        input: Input::None,
        statuses: &[200, 404],
        query: &[],
        request: None,
        response: Some(Shape::of::<MessageView>(include_str!("examples/message.json"))),
        handler: |call| Box::pin(message(call)),
    },
    Endpoint {
        method: Method::PUT,
        path: MESSAGE,
        summary: "Full update of a message",
        input: Input::Json,
        statuses: &[200, 400, 403, 404, 413, 415],
        query: &[],
        request: Some(Shape::of::<SendBody>(include_str!("examples/send.json"))),
        response: Some(Shape::of::<MessageView>(include_str!("examples/message.json"))),
        handler: |call| Box::pin(update_message(call, true)),
    },
    Endpoint {
        method: Method::PATCH,
        path: MESSAGE,
        summary: "Partial update of a message",
        input: Input::Json,
        statuses: &[200, 400, 403, 404, 413, 415],
        query: &[],
        request: Some(Shape::of::<UpdateBody>(include_str!("examples/send.json"))),
        response: Some(Shape::of::<MessageView>(include_str!("examples/message.json"))),
        handler: |call| Box::pin(update_message(call, false)),
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
        handler: |call| Box::pin(delete_message(call)),
    },
];

async fn list_rooms(call: Call) -> Answer {
    let part = Offset::of(&call);
    let rooms = call.actor.rooms(RoomOrder::Id, part.slice()).await?;
    let me = call.actor.id()?.clone();
    let others = rooms.items.iter().filter_map(|room| views::named_after(room, &me));
    let people = call.actor.chat().users(others).await?;
    let envelope = part.envelope(&call, rooms.count, Vec::new());
    let parts = wire::parts(rooms.items, |room| room.members.len());
    let view = move |rooms: Vec<RoomSummary>| {
        Ok(rooms.iter().map(|room| text(&RoomView::new(room, &me, &people))).collect())
    };
    Ok(json_page(&envelope, stream::iter(parts).map(view).boxed()).await?)
}

async fn create_room(call: Call) -> Answer {
    let mut problems = Problems::default();
    let name = call.body.text("name").and_then(|name| Ok(RoomName::parse(name)?));
    let name = problems.keep("name", name);
    let members = problems.keep("participants", wire::users(&call.body, "participants"));
    let (Some(name), Some(mut members)) = (name, members) else { return Err(problems.into()) };
    let me = call.actor.id()?;
    members.retain(|user| user != me);
    let room = call.actor.create_room(RoomKind::Group, name, members).await?;
    show(&call, room, StatusCode::CREATED).await
}

async fn room(call: Call) -> Answer {
    let room = call.room("room_id")?;
    show(&call, room, StatusCode::OK).await
}

async fn show(call: &Call, room: RoomId, status: StatusCode) -> Answer {
    let room = call.actor.room(room).await?;
    let me = call.actor.id()?;
    let people = call.actor.chat().users(views::named_after(&room, me)).await?;
    Ok(json(status, &RoomView::new(&room, me, &people)))
}

async fn list_messages(call: Call) -> Answer {
    let (room, me) = (call.room("room_id")?, call.actor.id()?);
    let token = call.query("cursor");
    let cursor = token.as_deref().and_then(|token| Cursor::parse(token, room, me));
    if token.is_some() && cursor.is_none() {
        // Who may not see the room is told no more than that.
        call.actor.may(Action::ReadHistory, room).await?;
        return Err(Rejection::InvalidCursor);
    }
    let anchor = cursor.map_or(Anchor::Newest, Cursor::anchor);
    let mut page = call.actor.history(room, anchor, Slice::first(PAGE)).await?;
    let beyond = page.count > page.items.len() as u64;
    if let Some(Cursor::Newer(_)) = cursor {
        page.items.reverse();
    }
    // From a page without messages both ways lead away from where it would be.
    let (newest, oldest) = match (page.items.first(), page.items.last(), cursor) {
        (Some(newest), Some(oldest), _) => (newest.seq, oldest.seq),
        (_, _, Some(Cursor::Older(seq))) => (seq.saturating_sub(1), seq),
        (_, _, Some(Cursor::Newer(seq))) => (seq, seq.saturating_add(1)),
        (_, _, None) => (0, 0),
    };
    let (older, newer) = (Cursor::Older(oldest), Cursor::Newer(newest));
    let (has_older, has_newer) = match cursor {
        None => (beyond, false),
        Some(Cursor::Older(_)) => (beyond, leads_anywhere(&call, room, newer).await?),
        Some(Cursor::Newer(_)) => (leads_anywhere(&call, room, older).await?, beyond),
    };
    let link = |cursor: Cursor| call.links.with(&[("cursor", Some(cursor.token(room, me)))]);
    let view = MessagesView {
        next: has_older.then(|| link(older)),
        previous: has_newer.then(|| link(newer)),
        results: page.items.iter().map(|message| MessageView::from(&**message)).collect(),
    };
    Ok(json(StatusCode::OK, &view))
}

/// Whether a cursor leads to any message.
async fn leads_anywhere(call: &Call, room: RoomId, cursor: Cursor) -> Result<bool, Error> {
    let page = call.actor.history(room, cursor.anchor(), Slice::first(1)).await?;
    Ok(page.count > 0)
}

async fn create_message(call: Call) -> Answer {
    let room = call.room("room_id")?;
    let mut problems = Problems::default();
    let Some(content) = problems.keep("content", call.body.text("content")) else {
        return Err(problems.into());
    };
    let limit = (DIALECT.message_limit)(call.actor.chat().config());
    let message = Outgoing::new(content).with_limit(limit).with_send_key(call.key()?);
    let sent = call.actor.send(room, message).await?;
    let status = if sent.repeated { StatusCode::OK } else { StatusCode::CREATED };
    Ok(json(status, &MessageView::from(&*sent.message)))
}

async fn message(call: Call) -> Answer {
    let message = find(&call).await?;
    Ok(json(StatusCode::OK, &MessageView::from(&*message)))
}

/// The message that a path names. One that is deleted does not exist.
async fn find(call: &Call) -> Result<Arc<Message>, Error> {
    let (room, id) = (call.room("room_id")?, call.message("pk")?);
    let message = call.actor.message(Some(room), id).await?;
    if message.is_deleted() { Err(Error::NotFound) } else { Ok(message) }
}

/// The same where it is one's own.
async fn find_own(call: &Call) -> Result<Arc<Message>, Error> {
    let message = find(call).await?;
    if message.sender == *call.actor.id()? { Ok(message) } else { Err(Denial::NotSender.into()) }
}

async fn update_message(call: Call, whole: bool) -> Answer {
    let message = find_own(&call).await?;
    if !whole && call.body.value("content").is_none() {
        return Ok(json(StatusCode::OK, &MessageView::from(&*message)));
    }
    let mut problems = Problems::default();
    let Some(content) = problems.keep("content", call.body.text("content")) else {
        return Err(problems.into());
    };
    let edited = call.actor.edit(message.room, message.id, content).await?;
    Ok(json(StatusCode::OK, &MessageView::from(&*edited.message)))
}

async fn delete_message(call: Call) -> Answer {
    let message = find_own(&call).await?;
    call.actor.delete(message.room, message.id).await?;
    Ok(no_content())
}
