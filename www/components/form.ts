// A form from a JSON schema: one control a parameter, checked as it is filled in.

import { html, nothing, type PropertyValues, type TemplateResult } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import {
  type Choice,
  type Control,
  defaultsOf,
  type Field,
  fieldsOf,
  parse,
  print,
  printIn,
  problem,
  range,
  sliderShare,
  sliderValue,
  type Values,
} from '../schema';
import { type State, Watch } from '../store';
import { icon } from './icons';
import { LightElement } from './light';

export interface FormChange {
  values: Values;
  valid: boolean;
}

let lastForm = 0;

@customElement('gb-form')
export class FormElement extends LightElement {
  @property({ attribute: false }) schema: unknown = null;
  /** Values that differ from the defaults, or all of them. */
  @property({ attribute: false }) values: Values = {};

  /** Descriptions are told by pointing at a label, where room is short. */
  @property({ type: Boolean }) compact = false;

  #watch = new Watch(this, (state) => [state.run]);
  #fields: Field[] = [];
  #values: Values = {};
  #id = `form-${++lastForm}`;

  protected override willUpdate(changed: PropertyValues): void {
    if (changed.has('schema')) this.#fields = fieldsOf(this.schema);
    if (changed.has('schema') || changed.has('values'))
      this.#values = { ...defaultsOf(this.#fields), ...this.values };
  }

  #problem(field: Field): string | null {
    return problem(field, this.#values[field.name], choicesOf(field, this.#watch.state));
  }

  #set(field: Field, value: unknown): void {
    this.#values = { ...this.#values, [field.name]: value };
    const valid = this.#fields.every((each) => this.#problem(each) === null);
    const detail: FormChange = { values: this.#values, valid };
    this.dispatchEvent(new CustomEvent('change', { detail, bubbles: true }));
    this.requestUpdate();
  }

  protected override render(): TemplateResult[] {
    return this.#fields.map((field) => this.#field(field));
  }

