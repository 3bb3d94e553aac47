// The network as a diagram of its sites in three stages, lit by the board on show.

import { html, nothing, type PropertyValues, type TemplateResult } from 'lit';
import { customElement } from 'lit/decorators.js';
import { ablate, setEdits } from '../actions';
import { ramp } from '../colour';
import { formatNumber } from '../format';
import type { Edit, Number as Score, Site, Stage } from '../protocol';
import { type State, store, type UnitRef, Watch, type Which } from '../store';
import { icon } from './icons';
import { LightElement } from './light';
import './site';
import { paintUnit, type Scale } from './site';
import { layoutOf, type SiteLayout, unitText } from './site_layout';

const STAGES: { stage: Stage; name: string; gist: string }[] = [
  { stage: 'sensory', name: 'Sensory', gist: 'what is there' },
  { stage: 'analysis', name: 'Analysis', gist: 'what it means' },
  { stage: 'motor', name: 'Motor', gist: 'what to do' },
];

const SHOWS: { show: State['show']; name: string }[] = [
  { show: 'clean', name: 'Clean' },
  { show: 'corrupt', name: 'Corrupt' },
  { show: 'difference', name: 'Difference' },
];

/** Sites that have been negative once keep the signed colours, so that a colour keeps its meaning. */
const signedSites = new WeakMap<object, Set<string>>();

interface Drawn {
  site: Site;
  layout: SiteLayout;
  values: Record<Which, readonly number[] | null>;
  shown: readonly number[] | null;
  scale: Scale;
}

function largest(values: readonly number[] | null): number {
  return (values ?? []).reduce((most, value) => Math.max(most, Math.abs(value)), 0);
}

