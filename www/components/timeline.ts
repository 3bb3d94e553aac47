// Timeline: the run's curves over updates, and a handle that brings its checkpoints back.

import { html, nothing, type TemplateResult } from 'lit';
import { customElement, state } from 'lit/decorators.js';
import { dismissWarning, rewind, scrub, scrubStep } from '../actions';
import { formatNumber, formatScore, formatSeconds } from '../format';
import { lanesOf, nearest } from '../lanes';
import type { Number as Score } from '../protocol';
import { type CheckpointPoint, type State, shownUpdate, Watch } from '../store';
import { backButton } from './back';
import { icon } from './icons';
import { LightElement } from './light';
import { axisOf, drawTimeline, type PlotState } from './timeline_plot';

/** While training, the curves are drawn this often. */
const TRAINING_INTERVAL_MS = 80;
const REPLAY_MS = 6000;
const LONGEST_STEP_MS = 400;

@customElement('gb-timeline')
export class Timeline extends LightElement {
  #watch = new Watch(this, (now) => [
    now.run,
    now.update,
    now.updates,
    now.checkpoints,
    now.scrubbed,
    now.training,
    now.secondsTrained,
    now.secondsLeft,
    now.editScores,
    now.kept,
    now.collapses,
    now.warning,
  ]);
  @state() private accessor size = { width: 0, height: 0 };
  @state() private accessor hovered: number | null = null;
  @state() private accessor replaying = false;

  #dragging = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #observer = new ResizeObserver(([entry]) => {
    if (!entry) return;
    const { width, height } = entry.contentRect;
    this.size = { width: Math.floor(width), height: Math.floor(height) };
  });

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#observer.disconnect();
    clearTimeout(this.#timer);
  }

  protected override firstUpdated(): void {
    const plot = this.querySelector('.tl-plot');
    if (plot) this.#observer.observe(plot);
    // Labels are measured, and measured again once their font has come.
    document.fonts.ready.then(() => this.requestUpdate());
  }

  protected override async scheduleUpdate(): Promise<void> {
    if (this.#watch.state.training && !this.#dragging && this.hovered === null)
      await new Promise((resolve) => setTimeout(resolve, TRAINING_INTERVAL_MS));
    super.scheduleUpdate();
  }

  #plotState(now: State): PlotState {
    const { run, catalogue, updates, checkpoints, update } = now;
    const claims = catalogue?.presets.find(({ id }) => id === run?.preset)?.claims ?? [];
    return {
      ...this.size,
      lanes: run ? lanesOf(run, claims, updates, checkpoints) : [],
      update,
      updates: run?.updates ?? 1,
      checkpoints: checkpoints.map((each) => each.update),
      collapses: now.collapses.map((each) => each.update),
      shown: shownUpdate(now),
      hovered: this.hovered,
    };
  }

  #updateUnder(event: PointerEvent): number {
    const box = (event.currentTarget as Element).getBoundingClientRect();
    const { run } = this.#watch.state;
    const axis = axisOf({ width: this.size.width, updates: run?.updates ?? 1 });
    return axis.at(event.clientX - box.left);
  }

  #scrubTo(at: number): void {
    const { checkpoints, update } = this.#watch.state;
    const newest = { update };
    const chosen = nearest([...checkpoints, newest], at);
    scrub(chosen === update ? null : chosen);
  }

  #onDown(event: PointerEvent): void {
    if (event.button !== 0) return;
    this.#stopReplay();
    this.#dragging = true;
    (event.currentTarget as Element).setPointerCapture(event.pointerId);
    this.#scrubTo(this.#updateUnder(event));
  }

  #onMove(event: PointerEvent): void {
    const at = this.#updateUnder(event);
    if (this.#dragging) this.#scrubTo(at);
    else if (event.pointerType === 'mouse')
      this.hovered = Math.min(Math.round(at), this.#watch.state.update);
  }

  #onUp(): void {
    this.#dragging = false;
    this.hovered = null;
  }

  #onKey(event: KeyboardEvent): void {
    const { checkpoints } = this.#watch.state;
    if (event.key === 'ArrowLeft' || event.key === 'ArrowDown') scrubStep(-1);
    else if (event.key === 'ArrowRight' || event.key === 'ArrowUp') scrubStep(1);
    else if (event.key === 'Home') scrub(checkpoints[0]?.update ?? null);
    else if (event.key === 'End') scrub(null);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** Goes through the checkpoints one after the other, back to the newest weights. */
  #replay(): void {
    const steps = this.#watch.state.checkpoints.map((each) => each.update);
    const pause = Math.min(LONGEST_STEP_MS, REPLAY_MS / Math.max(1, steps.length));
    this.replaying = true;
    const next = (index: number) => {
      const step = steps[index];
      if (step === undefined || index === steps.length - 1) {
        scrub(null);
        this.replaying = false;
        return;
      }
      scrub(step);
      this.#timer = setTimeout(() => next(index + 1), pause);
    };
    next(0);
  }

  #stopReplay(): void {
    clearTimeout(this.#timer);
    this.replaying = false;
  }

  protected override render(): TemplateResult {
    const now = this.#watch.state;
    return html`<section class="area time" aria-labelledby="timeline-title">
      <div class="head">
        <h2 id="timeline-title">Timeline</h2>
        <p>
          every lane shares the update axis; drag the handle, or use <kbd>←</kbd> <kbd>→</kbd>
        </p>
        <span class="grow"></span>
        ${this.#chips(now)}
        <button
          class="btn small"
          ?disabled=${now.checkpoints.length < 2 || now.training}
          @click=${() => (this.replaying ? this.#stopReplay() : this.#replay())}
        >
          ${icon(this.replaying ? 'pause' : 'play')} ${this.replaying ? 'Stop' : 'Replay'}
        </button>
      </div>
      ${warning(now)}
      <div class="tl">
        ${side(now)}
        <div class="tl-plot">${this.#plot(now)}</div>
      </div>
    </section>`;
  }

  #chips(now: State): TemplateResult {
    const time = timeText(now);
    return html`
      ${
        now.scrubbed === null
          ? nothing
          : html`<button class="chip sel" @click=${() => scrub(null)}>
              checkpoint ${formatNumber(now.scrubbed)} ${icon('close')}<span class="vh">back to the newest</span>
            </button>
            ${backToHere(now.scrubbed, now)}`
      }
      ${time ? html`<span class="chip">${now.training ? html`<i></i>` : nothing}${time}</span>` : nothing}
    `;
  }

  #plot(now: State): TemplateResult | typeof nothing {
    const { width, height } = this.size;
    if (width === 0) return nothing;
    const shown = shownUpdate(now);
    return html`<svg
        width=${width}
        height=${height}
        tabindex="0"
        role="slider"
        aria-label="Checkpoint on show"
        aria-valuemin="0"
        aria-valuemax=${now.update}
        aria-valuenow=${shown}
        aria-valuetext="update ${shown} of ${now.run?.updates ?? 0}"
        @pointerdown=${this.#onDown}
        @pointermove=${this.#onMove}
        @pointerup=${this.#onUp}
        @pointercancel=${this.#onUp}
        @pointerleave=${this.#onUp}
        @keydown=${this.#onKey}
      >
        ${drawTimeline(this.#plotState(now))}
      </svg>
      ${
        now.run && now.update === 0 && !now.training
          ? html`<p class="tl-start"><b>Update 0.</b> Press Train, or <kbd>T</kbd>.</p>`
          : nothing
      }`;
  }
}

