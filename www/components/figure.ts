// A figure: title and tools, drawing, what is pointed at, caption, headline numbers and controls.

import { html, nothing, type PropertyValues, svg, type TemplateResult } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { pinResult } from '../actions';
import { type Drawn, draw } from '../figures';
import {
  type Drawing,
  heightFor,
  mostFor,
  neighbour,
  type Place,
  placeAt,
} from '../figures/drawing';
import { drawTable } from '../figures/table';
import { formatNumber } from '../format';
import type { Figure } from '../protocol';
import {
  isFollowed,
  isStale,
  type Result,
  shownUpdate,
  store,
  type UnitRef,
  Watch,
} from '../store';
import { exportMenu } from './export_menu';
import { captionOf, hasValues, legend, numberOf } from './figure_parts';
import { icon } from './icons';
import { LightElement } from './light';
import { statesButton } from './states';

const LEAST_WIDTH = 120;

@customElement('gb-figure')
export class FigureElement extends LightElement {
  @property({ attribute: false }) result: Result | null = null;
  @state() private width = 0;
  /** Pixels down of the area that the figure stands in, where the page itself does not scroll. */
  @state() private areaHeight = Number.POSITIVE_INFINITY;
  /** Index of the place that is pointed at; −1 for none. */
  @state() private pointed = -1;

  #drawing: Drawing | null = null;
  #drawnSite: string | null = null;
  /** Pixels down that the box of the drawing may take beside others. */
  #most = 0;
  #observer = new ResizeObserver((entries) => {
    for (const { target, contentRect } of entries) {
      if (target === this.#area) this.areaHeight = heightOf(target);
      else this.width = Math.floor(contentRect.width);
    }
  });
  #area: Element | null = null;
  #watch = new Watch(this, (state) => [
    state.unit,
    state.hover,
    state.boards,
    state.active,
    state.busy !== null,
    state.run,
    shownUpdate(state),
    this.result !== null && isStale(this.result, state),
    this.result !== null && isFollowed(this.result, state),
  ]);

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#observer.disconnect();
  }

  protected override firstUpdated(): void {
    const box = this.querySelector('.g-box');
    if (box) this.#observer.observe(box);
    this.#area = this.closest('.area');
    if (this.#area) this.#observer.observe(this.#area);
    // Labels are measured, and measured again once their font has come.
    document.fonts.ready.then(this.#redraw);
  }

  protected override willUpdate(changed: PropertyValues): void {
    const site = this.#watch.state.unit?.site ?? null;
    const isResized = changed.has('width') || changed.has('areaHeight');
    const isNew = changed.has('result') || isResized || site !== this.#drawnSite;
    if (changed.has('result')) this.pointed = -1;
    if (isNew || !this.#drawing) this.#draw(site);
  }

  #draw(site: string | null): void {
    const body = this.result?.figure.body;
    this.#drawing = null;
    this.#drawnSite = site;
    const { width } = this;
    // A box that is still being laid out.
    if (!body || width < LEAST_WIDTH) return;
    const height = heightFor(width, this.areaHeight);
    this.#most = mostFor(this.areaHeight);
    if (body.type === 'table') return;
    this.#drawing = draw(body, { width, height, most: this.#most, site, shapeOf }, this.#redraw);
  }

  #redraw = (): void => {
    this.#drawing = null;
    this.requestUpdate();
  };

  #point(index: number): void {
    if (index === this.pointed) return;
    this.pointed = index;
    store.set({ hover: this.#drawing?.places[index]?.unit ?? null });
  }

  #indexUnder(event: PointerEvent | MouseEvent): number {
    const box = (event.currentTarget as Element).getBoundingClientRect();
    const places = this.#drawing?.places ?? [];
    return placeAt(places, event.clientX - box.left, event.clientY - box.top);
  }

  #hold(index: number): void {
    const unit = this.#drawing?.places[index]?.unit;
    if (unit) store.set({ unit: same(unit, store.state.unit) ? null : unit });
  }

  #onKey(event: KeyboardEvent): void {
    const places = this.#drawing?.places ?? [];
    if (event.key.startsWith('Arrow')) {
      this.#point(neighbour(places, this.pointed, event.key));
      this.#bringIntoSight(places[this.pointed]);
    } else if (event.key === 'Enter' || event.key === ' ') this.#hold(this.pointed);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** Scrolls a drawing that is taller than its box. */
  #bringIntoSight(place: Place | undefined): void {
    const box = this.querySelector('.g-box');
    if (!box || !place) return;
    const last = place.y + place.height - box.clientHeight;
    box.scrollTop = Math.min(place.y, Math.max(last, box.scrollTop));
  }

  #keep = (): void => {
    if (this.result) pinResult(this.result.id, true);
  };

  protected override render() {
    const { result } = this;
    if (!result) return nothing;
    const { figure } = result;
    const followed = isFollowed(result, this.#watch.state);
    const stale = !followed && isStale(result, this.#watch.state);
    const shown = figure.numbers;
    return html`
      <h3>
        <span>${figure.title}</span>
        <span class="tools">
          ${this.#load(figure)}
          ${exportMenu(figure, () => this.querySelector<SVGSVGElement>('.g-box > svg'))}
          <button
            class="tool"
            aria-pressed=${result.pinned}
            aria-label=${result.pinned ? 'Let the figure go' : 'Keep the figure'}
            title=${result.pinned ? 'Let go' : 'Keep'}
            @click=${() => pinResult(result.id, !result.pinned)}
          >
            ${icon('pin')}
          </button>
        </span>
      </h3>
      ${this.#box(figure, stale)}
      ${this.#readout(figure.body, stale, result)}
      <p class="cap">${captionOf(figure.caption)}</p>
      ${shown.length > 0 ? html`<dl class="nums">${shown.map(numberOf)}</dl>` : nothing}
    `;
  }

  /** One element whatever it holds, since its width is watched; a table is moved with the keys. */
  #box({ body, title }: Figure, stale: boolean) {
    const isTable = body.type === 'table';
    const button = (states: unknown[], which: string) => statesButton(states, which, this.#keep);
    return html`<div
      class=${stale ? 'g-box stale' : 'g-box'}
      style="--most:${this.#most}px"
      tabindex=${isTable ? 0 : nothing}
      role=${isTable ? 'region' : nothing}
      aria-label=${isTable ? title : nothing}
    >
      ${isTable ? drawTable(body, button) : this.#svg(body, title)}
    </div>`;
  }

  /** Puts the state that is shown on the board. */
  #load({ body, title }: Figure) {
    const isState = body.type === 'board' && body.state != null;
    return isState ? statesButton([body.state], title, this.#keep) : nothing;
  }

  #svg(body: Drawn, title: string) {
    const drawing = this.#drawing;
    const height = drawing?.height ?? 0;
    const focus = this.pointed >= 0 ? drawing?.focus?.(this.pointed) : undefined;
    return html`<svg
      class=${focus ? 'focused' : ''}
      width="100%"
      height=${height}
      tabindex="0"
      role="application"
      aria-roledescription="figure"
      aria-label="${title}: arrow keys read it, Enter holds a unit"
      @pointermove=${(event: PointerEvent) => this.#point(this.#indexUnder(event))}
      @pointerleave=${() => this.#point(-1)}
      @blur=${() => this.#point(-1)}
      @click=${(event: MouseEvent) => this.#hold(this.#indexUnder(event))}
      @keydown=${this.#onKey}
    >
      ${drawing?.marks} ${focus ?? nothing} ${drawing && this.#rings(drawing.places, body)}
    </svg>`;
  }

  /** Outlines of the unit that is held, of the one hovered anywhere, and of the place pointed at. */
  #rings(places: Place[], body: Drawn) {
    const { unit, hover } = this.#watch.state;
    const held = boxOf(places, unit);
    const pointed = places[this.pointed];
    const linked = pointed ? null : boxOf(places, hover);
    const column = body.type === 'lines';
    return svg`
      ${ring(linked, 'g-ring linked')}
      ${ring(held, 'g-ring held')}
      ${column ? guide(pointed) : ring(pointed, 'g-ring')}
    `;
  }

  /** One line of fixed height: what is pointed at, or whether the figure is out of date. */
  #readout(body: Result['figure']['body'], stale: boolean, result: Result) {
    const pointed = this.#drawing?.places[this.pointed];
    const isOlder = result.update !== shownUpdate(this.#watch.state);
    const from = isOlder ? `from update ${formatNumber(result.update)}` : 'from before your change';
    return html`<div class="readout">
      <span class="said" aria-live="polite">
        ${pointed ? pointed.text : stale ? html`<span class="chip">${from}</span>` : nothing}
      </span>
      ${stale && !pointed ? this.#again(result) : 'colour' in body && hasValues(body) ? legend(body.colour) : nothing}
    </div>`;
  }

  #again(result: Result): TemplateResult {
    const again = () =>
      this.dispatchEvent(new CustomEvent('again', { detail: result, bubbles: true }));
    return html`<button class="btn small" @click=${again}>Run again</button>`;
  }
}

