//! The files of messages: in forms, and behind signed links.

use http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE,
    CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderName, HeaderValue, StatusCode};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Map;

use super::endpoints::Answer;
use super::fields::{self, IdView};
use crate::http::{Body, Call, Fields, Form, Part, Rejection, Response, Wanted, no_content};
use crate::model::{Message, RoomId};
use crate::rules::{Denial, OCTET_STREAM};
use crate::service::{Error, Problem, Upload};

/// The field of a form that holds the file.
pub(super) const FILE: &str = "file_attachment";

/// Where files are downloaded; `{message_id}` as [`IdView`] writes it.
pub(super) const PATH: &str = "/api/chat/files/{message_id}/";

/// Links are for one user and end, so nobody keeps what they lead to.
const PRIVATE: &str = "private, no-store";

/// What RFC 8187 lets stand as it is in an extended parameter.
const ATTRIBUTE: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'!')
    .remove(b'#')
    .remove(b'$')
    .remove(b'&')
    .remove(b'+')
    .remove(b'-')
    .remove(b'.')
    .remove(b'^')
    .remove(b'_')
    .remove(b'`')
    .remove(b'|')
    .remove(b'~');

/// The path of a message's file, below the dialect's prefix. It takes the `Authorization` header;
/// none where the message has no file.
pub(super) fn path(message: &Message) -> Option<String> {
    message.attachment.as_ref()?;
    Some(PATH.replace("{message_id}", &IdView::from(message.id).to_string()))
}

/// The URL of a message's file, signed for who asks.
pub(super) fn url(call: &Call, message: &Message) -> Option<String> {
    let user = call.actor.id().ok()?;
    Some(call.actor.chat().signed_url(call.links.base(), &path(message)?, user))
}

/// Reads a form: its text fields, and its file, which is stored meanwhile.
pub(super) async fn read(
    call: &Call,
    room: RoomId,
    mut form: Form,
) -> Result<(Fields, Option<Upload>), Rejection> {
    let mut upload = None;
    match parts(call, room, &mut form, &mut upload).await {
        Ok(fields) => Ok((fields, upload)),
        Err(rejection) => {
            if let Some(upload) = upload {
                call.actor.discard(upload).await;
            }
            Err(rejection)
        }
    }
}

async fn parts(
    call: &Call,
    room: RoomId,
    form: &mut Form,
    upload: &mut Option<Upload>,
) -> Result<Fields, Rejection> {
    let mut fields = Map::new();
    while let Some(part) = form.next().await? {
        match part {
            // A file that was left empty.
            Part::Text { name, .. } if name == FILE => {}
            Part::Text { name, value } => {
                fields.insert(name, value.into());
            }
            Part::File { name, file_name, pieces } => {
                if name != FILE || upload.is_some() {
                    let problem = Problem::Refused("One file is taken, as file_attachment".into());
                    return Err(Error::invalid("", problem).into());
                }
                *upload = Some(call.actor.upload(room, &file_name, pieces).await?);
            }
        }
    }
    Ok(Fields::new(fields))
}

pub(super) async fn download(call: Call) -> Answer {
    let message = fields::message(&call)?;
    let found = call.actor.download(message).await;
    let found = found.map_err(|error| match error {
        // A link leads nowhere once the membership is over.
        Error::Denied(Denial::NotMember) if call.by_link => Error::NotFound,
        error => error,
    })?;
    let attachment = &found.attachment;
    // A message has one file for ever.
    let tag = format!("\"{message}\"");
    let (pieces, size, range) = match Wanted::of(&call.headers, attachment.size, &tag) {
        Wanted::Nothing => return Err(Rejection::BadRange { size: attachment.size }),
        Wanted::Other => return Err(Rejection::PreconditionFailed),
        Wanted::Known => {
            let mut response = no_content();
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            set(&mut response, ETAG, &tag);
            set(&mut response, CACHE_CONTROL, PRIVATE);
            return Ok(response);
        }
        Wanted::Whole => {
            let file = found.read().await?;
            (file.pieces, file.size, None)
        }
        Wanted::Part(part) => {
            let range = format!("bytes {}-{}/{}", part.start, part.end - 1, attachment.size);
            (found.read_range(part.clone()).await?, part.end - part.start, Some(range))
        }
    };
    let pieces = futures::StreamExt::map(pieces, |piece| piece.map_err(Error::Unavailable));
    let mut response = Response::new(Body::Stream(Box::pin(pieces)));
    if range.is_some() {
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
    }
    for (name, value) in [
        (CONTENT_TYPE, OCTET_STREAM),
        (CONTENT_TYPE, &attachment.content_type),
        (CONTENT_LENGTH, &size.to_string()),
        (CONTENT_DISPOSITION, &disposition(&attachment.name)),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox"),
        (CACHE_CONTROL, PRIVATE),
        (ACCEPT_RANGES, "bytes"),
        (ETAG, &tag),
    ] {
        set(&mut response, name, value);
    }
    if let Some(range) = range {
        set(&mut response, CONTENT_RANGE, &range);
    }
    Ok(response)
}

/// Sets a header, unless the value cannot be one.
fn set(response: &mut Response, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

/// Says to save a file under a name, and never to show it in place (RFC 6266).
fn disposition(name: &str) -> String {
    let plain =
        |c: char| if c.is_ascii_graphic() && !matches!(c, '"' | '\\' | '%') { c } else { '_' };
    let plain: String = name.chars().map(|c| if c == ' ' { c } else { plain(c) }).collect();
    let whole = utf8_percent_encode(name, ATTRIBUTE);
    format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{whole}")
}