@customElement('gb-brain')
export class Brain extends LightElement {
  #watch = new Watch(this, (state) => [
    state.run,
    state.views,
    state.show,
    state.unit,
    state.hover,
    state.edits,
    state.editScores,
  ]);
  #layouts = new Map<string, SiteLayout>();
  #layoutsOf: unknown = null;
  #drawn: Drawn[] = [];

  #layout(site: Site): SiteLayout {
    const { run, boards } = this.#watch.state;
    if (this.#layoutsOf !== run) this.#layouts.clear();
    this.#layoutsOf = run;
    let layout = this.#layouts.get(site.name);
    if (!layout) {
      layout = layoutOf(site, boards.clean?.scene ?? null);
      this.#layouts.set(site.name, layout);
    }
    return layout;
  }

  #draw(site: Site, index: number): Drawn {
    const { run, views, show } = this.#watch.state;
    const clean = views.clean?.sites[index] ?? null;
    const corrupt = views.corrupt?.sites[index] ?? null;
    const values = { clean, corrupt };
    const layout = this.#layout(site);
    if (show === 'difference') {
      const shown = clean && corrupt ? clean.map((value, i) => value - (corrupt[i] ?? 0)) : null;
      return { site, layout, values, shown, scale: { kind: 'diverging', limit: largest(shown) } };
    }
    const signed = signedSites.get(run ?? this) ?? new Set<string>();
    signedSites.set(run ?? this, signed);
    if ([...(clean ?? []), ...(corrupt ?? [])].some((value) => value < 0)) signed.add(site.name);
    const kind = signed.has(site.name) ? 'diverging' : 'sequential';
    const limit = Math.max(largest(clean), largest(corrupt));
    return { site, layout, values, shown: values[show], scale: { kind, limit } };
  }

  protected override willUpdate(): void {
    this.#drawn = (this.#watch.state.run?.sites ?? []).map((site, index) =>
      this.#draw(site, index),
    );
  }

  protected override updated(_changed: PropertyValues): void {
    const held = this.#held();
    if (!held) return;
    const { unit, drawn } = held;
    for (const canvas of this.querySelectorAll<HTMLCanvasElement>('.duo canvas')) {
      const values = drawn.values[canvas.dataset.which as Which] ?? [];
      paintUnit(canvas, drawn.layout, values, this.#pairScale(drawn), unit);
    }
  }

  #pairScale({ site, values }: Drawn): Scale {
    const signed = signedSites.get(this.#watch.state.run ?? this)?.has(site.name) === true;
    const limit = Math.max(largest(values.clean), largest(values.corrupt));
    return { kind: signed ? 'diverging' : 'sequential', limit };
  }

  #held(): { drawn: Drawn; unit: number } | null {
    const { unit } = this.#watch.state;
    const drawn = this.#drawn.find(({ site }) => site.name === unit?.site);
    if (!drawn || unit?.unit == null) return null;
    const index = Math.floor(unit.unit / drawn.layout.perUnit);
    return index < drawn.layout.numUnits ? { drawn, unit: index } : null;
  }

  #onHover({ detail }: CustomEvent<UnitRef>): void {
    const { hover } = store.state;
    if (detail.unit === null) store.set({ hover: null });
    else if (hover?.site !== detail.site || hover.unit !== detail.unit)
      store.set({ hover: detail });
  }

  #onHold({ detail }: CustomEvent<UnitRef>): void {
    const { unit } = store.state;
    const same = unit?.site === detail.site && unit.unit === detail.unit;
    store.set({ unit: same ? null : detail });
  }

  protected override render(): TemplateResult {
    const { run } = this.#watch.state;
    return html`<section class="area brain" aria-labelledby="brain-title">
      <div class="head">
        <h2 id="brain-title">Brain</h2>
        <p>${run ? this.#summary() : nothing}</p>
        <span class="grow"></span>
        ${run ? this.#legend() : nothing} ${run ? this.#shows() : nothing}
      </div>
      ${run ? this.#stages() : html`<div class="welcome"><p>The network appears here, site by site, once a preset is open.</p></div>`}
      ${run ? this.#unitBar() : nothing} ${this.#editRow()}
    </section>`;
  }

  #summary(): string {
    const { run, show, catalogue, edits } = this.#watch.state;
    const model = catalogue?.models.find(({ id }) => id === run?.model)?.title ?? run?.model;
    const board = show === 'difference' ? 'clean minus corrupt' : `on the ${show} board`;
    const under = edits.length > 0 ? `, ${edits.length} edited` : '';
    return `${model}, ${formatNumber(run?.num_weights ?? 0)} weights, ${board}${under}`;
  }

  #legend(): TemplateResult {
    const difference = this.#watch.state.show === 'difference';
    const kinds = new Set(
      this.#drawn.filter(({ layout }) => layout.kind !== 'value').map(({ scale }) => scale.kind),
    );
    const steps = (kind: Scale['kind'], count: number) =>
      html`<span class="ramp" aria-hidden="true">${ramp(kind, count).map((colour) => html`<i style="background:${colour}"></i>`)}</span>`;
    if (difference)
      return html`<span class="legend">more on corrupt ${steps('diverging', 7)} more on clean</span>`;
    return html`<span class="legend">
      ${kinds.has('sequential') ? html`0 ${steps('sequential', 6)}` : nothing}
      ${kinds.has('diverging') ? html`<span>−</span>${steps('diverging', 7)}<span>+</span>` : nothing}
      max of site
    </span>`;
  }

  #shows(): TemplateResult {
    const { show, boards } = this.#watch.state;
    return html`<div class="seg" role="group" aria-label="Which board's activations">
      ${SHOWS.map(
        (each) => html`<button
          aria-pressed=${each.show === show}
          ?disabled=${each.show !== 'clean' && !boards.corrupt}
          @click=${() => store.set({ show: each.show })}
        >
          ${each.name}
        </button>`,
      )}
    </div>`;
  }

  #stages(): TemplateResult {
    const stages = STAGES.map((each) => ({
      ...each,
      drawn: this.#drawn.filter(({ site }) => site.stage === each.stage),
    })).filter(({ drawn }) => drawn.length > 0);
    const first = stages[0]?.drawn[0];
    return html`<div class="stages" tabindex="-1">
      ${stages.map(
        ({ name, gist, drawn }) => html`<div class="stage" style="--sites:${drawn.length}">
          <h3>${name} <span>${gist}</span></h3>
          <div class="sites">${drawn.map((each) => this.#site(each, each === first))}</div>
        </div>`,
      )}
    </div>`;
  }

  #site({ site, layout, shown, scale }: Drawn, first: boolean): TemplateResult {
    const { unit, hover, edits } = this.#watch.state;
    const of = (ref: UnitRef | null) =>
      ref?.site === site.name && ref.unit !== null ? Math.floor(ref.unit / layout.perUnit) : null;
    const tapped = unit?.site === site.name;
    const edited = edits.some((edit) => edit.site === site.name);
    return html`<gb-site
      class="site ${first ? 'first' : ''} ${tapped ? 'tapped' : ''} ${edited ? 'edited' : ''}"
      .site=${site}
      .layout=${layout}
      .values=${shown}
      .scale=${scale}
      .held=${of(unit)}
      .hovered=${of(hover)}
      @hover=${this.#onHover}
      @hold=${this.#onHold}
    ></gb-site>`;
  }

  #unitBar(): TemplateResult {
    const held = this.#held();
    const hint = 'Click a unit to hold it, then set it to zero and see what changes.';
    if (!held) return html`<div class="unitbar idle">${hint}</div>`;
    const { drawn, unit } = held;
    const { site, layout, values } = drawn;
    const one = (which: Which) => {
      const mine = values[which];
      if (!mine) return nothing;
      const number = layout.perUnit === 1 ? html`<b>${formatNumber(mine[unit] ?? 0)}</b>` : nothing;
      return html`<canvas data-which=${which} aria-hidden="true"></canvas><i>${which} ${number}</i>`;
    };
    return html`<div class="unitbar">
      <span class="duo">${one('clean')}${one('corrupt')}</span>
      <b>${site.name}, ${unitText(site, unit) || 'value'}</b>
      <p>${this.#contrast(held)}</p>
      <span class="acts">
        <button class="btn quiet small" @click=${() => ablate(site, unit)}>${this.#isAblated(site.name, unit) ? 'Restore' : 'Ablate'}</button>
        <button class="btn quiet small" title="Let go (Esc)" @click=${() => store.set({ unit: null })}>Let go</button>
      </span>
    </div>`;
  }

  /** How different the unit is on the two boards, beside the most different unit of its site. */
  #contrast({ drawn, unit }: { drawn: Drawn; unit: number }): string {
    const { layout, values, site } = drawn;
    const { clean, corrupt } = values;
    if (!clean || !corrupt) return '';
    const change = (index: number) => {
      const from = index * layout.perUnit;
      let sum = 0;
      for (let i = from; i < from + layout.perUnit; i += 1)
        sum += ((clean[i] ?? 0) - (corrupt[i] ?? 0)) ** 2;
      return Math.sqrt(sum);
    };
    const all = Array.from({ length: layout.numUnits }, (_, index) => change(index));
    const most = all.indexOf(Math.max(...all));
    const mine = formatNumber(all[unit] ?? 0);
    if (most === unit) return `differs by ${mine} between the boards, most of its site`;
    return `differs by ${mine} between the boards; most of its site: ${unitText(site, most)}, ${formatNumber(all[most] ?? 0)}`;
  }

  #isAblated(site: string, unit: number): boolean {
    return this.#watch.state.edits.some(
      (edit) => edit.site === site && edit.op === 'zero' && selects(edit, unit),
    );
  }

  #editRow(): TemplateResult | typeof nothing {
    const { edits, run } = this.#watch.state;
    if (edits.length === 0) return nothing;
    return html`<div class="edits" aria-label="Edits in force" role="group">
      ${edits.map(
        (edit, index) => html`<span class="chip sel">
          ${editText(edit, run?.sites ?? [])}
          <button aria-label="Remove this edit" @click=${() => setEdits(edits.filter((_, i) => i !== index))}>${icon('close')}</button>
        </span>`,
      )}
      ${edits.length > 1 ? html`<button class="btn quiet small" @click=${() => setEdits([])}>Clear edits</button>` : nothing}
      ${this.#changes()}
    </div>`;
  }

  #changes(): TemplateResult {
    const { editScores, training } = this.#watch.state;
    if (!editScores)
      return html`<span class="changes muted">${training ? 'scored when training pauses' : 'scoring'}</span>`;
    const before = new Map(editScores.without.map((score) => [score.id, score]));
    return html`<span class="changes" aria-live="polite">
      ${editScores.with.map((score) => html`<span>${score.name} ${change(before.get(score.id), score)}</span>`)}
    </span>`;
  }
}

function change(before: Score | undefined, after: Score): TemplateResult {
  const from = before ? formatNumber(before.value) : '';
  const to = formatNumber(after.value);
  return from === to ? html`<b>${to}</b>` : html`${from} → <b class="acc">${to}</b>`;
}

function selects(edit: Edit, unit: number): boolean {
  const select = edit.select ?? 'all';
  if (select === 'all') return false;
  const chosen = 'units' in select ? select.units : select.along.indices;
  return chosen.length === 1 && chosen[0] === unit;
}

/** An edit in words: `blocks.0.out, channel 11 = 0`. */
export function editText({ site, select = 'all', op }: Edit, sites: Site[]): string {
  const found = sites.find(({ name }) => name === site);
  const axis = found?.axes[0]?.name ?? 'unit';
  const where =
    select === 'all'
      ? ''
      : 'units' in select
        ? `, ${axis} ${select.units.join(', ')}`
        : `, ${select.along.axis} ${select.along.indices.join(', ')}`;
  const what = typeof op === 'string' ? op : Object.keys(op)[0];
  return `${site}${where} ${what === 'zero' ? '= 0' : `: ${what?.replaceAll('_', ' ')}`}`;
}
