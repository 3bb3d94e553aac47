// A drawing as a file: SVG and PNG with their colours written out, tables as CSV, data as JSON.

import type { Body, Cell } from '../protocol';

/** Properties that a stylesheet sets on marks; a file has no stylesheet. */
const WRITTEN_OUT = [
  'fill',
  'stroke',
  'stroke-width',
  'stroke-dasharray',
  'stroke-linecap',
  'stroke-linejoin',
  'opacity',
  'font-family',
  'font-size',
  'font-weight',
  'text-anchor',
  'dominant-baseline',
];

const MARGIN = 12;
const PNG_SCALE = 2;

/** A copy of a drawing on paper that needs no stylesheet. */
export function standalone(drawing: SVGSVGElement): SVGSVGElement {
  const copy = drawing.cloneNode(true) as SVGSVGElement;
  const shown = [drawing, ...drawing.querySelectorAll('*')];
  const copied = [copy, ...copy.querySelectorAll('*')];
  shown.forEach((element, index) => {
    const style = getComputedStyle(element);
    const target = copied[index];
    for (const name of WRITTEN_OUT) target?.setAttribute(name, style.getPropertyValue(name));
  });
  for (const style of copy.querySelectorAll('style, .g-ring')) style.remove();
  const { width, height } = drawing.getBoundingClientRect();
  const across = width + 2 * MARGIN;
  const down = height + 2 * MARGIN;
  copy.setAttribute('xmlns', 'http://www.w3.org/2000/svg');
  copy.setAttribute('width', String(across));
  copy.setAttribute('height', String(down));
  copy.setAttribute('viewBox', `${-MARGIN} ${-MARGIN} ${across} ${down}`);
  const paper = document.createElementNS('http://www.w3.org/2000/svg', 'rect');
  paper.setAttribute(
    'fill',
    getComputedStyle(document.documentElement).getPropertyValue('--surface'),
  );
  const edges = { x: -MARGIN, y: -MARGIN, width: across, height: down };
  for (const [name, value] of Object.entries(edges)) paper.setAttribute(name, String(value));
  copy.prepend(paper);
  return copy;
}

export function svgText(drawing: SVGSVGElement): string {
  return new XMLSerializer().serializeToString(standalone(drawing));
}

/** The drawing as PNG, at twice its size. */
export async function pngBytes(drawing: SVGSVGElement): Promise<Uint8Array> {
  const copy = standalone(drawing);
  const image = new Image();
  image.src = `data:image/svg+xml,${encodeURIComponent(new XMLSerializer().serializeToString(copy))}`;
  await image.decode();
  const canvas = document.createElement('canvas');
  canvas.width = Math.ceil(copy.width.baseVal.value * PNG_SCALE);
  canvas.height = Math.ceil(copy.height.baseVal.value * PNG_SCALE);
  canvas.getContext('2d')?.drawImage(image, 0, 0, canvas.width, canvas.height);
  const blob = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, 'image/png'));
  return new Uint8Array((await blob?.arrayBuffer()) ?? new ArrayBuffer(0));
}

/** A table as comma-separated values. */
export function csvText({ columns, rows }: Extract<Body, { type: 'table' }>): string {
  const quoted = (cell: Cell) => {
    const text = typeof cell === 'object' ? JSON.stringify(cell.states) : String(cell);
    return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return [columns, ...rows].map((row) => `${row.map(quoted).join(',')}\n`).join('');
}

/** A title as a file name without its ending. */
export function fileName(title: string): string {
  return (
    title
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, '_')
      .replace(/^_+|_+$/g, '') || 'figure'
  );
}
