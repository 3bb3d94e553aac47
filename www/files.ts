// Files in and out.

import { setUpBoards } from './boards';
import { ask, attempt, request } from './engine';
import { look } from './look';
import type { ExportKind } from './protocol';
import { pause, presetOf, takeReports } from './run';
import { keepFile } from './safe';
import { store } from './store';

/** Hands a file to the visitor. */
export function download(name: string, content: Uint8Array | string, type: string): void {
  const part = typeof content === 'string' ? content : new Uint8Array(content);
  const url = URL.createObjectURL(new Blob([part], { type }));
  const link = Object.assign(document.createElement('a'), { href: url, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}

export async function exportFile(what: ExportKind): Promise<void> {
  await attempt('page', async () => {
    const checkpoint = store.state.scrubbed ?? undefined;
    const file = await ask('file', { type: 'export', checkpoint, what });
    download(file.name, file.bytes, 'application/octet-stream');
  });
}

/** Opens a file that `exportFile` wrote. */
export async function importFile(bytes: Uint8Array): Promise<boolean> {
  pause();
  const { device, run } = store.state;
  return attempt('page', async () => {
    await request({ type: 'import', bytes, device }, takeReports);
    const opened = store.state.run;
    keepFile(bytes, store.state.update);
    store.set({ results: [], edits: [], editScores: null, unit: null });
    const preset = presetOf(opened);
    if (run?.environment !== opened?.environment) {
      store.set({ op: preset?.ops[0] ?? null });
      await setUpBoards(preset?.states ?? []);
    }
    await look();
  });
}
