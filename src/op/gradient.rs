//! Gradients of a network's answers at its sites.

use crate::{
    backend,
    error::{Error, Result},
    model::{
        Output, Site,
        evaluator::Evaluator,
        taps::{Change, SiteEdit, Taps},
    },
};
use burn::{
    module::Module,
    tensor::{Tensor, TensorData},
};
use std::collections::BTreeMap;

/// What gradients are taken of, and where.
pub(super) struct Gradients {
    /// By site, the gradient of each row's measure by each of its elements, `[batch × element]`.
    pub by_site: BTreeMap<String, Vec<f32>>,
}

/// Gradients of `measure` (of a batch's answers, `[batch, 1]`) at `sites`, for flat observations
/// `[batch × observation]`: a zero leaf is added at each site, so that edits before it keep their effect.
/// A site on which the measure does not depend has gradients of zero.
pub(super) async fn gradients(
    evaluator: &Evaluator,
    observations: Vec<f32>,
    batch: usize,
    sites: &[&Site],
    measure: &dyn Fn(Output) -> Tensor<2>,
) -> Result<Gradients> {
    gradients_with(
        evaluator,
        (observations, batch),
        sites,
        Vec::new(),
        Taps::edit,
        &|output, _| measure(output),
    )
    .await
}

/// The same of the answers and of what was recorded on the way, under further edits, which come before
/// the leaves: a site that is replaced passes no gradient on to what came before it.
pub(super) async fn gradients_inside(
    evaluator: &Evaluator,
    observations: (Vec<f32>, usize),
    sites: &[&Site],
    edits: Vec<SiteEdit>,
    measure: &dyn Fn(Output, &Taps) -> Tensor<2>,
) -> Result<Gradients> {
    let taps = |edits| Taps::edit(edits).recording();
    gradients_with(evaluator, observations, sites, edits, taps, measure).await
}

async fn gradients_with(
    evaluator: &Evaluator,
    (observations, batch): (Vec<f32>, usize),
    sites: &[&Site],
    further: Vec<SiteEdit>,
    taps: fn(Vec<SiteEdit>) -> Taps,
    measure: &dyn Fn(Output, &Taps) -> Tensor<2>,
) -> Result<Gradients> {
    if batch == 0 {
        return Err(Error::not_applicable("there is no state to look at"));
    }
    let device = evaluator.device.clone().autodiff();
    let network = evaluator.network.clone().to_device(&device);
    let mut edits: Vec<SiteEdit> = evaluator.edits.iter().cloned().chain(further).collect();
    for edit in &mut edits {
        edit.move_to(&device);
    }
    let mut leaves = Vec::with_capacity(sites.len());
    for site in sites {
        let shape = [batch, site.len()];
        let leaf = Tensor::<2>::zeros(shape, &device).require_grad(); // [batch, element]
        let all = TensorData::new(vec![true; site.len()], [1, site.len()]);
        edits.push(SiteEdit {
            site: site.name.clone(),
            mask: Tensor::from_data(all, &device), // [1, element]
            change: Change::Add(leaf.clone()),
        });
        leaves.push(leaf);
    }
    let width = observations.len() / batch;
    let input = backend::tensor(observations, [batch, width], &device); // [batch, observation]
    let mut taps = taps(edits);
    let output = network.forward(input, &mut taps);
    let mut measures = measure(output, &taps); // [batch, 1]
    // Nothing of a leaf, so that there is a gradient where the measure depends on none of the sites.
    if let Some(leaf) = leaves.first() {
        measures = measures + leaf.clone().sum_dim(1) * 0.0;
    }
    // Rows do not meet, so that the sum's gradient is each row's own.
    let found = measures.sum().backward();
    let mut by_site = BTreeMap::new();
    for (site, leaf) in sites.iter().zip(&leaves) {
        let values = match leaf.grad(&found) {
            Some(gradient) => backend::read(gradient).await?,
            None => vec![0.0; batch * site.len()],
        };
        by_site.insert(site.name.clone(), values);
    }
    Ok(Gradients { by_site })
}

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod tests {
    use super::*;
    use crate::{env, model, rng::Rng};
    use burn::tensor::Device;
    use serde_json::json;

    /// A gradient is the slope of the measure: each element nudged up and down by hand says the same.
    #[test]
    fn gradients_are_the_slopes_of_the_measure() {
        let env = (env::ENVS[0].make)(&json!({})).unwrap();
        let device = Device::flex();
        let make = model::entry("mlp").unwrap().make;
        let network = make(
            &json!({"width": 8, "depth": 2}),
            env.space(),
            &mut Rng::new(3),
            &device,
        )
        .unwrap();
        let sites = network.sites(env.space());
        let evaluator = Evaluator {
            network,
            device: device.clone(),
            edits: Vec::new(),
        };
        let site = sites
            .iter()
            .find(|site| site.name == "blocks.0.post")
            .unwrap();
        let observations: Vec<f32> = (0..2 * env.space().observation_len())
            .map(|place| (place % 5) as f32 / 4.0)
            .collect();
        let measure = |output: Output| output.value;
        let found = pollster::block_on(gradients(
            &evaluator,
            observations.clone(),
            2,
            &[site],
            &measure,
        ))
        .unwrap();
        let nudged = |row: usize, element: usize, by: f32| {
            let mut delta = vec![0.0; 2 * site.len()];
            delta[row * site.len() + element] = by;
            let mut nudged = evaluator.clone();
            nudged.edits.push(SiteEdit {
                site: site.name.clone(),
                mask: Tensor::from_data(
                    TensorData::new(vec![true; site.len()], [1, site.len()]),
                    &device,
                ),
                change: Change::Add(backend::tensor(delta, [2, site.len()], &device)),
            });
            pollster::block_on(nudged.evaluate(observations.clone(), 2)).unwrap()
        };
        let mut largest = 0.0_f32;
        for (row, element) in (0..2).flat_map(|row| (0..site.len()).map(move |place| (row, place)))
        {
            let [up, down] = [1e-2, -1e-2].map(|by| nudged(row, element, by).values[row]);
            let slope = found.by_site[&site.name][row * site.len() + element];
            largest = largest.max(slope.abs());
            assert!(
                (slope - (up - down) / 2e-2).abs() < 2e-3,
                "row {row}, element {element}"
            );
        }
        assert!(largest > 1e-2, "nothing depends on the site: {largest}");
        // The value has no use for logits.
        let logits = sites.iter().find(|site| site.name == "policy").unwrap();
        let sites = [logits];
        let none = gradients(&evaluator, observations, 2, &sites, &measure);
        let none = pollster::block_on(none).unwrap();
        assert!(none.by_site["policy"].iter().all(|slope| *slope == 0.0));
    }
}
