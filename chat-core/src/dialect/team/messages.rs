//! What the endpoints of messages do.

use std::sync::Arc;

use futures::stream::{self, StreamExt, TryStreamExt};
use http::StatusCode;

use super::DIALECT;
use super::endpoints::{Answer, FOUND, term};
use super::views::{MessageView, ReactedView, ReactionsView, ReadView};
use super::{fields, files};
use crate::dialect::wire::{self, text};
use crate::http::{
    Call, Fields, Items, PageNumber, Problems, Rejection, json, json_array, json_page, no_content,
};
use crate::model::{Message, MessageKind};
use crate::rules::Denial;
use crate::service::{Error, Outgoing, Problem, Readers};
use crate::store::{Anchor, ReceiptKind};

/// Of how many rooms the members are looked up at once.
const ROOMS: usize = 10;

/// Shows one message.
async fn shown(call: &Call, message: &Message, status: StatusCode) -> Answer {
    let readers = call.actor.chat().readers([(message, true)]).await?;
    Ok(json(status, &MessageView::read(message, &readers, call)))
}

pub(super) async fn list(call: Call) -> Answer {
    let room = fields::room(&call.params)?;
    let page = PageNumber::of(&call)?;
    let before = call.query("before").and_then(|text| fields::message_id(&text));
    let anchor = before.map_or(Anchor::Newest, Anchor::BeforeMessage);
    let mut messages = call.actor.history_with_deleted(room, anchor, page.slice()).await?;
    messages.items.reverse();
    let envelope = page.envelope(&call, messages.count, Vec::new())?;
    Ok(json_page(&envelope, items(call, vec![messages.items])).await?)
}

/// Messages as JSON. Of each group the readers are looked up at once.
fn items(call: Call, groups: Vec<Vec<Arc<Message>>>) -> Items {
    let chat = call.actor.chat().clone();
    let parts = stream::iter(groups).then(move |messages| {
        let chat = chat.clone();
        async move {
            let all = messages.iter().map(|message| (&**message, true));
            let readers = Arc::new(chat.readers(all).await?);
            let parts = wire::parts(messages, |message| readers.most(message)).into_iter();
            Ok::<_, Error>(stream::iter(parts.map(move |part| Ok((readers.clone(), part)))))
        }
    });
    let view = move |(readers, messages): (Arc<Readers>, Vec<Arc<Message>>)| {
        let view = |message: &Arc<Message>| text(&MessageView::read(message, &readers, &call));
        messages.iter().map(view).collect()
    };
    parts.try_flatten().map_ok(view).boxed()
}

pub(super) async fn send(mut call: Call) -> Answer {
    let room = fields::room(&call.params)?;
    let form = call.form.take();
    let is_form = form.is_some();
    let (body, upload) = match form {
        Some(form) => files::read(&call, room, form).await?,
        None => (std::mem::take(&mut call.body), None),
    };
    let message = match outgoing(&call, &body, is_form, upload.is_some()) {
        Ok(message) => message,
        Err(rejection) => {
            if let Some(upload) = upload {
                call.actor.discard(upload).await;
            }
            return Err(rejection);
        }
    };
    let message = match upload {
        Some(upload) => message.with_file(upload),
        None => message,
    };
    let sent = call.actor.send(room, message).await?;
    let status = if sent.repeated { StatusCode::OK } else { StatusCode::CREATED };
    shown(&call, &sent.message, status).await
}

