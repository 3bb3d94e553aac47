//! Probes: their fits against scikit-learn (`tests/golden/README.md`), and their answers where they are known.

#![cfg(not(target_arch = "wasm32"))]

mod common;

use common::{golden, tiny_run};
use glassbox::{
    backend::DeviceName,
    op::{
        Patient,
        figure::{Body, Figure, Number},
        probe::fit::{self, Design, Loss, Ridge, Target, logistic},
    },
    session::{block_on, config::RunConfig, run::Run},
};
use serde_json::{Map, Value, json};

// --- Against scikit-learn --------------------------------------------------------------------

struct Golden(Value);

impl Golden {
    fn numbers(&self, key: &str) -> Vec<f32> {
        let all = self.0[key].as_array().unwrap().iter();
        all.map(|x| x.as_f64().unwrap() as f32).collect()
    }

    fn design(&self) -> Design {
        Design {
            values: self.numbers("features"),
            width: self.0["width"].as_u64().unwrap() as usize,
        }
    }

    fn classes(&self) -> Target {
        let values = self.numbers("classes");
        let count = |class: f32| values.iter().filter(|value| **value == class).count() as f32;
        Target {
            weights: values.iter().map(|class| 0.5 / count(*class)).collect(),
            values,
            loss: Loss::Logistic,
        }
    }

    fn targets(&self) -> Target {
        let values = self.numbers("numbers");
        Target {
            weights: vec![1.0 / values.len() as f32; values.len()],
            values,
            loss: Loss::Squares,
        }
    }

    /// Compares what `fit` finds under each penalty with the parameters under `key`.
    fn check(&self, key: &str, tolerance: f32, fit: impl Fn(f32) -> Vec<f32>) {
        let expected = self.0[key].as_array().unwrap();
        let penalties = self.numbers("penalties");
        assert_eq!(expected.len(), penalties.len());
        for (penalty, expected) in penalties.into_iter().zip(expected) {
            let found = fit(penalty);
            let expected: Vec<f32> = serde_json::from_value(expected.clone()).unwrap();
            assert_eq!(found.len(), expected.len());
            for (one, other) in found.iter().zip(&expected) {
                assert!(
                    (one - other).abs() < tolerance * (1.0 + other.abs()),
                    "{key} with {penalty}: {found:?}, not {expected:?}"
                );
            }
        }
    }
}

fn sparse(design: &Design, target: &Target, penalty: f32) -> Vec<f32> {
    block_on(fit::sparse(design, target, (penalty, 1000), &Patient)).unwrap()
}

#[test]
fn fits_are_those_of_scikit_learn() {
    let golden = Golden(golden::file("probes"));
    let (design, classes, numbers) = (golden.design(), golden.classes(), golden.targets());
    golden.check("ridge", 1e-5, |penalty| {
        Ridge::new(&design, penalty).fit(&numbers.values)
    });
    golden.check("sparse_ridge", 1e-3, |penalty| {
        sparse(&design, &numbers, penalty)
    });
    golden.check("logistic", 2e-3, |penalty| {
        logistic(&design, &classes, penalty)
    });
    golden.check("sparse_logistic", 3e-3, |penalty| {
        sparse(&design, &classes, penalty)
    });
}

#[test]
fn logistic_probes_are_as_often_right_as_those_of_scikit_learn() {
    let golden = Golden(golden::file("probes"));
    let held_out = Golden(golden.0["held_out"].clone());
    let rows = Design {
        values: held_out.numbers("features"),
        width: golden.design().width,
    };
    let classes = held_out.numbers("classes");
    let right = |parameters: &[f32]| {
        let answers = rows.times(parameters);
        let pairs = answers.iter().zip(&classes);
        pairs
            .filter(|(answer, class)| **answer * **class > 0.0)
            .count() as f32
            / classes.len() as f32
    };
    let (design, target) = (golden.design(), golden.classes());
    let accuracy = Golden(held_out.0["accuracy"].clone());
    for (place, penalty) in golden.numbers("penalties").into_iter().enumerate() {
        let fits = [
            ("logistic", logistic(&design, &target, penalty)),
            ("sparse_logistic", sparse(&design, &target, penalty)),
        ];
        for (kind, found) in fits {
            let (ours, theirs) = (right(&found), accuracy.numbers(kind)[place]);
            println!("{kind} with {penalty}: {ours}, scikit-learn {theirs}");
            assert!(
                (ours - theirs).abs() <= 0.005,
                "{kind} with {penalty}: {ours}, not {theirs}"
            );
            assert!(theirs > 0.65, "{kind} with {penalty} learned nothing");
        }
    }
}

