//! Factors, components and similarities of a real run, and of sites that they do not fit.

#![cfg(not(target_arch = "wasm32"))]

mod common;

use common::{ask, tiny_session};
use glassbox::{
    error::{Error, Result},
    op::figure::{Body, Figure, Number},
    session::{Session, protocol::Event},
};
use serde_json::{Value, json};

/// A session whose tiny run is trained to its end, at update 4.
fn trained() -> Session {
    let mut session = tiny_session(0);
    ask(&mut session, &json!({"type": "advance", "updates": 4})).unwrap();
    session
}

fn op(session: &mut Session, op: &str, with: Value) -> Result<(Vec<Figure>, Vec<Number>)> {
    let mut command = json!({
        "type": "op", "op": op, "parameters": {}, "states": [], "checkpoint": null, "edits": [],
    });
    for (key, value) in with.as_object().unwrap() {
        command[key] = value.clone();
    }
    let events = ask(session, &command)?;
    let found = events.into_iter().find_map(|event| match event {
        Event::Figures {
            figures, numbers, ..
        } => Some((figures, numbers)),
        _ => None,
    });
    Ok(found.unwrap())
}

fn number(numbers: &[Number], id: &str) -> f64 {
    numbers.iter().find(|one| one.id == id).unwrap().value
}

#[test]
fn similarity_runs_from_the_untrained_network_to_this_one() {
    let (figures, numbers) = op(&mut trained(), "cka", json!({})).unwrap();
    let course = figures.iter().find_map(|figure| match &figure.body {
        Body::Lines { series, .. } => Some(series),
        _ => None,
    });
    let mut seen = 0;
    for series in course.unwrap().iter().filter(|series| !series.control) {
        let updates: Vec<f32> = series.points.iter().map(|point| point.0).collect();
        assert_eq!(updates, [0.0, 2.0, 4.0], "{}", series.name);
        assert!((series.points[2].1 - 1.0).abs() < 1e-4, "{series:?}");
        assert!(series.points[0].1 < series.points[1].1, "{series:?}");
        seen += 1;
    }
    assert_eq!(seen, 4, "two hidden sites, policy and value");
    let shuffled = number(&numbers, "similarity_shuffled");
    let untrained = number(&numbers, "similarity_untrained");
    assert!(shuffled < 0.2 && shuffled < untrained, "{numbers:?}");
}

#[test]
fn an_agent_of_the_same_seed_is_the_same_agent_and_another_is_not() {
    let two = |seed: u64| {
        let parameters = json!({"other_seed": seed});
        let (figures, numbers) =
            op(&mut trained(), "cka", json!({"parameters": parameters})).unwrap();
        assert_eq!(figures[0].title, "Two agents");
        ["similarity_agents", "similarity_agents_untrained"].map(|id| number(&numbers, id))
    };
    for similarity in two(0) {
        assert!((similarity - 1.0).abs() < 1e-5, "{similarity}");
    }
    for similarity in two(1) {
        assert!(similarity > 0.1 && similarity < 0.99, "{similarity}");
    }
}

#[test]
fn another_agent_is_trained_as_far_as_this_one() {
    let with = json!({"checkpoint": 2, "parameters": {"other_seed": 0}});
    let (_, numbers) = op(&mut trained(), "cka", with).unwrap();
    let similarity = number(&numbers, "similarity_agents");
    assert!((similarity - 1.0).abs() < 1e-5, "{similarity}");
}

#[test]
fn before_training_a_network_is_its_own_control() {
    let mut session = trained();
    for (id, names) in [
        ("nmf", ["explained_variance", "mean_concept_correlation"]),
        ("pca", ["participation_ratio", "components_90"]),
    ] {
        let (_, numbers) = op(&mut session, id, json!({"checkpoint": 0})).unwrap();
        for name in names {
            let control = number(&numbers, &format!("{name}_untrained"));
            assert_eq!(number(&numbers, name), control, "{id} {name}");
        }
    }
    let (figures, _) = op(&mut session, "cka", json!({"checkpoint": 0})).unwrap();
    assert_eq!(figures[0].body, figures[1].body);
}

#[test]
fn factors_explain_more_the_more_there_are_and_more_than_of_shuffled_units() {
    let mut session = trained();
    let mut explained = |rank: usize| {
        let with = json!({"parameters": {"rank": rank}});
        let (_, numbers) = op(&mut session, "nmf", with).unwrap();
        ["explained_variance", "explained_variance_shuffled"].map(|id| number(&numbers, id))
    };
    let found = [1, 2, 4, 8].map(&mut explained);
    assert!(
        found.is_sorted_by(|one, more| one[0] < more[0]),
        "{found:?}"
    );
    assert!(found[3][0] > 0.98, "as many factors as units: {found:?}");
    assert!(found[1][0] > found[1][1], "{found:?}");
}

#[test]
fn negative_activations_are_refused_unless_their_positive_part_is_asked_for() {
    let mut session = trained();
    let pre = |more: Value| {
        let mut parameters = json!({"site": "blocks.0.pre", "rank": 3});
        parameters
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        json!({"parameters": parameters})
    };
    match op(&mut session, "nmf", pre(json!({}))) {
        Err(Error::NotApplicable { why }) => assert!(why.contains("negative"), "{why}"),
        other => panic!("{other:?}"),
    }
    let (_, numbers) = op(
        &mut session,
        "nmf",
        pre(json!({"negative": "positive_part"})),
    )
    .unwrap();
    let post = json!({"parameters": {"site": "blocks.0.post", "rank": 3}});
    let (_, after) = op(&mut session, "nmf", post).unwrap();
    // The positive part is what the ReLU leaves.
    assert_eq!(numbers, after);
}

#[test]
fn a_silent_site_and_too_many_factors_are_refused() {
    let mut session = trained();
    let silent = json!({"edits": [{"site": "blocks.0.post", "op": "zero"}]});
    for id in ["nmf", "pca"] {
        match op(&mut session, id, silent.clone()) {
            Err(Error::NotApplicable { why }) => assert!(why.contains("blocks.0.post"), "{why}"),
            other => panic!("{other:?}"),
        }
    }
    let (figures, _) = op(&mut session, "cka", silent).unwrap();
    let Body::Heatmap { values, rows, .. } = &figures[0].body else {
        panic!("{:?}", figures[0].title);
    };
    let place = rows.labels.iter().position(|name| name == "blocks.0.post");
    let width = rows.labels.len();
    let row = &values[place.unwrap() * width..][..width];
    assert!(row.iter().all(Option::is_none), "nothing is like silence");
    match op(&mut session, "nmf", json!({"parameters": {"rank": 9}})) {
        Err(Error::Parameter { allowed, .. }) => assert!(allowed.contains("0 to 8"), "{allowed}"),
        other => panic!("{other:?}"),
    }
}
