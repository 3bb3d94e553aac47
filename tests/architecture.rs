//! The order of the rooms, checked on the sources themselves (`ARCHITECTURE.md`).

#![cfg(not(target_arch = "wasm32"))]

use glassbox::{agent::AGENTS, env::ENVS, model::MODELS, op::OPS, preset::PRESETS};
use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// Modules in dependency order: each may name only itself and what stands before it.
const ORDER: [&str; 12] = [
    "error", "rng", "schema", "env", "rollout", "backend", "model", "agent", "op", "preset",
    "session", "bridge",
];

/// Lines of code (no comments, blanks or tests) that a file may have.
const MOST_LINES: usize = 500;

/// A source file: its path below `src/` or `www/`, and its text without comments and tests.
struct Source {
    path: String,
    code: String,
}

impl Source {
    /// The module of the crate that it belongs to: `src/env/board.rs` belongs to `env`.
    fn module(&self) -> &str {
        let first = self.path.split('/').next().unwrap();
        first.strip_suffix(".rs").unwrap_or(first)
    }

    /// Whether its parent module is the crate's root.
    fn is_top(&self) -> bool {
        !self.path.contains('/')
            || self.path.ends_with("/mod.rs") && self.path.matches('/').count() == 1
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn files_below(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_below(&path, extension));
        } else if path.extension().is_some_and(|ending| ending == extension) {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// Every file of `folder` with its code alone.
fn sources(folder: &str, extension: &str) -> Vec<Source> {
    let folder = root().join(folder);
    files_below(&folder, extension)
        .into_iter()
        .map(|path| Source {
            code: code_of(&fs::read_to_string(&path).unwrap()),
            path: path
                .strip_prefix(&folder)
                .unwrap()
                .to_str()
                .unwrap()
                .replace('\\', "/"),
        })
        .collect()
}

/// `text` without `//` comments and without its test module, which is the last item of a file.
fn code_of(text: &str) -> String {
    let shipped = text.split("#[cfg(test)]").next().unwrap();
    shipped
        .lines()
        .map(|line| {
            if line.trim_start().starts_with("//") {
                ""
            } else {
                line
            }
        })
        .map(|line| line.split(" // ").next().unwrap())
        .collect::<Vec<_>>()
        .join("\n")
}

/// The modules that `code` names by paths from the crate's root.
fn named_modules(code: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (at, start) in code.match_indices("crate::") {
        let rest = code[at + start.len()..].trim_start();
        let Some(group) = rest.strip_prefix('{') else {
            found.insert(word(rest));
            continue;
        };
        // The first word of each item of the group; deeper groups belong to their item.
        let (mut depth, mut item) = (0, String::new());
        for letter in group.chars() {
            match letter {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                ',' if depth == 0 => found.extend([word(std::mem::take(&mut item).trim_start())]),
                _ if depth == 0 => item.push(letter),
                _ => {}
            }
        }
        found.insert(word(item.trim_start()));
    }
    found.remove("");
    found
}

/// The identifier that `text` begins with.
fn word(text: &str) -> String {
    text.chars()
        .take_while(|letter| letter.is_alphanumeric() || *letter == '_')
        .collect()
}

/// Whether `word` stands in `code` as a word of its own.
fn has_word(code: &str, word: &str) -> bool {
    let inside = |letter: Option<char>| letter.is_some_and(|l| l.is_alphanumeric() || l == '_');
    code.match_indices(word).any(|(at, _)| {
        !inside(code[..at].chars().next_back()) && !inside(code[at + word.len()..].chars().next())
    })
}

fn rank(module: &str) -> Option<usize> {
    ORDER.iter().position(|one| *one == module)
}

#[test]
fn the_scanner_sees_single_paths_groups_and_nested_groups() {
    let code = code_of(
        "//! crate::bridge\nuse crate::{\n    env::{self, Env, scene::{Grid}},\n    error::Error, rng,\n};\n\
         fn f() { crate::op::run() } // crate::session\n#[cfg(test)]\nmod tests { use crate::preset; }",
    );
    let found: Vec<_> = named_modules(&code).into_iter().collect();
    assert_eq!(found, ["env", "error", "op", "rng"]);
    assert!(has_word("let burn = 1;", "burn") && !has_word("sunburns", "burn"));
}

#[test]
fn lib_rs_lists_the_modules_in_dependency_order() {
    let text = fs::read_to_string(root().join("src/lib.rs")).unwrap();
    let listed: Vec<_> = text
        .lines()
        .filter_map(|line| line.strip_prefix("pub mod "))
        .map(word)
        .collect();
    assert_eq!(listed, ORDER);
}

#[test]
fn no_module_names_one_that_stands_after_it() {
    for source in sources("src", "rs") {
        // main.rs and lib.rs see everything.
        let Some(own) = rank(source.module()) else {
            continue;
        };
        for named in named_modules(&source.code) {
            let there = rank(&named)
                .unwrap_or_else(|| panic!("{}: crate::{named} is no module", source.path));
            assert!(
                there <= own,
                "src/{} names crate::{named}, which stands after {}",
                source.path,
                ORDER[own]
            );
        }
    }
}

#[test]
fn no_module_climbs_to_the_root_by_super() {
    for source in sources("src", "rs") {
        assert!(!source.code.contains("super::super"), "src/{}", source.path);
        assert!(
            !source.is_top() || !has_word(&source.code, "super"),
            "src/{}",
            source.path
        );
    }
}

#[test]
fn environments_and_rollouts_know_nothing_of_tensors() {
    let before = rank("backend").unwrap();
    for source in sources("src", "rs") {
        if rank(source.module()).is_some_and(|own| own < before) {
            assert!(
                !has_word(&source.code, "burn"),
                "src/{} names burn",
                source.path
            );
        }
    }
}

#[test]
fn only_the_bridge_speaks_to_javascript() {
    for source in sources("src", "rs")
        .iter()
        .filter(|source| source.module() != "bridge")
    {
        for name in ["wasm_bindgen", "js_sys", "web_sys", "serde_wasm_bindgen"] {
            assert!(
                !has_word(&source.code, name),
                "src/{} names {name}",
                source.path
            );
        }
    }
}

#[test]
fn nothing_that_ships_unwraps() {
    for source in sources("src", "rs") {
        for call in [".unwrap()", ".expect(", "todo!", "unimplemented!", "dbg!"] {
            assert!(
                !source.code.contains(call),
                "src/{} has {call}",
                source.path
            );
        }
    }
}

#[test]
fn no_file_outgrows_what_can_be_read_at_a_sitting() {
    for source in sources("src", "rs") {
        let lines = source
            .code
            .lines()
            .filter(|line| !line.trim().is_empty())
            .count();
        assert!(
            lines <= MOST_LINES,
            "src/{} has {lines} lines of code; at most {MOST_LINES}",
            source.path
        );
    }
}

/// Ids of each slice, with the folder of its files and the name of their static.
fn slices() -> [(&'static str, &'static str, BTreeSet<String>); 5] {
    let ids = |ids: Vec<&str>| ids.into_iter().map(str::to_owned).collect();
    [
        (
            "env",
            "pub static ENTRY: EnvEntry",
            ids(ENVS.iter().map(|e| e.id).collect()),
        ),
        (
            "model",
            "pub static ENTRY: ModelEntry",
            ids(MODELS.iter().map(|e| e.id).collect()),
        ),
        (
            "agent",
            "pub static ENTRY: AgentEntry",
            ids(AGENTS.iter().map(|e| e.id).collect()),
        ),
        (
            "op",
            "pub static ENTRY: OpEntry",
            ids(OPS.iter().map(|e| e.id).collect()),
        ),
        (
            "preset",
            "pub static PRESET: Preset",
            ids(PRESETS.iter().map(|e| e.id).collect()),
        ),
    ]
}

#[test]
fn every_file_with_an_entry_is_in_its_slice_and_called_after_its_id() {
    let sources = sources("src", "rs");
    for (room, declaration, ids) in slices() {
        let stems: BTreeSet<String> = sources
            .iter()
            .filter(|source| source.module() == room && source.code.contains(declaration))
            .map(|source| {
                Path::new(&source.path)
                    .file_stem()
                    .unwrap()
                    .to_str()
                    .unwrap()
                    .to_owned()
            })
            .collect();
        assert_eq!(
            stems, ids,
            "files of src/{room} with an entry, and ids of its slice"
        );
    }
}

#[test]
fn the_page_knows_no_entry_by_name() {
    for source in sources("www", "ts") {
        if source.path.ends_with(".test.ts") {
            continue;
        }
        for (room, _, ids) in slices() {
            for id in ids {
                let quoted = ['\'', '"', '`'].map(|quote| format!("{quote}{id}{quote}"));
                let named = quoted.iter().any(|literal| source.code.contains(literal));
                // Ops are called by everyday words, which may stand in code with another meaning.
                let named = named || room != "op" && has_word(&source.code, &id);
                assert!(!named, "www/{} names the {room} {id}", source.path);
            }
        }
    }
}
