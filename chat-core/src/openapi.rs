//! An OpenAPI 3.1 document of each dialect, from its endpoint table.

use std::collections::BTreeMap;

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Map, Value, json};

use crate::dialect::Dialect;
use crate::http::{Endpoint, Input, Shape};

/// Every refusal but most 400s.
#[derive(JsonSchema)]
#[allow(dead_code, reason = "only its schema is used")]
struct Detail {
    detail: String,
}

const DETAIL: Shape = Shape::of::<Detail>(r#"{"detail": "Not found."}"#);

/// The OpenAPI 3.1 document of a dialect that is mounted under `server`, such as
/// `https://example.com/chat` or, where only the prefix is known, `/chat`; `/` at the root.
///
/// It lists every endpoint with its parameters, bodies, statuses, schemas and examples. The
/// reference server and both adapters serve it at [`Dialect::openapi_path`], to anybody.
pub fn document(dialect: &Dialect, server: &str) -> Value {
    let settings = SchemaSettings::draft2020_12().for_serialize().with(|settings| {
        settings.definitions_path = "/components/schemas".into();
        settings.meta_schema = None;
    });
    let mut generator = settings.into_generator();
    let mut paths: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
    for endpoint in dialect.endpoints {
        let method = endpoint.method.as_str().to_lowercase();
        let operation = operation(dialect, endpoint, &mut generator);
        paths.entry(endpoint.path).or_default().insert(method, operation);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": format!("Chat: {}", dialect.name),
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Every path works with and without its trailing slash. Frames of WebSockets are described elsewhere.",
        },
        "servers": [{ "url": server }],
        "security": dialect.schemes.iter().map(|scheme| json!({ *scheme: [] })).collect::<Vec<_>>(),
        "paths": paths,
        "components": {
            "securitySchemes": security(dialect),
            "schemas": generator.take_definitions(true),
        },
    })
}

fn security(dialect: &Dialect) -> Map<String, Value> {
    let scheme = |name: &&'static str| {
        let scheme = match *name {
            "Bearer" => json!({ "type": "http", "scheme": "bearer", "bearerFormat": "JWT" }),
            other => json!({
                "type": "apiKey",
                "in": "header",
                "name": "Authorization",
                "description": format!("`{other} <token>`"),
            }),
        };
        ((*name).to_owned(), scheme)
    };
    dialect.schemes.iter().map(scheme).collect()
}

fn operation(dialect: &Dialect, endpoint: &Endpoint, generator: &mut SchemaGenerator) -> Value {
    let mut operation = json!({
        "operationId": operation_id(endpoint),
        "summary": endpoint.summary,
        "parameters": parameters(endpoint),
        "responses": responses(dialect, endpoint, generator),
    });
    if let Some(shape) = endpoint.request {
        let mut content = Map::new();
        content.insert("application/json".to_owned(), media(shape, generator));
        if endpoint.input == Input::JsonOrForm {
            let schema = json!({ "type": "object", "additionalProperties": { "type": "string" } });
            content.insert("multipart/form-data".to_owned(), json!({ "schema": schema }));
        }
        operation["requestBody"] = json!({ "required": true, "content": content });
    }
    operation
}

/// `get_api_chat_rooms_room_id_messages`: unique, since method and path are.
fn operation_id(endpoint: &Endpoint) -> String {
    let path = endpoint.path.replace(['{', '}'], "");
    let words = path.split(['/', '.', '-']).filter(|word| !word.is_empty());
    let method = endpoint.method.as_str().to_lowercase();
    std::iter::once(method.as_str()).chain(words).collect::<Vec<_>>().join("_")
}

fn parameters(endpoint: &Endpoint) -> Vec<Value> {
    let in_path = endpoint.path.split('/').filter_map(|segment| {
        let name = segment.strip_prefix('{')?.strip_suffix('}')?;
        Some(
            json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } }),
        )
    });
    let in_query = endpoint.query.iter().map(|parameter| {
        json!({
            "name": parameter.name,
            "in": "query",
            "required": parameter.required,
            "description": parameter.summary,
            "schema": { "type": parameter.kind },
        })
    });
    let key = json!({
        "name": "Idempotency-Key",
        "in": "header",
        "required": false,
        "description": "Repeating a send with the same key and content stores it once.",
        "schema": { "type": "string", "minLength": 1, "maxLength": 200 },
    });
    let range = json!({
        "name": "Range",
        "in": "header",
        "required": false,
        "description": "One range of bytes; several are answered with all of it.",
        "schema": { "type": "string" },
    });
    let sends = endpoint.statuses.contains(&409);
    let in_parts = endpoint.statuses.contains(&206);
    let in_headers = sends.then_some(key).into_iter().chain(in_parts.then_some(range));
    in_path.chain(in_query).chain(in_headers).collect()
}

fn responses(
    dialect: &Dialect,
    endpoint: &Endpoint,
    generator: &mut SchemaGenerator,
) -> Map<String, Value> {
    let shared = [401, 429, 503];
    let mut statuses: Vec<u16> = endpoint.statuses.iter().copied().chain(shared).collect();
    statuses.sort_unstable();
    statuses.dedup();
    let mut responses = Map::new();
    for status in statuses {
        let shape = match status {
            200..300 => endpoint.response.filter(|_| status != 204),
            304 => None,
            400 => Some(dialect.bad_request),
            _ => Some(DETAIL),
        };
        let mut response = json!({ "description": meaning(status) });
        if let Some(shape) = shape {
            response["content"] = json!({ "application/json": media(shape, generator) });
        } else if matches!(status, 200 | 206) && endpoint.input == Input::Link {
            response["content"] = json!({ "application/octet-stream": {} });
        }
        responses.insert(status.to_string(), response);
    }
    responses
}

fn media(shape: Shape, generator: &mut SchemaGenerator) -> Value {
    // An example that is no JSON is found by the tests.
    let example: Value = serde_json::from_str(shape.example).unwrap_or_default();
    json!({ "schema": (shape.schema)(generator), "example": example })
}

fn meaning(status: u16) -> &'static str {
    match status {
        200 => "Done.",
        201 => "Made.",
        204 => "Done; there is nothing to say about it.",
        206 => "Done: the range that was asked for.",
        304 => "It is as If-None-Match names it.",
        400 => "The input is not valid.",
        401 => "The credentials are absent or not valid.",
        403 => "Not allowed.",
        404 => "There is no such thing, or not for the caller.",
        409 => "The key was used for something else, or the message was deleted.",
        412 => "It is not what If-Match names.",
        413 => "The body is too large.",
        415 => "The body is of a type that is not taken.",
        416 => "There is no such range of it; see Content-Range.",
        429 => "Too many requests; see Retry-After.",
        503 => "Temporarily unavailable; see Retry-After.",
        _ => "See the document.",
    }
}
