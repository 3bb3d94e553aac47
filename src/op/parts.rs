//! Parts of a site that are looked at together: single elements, channels, cells, heads, or all of it.

use super::{figure::Panel, layout};
use crate::{
    env::{Axis, Space},
    model::Site,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is taken together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// Single elements: a unit, or a channel at a cell.
    #[default]
    Unit,
    /// Whole channels, such as a head's unit or an attention pattern, or single units where there are none.
    Channel,
    /// Cells, positions or pairs of them over all channels, or single units where there are none.
    Cell,
    /// Whole attention heads, or single units where there are none.
    Head,
    /// The whole site.
    Site,
}

impl Part {
    /// Which axes of `site` tell its parts apart; all of them where this part does not apply.
    fn keeps(self, site: &Site) -> Vec<bool> {
        let keep = |axis: &Axis| match self {
            Self::Unit => true,
            Self::Channel => !axis.is_place(),
            Self::Cell => axis.is_place(),
            Self::Head => axis.name == "head",
            Self::Site => false,
        };
        let kept: Vec<bool> = site.axes.iter().map(keep).collect();
        if self != Self::Site && !kept.contains(&true) {
            return vec![true; kept.len()];
        }
        kept
    }

    /// The site as it is when each part is one element of it.
    fn reduced(self, site: &Site) -> Site {
        let kept = self.keeps(site);
        let axes = site.axes.iter().zip(kept).filter(|(_, kept)| *kept);
        let axes = axes.map(|(axis, _)| axis.clone()).collect();
        Site::new(site.name.clone(), axes, site.stage)
    }

    /// Flat indices of each part of `site`, in the order of its axes.
    pub fn groups(self, site: &Site) -> Vec<Vec<usize>> {
        let kept = self.keeps(site);
        let mut groups = vec![Vec::new(); self.reduced(site).len()];
        for index in 0..site.len() {
            let (mut rest, mut group, mut stride) = (index, 0, 1);
            for (axis, kept) in site.axes.iter().zip(&kept).rev() {
                if *kept {
                    group += rest % axis.len * stride;
                    stride *= axis.len;
                }
                rest /= axis.len;
            }
            groups[group].push(index);
        }
        groups
    }

    /// What part `group` of `site` is, in words: `blocks.0.post, unit 17`.
    pub fn name(self, site: &Site, group: usize) -> String {
        let reduced = self.reduced(site);
        if reduced.axes.is_empty() {
            return site.name.clone();
        }
        format!("{}, {}", site.name, layout::element_name(&reduced, group))
    }

    /// One value for each part of `site`, in its own geometry.
    pub fn panels(self, site: &Site, values: &[Option<f32>], space: &Space) -> Vec<Panel> {
        let reduced = self.reduced(site);
        match reduced.axes.as_slice() {
            [] => {
                let whole = Site::new(
                    site.name.clone(),
                    vec![Axis::new("whole site", 1)],
                    site.stage,
                );
                layout::panels(&whole, values, space)
            }
            _ => layout::panels(&reduced, values, space),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Stage;

    fn site(axes: &[(&str, usize)]) -> Site {
        let axes = axes.iter().map(|&(name, len)| Axis::new(name, len));
        Site::new("here", axes.collect(), Stage::Analysis)
    }

    #[test]
    fn a_grid_is_cut_into_channels_cells_and_one_whole() {
        let grid = site(&[("channel", 2), ("row", 1), ("column", 3)]);
        assert_eq!(Part::Unit.groups(&grid).len(), 6);
        assert_eq!(Part::Channel.groups(&grid), [[0, 1, 2], [3, 4, 5]]);
        assert_eq!(Part::Cell.groups(&grid), [[0, 3], [1, 4], [2, 5]]);
        assert_eq!(Part::Site.groups(&grid), [[0, 1, 2, 3, 4, 5]]);
        assert_eq!(Part::Channel.name(&grid, 1), "here, channel 1");
        assert_eq!(Part::Cell.name(&grid, 2), "here, row, column 2");
        assert_eq!(Part::Site.name(&grid, 0), "here");
        assert_eq!(
            Part::Head.groups(&grid),
            Part::Unit.groups(&grid),
            "it has no heads"
        );
    }

    #[test]
    fn attention_is_cut_into_heads_and_positions() {
        let heads = site(&[("position", 2), ("head", 2), ("unit", 2)]);
        assert_eq!(Part::Head.groups(&heads), [[0, 1, 4, 5], [2, 3, 6, 7]]);
        assert_eq!(Part::Cell.groups(&heads), [[0, 1, 2, 3], [4, 5, 6, 7]]);
        assert_eq!(Part::Head.name(&heads, 1), "here, head 1");
        let pattern = site(&[("head", 3), ("query", 2), ("key", 2)]);
        assert_eq!(Part::Head.groups(&pattern)[1], [4, 5, 6, 7]);
        assert_eq!(Part::Channel.groups(&pattern)[1], [4, 5, 6, 7]);
        assert_eq!(Part::Cell.groups(&pattern)[1], [1, 5, 9], "from 0 to 1");
    }

    #[test]
    fn flat_sites_have_units_alone() {
        let flat = site(&[("unit", 3)]);
        for part in [Part::Unit, Part::Channel, Part::Cell, Part::Head] {
            assert_eq!(part.groups(&flat), [[0], [1], [2]], "{part:?}");
        }
        assert_eq!(Part::Site.groups(&flat), [[0, 1, 2]]);
    }
}
