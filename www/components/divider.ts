// A divider between areas: drags, moves with the arrow keys, and is remembered.

import { html, type TemplateResult } from 'lit';

interface Divider {
  /** The custom property on the layout that it sets. */
  property: string;
  label: string;
  place: 'column' | 'middle' | 'bottom';
  least: number;
  most: number;
  start: number;
}

const STEP = 16;
const KEY = 'glassbox.layout';

const DIVIDERS: Divider[] = [
  {
    property: '--world-width',
    label: 'Width of World',
    place: 'column',
    least: 260,
    most: 480,
    start: 300,
  },
  {
    property: '--brain-height',
    label: 'Height of Brain',
    place: 'middle',
    least: 120,
    most: 520,
    start: 266,
  },
  {
    property: '--time-height',
    label: 'Height of Timeline',
    place: 'bottom',
    least: 120,
    most: 420,
    start: 200,
  },
];

function remembered(): Record<string, number> {
  try {
    return JSON.parse(localStorage.getItem(KEY) ?? '{}') as Record<string, number>;
  } catch {
    return {};
  }
}

function clamp({ least, most }: Divider, pixels: number): number {
  return Math.round(Math.min(most, Math.max(least, pixels)));
}

function apply(layout: HTMLElement, divider: Divider, pixels: number): void {
  layout.style.setProperty(divider.property, `${pixels}px`);
  localStorage.setItem(KEY, JSON.stringify({ ...remembered(), [divider.property]: pixels }));
}

/** Puts the remembered sizes in force. */
export function restoreLayout(layout: HTMLElement): void {
  const sizes = remembered();
  for (const divider of DIVIDERS) {
    const pixels = sizes[divider.property];
    if (typeof pixels === 'number')
      layout.style.setProperty(divider.property, `${clamp(divider, pixels)}px`);
  }
}

function layoutOf(element: HTMLElement): HTMLElement | null {
  return element.closest<HTMLElement>('.lab');
}

/** The present size of what a divider bounds. */
function measure(divider: Divider, element: HTMLElement, layout: HTMLElement): number {
  const here = element.getBoundingClientRect();
  const whole = layout.getBoundingClientRect();
  if (divider.place === 'column') return here.left + here.width / 2 - whole.left;
  if (divider.place === 'bottom') return whole.bottom - here.top - here.height / 2;
  const brain = layout.querySelector('.brain')?.getBoundingClientRect();
  return brain?.height ?? divider.start;
}

function onKey(event: KeyboardEvent, divider: Divider): void {
  const element = event.currentTarget as HTMLElement;
  const layout = layoutOf(element);
  if (!layout) return;
  const grow = divider.place === 'bottom' ? 'ArrowUp' : 'ArrowDown';
  const shrink = divider.place === 'bottom' ? 'ArrowDown' : 'ArrowUp';
  const [more, less] = divider.place === 'column' ? ['ArrowRight', 'ArrowLeft'] : [grow, shrink];
  const step = event.key === more ? STEP : event.key === less ? -STEP : 0;
  if (step === 0) return;
  event.preventDefault();
  event.stopPropagation();
  apply(layout, divider, clamp(divider, measure(divider, element, layout) + step));
}

function onDown(event: PointerEvent, divider: Divider): void {
  const element = event.currentTarget as HTMLElement;
  const layout = layoutOf(element);
  if (!layout || event.button !== 0) return;
  const start = measure(divider, element, layout);
  const along = ({ clientX, clientY }: PointerEvent) =>
    divider.place === 'column' ? clientX : divider.place === 'bottom' ? -clientY : clientY;
  const from = along(event);
  const onMove = (move: PointerEvent) =>
    apply(layout, divider, clamp(divider, start + along(move) - from));
  const onUp = () => {
    delete element.dataset.dragging;
    element.removeEventListener('pointermove', onMove);
  };
  element.dataset.dragging = '';
  element.setPointerCapture(event.pointerId);
  element.addEventListener('pointermove', onMove);
  element.addEventListener('lostpointercapture', onUp, { once: true });
}

function onReset(event: MouseEvent, divider: Divider): void {
  const layout = layoutOf(event.currentTarget as HTMLElement);
  layout?.style.removeProperty(divider.property);
  const { [divider.property]: _, ...others } = remembered();
  localStorage.setItem(KEY, JSON.stringify(others));
}

export function dividers(): TemplateResult[] {
  return DIVIDERS.map(
    (divider) => html`<div
      class="divider ${divider.place}"
      role="separator"
      tabindex="0"
      aria-label=${divider.label}
      aria-orientation=${divider.place === 'column' ? 'vertical' : 'horizontal'}
      aria-valuemin=${divider.least}
      aria-valuemax=${divider.most}
      aria-valuenow=${remembered()[divider.property] ?? divider.start}
      title="Drag to resize; double click to reset"
      @pointerdown=${(event: PointerEvent) => onDown(event, divider)}
      @keydown=${(event: KeyboardEvent) => onKey(event, divider)}
      @dblclick=${(event: MouseEvent) => onReset(event, divider)}
    ></div>`,
  );
}
