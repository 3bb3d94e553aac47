//! The command line: every command, and every bad input.

#![cfg(not(target_arch = "wasm32"))]

mod common;

use common::{DIVERGING, TINY, ask, environment, export, tiny_session};
use glassbox::{
    env::{legal_actions, observation},
    model::weights::{Archive, Array},
    session::{catalogue::catalogue, protocol::ExportKind},
};
use serde_json::{Value, json};
use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    sync::LazyLock,
};

/// Runs the binary with `arguments`, and `input` on its stdin.
fn run_with(arguments: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_glassbox"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A command that reads nothing may be gone before all is written.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

/// The JSON lines that a command prints; it must succeed.
fn lines(arguments: &[&str], input: &str) -> Vec<Value> {
    let output = run_with(arguments, input);
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {errors}");
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// The one JSON line that a command prints.
fn line(arguments: &[&str]) -> Value {
    let mut all = lines(arguments, "");
    assert_eq!(all.len(), 1, "{arguments:?}");
    all.remove(0)
}

/// Asserts that a command is refused as bad input, and that stderr says `allowed`.
fn refused(arguments: &[&str], allowed: &str) {
    let output = run_with(arguments, "");
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {errors}");
    assert!(
        errors.contains(allowed),
        "{arguments:?} says {errors:?}, not {allowed:?}"
    );
    assert!(!errors.contains("panicked"), "{arguments:?}: {errors}");
    assert!(
        output.stdout.is_empty(),
        "{arguments:?} prints {:?}",
        String::from_utf8(output.stdout)
    );
}

/// An empty folder for the test `name`.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join("cli")
        .join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Names of the files in a folder.
fn files(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// `train` on a tiny tic-tac-toe with more arguments.
fn train(more: &[&str]) -> Vec<Value> {
    let mut arguments = vec!["train", "tictactoe_alphazero"];
    TINY.iter()
        .for_each(|pair| arguments.extend(["--set", *pair]));
    arguments.extend(more);
    lines(&arguments, "")
}

/// A tiny trained agent, made once.
static TRAINED: LazyLock<PathBuf> = LazyLock::new(|| {
    let file = folder("trained").join("agent.safetensors");
    train(&["--seed", "3", "--out", text(&file)]);
    file
});

#[test]
fn the_catalogue_is_that_of_the_library() {
    let printed = line(&["catalogue"]);
    assert_eq!(printed, serde_json::to_value(catalogue()).unwrap());
    for key in [
        "environments",
        "agents",
        "models",
        "ops",
        "presets",
        "devices",
    ] {
        assert!(!printed[key].as_array().unwrap().is_empty(), "{key}");
    }
}

// --- replay and rollout ----------------------------------------------------------------------

#[test]
fn replay_answers_every_line_with_the_state_that_follows() {
    let answers = lines(
        &["replay", "tictactoe"],
        "{\"reset\":{\"seed\":7}}\n{\"step\":4}\n\n{\"step\":0}\n{\"state\":{\"board\":[1,1,0,2,2,0,0,0,0]}}\n{\"step\":2}\n",
    );
    assert_eq!(answers.len(), 5, "an empty line is no line");
    let start = environment("tictactoe");
    assert_eq!(answers[0]["state"], start.state());
    assert_eq!(
        answers[0]["observation"],
        json!(observation(start.as_ref()))
    );
    assert_eq!(answers[0]["shape"], json!([2, 3, 3]));
    assert_eq!(answers[0]["legal"], json!(legal_actions(start.as_ref())));
    assert_eq!(
        (&answers[1]["player"], &answers[2]["player"]),
        (&json!(1), &json!(0))
    );
    assert_eq!(
        answers[2]["state"]["board"],
        json!([2, 0, 0, 0, 1, 0, 0, 0, 0])
    );
    assert_eq!(answers[3]["player"], json!(0));
    // X completes the top row.
    let last = &answers[4];
    assert_eq!(
        (&last["reward"], &last["terminated"], &last["truncated"]),
        (&json!(1.0), &json!(true), &json!(false))
    );
    assert_eq!(
        (&last["returns"], &last["legal"]),
        (&json!([1.0, -1.0]), &json!([]))
    );
}

#[test]
fn replay_goes_on_after_lines_that_it_refuses() {
    let long = format!("{{\"step\":{}}}", "9".repeat(40));
    for (bad, code) in [
        ("what", "parse"),
        ("{\"step\":\"four\"}", "parse"),
        ("{\"step\":-1}", "parse"),
        ("{\"step\":1.5}", "parse"),
        (&long, "parse"),
        ("{\"jump\":1}", "parse"),
        ("{\"step\":1,\"reset\":{\"seed\":0}}", "parse"),
        ("[1,2", "parse"),
        ("{\"step\":0}", "illegal_action"),
        ("{\"step\":9}", "illegal_action"),
        ("{\"state\":{\"board\":[1,1,1,2,2,2,0,0,0]}}", "state"),
        ("{\"state\":{\"board\":[1,1,1,0,0,0,0,0,0]}}", "state"),
        ("{\"state\":{\"board\":[2,0,0,0,0,0,0,0,0]}}", "state"),
        ("{\"state\":{\"board\":[3,0,0,0,0,0,0,0,0]}}", "state"),
        ("{\"state\":{\"board\":[0,0,0]}}", "state"),
        (
            "{\"state\":{\"board\":[1,0,0,0,0,0,0,0,0],\"player\":0}}",
            "state",
        ),
        ("{\"state\":null}", "state"),
    ] {
        let answers = lines(
            &["replay", "tictactoe"],
            &format!("{{\"step\":0}}\n{bad}\n{{\"step\":8}}\n"),
        );
        assert_eq!(
            answers[1]["error"]["code"],
            json!(code),
            "{bad}: {}",
            answers[1]
        );
        assert!(
            !answers[1]["error"]["message"].as_str().unwrap().is_empty(),
            "{bad}"
        );
        assert_eq!(
            answers[2]["state"]["board"],
            json!([1, 0, 0, 0, 0, 0, 0, 0, 2]),
            "{bad}"
        );
    }
}

#[test]
fn replay_says_which_actions_are_legal_and_that_a_game_is_over() {
    let over =
        "{\"state\":{\"board\":[1,1,1,2,2,0,0,0,0]}}\n{\"step\":8}\n{\"reset\":{\"seed\":0}}\n";
    let answers = lines(&["replay", "tictactoe"], over);
    assert_eq!(answers[0]["terminated"], json!(true));
    assert_eq!(answers[1]["error"]["code"], json!("episode_over"));
    assert_eq!(answers[2]["legal"].as_array().unwrap().len(), 9);
    let full = "{\"step\":3}\n".repeat(7);
    let answers = lines(&["replay", "connect4"], &full);
    let message = answers[6]["error"]["message"].as_str().unwrap();
    assert!(
        message.contains("legal actions: 0, 1, 2, 4, 5, 6"),
        "{message}"
    );
}

#[test]
fn rollouts_of_one_seed_agree_but_for_their_speed() {
    let play = |seed| {
        let mut found = line(&["rollout", "connect4", "--episodes", "30", "--seed", seed]);
        let speed = found
            .as_object_mut()
            .unwrap()
            .remove("steps_per_second")
            .unwrap();
        assert!(speed.as_f64().unwrap() > 0.0);
        found
    };
    assert_eq!(play("4"), play("4"));
    assert_ne!(play("4"), play("5"));
    let keys: Vec<_> = play("4").as_object().unwrap().keys().cloned().collect();
    assert_eq!(
        keys,
        [
            "episodes",
            "length_mean",
            "length_std",
            "return_mean",
            "return_std"
        ]
    );
}

#[test]
fn a_checkpoint_plays_greedily_or_with_search() {
    let file = text(&TRAINED);
    for policy in ["greedy", "search"] {
        let found = line(&[
            "rollout",
            "tictactoe",
            "--episodes",
            "3",
            "--policy",
            policy,
            "--checkpoint",
            file,
        ]);
        // It plays both sides and draws nothing, so that every game is the same.
        assert_eq!(
            (&found["episodes"], &found["length_std"]),
            (&json!(3), &json!(0.0))
        );
    }
}

// --- train, score, evaluate, op --------------------------------------------------------------

#[test]
fn train_prints_an_update_a_line_and_a_summary_and_writes_its_files() {
    let folder = folder("train");
    let (out, checkpoints) = (folder.join("agent.safetensors"), folder.join("checkpoints"));
    let printed = train(&[
        "--seed",
        "3",
        "--out",
        text(&out),
        "--checkpoints",
        text(&checkpoints),
    ]);
    let updates: Vec<_> = printed
        .iter()
        .filter(|line| line.get("metrics").is_some())
        .map(|line| &line["update"])
        .collect();
    assert_eq!(updates, [&json!(1), &json!(2), &json!(3), &json!(4)]);
    let scored: Vec<_> = printed
        .iter()
        .filter(|line| line.get("scores").is_some())
        .map(|line| &line["update"])
        .collect();
    assert_eq!(scored, [&json!(2), &json!(4)]);
    let summary = &printed.last().unwrap()["summary"];
    assert_eq!(
        (&summary["seed"], &summary["updates"]),
        (&json!(3), &json!(4))
    );
    assert_eq!(files(&folder), ["agent.safetensors", "checkpoints"]);
    assert_eq!(
        files(&checkpoints),
        ["update000002.safetensors", "update000004.safetensors"]
    );

    let score = line(&["score", text(&out)]);
    assert_eq!(score["update"], json!(4));
    assert_eq!(score["scores"], summary["scores"]);
    assert_eq!(score["scores"]["suboptimal"]["out_of"], json!(4520.0));
    let early = line(&["score", text(&checkpoints.join("update000002.safetensors"))]);
    assert_eq!(
        early["scores"],
        printed
            .iter()
            .find(|line| line.get("scores").is_some())
            .unwrap()["scores"]
    );
}

#[test]
fn two_trainings_of_one_seed_write_the_same_bytes() {
    let folder = folder("twice");
    let write = |name: &str, seed: &str| {
        let file = folder.join(name);
        train(&["--seed", seed, "--out", text(&file)]);
        fs::read(file).unwrap()
    };
    let first = write("a", "3");
    assert!(first == write("b", "3"));
    assert!(first != write("c", "4"));
}

#[test]
fn a_resumed_training_ends_as_one_that_never_stopped() {
    let folder = folder("resume");
    let (half, out) = (folder.join("half"), folder.join("out"));
    let mut session = tiny_session(3);
    ask(&mut session, &json!({"type": "advance", "updates": 2})).unwrap();
    fs::write(&half, export(&mut session, ExportKind::Everything)).unwrap();
    let printed = lines(
        &[
            "train",
            "tictactoe_alphazero",
            "--resume",
            text(&half),
            "--out",
            text(&out),
        ],
        "",
    );
    assert_eq!(printed[0]["update"], json!(3));
    assert!(fs::read(out).unwrap() == fs::read(&*TRAINED).unwrap());
}

#[test]
fn evaluate_prints_logits_value_and_the_sites_that_are_asked_for() {
    let start = json!({"observation": vec![0; 18]}).to_string();
    let corner =
        json!({"observation": [0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]}).to_string();
    let input =
        format!("{start}\n{{\"observation\":[1]}}\n{{\"observation\":[null]}}\nno\n{corner}\n");
    let sites = ["--site", "obs", "--site", "blocks.0.post"];
    let answers = lines(
        &[&["evaluate", text(&TRAINED)], &sites[..]].concat(),
        &input,
    );
    let codes: Vec<_> = answers
        .iter()
        .map(|answer| answer["error"]["code"].as_str())
        .collect();
    assert_eq!(
        codes,
        [None, Some("shape"), Some("parse"), Some("parse"), None]
    );
    for answer in [&answers[0], &answers[4]] {
        assert_eq!(answer["logits"].as_array().unwrap().len(), 9);
        assert!(answer["value"].as_f64().unwrap().abs() <= 1.0);
        let names: Vec<_> = answer["sites"].as_object().unwrap().keys().collect();
        assert_eq!(names, ["blocks.0.post", "obs"]);
        let hidden = &answer["sites"]["blocks.0.post"];
        assert_eq!(
            (&hidden["axes"], &hidden["shape"]),
            (&json!(["unit"]), &json!([8]))
        );
        assert_eq!(hidden["data"].as_array().unwrap().len(), 8);
        assert_eq!(
            answer["sites"]["obs"]["axes"],
            json!(["plane", "row", "column"])
        );
    }
    assert_ne!(answers[0]["logits"], answers[4]["logits"]);

    // Without hidden activations the heads' biases are left, whatever the board.
    let edit = r#"{"site":"blocks.0.post","op":"zero"}"#;
    let blind = lines(
        &["evaluate", text(&TRAINED), "--edit", edit],
        &format!("{start}\n{corner}\n"),
    );
    assert_eq!(blind[0], blind[1]);
    let archive = Archive::from_bytes(&fs::read(&*TRAINED).unwrap()).unwrap();
    let logits: Vec<f32> = serde_json::from_value(blind[0]["logits"].clone()).unwrap();
    assert_eq!(logits, archive.arrays["policy.bias"].data);
}

#[test]
fn an_edit_moves_the_scores() {
    let whole = line(&["score", text(&TRAINED)]);
    let edited = line(&[
        "score",
        text(&TRAINED),
        "--edit",
        r#"{"site":"blocks.0.post","op":"zero"}"#,
    ]);
    assert_ne!(whole["scores"], edited["scores"]);
}

#[test]
fn every_op_prints_figures_and_numbers() {
    let walker = folder("walker").join("agent.safetensors");
    let preset = "corner_maze_misgeneralisation";
    let set = [
        "--set",
        "updates=1",
        "--set",
        "side=5",
        "--set",
        "num_envs=4",
    ];
    let train = ["train", preset, "--out", text(&walker)];
    lines(&[&train[..], &set].concat(), "");
    // The first pair of the preset is for its own size.
    let state = |row: &str| json!({"level": ["#####", row, "#...#", "#.M.#", "#####"]}).to_string();
    let (one, other) = (state("#C..#"), state("#..C#"));
    for op in catalogue().ops {
        let board = ["op", text(&TRAINED), &op.id];
        let states = ["--state", &one, "--state", &other];
        // On boards nothing walks, and two play.
        let answer = match run_with(&board, "").status.code() {
            Some(0) => line(&board),
            _ => {
                refused(&board, "does not apply");
                let states = &states[..2 * op.num_states];
                line(&[&["op", text(&walker), op.id.as_str()][..], states].concat())
            }
        };
        assert!(
            !answer["figures"].as_array().unwrap().is_empty(),
            "{}",
            op.id
        );
        for (name, number) in answer["numbers"].as_object().unwrap() {
            assert!(number["value"].is_number(), "{}: {name}", op.id);
        }
    }
}

#[test]
fn an_op_looks_at_the_states_that_it_is_given() {
    let patch = |corrupt: &str| {
        let clean = r#"{"board":[1,1,0,2,2,0,0,0,0]}"#;
        line(&[
            "op",
            text(&TRAINED),
            "patch",
            "--set",
            "measure=value",
            "--state",
            clean,
            "--state",
            corrupt,
        ])
    };
    assert_ne!(
        patch(r#"{"board":[1,0,1,2,2,0,0,0,0]}"#),
        patch(r#"{"board":[1,0,0,2,2,0,0,0,1]}"#)
    );
}

// --- Bad input -------------------------------------------------------------------------------

#[test]
fn unknown_ids_are_answered_with_the_known_ones() {
    let file = text(&TRAINED);
    let out = folder("unknown").join("out");
    refused(&["replay", "chess"], "allowed: tictactoe, connect4");
    refused(&["rollout", "chess"], "allowed: tictactoe, connect4");
    refused(
        &["train", "chess", "--out", text(&out)],
        "allowed: tictactoe_alphazero",
    );
    refused(&["op", file, "guess"], "allowed: patch");
    refused(
        &["evaluate", file, "--site", "blocks.9"],
        "allowed: obs, blocks.0.pre",
    );
    refused(
        &[
            "score",
            file,
            "--edit",
            r#"{"site":"blocks.9","op":"zero"}"#,
        ],
        "allowed: obs",
    );
    refused(&["dance"], "unrecognized subcommand 'dance'");
    refused(&[], "catalogue");
}

#[test]
fn parameters_off_their_range_are_answered_with_the_range() {
    refused(
        &["replay", "connect4", "--set", "solver_depth=99"],
        "integer from 1 to 14",
    );
    refused(
        &["replay", "connect4", "--set", "solver_depth=deep"],
        "integer from 1 to 14",
    );
    refused(
        &["replay", "connect4", "--set", "depth=1"],
        "one of solver_depth",
    );
    refused(
        &["replay", "tictactoe", "--set", "size=4"],
        "tictactoe has no parameters",
    );
    refused(
        &["replay", "connect4", "--set", "solver_depth"],
        "expected key=value",
    );
    refused(&["rollout", "tictactoe", "--episodes", "0"], "1..=10000000");
    refused(&["rollout", "tictactoe", "--seed", "-1"], "'-1'");
    refused(
        &["rollout", "tictactoe", "--policy", "best"],
        "possible values: random, greedy, search",
    );
    refused(
        &["rollout", "tictactoe", "--policy", "greedy"],
        "needs --checkpoint",
    );
    let file = text(&TRAINED);
    refused(
        &[
            "rollout",
            "connect4",
            "--policy",
            "greedy",
            "--checkpoint",
            file,
        ],
        "another environment",
    );
    refused(
        &["op", file, "ablate", "--set", "top=0"],
        "integer from 1 to 40",
    );
    refused(
        &["op", file, "ablate", "--set", "mode=gently"],
        r#""zero" or "mean" or "resample""#,
    );
    refused(
        &["op", file, "ablate", "--set", "nonesuch=1"],
        "one of choice, mode, part, random_sets, reference_states, site, tolerance, top",
    );
}

#[test]
fn a_collapse_is_a_line_and_a_word_on_stderr() {
    let out = folder("collapse").join("agent.safetensors");
    let arguments = [
        "train",
        "cartpole_ppo",
        "--out",
        text(&out),
        "--set",
        "updates=8",
    ];
    let told = |rate: &str| {
        let rate = format!("learning_rate={rate}");
        let more = ["--set", &rate, "--set", "checkpoint_every=8"];
        let output = run_with(&[&arguments[..], &more].concat(), "");
        assert!(output.status.success());
        let printed = String::from_utf8(output.stdout).unwrap();
        let parse = |line: &str| serde_json::from_str::<Value>(line).unwrap();
        let collapse = printed
            .lines()
            .map(parse)
            .find(|line| !line["collapse"].is_null());
        (collapse, String::from_utf8(output.stderr).unwrap())
    };
    let (line, said) = told("1.0");
    let line = line.unwrap();
    assert_eq!(line["collapse"]["sign"], "entropy");
    let message = line["collapse"]["message"].as_str().unwrap();
    for part in [
        "lower learning rate than 1",
        "the best checkpoint is at update 0",
    ] {
        assert!(message.contains(part), "{message}");
    }
    assert!(said.contains(&format!("collapse at update {}. {message}", line["update"])));
    assert_eq!(told("0.00025").0, None);
}

#[test]
fn a_training_that_diverges_says_which_update_did_and_leaves_no_file() {
    let folder = folder("diverged");
    let out = folder.join("agent.safetensors");
    let mut arguments = vec!["train", "cartpole_ppo", "--out", text(&out)];
    DIVERGING
        .iter()
        .for_each(|pair| arguments.extend(["--set", *pair]));
    let output = run_with(&arguments, "");
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(
        output.stdout.iter().filter(|&&byte| byte == b'\n').count(),
        1
    );
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        said.contains("update 2 diverged: the gradient norm was not finite"),
        "{said}"
    );
    assert_eq!(files(&folder), [""; 0]);
}

#[test]
fn a_training_that_cannot_be_leaves_no_file() {
    let folder = folder("no_file");
    let out = folder.join("out");
    let out = text(&out);
    for (set, allowed) in [
        ("model.width=0", "integer from 1 to 1024"),
        ("width=1e9", "integer from 1 to 1024"),
        ("model.width=wide", "integer from 1 to 1024"),
        ("agent.rule=luck", r#""puct" or "gumbel""#),
        ("agent.noise=-1", "number from 0"),
        ("updates=0", "integer from 1 to 1000000"),
        ("checkpoint_every=0", "integer from 1 to 1000000"),
        ("nonesuch=1", "one of updates, checkpoint_every"),
        ("no_value", "expected key=value"),
    ] {
        refused(
            &["train", "tictactoe_alphazero", "--set", set, "--out", out],
            allowed,
        );
    }
    for (set, allowed) in [
        // JSON has no NaN: it is read as a word.
        ("learning_rate=NaN", "number from 1e-6 to 1.0"),
        ("learning_rate=inf", "number from 1e-6 to 1.0"),
        ("learning_rate=1e999", "number from 1e-6 to 1.0"),
        ("learning_rate=0", "number from 1e-6 to 1.0"),
        ("clip=NaN", "number from 0.001"),
        ("num_envs=0", "integer from 1 to 1024"),
    ] {
        refused(
            &["train", "cartpole_ppo", "--set", set, "--out", out],
            allowed,
        );
    }
    let nowhere = folder.join("nowhere").join("out");
    refused(
        &[
            "train",
            "tictactoe_alphazero",
            "--set",
            "updates=1",
            "--out",
            text(&nowhere),
        ],
        "no such folder",
    );
    refused(&["train", "tictactoe_alphazero"], "--out");
    refused(
        &[
            "train",
            "connect4_alphazero",
            "--resume",
            text(&TRAINED),
            "--out",
            out,
        ],
        "it is of tictactoe_alphazero",
    );
    assert_eq!(files(&folder), [""; 0]);
}

#[test]
fn files_that_are_no_checkpoints_are_refused_by_every_command() {
    let folder = folder("files");
    let whole = fs::read(&*TRAINED).unwrap();
    let put = |name: &str, bytes: &[u8]| {
        let file = folder.join(name);
        fs::write(&file, bytes).unwrap();
        file
    };
    let mut foreign = Archive::default();
    foreign
        .arrays
        .insert("weight".into(), Array::vector(vec![1.0]));
    let bad = [
        (folder.join("missing"), "missing"),
        (folder.clone(), "files"),
        (
            put("empty", b""),
            "expected a safetensors file that Glassbox exported",
        ),
        (
            put("text", b"hello, this is no checkpoint at all"),
            "expected a safetensors file that Glassbox exported",
        ),
        (
            put("cut", &whole[..whole.len() / 2]),
            "expected a safetensors file that Glassbox exported",
        ),
        (
            put("foreign", &foreign.to_bytes().unwrap()),
            "metadata lacks the key parameters",
        ),
    ];
    for (file, says) in bad {
        let file = text(&file);
        refused(&["score", file], says);
        refused(&["evaluate", file], says);
        refused(&["op", file, "activations"], says);
        refused(
            &[
                "rollout",
                "tictactoe",
                "--policy",
                "greedy",
                "--checkpoint",
                file,
            ],
            says,
        );
        refused(
            &[
                "train",
                "tictactoe_alphazero",
                "--resume",
                file,
                "--out",
                text(&folder.join("out")),
            ],
            says,
        );
    }
    assert_eq!(files(&folder), ["cut", "empty", "foreign", "text"]);
}

#[test]
fn edits_and_states_that_do_not_fit_are_refused() {
    let file = text(&TRAINED);
    refused(&["evaluate", file, "--edit", "{"], "cannot read --edit {");
    refused(
        &["evaluate", file, "--edit", r#"{"site":"obs","op":"melt"}"#],
        "expected one of",
    );
    refused(
        &[
            "evaluate",
            file,
            "--edit",
            r#"{"site":"obs","op":{"replace":[1,2]}}"#,
        ],
        "expected 18",
    );
    refused(
        &[
            "evaluate",
            file,
            "--edit",
            r#"{"site":"obs","select":{"units":[18]},"op":"zero"}"#,
        ],
        "0 to 17",
    );
    refused(
        &[
            "score",
            file,
            "--edit",
            r#"{"site":"obs","select":{"along":{"axis":"rank","indices":[0]}},"op":"zero"}"#,
        ],
        "allowed: plane, row, column",
    );
    refused(
        &["op", file, "activations", "--state", "{"],
        "cannot read --state {",
    );
    refused(
        &[
            "op",
            file,
            "activations",
            "--state",
            r#"{"board":[1,1,1,2,2,2,0,0,0]}"#,
        ],
        "both X and O",
    );
    refused(
        &[
            "op",
            file,
            "patch",
            "--state",
            r#"{"board":[0,0,0,0,0,0,0,0,0]}"#,
        ],
        "looks at 2 states; 1 were given",
    );
}

#[test]
fn an_evidence_sheet_is_written_and_replayed_to_the_same_numbers() {
    let path = folder("sheet").join("evidence.json");
    let sheet = text(&path);
    let printed = line(&["op", text(&TRAINED), "ablate", "--sheet", sheet]);
    let replayed = lines(&["sheet", sheet], "");
    assert_eq!(replayed.len(), 2, "{replayed:?}");
    assert_eq!(replayed[0]["agrees"], true, "{replayed:?}");
    assert_eq!(replayed[0]["op"], "ablate");
    let first = &replayed[0]["numbers"][0];
    assert_eq!(first["recorded"], first["recomputed"]);
    let id = first["id"].as_str().unwrap();
    assert_eq!(first["recorded"], printed["numbers"][id]["value"]);
    assert_eq!(replayed[1]["summary"]["agree"], 1);
    assert_eq!(replayed[1]["summary"]["tolerance"], 1e-3);

    let mut file: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    let value = file["entries"][0]["numbers"][0]["value"].as_f64().unwrap();
    file["entries"][0]["numbers"][0]["value"] = json!(value + 1.0);
    fs::write(&path, file.to_string()).unwrap();
    let output = run_with(&["sheet", sheet], "");
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("\"agrees\":false"), "{text}");
    assert!(text.contains("\"agree\":0"), "{text}");
    assert_eq!(
        lines(&["sheet", sheet, "--tolerance", "10"], "")[1]["summary"]["agree"],
        1
    );
}

#[test]
fn an_evidence_sheet_that_is_broken_is_refused() {
    let path = folder("broken_sheet").join("evidence.json");
    let sheet = text(&path);
    refused(&["sheet", sheet], "No such file");
    for (content, why) in [
        ("", "it is not JSON"),
        ("{}", "its format is not"),
        (
            r#"{"format":"glassbox evidence sheet","version":9}"#,
            "its version is 9; this one reads version 1",
        ),
        (
            r#"{"format":"glassbox evidence sheet","version":1,"made_by":"","entries":[],"weights":{}}"#,
            "it has no entries",
        ),
    ] {
        fs::write(&path, content).unwrap();
        refused(&["sheet", sheet], why);
    }
    refused(&["sheet", text(&TRAINED)], "it is not JSON");
    refused(&["sheet", sheet, "--tolerance=-1"], "number of at least 0");
}
