//! An AsyncAPI 3.0 document of each dialect: where its sockets open, and its frames in both
//! directions.

use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use crate::dialect::Dialect;
use crate::socket::FrameShapes;

/// Where the schemas of both directions lie.
const SCHEMAS: &str = "/components/schemas";

/// The AsyncAPI 3.0 document of a dialect that is mounted under `prefix`, such as `/chat`; empty at
/// the root. `None` where the dialect has no sockets.
///
/// Each frame has a schema and the examples of the API document. The adapters serve it at
/// [`Dialect::asyncapi_path`], to anybody.
pub fn document(dialect: &Dialect, prefix: &str) -> Option<Value> {
    let shapes = dialect.codec.frames?;
    let mut schemas = Map::new();
    let sent = messages(shapes.client, true, &mut schemas);
    let received = messages(shapes.server, false, &mut schemas);
    let channels = dialect.sockets.iter().map(|route| {
        let id = channel_id(route.path);
        let refer = |(name, _): &(String, Value)| {
            (name.clone(), json!({ "$ref": format!("#/components/messages/{name}") }))
        };
        let messages: Map<_, _> = sent.iter().chain(&received).map(refer).collect();
        let channel = json!({
            "address": format!("{prefix}{}", route.path),
            "parameters": parameters(route.path),
            "messages": messages,
        });
        (id, channel)
    });
    let operations = dialect.sockets.iter().flat_map(|route| {
        let id = channel_id(route.path);
        let operation = |action: &str, frames: &[(String, Value)]| {
            let refer = |(name, _): &(String, Value)| json!({ "$ref": format!("#/channels/{id}/messages/{name}") });
            let messages: Vec<_> = frames.iter().map(refer).collect();
            json!({ "action": action, "channel": { "$ref": format!("#/channels/{id}") }, "messages": messages })
        };
        // The document describes the server: it receives what clients send.
        [
            (format!("receive_{id}"), operation("receive", &sent)),
            (format!("send_{id}"), operation("send", &received)),
        ]
    });
    Some(json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": format!("Chat sockets: {}", dialect.name),
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Every frame is a JSON object in a text frame. A token goes into the `Authorization` header, `?token=`, the subprotocols `bearer, <token>` or the cookie `sessionid`.",
        },
        "channels": channels.collect::<Map<_, _>>(),
        "operations": operations.collect::<Map<_, _>>(),
        "components": {
            "messages": sent.iter().chain(&received).cloned().collect::<Map<_, _>>(),
            "schemas": schemas,
        },
    }))
}

/// One message for each variant of the frames' enum, named by its title; client frames are named
/// apart, since both sides may have one of the same name.
fn messages(
    shapes: FrameShapes,
    client: bool,
    schemas: &mut Map<String, Value>,
) -> Vec<(String, Value)> {
    let settings = SchemaSettings::draft2020_12();
    let settings = if client { settings.for_deserialize() } else { settings.for_serialize() };
    let mut generator: SchemaGenerator = settings
        .with(|settings| {
            settings.definitions_path = SCHEMAS.into();
            settings.meta_schema = None;
        })
        .into_generator();
    let frames = (shapes.schema)(&mut generator).to_value();
    schemas.extend(generator.take_definitions(true));
    let variants = ["oneOf", "anyOf"].iter().find_map(|key| frames[*key].as_array().cloned());
    let examples: Vec<Value> = serde_json::from_str(shapes.examples).unwrap_or_default();
    let message = |schema: Value| {
        let name = name(&schema);
        let examples: Vec<_> = examples
            .iter()
            .filter(|example| is_of(example, &schema))
            .map(|example| json!({ "payload": example }))
            .collect();
        let side = if client { "client" } else { "server" };
        let mut message = json!({ "name": name, "payload": schema, "examples": examples });
        if let Some(summary) = message["payload"]["description"].as_str() {
            message["summary"] = json!(summary);
        }
        (format!("{side}_{name}"), message)
    };
    variants.unwrap_or_else(|| vec![frames]).into_iter().map(message).collect()
}

/// What a frame is called: its `type`, or where it has none its only or first key.
fn name(schema: &Value) -> String {
    let tag = schema["properties"]["type"]["const"].as_str();
    let first = || schema["required"][0].as_str();
    tag.or_else(first).unwrap_or("frame").to_owned()
}

fn is_of(example: &Value, schema: &Value) -> bool {
    match schema["properties"]["type"]["const"].as_str() {
        Some(tag) => example["type"] == tag,
        None => schema["required"].as_array().is_some_and(|keys| {
            keys.iter().filter_map(Value::as_str).all(|key| !example[key].is_null())
        }),
    }
}

/// `ws_chat_room_id`, of `/ws/chat/{room_id}/`.
fn channel_id(path: &str) -> String {
    let words = path.split('/').filter(|word| !word.is_empty());
    words.map(|word| word.trim_matches(['{', '}'])).collect::<Vec<_>>().join("_")
}

fn parameters(path: &str) -> Map<String, Value> {
    let names = path.split('/').filter_map(|word| word.strip_prefix('{')?.strip_suffix('}'));
    names.map(|name| (name.to_owned(), json!({}))).collect()
}
