//! How a site is drawn: in its own geometry, so that a 3×3 site is never a row of nine.

use super::figure::Panel;
use crate::{env::Space, model::Site};

/// One value for each element of `site`, as panels: for each channel, unit or head what lies along its last
/// two axes, or one near-square block.
pub fn panels(site: &Site, values: &[Option<f32>], space: &Space) -> Vec<Panel> {
    let [leading @ .., row, column] = site.axes.as_slice() else {
        return vec![flat(site, values, block(site, space))];
    };
    let leading = Site::new(site.name.clone(), leading.to_vec(), site.stage);
    let area = row.len * column.len;
    let panel = |(index, values): (usize, &[Option<f32>])| Panel {
        name: tile_name(&leading, index),
        site: site.name.clone(),
        rows: row.len,
        columns: column.len,
        values: values.to_vec(),
        labels: (0..area)
            .map(|cell| element_name(site, index * area + cell))
            .collect(),
    };
    values.chunks(area).enumerate().map(panel).collect()
}

/// One value for each cell of a site that has cells (averaged or patched over channels) as one panel.
pub fn cells(site: &Site, values: &[Option<f32>]) -> Option<Panel> {
    let cells = Site::new(site.name.clone(), site.places(), site.stage);
    match cells.axes.as_slice() {
        [] => None,
        [row, column] => Some(flat(&cells, values, (row.len, column.len))),
        _ => Some(flat(&cells, values, near_square(cells.len()))),
    }
}

/// A site as one panel of so many rows and columns, which may leave some empty.
fn flat(site: &Site, values: &[Option<f32>], (rows, columns): (usize, usize)) -> Panel {
    let mut values = values.to_vec();
    values.resize(rows * columns, None);
    let label = |index: usize| match index < site.len() {
        true => element_name(site, index),
        false => String::new(),
    };
    Panel {
        name: site.name.clone(),
        site: site.name.clone(),
        rows,
        columns,
        labels: (0..rows * columns).map(label).collect(),
        values,
    }
}

/// What panel `index` is called, of a site with these axes before its last two.
fn tile_name(leading: &Site, index: usize) -> String {
    match leading.axes.as_slice() {
        [] => leading.name.clone(),
        [axis] => match axis.labels.get(index) {
            Some(label) => format!("{} {label}", leading.name),
            None => format!("{} {index}", leading.name),
        },
        _ => format!("{}, {}", leading.name, element_name(leading, index)),
    }
}

/// Rows and columns for a flat site: the board's own for one action a square, else near-square.
fn block(site: &Site, space: &Space) -> (usize, usize) {
    let len = site.len();
    let is_action = site.axes.first().is_some_and(|axis| axis.name == "action");
    if is_action {
        if let [_, rows, columns] = space.observation_shape()[..]
            && rows * columns == len
        {
            return (rows, columns);
        }
        return (1, len);
    }
    near_square(len)
}

/// Rows and columns of a block of `len` elements.
fn near_square(len: usize) -> (usize, usize) {
    let mut rows = (len as f32).sqrt() as usize;
    while rows > 1 && !len.is_multiple_of(rows) {
        rows -= 1;
    }
    // A prime length would be a long row: pad instead.
    if rows * 4 < len / rows.max(1) {
        let columns = (len as f32).sqrt().ceil() as usize;
        return (len.div_ceil(columns), columns);
    }
    (rows, len / rows)
}

/// What element `index` of a site is, in words: `unit 17`, or `channel 3, row 1, column 2`.
pub fn element_name(site: &Site, index: usize) -> String {
    let mut rest = index;
    let mut words = Vec::new();
    for axis in site.axes.iter().rev() {
        let place = rest % axis.len;
        rest /= axis.len;
        words.push(axis.place(place));
    }
    words.reverse();
    words.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        env::{self, Axis},
        model::Stage,
    };

    fn site(axes: Vec<Axis>) -> Site {
        Site::new("here", axes, Stage::Analysis)
    }

    fn drawn(site: &Site) -> Vec<Panel> {
        let env = (env::ENVS[0].make)(&serde_json::json!({})).unwrap();
        let values: Vec<Option<f32>> = (0..site.len()).map(|index| Some(index as f32)).collect();
        panels(site, &values, env.space())
    }

    #[test]
    fn heads_are_drawn_one_by_one() {
        let pattern = site(vec![
            Axis::new("head", 2),
            Axis::new("query", 3),
            Axis::new("key", 3),
        ]);
        let panels = drawn(&pattern);
        assert_eq!((panels.len(), panels[1].rows, panels[1].columns), (2, 3, 3));
        assert_eq!(panels[1].labels[5], "head 1, query 1, key 2");
        assert_eq!(panels[1].values[5], Some(14.0));
        let values = site(vec![
            Axis::new("head", 2),
            Axis::new("unit", 2),
            Axis::counted("row", 1),
            Axis::counted("column", 3),
        ]);
        let panels = drawn(&values);
        assert_eq!(panels.len(), 4);
        assert_eq!(panels[2].name, "here, head 1, unit 0");
        assert_eq!(panels[2].labels[1], "head 1, unit 0, row 1, column 2");
        assert_eq!(panels[2].values, [Some(6.0), Some(7.0), Some(8.0)]);
        let cells = cells(&values, &[Some(1.0), None, Some(3.0)]).unwrap();
        assert_eq!((cells.rows, cells.columns), (1, 3));
        assert_eq!(cells.labels[2], "row 1, column 3");
    }

    #[test]
    fn units_by_position_are_a_matrix_and_flat_sites_a_block() {
        let stream = site(vec![Axis::new("unit", 2), Axis::new("position", 4)]);
        let panels = drawn(&stream);
        assert_eq!((panels.len(), panels[0].rows, panels[0].columns), (1, 2, 4));
        assert_eq!(panels[0].labels[5], "unit 1, position 1");
        let units = drawn(&site(vec![Axis::new("unit", 13)]));
        assert_eq!((units[0].rows, units[0].columns), (4, 4));
        assert_eq!(units[0].labels[12], "unit 12");
        assert_eq!(
            (units[0].labels[13].as_str(), units[0].values[13]),
            ("", None)
        );
    }
}
