//! What a handler is given.

use std::borrow::Cow;
use std::time::Instant;

use http::HeaderMap;
use serde_json::{Map, Value};

use super::{Form, Links, Params, Rejection};
use crate::model::{MessageId, RoomId, UserId};
use crate::rules::check_text;
use crate::service::{Actor, Error, FieldError, Problem, SendKey};

/// The longest idempotency key, in characters.
const KEY_CHARACTERS: usize = 200;

/// One request that has been let in: everything a handler needs.
#[derive(Debug)]
pub struct Call {
    /// Who asks.
    pub actor: Actor,
    /// Whether they come by a signed link rather than with credentials.
    pub by_link: bool,
    /// The varying parts of the path.
    pub params: Params,
    /// The fields of the JSON body; none where the endpoint takes none.
    pub body: Fields,
    /// The form, where the body is one.
    pub form: Option<Form>,
    /// The request's URL and its relatives.
    pub links: Links,
    /// The headers.
    pub headers: HeaderMap,
    /// The monotonic time.
    pub now: Instant,
}

impl Call {
    /// The room id that a path names in decimal. One of the wrong form does not exist.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub fn room(&self, name: &str) -> Result<RoomId, Error> {
        canonical(self.params.text(name)).and_then(RoomId::new).ok_or(Error::NotFound)
    }

    /// The message id that a path names in decimal. One of the wrong form does not exist.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub fn message(&self, name: &str) -> Result<MessageId, Error> {
        canonical(self.params.text(name)).and_then(MessageId::new).ok_or(Error::NotFound)
    }

    /// The user id that a path names. One of the wrong form does not exist.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub fn user(&self, name: &str) -> Result<UserId, Error> {
        self.params.user(name).ok_or(Error::NotFound)
    }

    /// The first value of a query parameter.
    pub fn query(&self, name: &str) -> Option<Cow<'_, str>> {
        self.links.query(name)
    }

    /// The key of the `Idempotency-Key` header; none where there is none.
    ///
    /// # Errors
    /// [`Error::Invalid`] where it has not 1 to 200 characters or is not UTF-8.
    pub fn key(&self) -> Result<Option<SendKey>, Rejection> {
        let Some(value) = self.headers.get("idempotency-key") else { return Ok(None) };
        let key = std::str::from_utf8(value.as_bytes()).ok();
        let fits = |key: &&str| (1..=KEY_CHARACTERS).contains(&key.chars().count());
        let Some(key) = key.filter(fits) else {
            let sentence = format!("An idempotency key has 1 to {KEY_CHARACTERS} characters.");
            return Err(Error::invalid("", Problem::Refused(sentence.into())).into());
        };
        Ok(Some(SendKey::Idempotency(key.to_owned())))
    }
}

/// A decimal number without sign or leading zero.
pub(crate) fn canonical(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if digits && !text.starts_with('0') { text.parse().ok() } else { None }
}

/// The fields of a JSON body, read with the sentences that say what is wrong.
#[derive(Debug, Clone, Default)]
pub struct Fields(Map<String, Value>);

impl Fields {
    /// Wraps the fields.
    pub fn new(fields: Map<String, Value>) -> Self {
        Self(fields)
    }

    /// A field as it came.
    pub fn value(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// A field that has to be text.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn text(&self, name: &'static str) -> Result<&str, Problem> {
        match self.0.get(name) {
            None => Err(Problem::Required),
            Some(Value::Null) => Err(Problem::Null),
            Some(Value::String(text)) => {
                check_text(text)?;
                Ok(text)
            }
            Some(_) => Err(Problem::NotText),
        }
    }

    /// A field that has to be an integer, and may not be a string of one.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn integer(&self, name: &'static str) -> Result<i64, Problem> {
        match self.0.get(name) {
            None => Err(Problem::Required),
            Some(Value::Null) => Err(Problem::Null),
            Some(value) => value.as_i64().ok_or(Problem::NotInteger),
        }
    }
}

/// Gathers what is wrong with the fields of a body, so that a client is told all of it at once.
#[derive(Debug, Default)]
pub struct Problems(Vec<FieldError>);

impl Problems {
    /// Keeps what is wrong with a field, or hands its value on.
    pub fn keep<T>(&mut self, field: &'static str, value: Result<T, Problem>) -> Option<T> {
        value.map_err(|problem| self.0.push(FieldError { field: field.into(), problem })).ok()
    }

    /// Refuses if anything is wrong.
    ///
    /// # Errors
    /// All of it.
    pub fn check(self) -> Result<(), Rejection> {
        if self.0.is_empty() { Ok(()) } else { Err(self.into()) }
    }
}

impl From<Problems> for Rejection {
    fn from(problems: Problems) -> Self {
        Error::Invalid(problems.0).into()
    }
}
