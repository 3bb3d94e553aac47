// The parameters of the run: forms from the schemas of its environment, model and agent.

import { html, nothing, type TemplateResult } from 'lit';
import { customElement, state } from 'lit/decorators.js';
import { openPreset } from '../actions';
import type { Entry, RunInfo } from '../protocol';
import { Watch } from '../store';
import './form';
import { icon } from './icons';
import { LightElement } from './light';

interface Group {
  /** First word of the dotted names. */
  scope: string;
  entry: Entry;
}

interface FormChange {
  values: Record<string, unknown>;
  valid: boolean;
}

@customElement('gb-parameters')
export class Parameters extends LightElement {
  #watch = new Watch(this, (now) => [now.catalogue, now.run, now.set]);
  /** Values of each group's form while the dialog is open. */
  @state() private accessor values: Record<string, Record<string, unknown>> = {};
  @state() private accessor updates = 0;
  @state() private accessor invalid: ReadonlySet<string> = new Set();

  show(): void {
    const { run } = this.#watch.state;
    if (!run) return;
    this.values = Object.fromEntries(
      this.#groups(run).map(({ scope }) => [scope, within(run, scope)]),
    );
    this.updates = run.updates;
    this.invalid = new Set();
    this.querySelector('dialog')?.showModal();
  }

  #groups(run: RunInfo): Group[] {
    const { catalogue } = this.#watch.state;
    if (!catalogue) return [];
    const { environments, models, agents } = catalogue;
    const groups: [string, Entry | undefined][] = [
      ['environment', environments.find(({ id }) => id === run.environment)],
      ['model', models.find(({ id }) => id === run.model)],
      ['agent', agents.find(({ id }) => id === run.agent)],
    ];
    return groups.flatMap(([scope, entry]) => (entry ? [{ scope, entry }] : []));
  }

  #onChange(scope: string, { detail }: CustomEvent<FormChange>): void {
    this.values = { ...this.values, [scope]: detail.values };
    const invalid = new Set(this.invalid);
    if (detail.valid) invalid.delete(scope);
    else invalid.add(scope);
    this.invalid = invalid;
  }

  /** What differs from the preset. */
  #changed(run: RunInfo): Record<string, unknown> {
    const preset = this.#watch.state.catalogue?.presets.find(({ id }) => id === run.preset);
    const set: Record<string, unknown> = { ...this.#watch.state.set };
    for (const [scope, values] of Object.entries(this.values)) {
      for (const [name, value] of Object.entries(values)) {
        const dotted = `${scope}.${name}`;
        if (JSON.stringify(value) !== JSON.stringify(run.parameters[dotted])) set[dotted] = value;
      }
    }
    if (this.updates !== run.updates) set.updates = this.updates;
    if (set.updates === preset?.updates) delete set.updates;
    return set;
  }

  #close(): void {
    this.querySelector('dialog')?.close();
  }

  #start(set: Record<string, unknown>): void {
    const { run } = this.#watch.state;
    this.#close();
    if (run) openPreset(run.preset, run.seed, set);
  }

  protected override render(): TemplateResult {
    const { run } = this.#watch.state;
    if (!run) return html``;
    return html`<dialog aria-labelledby="parameters-title">
      <header>
        <h2 id="parameters-title">Parameters of the run</h2>
        <button class="btn quiet icon" aria-label="Close" @click=${this.#close}>${icon('close')}</button>
      </header>
      <div class="body">
        <div class="field">
          <label for="run-updates">Updates <span class="unit">1 or more</span></label>
          <input
            id="run-updates"
            class="input"
            type="number"
            min="1"
            step="1"
            .value=${String(this.updates)}
            @change=${(event: Event) => {
              this.updates = Math.max(
                1,
                Math.round((event.target as HTMLInputElement).valueAsNumber || 1),
              );
            }}
          />
        </div>
        ${this.#groups(run).map((group) => this.#group(group))}
      </div>
      <footer>
        <span class="note muted">The run starts again from update 0.</span>
        <span class="row">
          <button class="btn quiet" @click=${() => this.#start({})}>The preset's own</button>
          <button class="btn primary" ?disabled=${this.invalid.size > 0} @click=${() => this.#start(this.#changed(run))}>
            Start again
          </button>
        </span>
      </footer>
    </dialog>`;
  }

  #group({ scope, entry }: Group): TemplateResult | typeof nothing {
    const values = this.values[scope];
    if (!values || Object.keys(values).length === 0) return nothing;
    return html`<fieldset>
      <legend><b>${entry.title}</b> <span class="muted">${entry.summary}</span></legend>
      <gb-form
        .schema=${entry.schema}
        .values=${values}
        @change=${(event: CustomEvent<FormChange>) => event.detail && this.#onChange(scope, event)}
      ></gb-form>
    </fieldset>`;
  }
}

function within({ parameters }: RunInfo, scope: string): Record<string, unknown> {
  const prefix = `${scope}.`;
  const own = Object.entries(parameters).filter(([name]) => name.startsWith(prefix));
  return Object.fromEntries(own.map(([name, value]) => [name.slice(prefix.length), value]));
}
