//! What the endpoints of rooms do.

use futures::stream::{self, StreamExt};
use http::StatusCode;
use serde_json::Value;

use super::endpoints::{Answer, FOUND, term};
use super::fields;
use super::views::{self, AllReadView, RoomView, StatusView, TypingView};
use crate::dialect::wire::{self, text};
use crate::http::{
    Call, Fields, Items, PageNumber, Problems, detail, json, json_array, json_page, no_content,
};
use crate::model::{RoomId, RoomKind, RoomSummary};
use crate::rules::RoomName;
use crate::service::Problem;
use crate::store::{ManageRoom, RoomOrder};

/// Rooms as JSON.
fn items(call: &Call, rooms: Vec<RoomSummary>) -> Items {
    let actor = call.actor.clone();
    let view = move |rooms: Vec<RoomSummary>| {
        let actor = actor.clone();
        async move {
            let people = actor.chat().users(rooms.iter().flat_map(views::shown)).await?;
            let me = actor.id()?;
            Ok(rooms.iter().map(|room| text(&RoomView::new(room, me, &people))).collect())
        }
    };
    stream::iter(wire::parts(rooms, |room| room.members.len())).then(view).boxed()
}

async fn shown(call: &Call, room: RoomId, status: StatusCode) -> Answer {
    let room = call.actor.room(room).await?;
    let people = call.actor.chat().users(views::shown(&room)).await?;
    Ok(json(status, &RoomView::new(&room, call.actor.id()?, &people)))
}

pub(super) async fn list(call: Call) -> Answer {
    let page = PageNumber::of(&call)?;
    let rooms = call.actor.rooms(RoomOrder::Activity, page.slice()).await?;
    let envelope = page.envelope(&call, rooms.count, Vec::new())?;
    Ok(json_page(&envelope, items(&call, rooms.items)).await?)
}

pub(super) async fn create(call: Call) -> Answer {
    let mut problems = Problems::default();
    let name = problems.keep("name", name(&call.body));
    let kind = problems.keep("room_type", kind(&call.body));
    let members = problems.keep("participant_ids", wire::users(&call.body, "participant_ids"));
    let (Some(name), Some(kind), Some(members)) = (name, kind, members) else {
        return Err(problems.into());
    };
    let room = call.actor.create_room(kind, name, members).await?;
    shown(&call, room, StatusCode::CREATED).await
}

fn name(body: &Fields) -> Result<RoomName, Problem> {
    Ok(RoomName::parse(body.text("name")?)?)
}

/// The kind of the room to make. Direct ones are made elsewhere.
fn kind(body: &Fields) -> Result<RoomKind, Problem> {
    let refused = || Problem::Refused("room_type must be group, project or public".into());
    match body.text("room_type") {
        Err(Problem::Required) => Ok(RoomKind::Group),
        text => RoomKind::parse(text?).filter(|kind| *kind != RoomKind::Direct).ok_or_else(refused),
    }
}

pub(super) async fn direct_message(call: Call) -> Answer {
    match wire::direct_room(&call).await {
        Err(error) if wire::is_unknown_user(&error) => {
            Ok(detail(StatusCode::NOT_FOUND, "User not found"))
        }
        opened => {
            let opened = opened?;
            let status = if opened.created { StatusCode::CREATED } else { StatusCode::OK };
            shown(&call, opened.id, status).await
        }
    }
}

pub(super) async fn show(call: Call) -> Answer {
    shown(&call, fields::room(&call.params)?, StatusCode::OK).await
}

pub(super) async fn update(call: Call) -> Answer {
    let room = fields::room(&call.params)?;
    let mut problems = Problems::default();
    let name = match call.body.value("name") {
        None => None,
        Some(_) => problems.keep("name", name(&call.body)),
    };
    let active = match call.body.value("is_active") {
        None => None,
        Some(Value::Bool(active)) => Some(*active),
        Some(_) => problems
            .keep("is_active", Err(Problem::Refused("is_active must be true or false".into()))),
    };
    let add = problems.keep("participant_ids", wire::users(&call.body, "participant_ids"));
    problems.check()?;
    let add = add.unwrap_or_default();
    let change = ManageRoom { name, active, add, ..call.actor.change(room)? };
    call.actor.manage_room(change).await?;
    shown(&call, room, StatusCode::OK).await
}

pub(super) async fn delete(call: Call) -> Answer {
    let room = fields::room(&call.params)?;
    call.actor.set_active(room, false).await?;
    Ok(no_content())
}

pub(super) async fn mark_read(call: Call) -> Answer {
    let marked = call.actor.mark_all_read(fields::room(&call.params)?).await?;
    let view = AllReadView { status: "marked as read", count: marked.newly };
    Ok(json(StatusCode::OK, &view))
}

pub(super) async fn typing_users(call: Call) -> Answer {
    let room = fields::room(&call.params)?;
    let users = call.actor.typing_users(room, call.now).await?;
    let view = |(user, at)| TypingView::new(room, user, at);
    Ok(json(StatusCode::OK, &users.into_iter().map(view).collect::<Vec<_>>()))
}

pub(super) async fn join(call: Call) -> Answer {
    call.actor.join(fields::room(&call.params)?).await?;
    Ok(json(StatusCode::OK, &StatusView { status: "joined room" }))
}

pub(super) async fn leave(call: Call) -> Answer {
    call.actor.leave(fields::room(&call.params)?).await?;
    Ok(json(StatusCode::OK, &StatusView { status: "left room" }))
}

pub(super) async fn search(call: Call) -> Answer {
    let rooms = call.actor.search_rooms(&term(&call), FOUND).await?;
    Ok(json_array(items(&call, rooms)).await?)
}
