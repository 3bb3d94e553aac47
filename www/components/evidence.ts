// Evidence: an op is chosen, filled in and run; its figures stand side by side with those kept.

import { html, nothing, type TemplateResult } from 'lit';
import { customElement, state } from 'lit/decorators.js';
import { dismissError, runOp, secondsOf, setLive, setOp } from '../actions';
import { isWide } from '../figures/table';
import { formatSeconds } from '../format';
import type { OpEntry } from '../protocol';
import { defaultsOf, fieldsOf, type Values } from '../schema';
import { type PageError, type Result, type State, Watch } from '../store';
import './figure';
import './form';
import type { FormChange } from './form';
import { icon } from './icons';
import { LightElement } from './light';
import './progress';
import { drawScene } from './scene';
import { sheetMenu } from './sheet_menu';

/** The code of a refusal that says why an op has nothing to say here. */
const DOES_NOT_APPLY = 'not_applicable';

@customElement('gb-evidence')
export class Evidence extends LightElement {
  #watch = new Watch(this, (now) => [
    now.catalogue,
    now.run,
    now.engine,
    now.op,
    now.opParameters,
    now.live,
    now.results,
    now.busy,
    now.error,
    now.boards,
    now.active,
  ]);
  @state() private accessor valid = true;
  @state() private accessor single = false;
  @state() private accessor chosen = 0;

  protected override render(): TemplateResult {
    const now = this.#watch.state;
    const entry = now.catalogue?.ops.find(({ id }) => id === now.op);
    return html`<section class="area evid" aria-labelledby="evidence-title">
      <div class="head">
        <h2 id="evidence-title">Evidence</h2>
        <p>${entry?.summary ?? nothing}</p>
        <span class="grow"></span>
        ${sheetMenu(now.results)} ${this.#switcher(now.results)}
      </div>
      <div class="evgrid">
        <div class="op">${this.#form(now, entry)}</div>
        <div class="shown">
          ${now.error?.place === 'evidence' ? failure(now.error) : nothing}
          ${this.#figures(now, entry)}
        </div>
      </div>
    </section>`;
  }

  #switcher(results: Result[]): TemplateResult {
    const step = (by: number) => () => {
      this.chosen = (this.#index(results) + by + results.length) % results.length;
    };
    const show = (single: boolean) => () => {
      this.single = single;
    };
    return html`
      ${
        this.single && results.length > 1
          ? html`<span class="muted num">${this.#index(results) + 1} of ${results.length}</span>
              <button class="btn small icon" aria-label="Figure before" @click=${step(-1)}>${icon('back')}</button>
              <button class="btn small icon" aria-label="Next figure" @click=${step(1)}>${icon('on')}</button>`
          : nothing
      }
      <span class="seg" role="group" aria-label="Layout of the figures">
        <button aria-pressed=${!this.single} @click=${show(false)}>Side by side</button>
        <button aria-pressed=${this.single} @click=${show(true)}>One</button>
      </span>
    `;
  }

  #index(results: Result[]): number {
    return Math.min(this.chosen, Math.max(0, results.length - 1));
  }

  #form(now: State, entry: OpEntry | undefined): TemplateResult | typeof nothing {
    const ops = now.catalogue?.ops ?? [];
    const choose = (event: Event) => {
      this.valid = true;
      if (now.error?.place === 'evidence') dismissError();
      setOp((event.target as HTMLSelectElement).value);
    };
    return html`
      <div class="field">
        <label for="evidence-op">Operation</label>
        <span class="input select">
          <select id="evidence-op" ?disabled=${ops.length === 0} @change=${choose}>
            ${ops.map(
              ({ id, title, summary }) =>
                html`<option value=${id} title=${summary} ?selected=${id === now.op}>${title}</option>`,
            )}
          </select>
          ${icon('down')}
        </span>
      </div>
      ${entry ? this.#parameters(now, entry) : nothing}
      ${entry ? this.#act(now, entry) : nothing}
    `;
  }

  #parameters(now: State, entry: OpEntry): TemplateResult {
    const onChange = ({ detail }: CustomEvent<FormChange>) => {
      this.valid = detail.valid;
      setOp(entry.id, withoutDefaults(entry, detail.values));
    };
    return html`<gb-form
      compact
      .schema=${entry.schema}
      .values=${now.opParameters[entry.id] ?? {}}
      @change=${onChange}
    ></gb-form>`;
  }

  /** The run button, or how far the run is; always in sight, however long the form. */
  #act(now: State, entry: OpEntry): TemplateResult {
    if (now.busy) return html`<div class="act"><gb-progress></gb-progress></div>`;
    const why = obstacle(now, entry);
    const seconds = secondsOf(entry.id);
    const run = () => runOp(entry.id, now.opParameters[entry.id] ?? {});
    return html`<div class="act">
      <button class="btn primary" ?disabled=${!this.valid || why !== null} @click=${run}>
        Run
        ${seconds === undefined ? nothing : html`<span>${costOf(seconds)}</span>`}
      </button>
      ${this.#live(now, entry)}
      <p class="help">${why ?? statesNote(now, entry.num_states)}</p>
    </div>`;
  }

  #live({ live }: State, { id }: OpEntry): TemplateResult {
    const on = live[id] === true;
    return html`<button
      class="switch"
      type="button"
      role="switch"
      aria-checked=${on}
      title="Runs again after each checkpoint"
      @click=${() => setLive(id, !on)}
    >
      <i></i><span>live while it trains</span>
    </button>`;
  }

  #figures(now: State, entry: OpEntry | undefined): TemplateResult {
    const { results } = now;
    if (results.length === 0) return this.#empty(now, entry);
    const shown = this.single ? results.slice(this.#index(results)).slice(0, 1) : results;
    const again = ({ detail }: CustomEvent<Result>) => runOp(detail.op, detail.parameters);
    return html`<div class=${this.single ? 'figs one' : 'figs'} @again=${again}>
      ${shown.map(
        (result) => html`<gb-figure
        class=${isWide(result.figure.body) ? 'fig wide' : 'fig'}
        .result=${result}
      ></gb-figure>`,
      )}
    </div>`;
  }

  #empty(now: State, entry: OpEntry | undefined): TemplateResult {
    const { clean, corrupt } = now.boards;
    const pair = entry?.num_states === 2 && clean && corrupt;
    return html`<div class="empty">
      ${
        pair
          ? html`<div class="duo-boards">
              ${drawScene(clean.scene, { label: 'the clean board' })}
              <svg class="arrow" viewBox="0 0 34 34" aria-hidden="true">
                <path d="M4 17h22M20 11l6 6-6 6" class="sacc" />
              </svg>
              ${drawScene(corrupt.scene, { label: 'the corrupt board' })}
            </div>`
          : nothing
      }
      <p>
        <b>No figures yet.</b>
        ${
          pair
            ? 'Drop one board on the other, or press Run.'
            : entry
              ? 'Press Run; its figures appear here, each with its controls.'
              : 'Operations appear when the engine is ready.'
        }
      </p>
    </div>`;
  }
}

