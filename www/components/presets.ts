// Every preset of the catalogue, to choose one.

import { html, nothing, type TemplateResult } from 'lit';
import { customElement, state } from 'lit/decorators.js';
import { openPreset } from '../actions';
import type { PresetEntry } from '../protocol';
import { Watch } from '../store';
import { icon } from './icons';
import { LightElement } from './light';

@customElement('gb-presets')
export class Presets extends LightElement {
  #watch = new Watch(this, (now) => [now.catalogue, now.run]);
  @state() private accessor search = '';

  show(): void {
    this.search = '';
    this.querySelector('dialog')?.showModal();
  }

  #close(): void {
    this.querySelector('dialog')?.close();
  }

  #choose({ id }: PresetEntry): void {
    this.#close();
    if (id !== this.#watch.state.run?.preset) openPreset(id);
  }

  protected override render(): TemplateResult {
    const { catalogue, run } = this.#watch.state;
    const wanted = this.search.toLowerCase();
    const presets = (catalogue?.presets ?? []).filter((preset) =>
      `${preset.title} ${preset.summary} ${preset.problem}`.toLowerCase().includes(wanted),
    );
    return html`<dialog aria-labelledby="presets-title">
      <header>
        <h2 id="presets-title">Presets</h2>
        <button class="btn quiet icon" aria-label="Close" @click=${this.#close}>${icon('close')}</button>
      </header>
      <div class="body">
        <input
          class="input"
          type="search"
          aria-label="Search the presets"
          placeholder="Search by name or problem"
          .value=${this.search}
          @input=${(event: Event) => {
            this.search = (event.target as HTMLInputElement).value;
          }}
        />
        <div class="presets">
          ${presets.map(
            (
              preset,
            ) => html`<button aria-current=${preset.id === run?.preset} @click=${() => this.#choose(preset)}>
              <b>${preset.title}</b><span class="problem">${preset.problem ? `problem ${preset.problem}` : nothing}</span>
              <small>${preset.summary}</small>
            </button>`,
          )}
          ${presets.length === 0 ? html`<p class="muted">No preset has these words.</p>` : nothing}
        </div>
      </div>
    </dialog>`;
  }
}
