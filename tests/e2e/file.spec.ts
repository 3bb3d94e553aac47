import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { Page } from '@playwright/test';
import { expect, open, TINY, test, trainButton, trainOnce, updates } from './lab';

/** Exports through the page's menu. */
async function exportFile(page: Page, what: 'Weights' | 'Everything'): Promise<Buffer> {
  const download = page.waitForEvent('download');
  await page.locator('header.top').getByText('Export', { exact: true }).click();
  await page
    .locator('header.top')
    .getByRole('button', { name: new RegExp(`^${what}`) })
    .click();
  const file = await download;
  expect(file.suggestedFilename()).toMatch(/\.safetensors$/);
  return readFile(await file.path());
}

/** Imports through the page's own button. */
async function importFile(page: Page, buffer: Buffer): Promise<void> {
  const chooser = page.waitForEvent('filechooser');
  await page.getByRole('button', { name: 'Import' }).click();
  const file = { name: 'run.safetensors', mimeType: 'application/octet-stream', buffer };
  await (await chooser).setFiles(file);
}

/** A file's header, whose names may stand in any order, and a digest of its numbers. */
function contentOf(file: Buffer): {
  header: Record<string, Record<string, unknown>>;
  data: string;
} {
  const end = 8 + Number(file.readBigUInt64LE(0));
  const header = JSON.parse(file.subarray(8, end).toString());
  return { header, data: createHash('sha256').update(file.subarray(end)).digest('hex') };
}

/** A file whose header says what it likes. */
function fileWith(header: string, length = BigInt(header.length), data = 64): Buffer {
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(length);
  return Buffer.concat([size, Buffer.from(header), Buffer.alloc(data)]);
}

test('two runs of one seed in the tab agree to the bit', async ({ page }) => {
  const query = { set: { ...TINY, 'agent.num_games': 16 }, checkpoint: 12 };
  const files: Buffer[] = [];
  for (const seed of [3, 3, 4]) {
    await open(page, { ...query, seed });
    await expect(updates(page)).toHaveText('12');
    files.push(await exportFile(page, 'Everything'));
  }
  const [one, again, other] = files.map(contentOf);
  expect(one).toEqual(again);
  expect(one?.data).not.toBe(other?.data);
});

test('a run that was exported whole goes on as if it had never stopped', async ({ page }) => {
  await open(page, { set: TINY, checkpoint: 4 });
  const file = await exportFile(page, 'Everything');
  await trainOnce(page);
  const straight = await exportFile(page, 'Everything');
  await open(page, { set: TINY, seed: 9 });
  await importFile(page, file);
  await expect(updates(page)).toHaveText('4');
  await trainOnce(page);
  const resumed = await exportFile(page, 'Everything');
  expect(contentOf(resumed)).toEqual(contentOf(straight));
});

test('weights are exported with what made them, and imported again', async ({ page }) => {
  await open(page, { set: TINY, checkpoint: 2 });
  const file = await exportFile(page, 'Weights');
  const { __metadata__: metadata, ...tensors } = contentOf(file).header;
  const keys = ['agent', 'architecture', 'environment', 'parameters', 'seed', 'update'];
  expect(Object.keys(metadata ?? {})).toEqual(expect.arrayContaining(keys));
  expect(Object.keys(tensors).length).toBeGreaterThan(3);
  const scores = page.locator('.time dl');
  const before = await scores.innerText();
  await open(page, { set: { ...TINY, 'model.width': 24 } });
  await importFile(page, file);
  await expect(page.getByText('16 units').first()).toBeVisible();
  await expect.poll(() => scores.innerText()).toBe(before);
});

test('a file that is cut off, foreign or hostile is refused, and the session goes on', async ({
  page,
}) => {
  await open(page, { set: TINY });
  const good = await exportFile(page, 'Everything');
  const tensor = (shape: string, offsets: string) =>
    `{"w":{"dtype":"F32","shape":${shape},"data_offsets":${offsets}}}`;
  const bad: Record<string, Buffer> = {
    empty: Buffer.alloc(0),
    'cut off in its header': good.subarray(0, 40),
    'cut off in its data': good.subarray(0, Math.floor(good.length * 0.7)),
    noise: Buffer.from(Array.from({ length: 4096 }, (_, i) => (i * 7919) % 251)),
    'an endless header': fileWith('{}', 2n ** 63n),
    'a foreign file': fileWith(tensor('[4,4]', '[0,64]')),
    'more data than there is': fileWith(tensor('[1073741824,1073741824]', '[0,64]')),
    'offsets that run backwards': fileWith(tensor('[16]', '[64,0]')),
  };
  const alert = page.getByRole('alert');
  for (const [what, file] of Object.entries(bad)) {
    await test.step(what, async () => {
      await importFile(page, file);
      await expect(alert).toContainText(/Not done: .+\. The session goes on as it was\./);
      await alert.getByRole('button', { name: 'Dismiss' }).click();
      await expect(alert).toHaveCount(0);
    });
  }
  await expect(updates(page)).toHaveText('0');
  await trainOnce(page);
  await expect(trainButton(page)).toBeEnabled();
});
