//! The seven endpoints.

use http::{Method, StatusCode};
use serde_json::Value;

use super::DIALECT;
use super::views::{
    HealthView, MessageView, RoomHealthView, RoomView, SendBody, SettingsView, StatsView,
};
use crate::dialect::wire::UserIdView;
use crate::http::{
    Call, Endpoint, Envelope, Fields, Input, PageNumber, Parameter, Problems, Rejection, Response,
    Shape, json,
};
use crate::model::RoomId;
use crate::service::{Error, Outgoing, Problem};
use crate::store::{Anchor, RoomOrder};

type Answer = Result<Response, Rejection>;

pub(super) static ENDPOINTS: [Endpoint; 7] = [
    Endpoint {
        method: Method::GET,
        path: "/api/v1.0/chat/rooms/",
        summary: "List chat rooms",
        input: Input::None,
        statuses: &[200, 404],
        query: &[Parameter::PAGE, Parameter::PAGE_SIZE],
        request: None,
        response: Some(Shape::of::<Envelope<RoomView>>(include_str!("examples/rooms.json"))),
        handler: |call| Box::pin(list_rooms(call)),
    },
    Endpoint {
        method: Method::GET,
        path: "/api/v1.0/chat/rooms/{room_id}/",
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
        path: "/api/v1.0/chat/rooms/{room_id}/messages/",
        summary: "Get messages in room",
        input: Input::None,
        statuses: &[200, 404],
        query: &[Parameter::PAGE, Parameter::PAGE_SIZE],
        request: None,
        response: Some(Shape::of::<Envelope<MessageView>>(include_str!("examples/messages.json"))),
        handler: |call| Box::pin(list_messages(call)),
    },
    Endpoint {
        method: Method::POST,
        path: "/api/v1.0/chat/messages/",
        summary: "Send message",
        input: Input::Json,
        statuses: &[200, 201, 400, 404, 409, 413, 415],
        query: &[],
        request: Some(Shape::of::<SendBody>(include_str!("examples/send.json"))),
        response: Some(Shape::of::<MessageView>(include_str!("examples/message.json"))),
        handler: |call| Box::pin(send_message(call)),
    },
    Endpoint {
        method: Method::GET,
        path: "/api/v1.0/chat/stats/",
        summary: "Connection statistics",
        input: Input::None,
        statuses: &[200],
        query: &[],
        request: None,
        response: Some(Shape::of::<StatsView>(include_str!("examples/stats.json"))),
        handler: |call| Box::pin(stats(call)),
    },
    Endpoint {
        method: Method::GET,
        path: "/api/v1.0/chat/rooms/{room_id}/health/",
        summary: "Room health check",
        input: Input::None,
        statuses: &[200, 404],
        query: &[],
        request: None,
        response: Some(Shape::of::<RoomHealthView>(include_str!("examples/room_health.json"))),
        handler: |call| Box::pin(room_health(call)),
    },
    Endpoint {
        method: Method::POST,
        path: "/api/v1.0/chat/health-check/",
        summary: "Broadcast health check",
        input: Input::None,
        statuses: &[200],
        query: &[],
        request: None,
        response: Some(Shape::of::<HealthView>(include_str!("examples/health.json"))),
        handler: |call| Box::pin(broadcast_health(call)),
    },
];

async fn list_rooms(call: Call) -> Answer {
    let page = PageNumber::of(&call)?;
    let rooms = call.actor.rooms(RoomOrder::Activity, page.slice()).await?;
    let people =
        call.actor.chat().people(rooms.items.iter().flat_map(|room| &room.members)).await?;
    let views = rooms.items.iter().map(|room| RoomView::new(&call, room, &people));
    let views = views.collect::<Result<Vec<_>, _>>()?;
    Ok(json(StatusCode::OK, &page.envelope(&call, rooms.count, views)?))
}

async fn room(call: Call) -> Answer {
    let room = call.actor.room(call.room("room_id")?).await?;
    let people = call.actor.chat().people(&room.members).await?;
    Ok(json(StatusCode::OK, &RoomView::new(&call, &room, &people)?))
}

async fn list_messages(call: Call) -> Answer {
    let room = call.room("room_id")?;
    let page = PageNumber::of(&call)?;
    let messages = call.actor.history(room, Anchor::Newest, page.slice()).await?;
    let people =
        call.actor.chat().people(messages.items.iter().map(|message| &message.sender)).await?;
    let views = messages.items.iter().map(|message| MessageView::new(message, &people)).collect();
    Ok(json(StatusCode::OK, &page.envelope(&call, messages.count, views)?))
}

async fn send_message(call: Call) -> Answer {
    let mut problems = Problems::default();
    let room = problems.keep("room", room_field(&call.body));
    let text = problems.keep("content", call.body.text("content"));
    let (Some(room), Some(text)) = (room, text) else { return Err(problems.into()) };
    let limit = (DIALECT.message_limit)(call.actor.chat().config());
    let message = Outgoing::new(text).with_limit(limit).with_send_key(call.key()?);
    let sent = call.actor.send(room.ok_or(Error::NotFound)?, message).await?;
    let people = call.actor.chat().people([&sent.message.sender]).await?;
    let status = if sent.repeated { StatusCode::OK } else { StatusCode::CREATED };
    Ok(json(status, &MessageView::new(&sent.message, &people)))
}

/// `room` has to be an integer. One that can be no room's id is that of no room.
fn room_field(body: &Fields) -> Result<Option<RoomId>, Problem> {
    let number = match body.value("room") {
        Some(Value::Number(number)) if number.is_u64() => number.as_u64(),
        _ => body.integer("room").map(|_| None)?,
    };
    Ok(number.and_then(RoomId::new))
}

async fn stats(call: Call) -> Answer {
    let chat = call.actor.chat();
    let counted = call.actor.stats(None).await?;
    let config = chat.config();
    let view = StatsView {
        user_id: UserIdView(call.actor.id()?),
        total_rooms: counted.rooms,
        active_rooms_today: counted.active_today,
        recent_messages_24h: counted.recent_messages,
        channel_layer_status: if chat.bus().is_available() { "available" } else { "unavailable" },
        timestamp: chat.clock().now(),
        connection_settings: SettingsView {
            heartbeat_interval: config.ping_interval.as_secs(),
            connection_timeout: config.lifetime.as_secs(),
            ping_timeout: config.ping_timeout.as_secs(),
            max_reconnect_attempts: config.max_missed_pings,
        },
    };
    Ok(json(StatusCode::OK, &view))
}

async fn room_health(call: Call) -> Answer {
    let room = call.room("room_id")?;
    let counted = call.actor.stats(Some(room)).await?;
    call.actor.check_health(room).await?;
    let view = RoomHealthView {
        room_id: room.get(),
        group_name: format!("chat_{room}"),
        health_check_sent: true,
        recent_messages_count: counted.recent_messages,
        timestamp: call.actor.chat().clock().now(),
    };
    Ok(json(StatusCode::OK, &view))
}

async fn broadcast_health(call: Call) -> Answer {
    let rooms = call.actor.check_health_everywhere().await?;
    let timestamp = call.actor.chat().clock().now();
    Ok(json(
        StatusCode::OK,
        &HealthView { health_checks_sent: rooms, total_rooms: rooms, timestamp },
    ))
}
