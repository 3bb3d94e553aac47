// The shell: top bar, areas with their dividers, tab bar, keys, dialogs, files that are dropped.

import { html, nothing, type PropertyValues, type TemplateResult } from 'lit';
import { customElement, state } from 'lit/decorators.js';
import { importFile } from '../actions';
import { store, Watch } from '../store';
import { startTheme } from '../theme';
import { writeLink } from '../url';
import './brain';
import { dividers, restoreLayout } from './divider';
import './evidence';
import { type IconName, icon } from './icons';
import { KEYS, onKey } from './keys';
import { LightElement } from './light';
import { notice } from './notice';
import './parameters';
import type { Parameters } from './parameters';
import './presets';
import type { Presets } from './presets';
import './timeline';
import { topBar } from './top';
import './world';

const AREAS: { id: IconName & string; name: string }[] = [
  { id: 'world', name: 'World' },
  { id: 'brain', name: 'Brain' },
  { id: 'evidence', name: 'Evidence' },
  { id: 'timeline', name: 'Timeline' },
];

const SHARED_MS = 2000;

@customElement('gb-app')
export class App extends LightElement {
  #watch = new Watch(this, (now) => [
    now.engine,
    now.catalogue,
    now.run,
    now.training,
    now.update,
    now.device,
    now.error,
    now.canUndo,
    now.set,
    now.kept,
    now.warning,
  ]);
  @state() private accessor tab = new URLSearchParams(location.search).get('tab') ?? 'world';
  @state() private accessor shared = false;
  @state() private accessor dropping = false;

  override connectedCallback(): void {
    super.connectedCallback();
    startTheme();
    document.addEventListener('keydown', this.#onKey);
    document.addEventListener('click', this.#closeMenus);
    document.addEventListener('dragover', this.#onDragOver);
    document.addEventListener('dragleave', this.#onDragLeave);
    document.addEventListener('drop', this.#onDrop);
  }

  protected override firstUpdated(): void {
    const layout = this.querySelector<HTMLElement>('.lab');
    if (layout) restoreLayout(layout);
  }

  protected override updated(_changed: PropertyValues): void {
    const { run, catalogue } = this.#watch.state;
    const title = catalogue?.presets.find(({ id }) => id === run?.preset)?.title;
    const full = title ? `${title} · Glassbox` : 'Glassbox';
    if (document.title !== full) document.title = full;
  }

  #onKey = (event: KeyboardEvent): void => {
    if (event.key === 'Escape') this.#closeMenus(event);
    onKey(event, this);
  };

  /** A click outside a menu, or Escape, closes it. */
  #closeMenus = (event: Event): void => {
    for (const menu of this.querySelectorAll('details.menu[open]')) {
      const inside = event.target instanceof Node && menu.contains(event.target);
      if (!inside || event.type === 'keydown') menu.removeAttribute('open');
    }
  };

  #onDragOver = (event: DragEvent): void => {
    if (!event.dataTransfer?.types.includes('Files')) return;
    event.preventDefault();
    this.dropping = true;
  };

  #onDragLeave = (event: DragEvent): void => {
    if (event.relatedTarget === null) this.dropping = false;
  };

  #onDrop = async (event: DragEvent): Promise<void> => {
    this.dropping = false;
    const file = event.dataTransfer?.files[0];
    if (!file) return;
    event.preventDefault();
    await importFile(new Uint8Array(await file.arrayBuffer()));
  };

  showArea(index: number): void {
    const area = AREAS[index];
    if (!area) return;
    this.tab = area.id;
    const heading = this.querySelectorAll<HTMLElement>('.area h2')[index];
    heading?.setAttribute('tabindex', '-1');
    this.updateComplete.then(() => heading?.focus());
  }

  showPresets(): void {
    this.querySelector<Presets>('gb-presets')?.show();
  }

  showParameters(): void {
    this.querySelector<Parameters>('gb-parameters')?.show();
  }

  showHelp(): void {
    this.querySelector<HTMLDialogElement>('dialog.help')?.showModal();
  }

  async share(): Promise<void> {
    await navigator.clipboard.writeText(new URL(writeLink(store.state), location.href).href);
    this.shared = true;
    setTimeout(() => {
      this.shared = false;
    }, SHARED_MS);
  }

  protected override render(): TemplateResult {
    const now = this.#watch.state;
    const actions = {
      showPresets: () => this.showPresets(),
      showParameters: () => this.showParameters(),
      showHelp: () => this.showHelp(),
      share: () => this.share(),
      shared: this.shared,
    };
    return html`<div class="lab" data-tab=${this.tab}>
        ${topBar(now, actions)} ${notice(now)}
        <main>
          <gb-world></gb-world>
          <gb-brain></gb-brain>
          <gb-evidence></gb-evidence>
          <gb-timeline></gb-timeline>
          ${dividers()}
        </main>
      </div>
      ${this.#tabBar()} ${this.#help()}
      <gb-presets></gb-presets>
      <gb-parameters></gb-parameters>
      ${this.dropping ? html`<div class="dropping">Drop the file to open it</div>` : nothing}`;
  }

  #tabBar(): TemplateResult {
    return html`<nav class="tabbar" aria-label="Areas">
      ${AREAS.map(
        ({ id, name }) =>
          html`<button aria-current=${id === this.tab ? 'page' : nothing} @click=${() => {
            this.tab = id;
          }}>${this.#tabName(id, name)}</button>`,
      )}
    </nav>`;
  }

  #tabName(id: IconName & string, name: string): TemplateResult {
    const warns = id === 'timeline' && this.#watch.state.warning !== null;
    return warns
      ? html`${icon('warn')}<span>${name}<span class="vh"> (warning)</span></span>`
      : html`${icon(id)}${name}`;
  }

  #help(): TemplateResult {
    const close = () => this.querySelector<HTMLDialogElement>('dialog.help')?.close();
    return html`<dialog class="help" aria-labelledby="help-title">
      <header>
        <h2 id="help-title">Keys and help</h2>
        <button class="btn quiet icon" aria-label="Close" @click=${close}>${icon('close')}</button>
      </header>
      <div class="body">
        <p class="soft">
          Glassbox trains a small agent in this tab and lets you take it apart. Press Train, play
          against it, drag the timeline back, hold a unit, or drop one board on the other. The
          address always says what is on show, so every experiment is a link. Nothing leaves this
          machine.
        </p>
        <dl class="keys">
          ${KEYS.map(([keys, what]) => html`<dt>${keys.map((key) => html`<kbd>${key}</kbd>`)}</dt><dd>${what}</dd>`)}
        </dl>
      </div>
    </dialog>`;
  }
}
