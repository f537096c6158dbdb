//! What the documentation refers to is there.

use std::fs;
use std::path::{Path, PathBuf};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

fn read(path: impl AsRef<Path>) -> String {
    let path = Path::new(ROOT).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// README.md and its like, and all of docs/.
fn pages() -> Vec<PathBuf> {
    let pages = |folder: &str| {
        let entries = fs::read_dir(Path::new(ROOT).join(folder)).expect("a folder");
        let paths = entries.map(|entry| entry.expect("an entry").path());
        paths.filter(|path| path.extension().is_some_and(|it| it == "md")).collect::<Vec<_>>()
    };
    let all = [pages("."), pages("docs"), pages("clients/js")].concat();
    assert!(all.len() > 10, "{all:?}");
    all
}

/// Where the links of a page lead, those in blocks of code left out.
fn links(text: &str) -> impl Iterator<Item = &str> {
    let prose = text.split("```").step_by(2);
    prose.flat_map(|text| text.split("](").skip(1).filter_map(|rest| Some(rest.split_once(')')?.0)))
}

/// What is set as code inside of lines.
fn code(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// The headings of a page as links name them.
fn anchors(text: &str) -> Vec<String> {
    let headings = text.lines().filter(|line| line.starts_with('#'));
    let anchor = |line: &str| {
        let kept = |c: char| c.is_alphanumeric() || c == ' ' || c == '-';
        let text = line.trim_start_matches('#').trim().to_lowercase();
        text.chars().filter(|c| kept(*c)).collect::<String>().replace(' ', "-")
    };
    headings.map(anchor).collect()
}

#[test]
fn every_link_inside_the_repository_leads_somewhere() {
    let mut found = 0;
    for page in pages() {
        let text = read(&page);
        for target in links(&text) {
            if target.contains("://") {
                continue;
            }
            found += 1;
            let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
            let folder = page.parent().expect("a folder");
            let file = if file.is_empty() { page.clone() } else { folder.join(file) };
            assert!(file.exists(), "{}: {target}", page.display());
            if !anchor.is_empty() {
                let leads = anchors(&read(&file)).iter().any(|it| it == anchor);
                assert!(leads, "{}: {target}", page.display());
            }
        }
    }
    assert!(found > 20, "{found}");
}

#[test]
fn every_promise_names_tests_that_are_there() {
    let text = read("docs/promises.md");
    let mut named = 0;
    for line in text.lines().filter(|line| line.starts_with("- ") && line.contains(".rs`")) {
        let (files, tests): (Vec<_>, Vec<_>) = code(line).partition(|name| name.contains('/'));
        let sources: String = files.iter().map(read).collect();
        assert!(sources.contains("fn "), "{line}");
        for test in tests {
            named += 1;
            assert!(sources.contains(&format!("fn {test}(")), "{test} is not in {files:?}");
        }
    }
    assert!(named > 20, "{named}");
}

#[test]
fn the_readme_names_the_tests_of_the_promises() {
    let promises = read("docs/promises.md");
    let readme = read("README.md");
    let table = readme.split("## Promises").nth(1).expect("promises");
    let table = table.split("\n## ").next().expect("a table");
    let tests: Vec<_> = code(table).filter(|name| name.contains('_')).collect();
    assert!(tests.len() > 20, "{tests:?}");
    for test in tests {
        assert!(promises.contains(test), "{test}");
    }
}

#[test]
fn the_examples_of_every_page_are_compiled() {
    let list = read("docs/lib.rs");
    let docs =
        pages().into_iter().filter(|page| page.parent().is_some_and(|it| it.ends_with("docs")));
    let names: Vec<_> = docs.map(|page| page.file_name().expect("a name").to_owned()).collect();
    assert!(names.len() > 5, "{names:?}");
    for name in names {
        assert!(list.contains(&format!("{:?}", name.to_string_lossy())), "{name:?}");
    }
}

#[test]
fn the_page_serves_every_module_of_the_clients() {
    let served = read("examples/server/page.rs");
    let modules = fs::read_dir(Path::new(ROOT).join("clients/js/src")).expect("a folder");
    for module in modules {
        let name = module.expect("an entry").file_name().into_string().expect("a name");
        assert!(served.contains(&format!("\"src/{name}\"")), "{name} is not served");
    }
}