#[test]
fn a_discriminant_is_that_of_scikit_learn() {
    let golden = Golden(golden::file("probes"));
    let design = golden.design();
    let found = Ridge::new(&design, 1e-6).discriminant(&golden.classes().values);
    let length = found[..design.width]
        .iter()
        .map(|x| x * x)
        .sum::<f32>()
        .sqrt();
    for (ours, theirs) in found.iter().zip(golden.numbers("discriminant")) {
        assert!((ours / length - theirs).abs() < 1e-4, "{found:?}");
    }
}

// --- On networks -----------------------------------------------------------------------------

fn probe(run: &Run, parameters: &Value) -> (Vec<Figure>, Vec<Number>) {
    let (figures, _) = block_on(run.op(
        "probe",
        parameters,
        Vec::new(),
        None,
        &[],
        &glassbox::op::Patient,
    ))
    .unwrap();
    let numbers = figures
        .iter()
        .flat_map(|figure| figure.numbers.clone())
        .collect();
    (figures, numbers)
}

fn value(numbers: &[Number], id: &str) -> f64 {
    numbers.iter().find(|number| number.id == id).unwrap().value
}

/// Who holds the centre is an element of the observation; taken out of it, there is nothing left to read.
#[test]
fn what_the_input_says_is_read_from_it_and_gone_when_taken_out() {
    let run = tiny_run(0);
    let (_, numbers) = probe(&run, &json!({"concept": "mine_center", "site": "obs"}));
    assert!(value(&numbers, "score_before") > 0.95);
    assert_eq!(value(&numbers, "score_projected"), 0.0);
    assert!(value(&numbers, "score_shuffled").abs() < 0.2);
    // An untrained network's input is the same input.
    assert_eq!(value(&numbers, "score"), value(&numbers, "score_untrained"));
    assert_eq!(value(&numbers, "score"), value(&numbers, "score_input"));
}

#[test]
fn a_number_taken_out_is_read_no_better_than_its_mean() {
    let run = tiny_run(0);
    let (_, numbers) = probe(&run, &json!({"concept": "mine_corners", "site": "obs"}));
    assert!(value(&numbers, "score_before") > 0.95);
    assert!(value(&numbers, "score_projected").abs() < 0.1);
}

#[test]
fn a_concept_that_does_not_vary_is_named_and_left_blank() {
    let config = RunConfig::of_preset("gridworld_ppo", &Map::new(), 0).unwrap();
    let run = block_on(Run::open(config, DeviceName::Cpu)).unwrap();
    let (figures, numbers) = probe(&run, &json!({"reference_states": 256, "num_seeds": 2}));
    let constant = numbers.iter().find(|one| one.id == "constant_concepts");
    assert!(constant.unwrap().name.contains("holds_key"));
    let Body::Heatmap { rows, values, .. } = &figures[0].body else {
        panic!("{:?}", figures[0].body);
    };
    let columns = values.len() / rows.labels.len();
    for (name, scores) in rows.labels.iter().zip(values.chunks_exact(columns)) {
        let is_blank = scores.iter().all(Option::is_none);
        assert_eq!(
            is_blank,
            constant.unwrap().name.contains(name.as_str()),
            "{name}"
        );
    }
}

#[test]
fn with_a_concept_every_site_has_its_controls() {
    let run = tiny_run(0);
    let (figures, _) = probe(
        &run,
        &json!({"concept": "must_block", "reference_states": 256}),
    );
    let Body::Table { columns, rows } = &figures[2].body else {
        panic!("{:?}", figures[2].body);
    };
    let Body::Bars { bars, .. } = &figures[1].body else {
        panic!("{:?}", figures[1].body);
    };
    assert_eq!(columns.len(), 8);
    assert!(rows.len() == bars.len() && rows.len() > 3);
    assert!(bars.iter().all(|bar| bar.control.is_some()));
}