/// The message that the fields of a body describe.
fn outgoing(
    call: &Call,
    body: &Fields,
    is_form: bool,
    with_file: bool,
) -> Result<Outgoing, Rejection> {
    let mut problems = Problems::default();
    let content = match body.text("content") {
        Err(Problem::Required) if with_file => Ok(""),
        content => content,
    };
    let content = problems.keep("content", content);
    let kind = problems.keep("message_type", kind(body, with_file));
    // A form has every field, and what was not filled in is empty.
    let reply = body.value("reply_to").filter(|value| !is_form || *value != "");
    let reply = fields::reply_to(reply).map_err(|()| Problem::BadReply);
    let reply = problems.keep("reply_to", reply);
    let no_file = match body.value(files::FILE) {
        Some(value) if !value.is_null() && *value != "" => {
            Err(Problem::Refused("A file is sent in a form".into()))
        }
        _ => Ok(()),
    };
    let no_file = problems.keep(files::FILE, no_file);
    let (Some(content), Some(kind), Some(reply), Some(())) = (content, kind, reply, no_file) else {
        return Err(problems.into());
    };
    let limit = (DIALECT.message_limit)(call.actor.chat().config());
    let message =
        Outgoing::new(content).with_limit(limit).with_kind(kind).with_send_key(call.key()?);
    Ok(match reply {
        Some(reply) => message.with_reply_to(reply),
        None => message,
    })
}

/// What a message says that it carries. Notes are the host's.
fn kind(body: &Fields, with_file: bool) -> Result<MessageKind, Problem> {
    let refused = || Problem::Refused("message_type must be text, image or file".into());
    match body.text("message_type") {
        Err(Problem::Required) if with_file => Ok(MessageKind::File),
        Err(Problem::Required) => Ok(MessageKind::Text),
        text => {
            let kind = MessageKind::parse(text?).filter(|kind| *kind != MessageKind::System);
            kind.ok_or_else(refused)
        }
    }
}

pub(super) async fn update(call: Call) -> Answer {
    let (room, id) = (fields::room(&call.params)?, fields::message(&call)?);
    let mut problems = Problems::default();
    let Some(content) = problems.keep("content", call.body.text("content")) else {
        return Err(problems.into());
    };
    let edited = call.actor.edit(room, id, content).await?;
    shown(&call, &edited.message, StatusCode::OK).await
}

pub(super) async fn delete(call: Call) -> Answer {
    let (room, id) = (fields::room(&call.params)?, fields::message(&call)?);
    match call.actor.delete(room, id).await {
        // Deleting again succeeds and changes nothing.
        Ok(()) | Err(Error::Denied(Denial::Deleted)) => Ok(no_content()),
        Err(error) => Err(error.into()),
    }
}

pub(super) async fn react(call: Call) -> Answer {
    let (room, id) = (fields::room(&call.params)?, fields::message(&call)?);
    let mut problems = Problems::default();
    let emoji = problems.keep("emoji", call.body.text("emoji"));
    let add = problems.keep("action", adds(&call.body));
    let (Some(emoji), Some(add)) = (emoji, add) else { return Err(problems.into()) };
    let message = if add {
        call.actor.react(room, id, emoji).await?
    } else {
        call.actor.unreact(room, id, emoji).await?
    };
    let view = ReactedView {
        reactions: ReactionsView(&message.reactions),
        message: if add { "Reaction added" } else { "Reaction removed" },
    };
    Ok(json(StatusCode::OK, &view))
}

fn adds(body: &Fields) -> Result<bool, Problem> {
    match body.text("action") {
        Ok("add") | Err(Problem::Required) => Ok(true),
        Ok("remove") => Ok(false),
        _ => Err(Problem::Refused("action must be add or remove".into())),
    }
}

pub(super) async fn mark_read(call: Call) -> Answer {
    let (room, id) = (fields::room(&call.params)?, fields::message(&call)?);
    let newly = match call.actor.mark(room, id, ReceiptKind::Read).await {
        Ok(marked) => marked.newly,
        // Nobody has to read a deleted message any more.
        Err(Error::Denied(Denial::Deleted)) => 0,
        Err(error) => return Err(error.into()),
    };
    let view = ReadView { status: "marked as read", was_already_read: newly == 0 };
    Ok(json(StatusCode::OK, &view))
}

pub(super) async fn search(call: Call) -> Answer {
    let messages = call.actor.search_messages(&term(&call), FOUND).await?;
    // They may be of as many rooms.
    let groups = messages.chunks(ROOMS).map(<[_]>::to_vec).collect();
    Ok(json_array(items(call, groups)).await?)
}
