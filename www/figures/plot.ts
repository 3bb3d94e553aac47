// What the drawings made with Observable Plot share. Loaded when the first of them is drawn.

import {
  plot as observablePlot,
  type PlotOptions,
  type TextOptions,
  text,
} from '@observablehq/plot';
import type { Scale } from '../protocol';
import { codeWidth, textWidth } from './drawing';

/** A label of an axis, at a value of its scale. */
export interface Label {
  at: number;
  text: string;
  /** Its class: `tc` for the names of sites, `tc-held` for the one that is held. */
  style?: 't' | 'tc' | 'tc-held';
}

/** What can be read off a finished plot: its element, and where its scales put a value. */
export interface Plotted {
  node: SVGElement;
  x(value: number): number;
  y(value: number): number;
}

/** A plot in the page's type and colours. */
export function plot(options: PlotOptions): Plotted {
  const made = observablePlot({ className: 'plot', style: 'overflow: visible', ...options });
  // Plot labels its groups of marks, which have no role that a label could name.
  for (const group of made.querySelectorAll('g[aria-label]')) group.removeAttribute('aria-label');
  const apply = (name: 'x' | 'y') => (value: number) => {
    const at: unknown = made.scale(name)?.apply(value);
    return typeof at === 'number' ? at : Number.NaN;
  };
  return { node: made as SVGElement, x: apply('x'), y: apply('y') };
}

/** Labels of the vertical axis, on the left. */
export function rowLabels(labels: Label[]) {
  return labelled(labels, { textAnchor: 'end', dx: -7 });
}

/** The same at the left edge inside the frame, moved by `dy`. */
export function labelsAbove(labels: Label[], dy: number) {
  return labelled(labels, {
    textAnchor: 'start',
    dy,
    stroke: 'var(--surface)',
    strokeWidth: 4,
    paintOrder: 'stroke',
  });
}

function labelled(labels: Label[], options: TextOptions) {
  return (['t', 'tc', 'tc-held'] as const).map((style) =>
    text(
      labels.filter((label) => (label.style ?? 't') === style),
      {
        y: 'at',
        text: 'text',
        frameAnchor: 'left',
        ...options,
        className: style,
      },
    ),
  );
}

/** Labels of the horizontal axis, under the frame; in `step`s of a band those at its end stay inside. */
export function columnLabels(labels: Label[], band?: { step: number; count: number }) {
  const under = { x: 'at', text: 'text', frameAnchor: 'bottom', lineAnchor: 'top', dy: 6 } as const;
  const juts = ({ at, text: label }: Label) =>
    band !== undefined && textWidth(label) / 2 > (band.count - at - 0.5) * band.step;
  const inside = labels.filter((label) => !juts(label));
  const { step = 0, count = 0 } = band ?? {};
  const { at = 0, text: last = '' } = inside.at(-1) ?? {};
  const taken = (at + 0.5) * step + textWidth(last) / 2 + 8;
  const fits = (label: Label) => juts(label) && count * step - textWidth(label.text) >= taken;
  return [
    text(inside, { ...under, className: 't' }),
    text(labels.filter(fits), { ...under, textAnchor: 'end', dx: step / 2, className: 't' }),
  ];
}

/** The name of the horizontal axis, under its labels. */
export function columnName(scale: Scale) {
  return text([scale.unit ? `${scale.name}, ${scale.unit}` : scale.name], {
    frameAnchor: 'bottom',
    lineAnchor: 'top',
    dy: 21,
    className: 't',
  });
}

/** Room that labels of the vertical axis take on the left. */
export function labelRoom(labels: Label[]): number {
  const widths = labels.map(({ text: label, style }) =>
    style?.startsWith('tc') ? codeWidth(label) : textWidth(label),
  );
  return Math.ceil(Math.max(0, ...widths)) + 9;
}

/** Every k-th of some labels that stand `step` pixels apart, so that neighbours do not touch. */
export function thin(labels: Label[], step: number): Label[] {
  const widest = Math.max(0, ...labels.map((label) => textWidth(label.text))) + 8;
  const every = Math.max(1, Math.ceil(widest / step));
  return labels.filter((_, index) => index % every === 0);
}
