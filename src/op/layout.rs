//! How a site is drawn: in its own geometry, so that a 3×3 site is never a row of nine.

use super::figure::Panel;
use crate::{
    env::{Axis, Space},
    model::Site,
};

/// One value for each element of `site`, as panels: a grid a channel, or one near-square block.
pub fn panels(site: &Site, values: &[Option<f32>], space: &Space) -> Vec<Panel> {
    match site.axes.as_slice() {
        [channel, row, column] => {
            let area = row.len * column.len;
            (0..channel.len)
                .map(|index| {
                    let name = match channel.labels.get(index) {
                        Some(label) => format!("{} {label}", site.name),
                        None => format!("{} {index}", site.name),
                    };
                    Panel {
                        name,
                        site: site.name.clone(),
                        rows: row.len,
                        columns: column.len,
                        values: values[index * area..(index + 1) * area].to_vec(),
                        labels: (0..area)
                            .map(|cell| {
                                format!("{}, {}", channel.place(index), place(row, column, cell))
                            })
                            .collect(),
                    }
                })
                .collect()
        }
        _ => {
            let (rows, columns) = block(site, space);
            let mut values = values.to_vec();
            values.resize(rows * columns, None);
            let label = |index: usize| {
                site.axes
                    .first()
                    .map_or_else(String::new, |axis| axis.place(index))
            };
            vec![Panel {
                name: site.name.clone(),
                site: site.name.clone(),
                rows,
                columns,
                labels: (0..rows * columns).map(label).collect(),
                values,
            }]
        }
    }
}

/// One value for each cell of a grid site (averaged or patched over channels) as one panel.
pub fn cells(site: &Site, values: &[Option<f32>]) -> Option<Panel> {
    let [_, row, column] = site.axes.as_slice() else {
        return None;
    };
    Some(Panel {
        name: site.name.clone(),
        site: site.name.clone(),
        rows: row.len,
        columns: column.len,
        values: values.to_vec(),
        labels: (0..row.len * column.len)
            .map(|cell| place(row, column, cell))
            .collect(),
    })
}

/// What `cell` of a grid is, in words: `row 1, column 3`.
fn place(row: &Axis, column: &Axis, cell: usize) -> String {
    let (r, c) = (cell / column.len, cell % column.len);
    format!("{}, {}", row.place(r), column.place(c))
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