/** The values that differ from the schema's own, so that links stay short. */
function withoutDefaults(entry: OpEntry, values: Values): Values {
  const defaults = defaultsOf(fieldsOf(entry.schema));
  return Object.fromEntries(
    Object.entries(values).filter(
      ([name, value]) => JSON.stringify(value) !== JSON.stringify(defaults[name]),
    ),
  );
}

/** Why an op cannot be run now, and what to do about it; null when it can. */
function obstacle({ engine, run, boards, active }: State, entry: OpEntry): string | null {
  if (engine.status !== 'ready' || !run) return 'The engine is not ready yet.';
  if (entry.num_states === 2 && !(boards.clean && boards.corrupt))
    return 'This takes a pair: set up the second board in World first.';
  if (entry.num_states > 0 && !boards[active]) return 'Set up a board in World first.';
  return null;
}

function costOf(seconds: number): string {
  const text = formatSeconds(seconds);
  return text.startsWith('under') ? text : `about ${text}`;
}

/** Which boards an op looks at. */
function statesNote({ active }: State, numStates: number): string {
  if (numStates === 2) return 'on the pair in World';
  return numStates === 1 ? `on the ${active} board in World` : '';
}

function failure({ code, message }: PageError): TemplateResult {
  if (code === DOES_NOT_APPLY)
    return html`<div class="notice-here plain" role="status">
      ${icon('help')}
      <p><b>Does not apply:</b> ${message.replace(/^does not apply: /, '')}.</p>
      <button class="btn quiet small icon" aria-label="Dismiss" @click=${dismissError}>${icon('close')}</button>
    </div>`;
  return html`<div class="notice-here" role="alert">
    ${icon('warn')}
    <p><b>Not done:</b> ${message}. Figures and run are as they were.</p>
    <button class="btn quiet small icon" aria-label="Dismiss" @click=${dismissError}>${icon('close')}</button>
  </div>`;
}
