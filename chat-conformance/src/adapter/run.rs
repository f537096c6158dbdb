//! Runs a case, step by step.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use chat_core::Outgoing;
use chat_core::dialect::Dialect;
use chat_core::model::{MessageId, RoomId, UserId};
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;

use super::case::{Case, Suite};
use super::client::{self, Answer, Received, Socket};
use super::coverage::Coverage;
use super::pattern::{Names, brief};
use super::step::{Act, Deed, Expect, Open, Request, Send, Step, Via};
use super::world::{World, token};
use super::{FALLBACK_BODY, HOST_BODY, HOST_HEADER};

/// How the paths of a run are written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Form {
    pub(super) prefix: &'static str,
    /// Without the trailing slash.
    bare: bool,
}

impl Form {
    pub(super) const ALL: [Self; 4] = [
        Self { prefix: "", bare: false },
        Self { prefix: "", bare: true },
        Self { prefix: "/nested", bare: false },
        Self { prefix: "/nested", bare: true },
    ];

    /// A path and its query in this form, without the prefix.
    fn write(self, target: &str, verbatim: bool) -> String {
        let (path, query) = match target.split_once('?') {
            Some((path, query)) => (path, format!("?{query}")),
            None => (target, String::new()),
        };
        let bare = path.strip_suffix('/').filter(|path| self.bare && !verbatim && !path.is_empty());
        format!("{}{query}", bare.unwrap_or(path))
    }
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let slash = if self.bare { "without" } else { "with" };
        write!(f, "under {:?} {slash} trailing slashes", self.prefix)
    }
}

/// Runs one case.
///
/// # Errors
/// The case, the step, what was expected and what came.
pub(super) async fn case(
    suite: &Suite,
    case: &Case,
    world: World,
    address: SocketAddr,
    form: Form,
    coverage: &mut Coverage,
) -> Result<(), String> {
    let mut run = Run { suite, world, address, form, coverage, sockets: HashMap::new() };
    run.world.names.set("host", address.to_string());
    run.world.names.set_shapes(&suite.manifest.shapes);
    for (index, step) in case.steps.iter().enumerate() {
        run.step(step).await.map_err(|problem| {
            format!("{:?}: step {} ({step}): {problem}", case.name, index + 1)
        })?;
    }
    Ok(())
}

/// Makes sure that what is the host's stays the host's.
pub(super) async fn host(
    world: &World,
    address: SocketAddr,
    dialect: &Dialect,
    form: Form,
) -> Result<(), String> {
    let get = async |path: String| {
        let request = http::Request::get(&path).header("host", address.to_string());
        let request = request.body(bytes::Bytes::new()).map_err(|error| error.to_string())?;
        let answer = client::request(address, request).await?;
        check_host_header(&answer)?;
        Ok::<_, String>((answer.status, String::from_utf8_lossy(&answer.body).into_owned()))
    };
    let check = |path: &str, expected: (u16, &str), got: (u16, String)| {
        let same = expected.0 == got.0 && expected.1 == got.1;
        if same { Ok(()) } else { Err(format!("GET {path}: expected {expected:?}, got {got:?}")) }
    };
    check("/host", (200, HOST_BODY), get("/host".to_owned()).await?)?;
    let first = dialect.endpoints.first().map_or("/", |endpoint| endpoint.path);
    let elsewhere = if form.prefix.is_empty() { "/nested" } else { "" };
    for path in [
        "/".to_owned(),
        "/nothing/of/the/kind/".to_owned(),
        format!("{}/", form.prefix),
        format!("{}{first}no/such/path/at/all/", form.prefix),
        format!("{elsewhere}{first}"),
    ] {
        check(&path, (404, FALLBACK_BODY), get(path.clone()).await?)?;
    }
    if world.server.open() > 0 {
        return Err("requests of the host's own were taken for the dialect's".to_owned());
    }
    Ok(())
}

/// A case that is being run.
struct Run<'a> {
    suite: &'a Suite,
    world: World,
    address: SocketAddr,
    form: Form,
    coverage: &'a mut Coverage,
    sockets: HashMap<String, Socket>,
}

