// One site of the network: its activations in their own geometry, on a canvas.

import { html, nothing, type PropertyValues, svg, type TemplateResult } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import { diverging, onTheme } from '../colour';
import { textWidth } from '../figures/drawing';
import { formatNumber } from '../format';
import type { Colour, Site } from '../protocol';
import { LightElement } from './light';
import { tableColour } from './palette';
import { roundLimit, type SiteLayout, shapeText, unitAt, unitBox, unitText } from './site_layout';

export interface Scale {
  kind: Colour['kind'];
  limit: number;
}

/** A canvas of a size in CSS pixels, sharp on every screen. */
function prepare(canvas: HTMLCanvasElement, width: number, height: number) {
  const ratio = window.devicePixelRatio || 1;
  canvas.width = Math.ceil(width * ratio);
  canvas.height = Math.ceil(height * ratio);
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  const context = canvas.getContext('2d');
  context?.scale(ratio, ratio);
  return context;
}

/** Draws a whole site. */
function paintSite(
  canvas: HTMLCanvasElement,
  layout: SiteLayout,
  values: readonly number[],
  scale: Scale,
): void {
  const context = prepare(canvas, layout.width, layout.height);
  if (!context) return;
  layout.corners.forEach(([x, y], index) => {
    context.fillStyle = tableColour(scale.kind, values[index] ?? 0, scale.limit);
    context.fillRect(x, y, layout.side, layout.side);
  });
}

const UNIT_SIDE = 34;

/** Draws one unit of a site alone, larger. */
export function paintUnit(
  canvas: HTMLCanvasElement,
  layout: SiteLayout,
  values: readonly number[],
  scale: Scale,
  unit: number,
): void {
  const [left, top, width, height] = unitBox(layout, unit);
  const zoom = UNIT_SIDE / Math.max(width, height);
  const context = prepare(canvas, width * zoom, height * zoom);
  if (!context) return;
  for (let index = unit * layout.perUnit; index < (unit + 1) * layout.perUnit; index += 1) {
    const [x, y] = layout.corners[index] ?? [0, 0];
    context.fillStyle = tableColour(scale.kind, values[index] ?? 0, scale.limit);
    context.fillRect((x - left) * zoom, (y - top) * zoom, layout.side * zoom, layout.side * zoom);
  }
}

@customElement('gb-site')
export class SiteElement extends LightElement {
  @property({ attribute: false }) site!: Site;
  @property({ attribute: false }) layout!: SiteLayout;
  @property({ attribute: false }) values: readonly number[] | null = null;
  @property({ attribute: false }) scale: Scale = { kind: 'sequential', limit: 1 };
  @property({ attribute: false }) held: number | null = null;
  @property({ attribute: false }) hovered: number | null = null;

  #cursor = 0;
  #stopTheme: (() => void) | undefined;

  override connectedCallback(): void {
    super.connectedCallback();
    this.#stopTheme = onTheme(() => this.#paint());
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#stopTheme?.();
  }

  protected override updated(changed: PropertyValues<this>): void {
    if (changed.has('values') || changed.has('layout') || changed.has('scale')) this.#paint();
  }

  #paint(): void {
    const canvas = this.querySelector('canvas');
    if (canvas) paintSite(canvas, this.layout, this.values ?? [], this.scale);
  }

  /** Tells of a unit by the flat index of its first element. */
  #tell(type: 'hover' | 'hold', index: number | null): void {
    const unit = index === null ? null : index * this.layout.perUnit;
    this.dispatchEvent(new CustomEvent(type, { detail: { site: this.site.name, unit } }));
  }

  #unitUnder(event: PointerEvent | MouseEvent): number | null {
    const box = (event.currentTarget as HTMLElement).getBoundingClientRect();
    return unitAt(this.layout, event.clientX - box.left, event.clientY - box.top);
  }

  #onKey(event: KeyboardEvent): void {
    const { numUnits, across } = this.layout;
    const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -across, ArrowDown: across }[event.key];
    if (step !== undefined) {
      this.#cursor = Math.min(numUnits - 1, Math.max(0, this.#cursor + step));
      this.#tell('hover', this.#cursor);
    } else if (event.key === 'Enter' || event.key === ' ') {
      this.#tell('hold', this.#cursor);
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  }

  #outline(unit: number | null, kind: string): TemplateResult | typeof nothing {
    if (unit === null || unit >= this.layout.numUnits) return nothing;
    const [left, top, width, height] = unitBox(this.layout, unit);
    const style = `left:${left - 2}px;top:${top - 2}px;width:${width + 4}px;height:${height + 4}px`;
    return html`<span class="outline ${kind}" style=${style}></span>`;
  }

  #valueBar(): TemplateResult {
    const value = this.values?.[0] ?? 0;
    const limit = roundLimit(this.scale.limit);
    const y = 46 - (Math.max(-limit, Math.min(limit, value)) / limit) * 36;
    const end = formatNumber(limit);
    const ticks = [
      [10, `+${end}`],
      [46, '0'],
      [82, `−${end}`],
    ] as const;
    return html`<svg width="92" height="92" viewBox="0 0 92 92" aria-hidden="true">
      <path d="M40 10V82M36 10h8M36 46h8M36 82h8" class="axis" />
      ${ticks.map(([at, text]) => svg`<text x="31" y=${at + 4} class="t end">${text}</text>`)}
      <rect x="40" y=${Math.min(46, y)} width="16" height=${Math.abs(46 - y)} style="fill:${diverging(value, limit)}" />
      <text x="61" y=${y < 46 ? y + 6 : y + 3} class="tb">${formatNumber(value)}</text>
    </svg>`;
  }

  #planes(): TemplateResult | typeof nothing {
    const { site, layout } = this;
    const labels = site.axes[0]?.labels ?? [];
    if (layout.kind !== 'tiles' || labels.length === 0 || layout.across < labels.length)
      return nothing;
    const fits = labels.every((label, unit) => textWidth(label) <= unitBox(layout, unit)[2] + 2);
    if (!fits) return html`<div class="planes listed">${labels.join(' · ')}</div>`;
    return html`<div class="planes">
      ${labels.map((label, unit) => {
        const [, , width] = unitBox(layout, unit);
        return html`<span style="width:${width + 5}px">${label}</span>`;
      })}
    </div>`;
  }

  protected override render(): TemplateResult {
    const { site, layout, values } = this;
    const cursor = this.hovered ?? this.#cursor;
    const value = values?.[cursor];
    const text = `${unitText(site, cursor)}${layout.perUnit === 1 && value !== undefined ? `: ${formatNumber(value)}` : ''}`;
    return html`
      <div class="name">${site.name}</div>
      <div class="shape">${shapeText(site)}</div>
      <div
        class="tiles"
        role="slider"
        tabindex="0"
        aria-label="${site.name}: arrows choose a unit, Enter holds it"
        aria-valuemin="0"
        aria-valuemax=${layout.numUnits - 1}
        aria-valuenow=${cursor}
        aria-valuetext=${text || formatNumber(value ?? 0)}
        @pointermove=${(event: PointerEvent) => this.#tell('hover', this.#unitUnder(event))}
        @pointerleave=${() => this.#tell('hover', null)}
        @blur=${() => this.#tell('hover', null)}
        @click=${(event: MouseEvent) => this.#tell('hold', this.#unitUnder(event))}
        @keydown=${this.#onKey}
      >
        ${layout.kind === 'value' ? this.#valueBar() : html`<canvas></canvas>`}
        ${this.#outline(this.hovered, 'hovered')} ${this.#outline(this.held, '')}
      </div>
      ${this.#planes()}
    `;
  }
}