/** Goes back to the checkpoint on show, where more than its weights is kept. */
function backToHere(shown: number, { kept }: State): TemplateResult {
  const isKept = kept.rewindable.includes(shown);
  const title = isKept
    ? `Puts the run back to update ${shown}, and drops what came after; training goes on from there`
    : 'Only the weights of this checkpoint are kept';
  return html`<button class="btn small" title=${title} ?disabled=${!isKept} @click=${() => rewind(shown)}>
    ${icon('reset')} Go back to here
  </button>`;
}

/** What was noticed of a collapse, and the way back. */
function warning(now: State): TemplateResult | typeof nothing {
  if (!now.warning) return nothing;
  const { update, message } = now.warning;
  return html`<div class="notice-here">
    ${icon('warn')}
    <p role="alert"><b>Collapse at update ${formatNumber(update)}.</b> ${message}</p>
    ${backButton(now)}
    <button class="btn quiet icon small" aria-label="Dismiss" @click=${dismissWarning}>${icon('close')}</button>
  </div>`;
}

/** Seconds trained and those left, as far as they are known. */
function timeText({ training, secondsTrained, secondsLeft, update, run }: State): string | null {
  if (secondsTrained === 0) return training ? 'training' : null;
  const trained = `${formatSeconds(secondsTrained)} trained`;
  if (!training) return run && update >= run.updates ? `${trained}, finished` : trained;
  return secondsLeft === null ? trained : `${trained}, about ${formatSeconds(secondsLeft)} left`;
}

/** The scores of the last checkpoint up to an update. */
function scoresAt(checkpoints: CheckpointPoint[], update: number): Score[] {
  return checkpoints.findLast((each) => each.update <= update)?.scores ?? [];
}

function side(now: State): TemplateResult {
  const { run, checkpoints, editScores, update } = now;
  const shown = shownUpdate(now);
  const scores = scoresAt(checkpoints, shown);
  const total = run?.updates ?? 0;
  return html`<div class="side">
    <div class="count">
      <span class="big">${formatNumber(shown)}</span>
      <span class="muted">of ${formatNumber(total)} updates</span>
    </div>
    <div
      class="bar"
      role="progressbar"
      aria-label="Updates trained"
      aria-valuemin="0"
      aria-valuemax=${total}
      aria-valuenow=${update}
    >
      <i style="width:${total > 0 ? (100 * update) / total : 0}%"></i>
    </div>
    <dl class="facts">
      ${(run?.scores ?? []).map(({ id, name }) => {
        const score = scores.find((each) => each.id === id);
        const edited = editScores?.with.find((each) => each.id === id);
        const text = score ? formatScore(score) : '–';
        return html`<dt>${name}</dt>
          <dd>
            ${
              edited
                ? html`<span class="acc" title="with the edits; ${text} without">${formatScore(edited)}</span>`
                : text
            }
          </dd>`;
      })}
    </dl>
  </div>`;
}