/** Where the page itself scrolls, an area is as high as its figures. */
function heightOf(area: Element): number {
  return matchMedia('(min-width: 1200px)').matches ? area.clientHeight : Number.POSITIVE_INFINITY;
}

function shapeOf(site: string): number[] {
  const axes = store.state.run?.sites.find(({ name }) => name === site)?.axes ?? [];
  return axes.map(({ len }) => len);
}

/** Whether both are the same unit: an element stands for its whole channel. */
function same(one: UnitRef | null, other: UnitRef | null): boolean {
  if (one === null || other === null || one.site !== other.site) return false;
  if (one.unit === null || other.unit === null) return one.unit === other.unit;
  const perUnit = shapeOf(one.site)
    .slice(1)
    .reduce((product, len) => product * len, 1);
  return Math.floor(one.unit / perUnit) === Math.floor(other.unit / perUnit);
}

interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

/** The box around all places of a unit. */
function boxOf(places: Place[], unit: UnitRef | null): Box | null {
  const own = places.filter((place) => same(place.unit, unit));
  if (own.length === 0) return null;
  const x = Math.min(...own.map((place) => place.x));
  const y = Math.min(...own.map((place) => place.y));
  const right = Math.max(...own.map((place) => place.x + place.width));
  const bottom = Math.max(...own.map((place) => place.y + place.height));
  return { x, y, width: right - x, height: bottom - y };
}

function ring(box: Box | null | undefined, className: string) {
  if (!box) return nothing;
  return svg`<rect class=${className} x=${box.x - 1} y=${box.y - 1} width=${box.width + 1} height=${box.height + 1} rx="2"></rect>`;
}

function guide(place: Place | undefined) {
  if (!place) return nothing;
  const middle = place.x + place.width / 2;
  return svg`<path class="g-guide" d=${`M${middle} ${place.y}v${place.height}`}></path>`;
}
