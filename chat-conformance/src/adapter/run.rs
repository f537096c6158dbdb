//! Runs a case, step by step.

mod act;

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;

use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;

use super::case::{Case, Suite};
use super::client::{self, Answer, Received, Socket};
use super::coverage::Coverage;
use super::form::Form;
use super::host::check_header;
use super::pattern::{Names, brief};
use super::step::{Expect, Open, Request, Send, Step, Via};
use super::world::{World, token};

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
            Step::Closed(step) => self.closed(&step.closed, step.code, &step.skip).await,
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
        self.put(request.headers_mut(), &step.headers)?;
        let answer = client::request(self.address, request).await?;
        self.coverage.note_answer(method, &path, answer.status);
        self.check_answer(&answer, step.status, &step.answer_headers)?;
        if let Some(pattern) = &step.answer_text {
            let text = String::from_utf8_lossy(&answer.body).into_owned();
            self.names().check(&Value::from(pattern.as_str()), &text.into())?;
        }
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
        check_header(answer)?;
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
                    target = format!("{target}{mark}token={token}");
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
        self.put(&mut headers, &step.headers)?;
        let (socket, answer) = Socket::open(self.address, &target, headers).await?;
        self.check_answer(&answer, step.status, &step.answer_headers)?;
        let Some(socket) = socket else { return Ok(()) };
        self.sockets.insert(step.open.clone(), socket);
        if let Some(code) = step.closed {
            return self.closed(&step.open, code, &[]).await;
        }
        match step.greeting.as_ref().or(self.suite.manifest.greeting.as_ref()) {
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
                    if is_one_of(&frame, skip) {
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

    async fn closed(&mut self, name: &str, code: u16, skip: &[String]) -> Result<(), String> {
        loop {
            match self.socket(name)?.next().await? {
                Received::Frame(frame) if is_one_of(&frame, skip) => {}
                Received::Closed(got) if got == code => {
                    self.sockets.remove(name);
                    self.coverage.note_close(code);
                    return Ok(());
                }
                other => return Err(format!("{name}: expected the close {code}, got {other}")),
            }
        }
    }

    fn names(&mut self) -> &mut Names {
        &mut self.world.names
    }

    fn socket(&mut self, name: &str) -> Result<&mut Socket, String> {
        self.sockets.get_mut(name).ok_or_else(|| format!("no open socket {name}"))
    }

    /// Replaces headers by those of a step; `null` takes one away.
    fn put(
        &mut self,
        headers: &mut HeaderMap,
        changes: &BTreeMap<String, Option<String>>,
    ) -> Result<(), String> {
        for (name, value) in changes {
            let name: HeaderName = name.parse().map_err(|_| format!("no header name: {name}"))?;
            headers.remove(&name);
            if let Some(value) = value {
                let value = self.names().fill_text(value);
                let value = HeaderValue::from_bytes(value.as_bytes());
                headers.insert(name, value.map_err(|error| error.to_string())?);
            }
        }
        Ok(())
    }
}

fn is_one_of(frame: &Value, types: &[String]) -> bool {
    types.iter().any(|name| frame.get("type") == Some(&name.as_str().into()))
}