  #field(field: Field): TemplateResult {
    const id = `${this.#id}-${field.name}`;
    const wrong = this.#problem(field);
    const beside = field.unit || (field.automatic ? '' : range(field.control));
    const help = wrong ?? (this.compact ? '' : field.description);
    return html`<div class="field" @change=${swallow} @input=${swallow}>
      <label for=${id} title=${field.description}>
        <span>${field.label}</span>
        ${beside ? html`<span class="unit">${beside}</span>` : nothing}
      </label>
      ${this.#control(field, id, wrong !== null)}
      ${help ? html`<p class=${wrong ? 'help wrong' : 'help'} id="${id}-help">${help}</p>` : nothing}
    </div>`;
  }

  #control(field: Field, id: string, wrong: boolean): TemplateResult {
    const { control } = field;
    const value = this.#values[field.name];
    const choices = choicesOf(field, this.#watch.state);
    if (choices.length > 0)
      return control.kind === 'list'
        ? this.#many(field, id, choices)
        : this.#one(field, id, choices);
    if (control.kind === 'switch') return this.#switch(field, id, value === true);
    // What is chosen for the visitor is no place on a slider.
    if (control.kind === 'number' && control.low && control.high && !field.automatic)
      return this.#slider(field, id, wrong, control);
    return this.#text(field, id, wrong);
  }

  #text(field: Field, id: string, wrong: boolean): TemplateResult {
    const isNumber = field.control.kind === 'number';
    return html`<input
      class="input"
      id=${id}
      type="text"
      inputmode=${isNumber ? 'decimal' : 'text'}
      autocomplete="off"
      spellcheck="false"
      placeholder=${field.automatic}
      aria-invalid=${wrong}
      aria-describedby="${id}-help"
      .value=${printIn(field, this.#values[field.name])}
      @change=${(event: Event) => this.#set(field, parse(field, text(event)))}
    />`;
  }

  #slider(
    field: Field,
    id: string,
    wrong: boolean,
    { low, high, integer }: Extract<Control, { kind: 'number' }>,
  ): TemplateResult {
    const value = this.#values[field.name];
    const [least, most] = [low?.value ?? 0, high?.value ?? 1];
    const share = sliderShare(typeof value === 'number' ? value : least, least, most);
    const slide = (event: Event) =>
      this.#set(field, sliderValue(Number(text(event)), least, most, integer));
    return html`<div class="slide">
      <input
        type="range"
        aria-label=${field.label}
        aria-valuetext=${print(value)}
        min="0"
        max="1"
        step=${integer && most - least <= 200 ? 1 / (most - least || 1) : 0.005}
        style="--share:${share}"
        .value=${String(share)}
        @input=${slide}
      />
      ${this.#text(field, id, wrong)}
    </div>`;
  }

  #switch(field: Field, id: string, on: boolean): TemplateResult {
    return html`<button
      class="switch"
      id=${id}
      type="button"
      role="switch"
      aria-checked=${on}
      @click=${() => this.#set(field, !on)}
    >
      <i></i><span>${on ? 'on' : 'off'}</span>
    </button>`;
  }

  #one(field: Field, id: string, choices: Choice[]): TemplateResult {
    const value = this.#values[field.name];
    const index = choices.findIndex((choice) => choice.value === value);
    const pick = (event: Event) => {
      const at = Number(text(event));
      this.#set(field, at < 0 ? (field.optional ? null : '') : choices[at]?.value);
    };
    const mayBeEmpty = field.optional || index < 0 || field.fallback === '';
    return html`<span class="input select">
      <select id=${id} aria-describedby="${id}-help" @change=${pick}>
        ${mayBeEmpty ? html`<option value="-1" ?selected=${index < 0}>${field.automatic || 'automatic'}</option>` : nothing}
        ${choices.map(
          (choice, at) => html`<option
            value=${at}
            title=${choice.description}
            ?selected=${at === index}
          >
            ${choice.label}
          </option>`,
        )}
      </select>
      ${icon('down')}
    </span>`;
  }

  /** Several of what the run has: a menu of switches; none of them on means all. */
  #many(field: Field, id: string, choices: Choice[]): TemplateResult {
    const value = this.#values[field.name];
    const picked: unknown[] = Array.isArray(value) ? value : [];
    const labels = choices
      .filter((choice) => picked.includes(choice.value))
      .map((each) => each.label);
    const all = field.automatic || `all ${choices.length}`;
    const said = labels.length === 0 ? all : labels.join(', ');
    const toggle = (choice: Choice) => {
      const without = picked.filter((each) => each !== choice.value);
      this.#set(field, without.length < picked.length ? without : [...picked, choice.value]);
    };
    return html`<details class="menu pick">
      <summary class="input" id=${id} aria-label="${field.label}: ${said}">
        <span>${said}</span>${icon('down')}
      </summary>
      <div class="list left">
        ${choices.map(
          (choice) => html`<label title=${choice.description}>
            <input
              type="checkbox"
              .checked=${picked.includes(choice.value)}
              @change=${() => toggle(choice)}
            />
            ${choice.label}
          </label>`,
        )}
        <button type="button" ?disabled=${picked.length === 0} @click=${() => this.#set(field, [])}>
          ${all.charAt(0).toUpperCase()}${all.slice(1)}
        </button>
      </div>
    </details>`;
  }
}

/** The scope of an environment's parameters. */
const ENVIRONMENT = 'environment.';

/** What a field may be: the schema's own choices, or those that the run has. */
function choicesOf(field: Field, { run, catalogue }: State): Choice[] {
  if (field.control.kind === 'select') return field.control.choices;
  if (!run || !field.source) return [];
  const wantsIndex =
    field.control.kind === 'number' ||
    (field.control.kind === 'list' && field.control.items !== 'string');
  const known: Record<string, { label: string; description: string }[]> = {
    sites: run.sites.map(({ name, axes }) => ({
      label: name,
      description: axes.map((axis) => `${axis.len} ${axis.name}`).join(' × '),
    })),
    actions: run.actions.map((label) => ({ label, description: '' })),
    concepts: run.concepts.map(({ id, summary }) => ({ label: id, description: summary })),
    ops: (catalogue?.ops ?? []).map(({ id, title }) => ({ label: id, description: title })),
    parameters: Object.entries(run.parameters)
      .filter(([name, value]) => name.startsWith(ENVIRONMENT) && typeof value === 'number')
      .map(([name]) => ({ label: name.slice(ENVIRONMENT.length), description: '' })),
  };
  return (known[field.source] ?? []).map((each, index) => ({
    ...each,
    value: wantsIndex ? index : each.label,
  }));
}

function text(event: Event): string {
  return (event.target as HTMLInputElement | HTMLSelectElement).value;
}

/** Keeps the inputs' own events inside, so that a `change` outside is always the form's. */
function swallow(event: Event): void {
  if (!(event instanceof CustomEvent)) event.stopPropagation();
}
