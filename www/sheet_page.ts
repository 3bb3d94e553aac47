// An evidence sheet as a page of its own: drawings, captions, numbers, and how each was made.
//
// It holds no script and asks for nothing; what it says is put into it as text, never as markup.

import { html, nothing, render, type TemplateResult } from 'lit';
import { captionOf, hasValues, legend, numberOf } from './components/figure_parts';
import { describe, drawScene } from './components/scene';
import { type Drawn, draw, loadDrawings } from './figures';
import { heightFor, withSlack } from './figures/drawing';
import { drawTable } from './figures/table';
import { formatNumber } from './format';
import type { Catalogue } from './protocol';
import { defaultsOf, fieldsOf, isAutomatic, type Values } from './schema';
import type { SheetEntry } from './sheet';
import type { Making, Result } from './store';
import drawingStyle from './style/drawing.css?inline';
import figureStyle from './style/figures.css?inline';
import sheetStyle from './style/sheet.css?inline';
import tokens from './tokens.css?inline';

/** Drawings are made for a desk and for a phone, and never scaled: the page shows the one that fits. */
const WIDTHS = { desk: 640, phone: 352 };
/** Fonts that a reader may have instead of ours are up to so much wider. */
const SLACK = 1.16;

/** No script, no request: also for a browser that would rather. */
const POLICY = "default-src 'none'; style-src 'unsafe-inline'";

export async function sheetPage(
  entries: SheetEntry[],
  catalogue: Catalogue | null,
): Promise<string> {
  await loadDrawings();
  const page = document.implementation.createHTMLDocument('Evidence · Glassbox');
  page.documentElement.lang = 'en';
  const meta = (attributes: Record<string, string>) => {
    const element = page.createElement('meta');
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    page.head.append(element);
  };
  meta({ charset: 'utf-8' });
  meta({ 'http-equiv': 'Content-Security-Policy', content: POLICY });
  meta({ name: 'viewport', content: 'width=device-width, initial-scale=1' });
  meta({ name: 'color-scheme', content: 'light dark' });
  const style = page.createElement('style');
  style.textContent = [tokens, drawingStyle, figureStyle, sheetStyle].join('\n');
  page.head.append(style);
  const body = document.createElement('main');
  withSlack(SLACK, () => render(sheet(entries, catalogue), body));
  page.body.append(clean(body));
  return `<!doctype html>\n${page.documentElement.outerHTML}\n`;
}

/** Without the marks that the templates leave, and the styles of plots, which the sheet has once. */
function clean(element: Element): Element {
  const walker = document.createTreeWalker(element, NodeFilter.SHOW_COMMENT);
  const comments: Node[] = [];
  while (walker.nextNode()) comments.push(walker.currentNode);
  for (const comment of comments) comment.parentNode?.removeChild(comment);
  for (const style of element.querySelectorAll('style')) style.remove();
  return element;
}

function sheet(entries: SheetEntry[], catalogue: Catalogue | null): TemplateResult {
  const figures = entries.flatMap(({ results }) => results).length;
  const runs = new Set(entries.map(({ made }) => made.run));
  return html`<header>
      <h1>Evidence</h1>
      <p>
        ${figures === 1 ? 'One figure' : `${figures} figures`} of
        ${runs.size === 1 ? 'one run' : `${runs.size} runs`}, made with Glassbox. Under each stands how it
        was made; the sheet exported as JSON is replayed to the same numbers by
        <code>glassbox sheet FILE</code>.
      </p>
    </header>
    ${entries.map((entry) => section(entry, catalogue))}`;
}

function section({ made, results }: SheetEntry, catalogue: Catalogue | null): TemplateResult {
  const title = catalogue?.ops.find(({ id }) => id === made.op)?.title ?? made.op;
  const preset = catalogue?.presets.find(({ id }) => id === made.run.preset)?.title;
  return html`<section>
    <h2>${title} <small>${preset ?? made.run.preset}, update ${formatNumber(made.update)}, seed ${made.run.seed}</small></h2>
    ${results.map((result) => figureOf(result, made))}
    ${origin(made, catalogue)}
  </section>`;
}

function figureOf({ figure }: Result, made: Making): TemplateResult {
  const { body } = figure;
  return html`<figure>
    <h3>${figure.title}</h3>
    <div class="box">${body.type === 'table' ? drawTable(body) : drawn(body, figure.title, made)}</div>
    ${'colour' in body && hasValues(body) ? html`<p class="scale">${body.colour.name} ${legend(body.colour)}</p>` : nothing}
    <figcaption>${captionOf(figure.caption)}</figcaption>
    ${figure.numbers.length > 0 ? html`<dl class="nums">${figure.numbers.map(numberOf)}</dl>` : nothing}
  </figure>`;
}

function drawn(body: Drawn, title: string, { run }: Making): TemplateResult[] {
  const shapeOf = (site: string) =>
    (run.sites.find(({ name }) => name === site)?.axes ?? []).map(({ len }) => len);
  return Object.entries(WIDTHS).map(([name, width]) => {
    const frame = { width, height: heightFor(width), site: null, shapeOf };
    const { height, marks } = draw(body, frame, () => {});
    return html`<svg class=${name} role="img" aria-label=${title} width=${width} height=${height}>${marks}</svg>`;
  });
}

/** How an op was run: all its parameters, the run, the states and the edits. */
function origin(made: Making, catalogue: Catalogue | null): TemplateResult {
  const { run, boards, edits } = made;
  const fields = fieldsOf(catalogue?.ops.find(({ id }) => id === made.op)?.schema);
  const parameters: Values = { ...defaultsOf(fields), ...made.parameters };
  return html`<details open>
    <summary>How it was made</summary>
    <dl class="facts">
      <dt>Operation</dt>
      <dd><code>${made.op}</code></dd>
      ${fields.map((field) => {
        const value = parameters[field.name];
        return fact(field.label, value, isAutomatic(field, value) ? field.automatic : null);
      })}
      <dt>Preset</dt>
      <dd><code>${run.preset}</code></dd>
      <dt>Seed</dt>
      <dd>${run.seed}</dd>
      <dt>Update</dt>
      <dd>${made.update} of ${run.updates}</dd>
      <dt>Weights read</dt>
      <dd>of ${made.read.length === 1 ? 'update' : 'updates'} ${made.read.join(', ')}</dd>
      <dt>Device</dt>
      <dd><code>${run.device}</code></dd>
      ${edits.map((edit) => html`<dt>Edit</dt><dd><code>${JSON.stringify(edit)}</code></dd>`)}
    </dl>
    ${
      boards.length > 0
        ? html`<div class="boards">
            ${boards.map(
              ({ scene, state }) => html`<div>
                ${drawScene(scene, { label: describe(scene) })}
                <code>${JSON.stringify(state)}</code>
              </div>`,
            )}
          </div>`
        : nothing
    }
    <details>
      <summary>Parameters of the run</summary>
      <dl class="facts">
        ${Object.entries(run.parameters).map(([name, value]) =>
          fact(name, value, value === '' || value === null ? 'automatic' : null),
        )}
      </dl>
    </details>
  </details>`;
}

/** A name and its value, or what is said instead of it. */
function fact(name: string, value: unknown, instead: string | null): TemplateResult {
  return html`<dt>${name}</dt>
    <dd>${instead ?? html`<code>${said(value)}</code>`}</dd>`;
}

function said(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
