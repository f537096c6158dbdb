//! What is served besides the dialects: the page at `/`, where two people can talk in two windows,
//! and what an operator asks for.

use std::time::Duration;

use chat_core::Chat;
use chat_core::http::{Body, Response, detail};
use chat_core::model::RoomId;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderValue, Method, StatusCode};
use metrics_exporter_prometheus::PrometheusHandle;
use serde_json::json;

use crate::data::Data;
use crate::tokens::Tokens;

/// Nothing but what this server serves, and no script or style inside of a text.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    img-src 'self' blob: data:; connect-src 'self'; base-uri 'none'; form-action 'none'; \
    frame-ancestors 'none'";

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";
const JSON: &str = "application/json";
const PROMETHEUS: &str = "text/plain; version=0.0.4";

macro_rules! client {
    ($($name:literal),*) => {
        [$((
            concat!("/page/client/", $name),
            SCRIPT,
            include_str!(concat!("../../clients/js/", $name)),
        )),*]
    };
}

/// The page's own files.
const FILES: [(&str, &str, &str); 9] = [
    ("/", HTML, include_str!("page/index.html")),
    ("/page/style.css", CSS, include_str!("page/style.css")),
    ("/page/icon.svg", SVG, include_str!("page/icon.svg")),
    ("/page/app.js", SCRIPT, include_str!("page/app.js")),
    ("/page/dom.js", SCRIPT, include_str!("page/dom.js")),
    ("/page/messages.js", SCRIPT, include_str!("page/messages.js")),
    ("/page/new.js", SCRIPT, include_str!("page/new.js")),
    ("/page/room.js", SCRIPT, include_str!("page/room.js")),
    ("/page/rooms.js", SCRIPT, include_str!("page/rooms.js")),
];

/// The client, as front ends get it.
const CLIENT: [(&str, &str, &str); 17] = client![
    "index.js",
    "src/backoff.js",
    "src/callbacks.js",
    "src/connection.js",
    "src/history.js",
    "src/messenger.js",
    "src/options.js",
    "src/receipts.js",
    "src/requests.js",
    "src/rest.js",
    "src/room.js",
    "src/status.js",
    "src/team.js",
    "src/team_history.js",
    "src/team_rest.js",
    "src/timeline.js",
    "src/typing.js"
];

/// What the server answers where no dialect does.
pub(crate) struct Page {
    /// Who can be chosen on the page: id and name. Nobody where it is not open.
    people: Vec<(String, String)>,
    tokens: Tokens,
    chat: Chat,
    metrics: PrometheusHandle,
}

/// How long the store may take until the server is not ready.
const READY: Duration = Duration::from_secs(1);

impl Page {
    /// A page on which people can be chosen without any proof if it is open.
    pub(crate) fn new(
        data: &Data,
        tokens: Tokens,
        is_open: bool,
        chat: Chat,
        metrics: PrometheusHandle,
    ) -> Self {
        let people = data.users.iter().filter(|_| is_open).map(|user| {
            let name = user.display_name.as_ref().unwrap_or(&user.username);
            (user.id.to_string(), name.clone())
        });
        Self { people: people.collect(), tokens, chat, metrics }
    }

    /// Answers a request.
    pub(crate) async fn answer(&self, method: &Method, path: &str) -> Response {
        if method != Method::GET && method != Method::HEAD {
            return not_found();
        }
        match path {
            "/demo/people" if !self.people.is_empty() => self.people(),
            "/metrics" => response(PROMETHEUS, self.metrics.render()),
            "/healthz" => response(JSON, json!({ "status": "ok" }).to_string()),
            "/readyz" => self.readiness().await,
            _ => {
                let file = FILES.iter().chain(&CLIENT).find(|(name, ..)| *name == path);
                file.map_or_else(not_found, |(_, kind, text)| response(kind, (*text).into()))
            }
        }
    }

    /// Whether the store answers and the other nodes are heard.
    async fn readiness(&self) -> Response {
        let first = RoomId::new(1).into_iter().collect::<Vec<_>>();
        let asked = tokio::time::timeout(READY, self.chat.versions(&first)).await;
        let store = matches!(asked, Ok(Ok(_)));
        let bus = self.chat.bus().is_available();
        let word = |works| if works { "ok" } else { "unavailable" };
        let body = json!({ "store": word(store), "bus": word(bus) });
        let mut response = response(JSON, body.to_string());
        if !(store && bus) {
            *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
        }
        response
    }

    /// The demo's people, each with a token to be them.
    fn people(&self) -> Response {
        let person = |(id, name): &(String, String)| {
            let token = self.tokens.sign(id).ok()?;
            Some(json!({ "id": id, "name": name, "token": token }))
        };
        let people: Vec<_> = self.people.iter().filter_map(person).collect();
        response(JSON, json!(people).to_string())
    }
}

fn not_found() -> Response {
    detail(StatusCode::NOT_FOUND, "Not found.")
}

fn response(kind: &'static str, text: String) -> Response {
    let mut response = Response::new(Body::Full(text.into()));
    let headers = response.headers_mut();
    for (name, value) in [
        (CONTENT_TYPE, kind),
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
        (CACHE_CONTROL, "no-cache"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}
