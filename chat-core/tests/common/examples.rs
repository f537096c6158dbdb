//! The document's examples, and whether something has their shape.

use serde_json::Value;

/// The REST and WebSocket parts of the document, word for word.
const DOCUMENT: &str = include_str!("messenger.md");

const CLIENT: &str = "#### 1. Client → Server Messages";
const SERVER: &str = "#### 2. Server → Client Messages";

/// All JSON code blocks.
fn blocks(text: &str) -> Vec<Value> {
    let blocks = text.split("```json\n").skip(1);
    blocks.map(|block| serde_json::from_str(block.split("```").next().unwrap()).unwrap()).collect()
}

/// The frames that a client sends, then those that it receives.
pub(crate) fn document() -> (Vec<Value>, Vec<Value>) {
    let (_, frames) = DOCUMENT.split_once(CLIENT).unwrap();
    let (client, server) = frames.split_once(SERVER).unwrap();
    (blocks(client), blocks(server))
}

/// The example of a client's frame of this type.
pub(crate) fn client_frame(kind: &str) -> Value {
    find(document().0, kind)
}

/// The example of a server's frame of this type.
pub(crate) fn server_frame(kind: &str) -> Value {
    find(document().1, kind)
}

fn find(frames: Vec<Value>, kind: &str) -> Value {
    frames.into_iter().find(|frame| frame["type"] == kind).unwrap()
}

/// The example of the response of the endpoint with this number.
pub(crate) fn response(number: u8) -> Value {
    let (_, section) = DOCUMENT.split_once(&format!("### {number}. ")).unwrap();
    let (_, answer) = section.split_once("**Response:**").unwrap();
    blocks(answer).swap_remove(0)
}

/// Checks that something has exactly the keys of an example and values of the same kinds, at
/// every depth. Null stands for any kind; an array is compared with the example's first element.
#[track_caller]
pub(crate) fn assert_shape(actual: &Value, example: &Value) {
    if let Some(difference) = difference(actual, example) {
        panic!("{difference}\nactual: {actual:#}\nexample: {example:#}");
    }
}

fn difference(actual: &Value, example: &Value) -> Option<String> {
    match (actual, example) {
        (Value::Null, _) | (_, Value::Null) => None,
        (Value::Object(fields), Value::Object(expected)) => {
            let keys = |map: &serde_json::Map<String, Value>| {
                let mut keys: Vec<_> = map.keys().cloned().collect();
                keys.sort();
                keys
            };
            if keys(fields) != keys(expected) {
                return Some(format!("{:?} are not {:?}", keys(fields), keys(expected)));
            }
            fields.iter().find_map(|(key, value)| difference(value, &expected[key]))
        }
        (Value::Array(items), Value::Array(expected)) => {
            let first = expected.first()?;
            items.iter().find_map(|item| difference(item, first))
        }
        (actual, example) => {
            let same = std::mem::discriminant(actual) == std::mem::discriminant(example);
            (!same).then(|| format!("{actual} is not of the kind of {example}"))
        }
    }
}
