//! The three endpoints.

use futures::StreamExt;
use http::{Method, StatusCode};

use super::views::{self, ChatView, CreateBody, UserView};
use crate::dialect::wire::{self, text};
use crate::http::{Call, Endpoint, Input, Parameter, Rejection, Response, Shape, json, json_array};
use crate::rules::check_text;
use crate::service::Error;

type Answer = Result<Response, Rejection>;

pub(super) static ENDPOINTS: [Endpoint; 3] = [
    Endpoint {
        method: Method::GET,
        path: "/api/users/",
        summary: "Get users",
        input: Input::None,
        statuses: &[200, 400],
        query: &[Parameter::text("search", "Only users with this in their username.")],
        request: None,
        response: Some(Shape::of::<Vec<UserView>>(include_str!("examples/users.json"))),
        handler: |call| Box::pin(list_users(call)),
    },
    Endpoint {
        method: Method::GET,
        path: "/api/chats/",
        summary: "Get chats",
        input: Input::None,
        statuses: &[200],
        query: &[],
        request: None,
        response: Some(Shape::of::<Vec<ChatView>>(include_str!("examples/chats.json"))),
        handler: |call| Box::pin(list_chats(call)),
    },
    Endpoint {
        method: Method::POST,
        path: "/api/chats/create/",
        summary: "Create chat",
        input: Input::Json,
        statuses: &[200, 201, 400, 413, 415],
        query: &[],
        request: Some(Shape::of::<CreateBody>(include_str!("examples/create.json"))),
        response: Some(Shape::of::<ChatView>(include_str!("examples/chat.json"))),
        handler: |call| Box::pin(create_chat(call)),
    },
];

async fn list_users(call: Call) -> Answer {
    let search = call.query("search").filter(|text| !text.trim().is_empty()).unwrap_or_default();
    check_text(&search).map_err(|error| Error::invalid("search", error.into()))?;
    let pages = call
        .actor
        .all_users(&search)?
        .map(|page| Ok(page?.into_iter().map(|user| text(&UserView(user))).collect()));
    Ok(json_array(pages.boxed()).await?)
}

async fn list_chats(call: Call) -> Answer {
    let (chat, me) = (call.actor.chat().clone(), call.actor.id()?.clone());
    let pages = call.actor.all_rooms().then(move |page| {
        let (chat, me) = (chat.clone(), me.clone());
        async move {
            let rooms = page?;
            let people = chat.users(rooms.iter().flat_map(views::shown)).await?;
            Ok(rooms.iter().map(|room| text(&ChatView::new(room, &me, &people))).collect())
        }
    });
    Ok(json_array(pages.boxed()).await?)
}

async fn create_chat(call: Call) -> Answer {
    let opened = wire::direct_room(&call).await?;
    let room = call.actor.room(opened.id).await?;
    let people = call.actor.chat().users(views::shown(&room)).await?;
    let status = if opened.created { StatusCode::CREATED } else { StatusCode::OK };
    Ok(json(status, &ChatView::new(&room, call.actor.id()?, &people)))
}
