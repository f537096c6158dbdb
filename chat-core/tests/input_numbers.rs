//! What may stand where an integer is expected in a path, query or body (failures.md, C5): a page,
//! or a refusal without effect, never a fault of ours.

mod common;

use chat_core::dialect::{self, Dialect};
use chat_core::openapi;
use common::nasty;
use common::scene::short;
use common::stage::Stage;
use common::table::{Row, table};

fn requests(dialect: &Dialect) -> Vec<Row> {
    let rows = table(dialect).into_iter();
    rows.filter(|row| row.method != "FRAME" && row.granted().is_some()).collect()
}

fn stage(dialect: &'static Dialect, row: &Row) -> Stage {
    let cell = row.granted().unwrap();
    Stage::new(dialect, cell.place, cell.who)
}

/// The path with one of its names replaced by a text, for each of the names.
fn paths(stage: &Stage, template: &str, text: &str) -> Vec<String> {
    let parts: Vec<_> = template.split('/').collect();
    let names = (0..parts.len()).filter(|place| parts[*place].starts_with('{'));
    let filled = |place: usize| {
        let filled = stage.fill(template);
        let mut path: Vec<_> = filled.split('/').collect();
        path[place] = text;
        path.join("/")
    };
    names.map(filled).collect()
}

#[test]
fn an_id_of_the_wrong_form_in_a_path_is_404_and_changes_nothing() {
    for dialect in dialect::all() {
        for row in requests(dialect).iter().filter(|row| row.method != "WS") {
            let stage = stage(dialect, row);
            let (before, body) = (stage.state(), stage.fill(row.body));
            for text in nasty::numbers().iter().map(String::as_str).chain([""]) {
                for path in paths(&stage, row.template(), text) {
                    let answer = stage.ask_at(row.method, &path, body.as_bytes());
                    let what = format!("{} {}", row.method, short(&path));
                    assert_eq!(answer.status, 404, "{what}: {}", answer.text);
                    assert!(stage.state() == before && !stage.world.take_told(), "{what}");
                }
            }
        }
    }
}

#[test]
fn an_id_of_the_wrong_form_in_the_path_of_a_socket_closes_4403() {
    for dialect in dialect::all() {
        for row in requests(dialect).iter().filter(|row| row.method == "WS") {
            let mut stage = stage(dialect, row);
            let before = stage.state();
            for text in nasty::numbers() {
                for path in paths(&stage, row.template(), &text) {
                    let opened = stage.open(&path);
                    let Err(close) = opened else { panic!("{}", short(&path)) };
                    assert_eq!(close, (4403, "no access to this room"), "{}", short(&path));
                }
            }
            assert!(stage.state() == before);
        }
    }
}

/// Parameters that some endpoint of some dialect heeds.
const PARAMETERS: [&str; 11] = [
    "page",
    "page_size",
    "limit",
    "offset",
    "before",
    "cursor",
    "q",
    "search",
    "user",
    "expires",
    "signature",
];

/// The query parameters that an endpoint heeds.
fn heeded(dialect: &Dialect, row: &Row) -> Vec<String> {
    let document = openapi::document(dialect, "/");
    let operation = &document["paths"][row.template()][row.method.to_lowercase()];
    let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
    let own = parameters.iter().filter(|it| it["in"] == "query");
    own.map(|it| it["name"].as_str().unwrap().to_owned()).collect()
}

/// With what a value of a parameter is refused where it is heeded, as wire.md has it.
fn is_refused(name: &str, text: &str, heeded: bool) -> Option<u16> {
    match name {
        _ if !heeded => None,
        // No page, or one past the end.
        "page" | "cursor" => Some(404),
        "q" if ["", "%20"].contains(&text) => Some(400),
        "search" if text.contains("%00") => Some(400),
        _ => None,
    }
}

#[test]
fn what_is_no_number_in_a_query_is_left_aside_or_past_every_end() {
    for dialect in dialect::all() {
        let rows = requests(dialect);
        for row in rows.iter().filter(|row| row.method == "GET" && !row.path.contains("$link")) {
            let stage = stage(dialect, row);
            let before = stage.state();
            let heeded = heeded(dialect, row);
            assert!(heeded.iter().all(|name| PARAMETERS.contains(&name.as_str())), "{heeded:?}");
            for name in PARAMETERS {
                let is_heeded = heeded.iter().any(|it| it == name);
                let needed =
                    if name != "q" && heeded.iter().any(|it| it == "q") { "q=a&" } else { "" };
                for text in nasty::numbers().iter().map(String::as_str).chain(["", "%20"]) {
                    let path = format!("{}?{needed}{name}={text}", stage.fill(row.template()));
                    let answer = stage.ask_at("GET", &path, b"");
                    let expected = is_refused(name, text, is_heeded).unwrap_or(200);
                    assert_eq!(answer.status, expected, "{}: {}", short(&path), answer.text);
                }
            }
            assert!(stage.state() == before);
        }
    }
}
