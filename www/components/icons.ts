// Line icons on a grid of 14. Always beside a word or under an aria-label.

import { html, svg, type TemplateResult } from 'lit';

const PATHS = {
  play: svg`<path d="M4 2.5v9l7-4.5z" fill="currentColor" />`,
  pause: svg`<path d="M4.5 3v8M9.5 3v8" stroke-width="2" />`,
  once: svg`<path d="M3 3v8l6-4zM11 3v8" />`,
  reset: svg`<path d="M2.5 7a4.5 4.5 0 1 0 1.4-3.2M2.5 2v2.5H5" />`,
  undo: svg`<path d="M3 5.5h5.5a2.8 2.8 0 0 1 0 5.6H6M5 3.2L2.7 5.5 5 7.8" />`,
  redo: svg`<path d="M11 5.5H5.5a2.8 2.8 0 0 0 0 5.6H8M9 3.2l2.3 2.3L9 7.8" />`,
  stop: svg`<path d="M3.5 3.5h7v7h-7z" fill="currentColor" />`,
  erase: svg`<path d="M2.5 2.5h9v9h-9z" stroke-dasharray="2 2.5" />`,
  link: svg`<path d="M5.6 8.4a2.5 2.5 0 0 0 3.6 0l2-2a2.5 2.5 0 0 0-3.6-3.6l-.8.8M8.4 5.6a2.5 2.5 0 0 0-3.6 0l-2 2a2.5 2.5 0 0 0 3.6 3.6l.8-.8" />`,
  download: svg`<path d="M7 2v6.5M4 6l3 3 3-3M2.5 11.5h9" />`,
  pin: svg`<path d="M5 2h4l-.5 4 2 2h-7l2-2zM7 8v4" />`,
  upload: svg`<path d="M7 9V2.5M4 5l3-3 3 3M2.5 11.5h9" />`,
  help: svg`<circle cx="7" cy="7" r="5" /><path d="M5.6 5.6c.2-1.9 3-1.7 2.8 0-.1 1-1.4 1-1.4 2.1M7 9.7v.1" />`,
  theme: svg`<circle cx="7" cy="7" r="4.8" /><path d="M7 2.2a4.8 4.8 0 0 1 0 9.6z" fill="currentColor" />`,
  down: svg`<path d="M3 5l4 4 4-4" />`,
  back: svg`<path d="M9 3L5 7l4 4" />`,
  on: svg`<path d="M5 3l4 4-4 4" />`,
  agent: svg`<circle cx="7" cy="4.6" r="2.1" /><path d="M2.8 11.6c.4-2.6 2-4 4.2-4s3.8 1.4 4.2 4" />`,
  swap: svg`<path d="M2.5 5h8M8.5 3l2 2-2 2M11.5 9.5h-8M5.5 7.5l-2 2 2 2" />`,
  copy: svg`<path d="M5 5h6.5v6.5H5zM9 5V2.5H2.5V9H5" />`,
  close: svg`<path d="M3.5 3.5l7 7M10.5 3.5l-7 7" />`,
  warn: svg`<path d="M7 2L1.8 11.5h10.4zM7 5.8v2.6M7 10v.1" />`,
  sliders: svg`<path d="M2 4h3.5M8.5 4H12M2 10h5.5M10.5 10H12" /><circle cx="7" cy="4" r="1.5" /><circle cx="9" cy="10" r="1.5" />`,
  more: svg`<path d="M3 7h.01M7 7h.01M11 7h.01" stroke-width="2.4" />`,
  world: svg`<path d="M2 2h10v10H2zM2 5.3h10M2 8.7h10M5.3 2v10M8.7 2v10" />`,
  brain: svg`<circle cx="2.8" cy="4" r="1.3" /><circle cx="2.8" cy="10" r="1.3" /><circle cx="7" cy="7" r="1.3" /><circle cx="11.4" cy="7" r="1.3" /><path d="M4 4.6l2 1.6M4 9.4l2-1.6M8.3 7h1.8" />`,
  evidence: svg`<path d="M2 2v10h10M4.5 9.5l2.3-3 2 1.6L12 4" />`,
  timeline: svg`<path d="M1.5 7h11M5 4.5v5" /><circle cx="9.2" cy="7" r="1.7" fill="currentColor" />`,
};

export type IconName = keyof typeof PATHS;

export function icon(name: IconName): TemplateResult {
  return html`<svg viewBox="0 0 14 14" class="ico" aria-hidden="true">${PATHS[name]}</svg>`;
}

export const brandMark = html`<svg viewBox="0 0 20 20" aria-hidden="true">
  <rect x="1.5" y="1.5" width="17" height="17" rx="3.5" fill="none" stroke="currentColor" stroke-width="1.6" />
  <circle cx="6.3" cy="7" r="1.7" class="fp1" />
  <circle cx="6.3" cy="13" r="1.7" class="fp2" />
  <circle cx="13.6" cy="10" r="2.1" class="facc" />
  <path d="M8 7.6l3.6 1.6M8 12.4l3.6-1.6" fill="none" stroke="currentColor" stroke-width="1.2" />
</svg>`;