impl Run<'_> {
    async fn step(&mut self, step: &Step) -> Result<(), String> {
        match step {
            Step::Request(step) => self.request(step).await,
            Step::Open(step) => self.open(step).await,
            Step::Send(step) => self.send(step).await,
            Step::Expect(step) => self.expect(step).await,
            Step::Quiet(step) => {
                for name in &step.quiet {
                    let socket = self.socket(name)?;
                    socket.check_quiet().await.map_err(|problem| format!("{name}: {problem}"))?;
                }
                Ok(())
            }
            Step::Closed(step) => self.closed(&step.closed, step.code).await,
            Step::Close(step) => {
                let socket = self.sockets.remove(&step.close).ok_or("no such socket")?;
                socket.close().await
            }
            Step::Act(step) => self.act(step).await,
        }
    }

    async fn request(&mut self, step: &Request) -> Result<(), String> {
        let (method, target) = step.request.split_once(' ').ok_or("no method and path")?;
        let target = self.form.write(&self.names().fill_text(target), step.verbatim);
        let path = target.split('?').next().unwrap_or_default().to_owned();
        let prefix = self.form.prefix;
        self.names().set("path", format!("{prefix}{path}"));
        let mut request = http::Request::builder()
            .method(method)
            .uri(format!("{}{target}", self.form.prefix))
            .header("host", self.address.to_string());
        if let Some(token) = token(&step.who) {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let body = match (&step.json, &step.text) {
            (Some(json), _) => Some(self.names().fill(json).to_string()),
            (None, text) => text.as_ref().map(|text| self.names().fill_text(text)),
        };
        if body.is_some() {
            request = request.header("content-type", "application/json");
        }
        let mut request = request
            .body(body.unwrap_or_default().into())
            .map_err(|error| format!("no request: {error}"))?;
        put(request.headers_mut(), self.headers(&step.headers)?);
        let answer = client::request(self.address, request).await?;
        self.coverage.note_answer(method, &path, answer.status);
        self.check_answer(&answer, step.status, &step.answer_headers)?;
        match &step.answer {
            Some(pattern) => self.check_body(&answer, pattern),
            None => Ok(()),
        }
    }

    fn check_answer(
        &mut self,
        answer: &Answer,
        status: u16,
        headers: &BTreeMap<String, Value>,
    ) -> Result<(), String> {
        let body = brief(&String::from_utf8_lossy(&answer.body));
        if answer.status != status {
            return Err(format!("expected the status {status}, got {} {body}", answer.status));
        }
        check_host_header(answer)?;
        for (name, pattern) in headers {
            let value = answer.headers.get(name).and_then(|value| value.to_str().ok());
            let value = value.map_or(Value::Null, Value::from);
            self.names().check(pattern, &value).map_err(|problem| format!("{name}: {problem}"))?;
        }
        Ok(())
    }

    fn check_body(&mut self, answer: &Answer, pattern: &Value) -> Result<(), String> {
        if pattern == "$absent" {
            let absent = answer.body.is_empty();
            return if absent { Ok(()) } else { Err("expected no body".to_owned()) };
        }
        let text = String::from_utf8_lossy(&answer.body);
        let kind = answer.headers.get("content-type").and_then(|value| value.to_str().ok());
        if kind != Some("application/json") {
            return Err(format!("expected JSON, got {kind:?}: {}", brief(&text)));
        }
        let body = serde_json::from_str(&text).map_err(|_| format!("no JSON: {}", brief(&text)))?;
        self.names()
            .check(pattern, &body)
            .map_err(|problem| format!("{problem}\n    in {}", brief(&text)))
    }

    async fn open(&mut self, step: &Open) -> Result<(), String> {
        let path = step.path.as_ref().or(self.suite.manifest.socket.as_ref()).ok_or("no path")?;
        let path = self.names().fill_text(path);
        let mut target = format!("{}{}", self.form.prefix, self.form.write(&path, step.verbatim));
        let mut headers = HeaderMap::new();
        if let Some(token) = token(&step.who) {
            let (name, value) = match step.via {
                Via::Query => {
                    let mark = if target.contains('?') { '&' } else { '?' };
                    target.push_str(&format!("{mark}token={token}"));
                    ("", String::new())
                }
                Via::Header => ("authorization", format!("Bearer {token}")),
                Via::Subprotocol => ("sec-websocket-protocol", format!("bearer, {token}")),
                Via::Cookie => ("cookie", format!("theme=dark; sessionid={token}; lang=de")),
            };
            if !name.is_empty() {
                let value = HeaderValue::from_str(&value).map_err(|error| error.to_string())?;
                headers.insert(HeaderName::from_static(name), value);
            }
        }
        put(&mut headers, self.headers(&step.headers)?);
        let (socket, answer) = Socket::open(self.address, &target, headers).await?;
        self.check_answer(&answer, step.status, &step.answer_headers)?;
        let Some(socket) = socket else { return Ok(()) };
        self.sockets.insert(step.open.clone(), socket);
        if let Some(code) = step.closed {
            return self.closed(&step.open, code).await;
        }
        match &self.suite.manifest.greeting {
            Some(greeting) => self.expect_frame(&step.open, greeting, &[]).await,
            None => Ok(()),
        }
    }

    async fn send(&mut self, step: &Send) -> Result<(), String> {
        for _ in 0..step.times {
            if let Some(frame) = &step.frame {
                let frame = self.names().fill(frame);
                self.coverage.note_sent(&frame);
                self.socket(&step.send)?.send_text(frame.to_string()).await?;
            }
            if let Some(text) = &step.text {
                let text = self.names().fill_text(text);
                self.socket(&step.send)?.send_text(text).await?;
            }
            if let Some(bytes) = &step.binary {
                self.socket(&step.send)?.send_binary(bytes.clone()).await?;
            }
            if let Some(bytes) = &step.bytes {
                self.socket(&step.send)?.send_bytes(bytes.clone()).await?;
            }
        }
        Ok(())
    }

    async fn expect(&mut self, step: &Expect) -> Result<(), String> {
        for _ in 0..step.times {
            for pattern in step.frame.iter().chain(&step.frames) {
                self.expect_frame(&step.expect, pattern, &step.skip).await?;
            }
        }
        Ok(())
    }

    async fn expect_frame(
        &mut self,
        name: &str,
        pattern: &Value,
        skip: &[String],
    ) -> Result<(), String> {
        loop {
            match self.socket(name)?.next().await? {
                Received::Frame(frame) => {
                    let skipped = |kind: &String| frame.get("type") == Some(&kind.as_str().into());
                    if skip.iter().any(skipped) {
                        continue;
                    }
                    self.coverage.note_received(&frame);
                    let text = brief(&frame.to_string());
                    let checked = self.names().check(pattern, &frame);
                    return checked.map_err(|problem| format!("{name}: {problem}\n    in {text}"));
                }
                other => return Err(format!("{name}: expected {pattern}, got {other}")),
            }
        }
    }

    async fn closed(&mut self, name: &str, code: u16) -> Result<(), String> {
        let received = self.socket(name)?.next().await?;
        self.sockets.remove(name);
        match received {
            Received::Closed(got) if got == code => {
                self.coverage.note_close(code);
                Ok(())
            }
            other => Err(format!("{name}: expected the close {code}, got {other}")),
        }
    }

    async fn act(&mut self, step: &Act) -> Result<(), String> {
        let actor = self.world.actor(&step.who);
        let room = step.room.as_ref().and_then(|room| self.names().fill(room).as_u64());
        let room = room.and_then(RoomId::new).ok_or("no room");
        let message = step.message.as_ref().and_then(|id| self.names().fill(id).as_u64());
        let message = message.and_then(MessageId::new).ok_or("no message");
        match step.act {
            Deed::Send => {
                for number in 1..=step.times {
                    self.names().set("number", number);
                    let text = self.names().fill_text(step.text.as_deref().unwrap_or("hello"));
                    let sent = actor.send(room?, Outgoing::new(text)).await.map_err(said)?;
                    if let Some(name) = &step.save {
                        self.names().set(name, sent.message.id.get());
                    }
                }
            }
            Deed::Delete => {
                actor.delete(room?, message?).await.map_err(said)?;
            }
            Deed::RemoveMember => {
                let user = UserId::new(&step.who).map_err(|error| error.to_string())?;
                let at = self.world.server.chat().clock().now();
                let removed = self.world.store.remove_member(room?, &user, at).await;
                removed.map_err(|error| error.to_string())?.ok_or("was no member")?;
            }
            Deed::Drain => {
                let server = self.world.server.clone();
                // Ends when the sockets have, which the next steps read to their end.
                tokio::spawn(async move { server.drain(Duration::from_secs(20)).await });
                tokio::task::yield_now().await;
            }
        }
        Ok(())
    }

    fn names(&mut self) -> &mut Names {
        &mut self.world.names
    }

    fn socket(&mut self, name: &str) -> Result<&mut Socket, String> {
        self.sockets.get_mut(name).ok_or_else(|| format!("no open socket {name}"))
    }

    fn headers(&mut self, headers: &BTreeMap<String, String>) -> Result<HeaderMap, String> {
        let mut filled = HeaderMap::new();
        for (name, value) in headers {
            let name: HeaderName = name.parse().map_err(|_| format!("no header name: {name}"))?;
            let value = self.names().fill_text(value);
            let value = HeaderValue::from_bytes(value.as_bytes());
            filled.insert(name, value.map_err(|error| error.to_string())?);
        }
        Ok(filled)
    }
}

/// Replaces headers; an empty value takes one away.
fn put(headers: &mut HeaderMap, changes: HeaderMap) {
    for (name, value) in changes {
        let Some(name) = name else { continue };
        if value.is_empty() {
            headers.remove(name);
        } else {
            headers.insert(name, value);
        }
    }
}

fn check_host_header(answer: &Answer) -> Result<(), String> {
    let (name, value) = HOST_HEADER;
    let there = answer.headers.get(name).is_some_and(|got| got == value);
    if there { Ok(()) } else { Err("the host's header is missing".to_owned()) }
}

fn said(error: chat_core::Error) -> String {
    format!("{error} ({error:?})")
}
