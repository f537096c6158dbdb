//! Every request of every dialect, of everybody, in every kind of room: who is answered what.
//! What is expected stands in the tables under `tests/authorisation/`.

mod common;

use std::collections::{BTreeMap, BTreeSet};

use chat_core::dialect::{self, Dialect};
use common::Answer;
use common::cast::{Place, Who};
use common::stage::Stage;
use common::table::{Row, table};

fn requests(dialect: &Dialect) -> Vec<Row> {
    table(dialect).into_iter().filter(|row| !["WS", "FRAME"].contains(&row.method)).collect()
}

/// Everything about an answer that a client sees.
fn seen(answer: &Answer) -> String {
    format!("{} {:?} {}", answer.status, answer.headers, answer.text)
}

/// What was answered, in the words of the tables.
fn word(stage: &Stage, answer: &Answer) -> String {
    let shown = if stage.shows(&seen(answer)) { "+" } else { "" };
    format!("{}{shown}", answer.status)
}

#[track_caller]
fn assert_none(faults: &[String]) {
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn every_endpoint_is_in_the_table_of_its_dialect_and_nothing_else() {
    for dialect in dialect::all() {
        let endpoints: BTreeSet<_> =
            dialect.endpoints.iter().map(|row| (row.method.as_str(), row.path)).collect();
        let rows: BTreeSet<_> =
            requests(dialect).iter().map(|row| (row.method, row.template())).collect();
        assert_eq!(rows, endpoints, "{}", dialect.name);
    }
}

#[test]
fn everybody_is_answered_what_the_table_says_and_what_is_refused_changes_and_shows_nothing() {
    let mut faults = Vec::new();
    for dialect in dialect::all() {
        for row in requests(dialect) {
            for cell in &row.cells {
                let stage = Stage::new(dialect, cell.place, cell.who);
                let (answer, mut wrong) = call(&stage, &row);
                let word = word(&stage, &answer);
                if word != cell.expected {
                    wrong.push(format!("{word} rather than {}", cell.expected));
                }
                let place = (dialect.name, cell.who, cell.place);
                faults.extend(
                    wrong
                        .iter()
                        .map(|it| format!("{place:?} {}: {it}: {}", row.title(), answer.text)),
                );
            }
        }
    }
    assert_none(&faults);
}

/// Makes a call, and says what is wrong with it whatever the table says.
fn call(stage: &Stage, row: &Row) -> (Answer, Vec<String>) {
    let before = stage.state();
    let answer = stage.ask(row.method, row.path, row.body);
    let mut wrong = Vec::new();
    let mut check = |is_right: bool, fault: &str| {
        if !is_right {
            wrong.push(fault.to_owned());
        }
    };
    let is_refused = answer.status >= 400;
    if is_refused {
        check(!stage.shows(&seen(&answer)), "shows what is not for them");
        check(!stage.world.take_told(), "is told to others");
    }
    if is_refused || row.method == "GET" {
        check(stage.state() == before, "changes something");
    }
    if row.method == "GET" {
        let head = stage.ask("HEAD", row.path, row.body);
        check(head.status == answer.status, "is answered otherwise to HEAD");
    }
    let is_row = |it: &&chat_core::http::Endpoint| {
        it.method.as_str() == row.method && it.path == row.template()
    };
    let statuses = stage.dialect.endpoints.iter().find(is_row).map_or(&[][..], |it| it.statuses);
    let is_documented = statuses.contains(&answer.status) || answer.status == 401;
    check(is_documented, "is answered with a status that the endpoint does not name");
    (answer, wrong)
}

#[test]
fn who_is_not_signed_in_is_answered_401_alike_everywhere() {
    let mut faults = Vec::new();
    for dialect in dialect::all() {
        let mut answers = BTreeSet::new();
        for row in requests(dialect).iter().filter(|row| !row.path.contains("$link")) {
            let places: Vec<_> = row.cells.iter().map(|cell| cell.place).collect();
            for place in [places[0], places[places.len() - 1]] {
                let mut stage = Stage::new(dialect, place, Who::Nobody);
                for who in Who::SIGNED_OUT {
                    stage.who = who;
                    let (answer, wrong) = call(&stage, row);
                    answers.insert(seen(&answer));
                    faults.extend(wrong.iter().map(|it| format!("{who:?} {}: {it}", row.title())));
                }
            }
        }
        let answers: Vec<_> = answers.into_iter().collect();
        assert_eq!(answers.len(), 1, "{}: {answers:#?}", dialect.name);
        assert!(
            answers[0].starts_with("401 ")
                && answers[0].contains("\"www-authenticate\": \"Bearer\"")
        );
    }
    assert_none(&faults);
}

#[test]
fn what_does_not_exist_and_what_is_not_for_one_is_answered_alike() {
    for dialect in dialect::all() {
        for row in requests(dialect) {
            let mut answers: BTreeMap<_, Vec<_>> = BTreeMap::new();
            for cell in
                row.cells.iter().filter(|cell| cell.who.is_outside() || cell.place == Place::NoRoom)
            {
                let stage = Stage::new(dialect, cell.place, cell.who);
                let answer = stage.ask(row.method, row.path, row.body);
                if answer.status == 404 {
                    answers.entry(seen(&answer)).or_default().push((cell.who, cell.place));
                }
            }
            assert!(answers.len() <= 1, "{} {}: {answers:#?}", dialect.name, row.title());
        }
    }
}
