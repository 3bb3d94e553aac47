// The evidence sheet: two figures are kept and taken away, as a page and as a file that is replayed.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from '@playwright/test';
import { expect, open, TINY, test, trainOnce } from './lab';

/** The command line: the newest build that is there. */
function binary(): string {
  const target = process.env.CARGO_TARGET_DIR ?? 'target';
  const built = ['release', 'debug'].map((profile) => join(target, profile, 'glassbox'));
  const found = built
    .filter((path) => existsSync(path))
    .sort((one, other) => statSync(other).mtimeMs - statSync(one).mtimeMs)[0];
  if (!found) throw new Error(`none of ${built.join(', ')} is there: run cargo build --release`);
  return found;
}

async function keepFirst(page: Page): Promise<void> {
  await page.locator('.act .btn.primary').click();
  await page.getByRole('button', { name: 'Keep the figure' }).first().click();
}

async function save(page: Page, kind: 'HTML' | 'JSON', path: string): Promise<string> {
  await page.locator('summary', { hasText: 'Sheet' }).click();
  const download = page.waitForEvent('download');
  await page.locator('.evid .head .list').getByRole('button', { name: kind }).click();
  const file = await download;
  expect(file.suggestedFilename()).toBe(`glassbox-evidence.${kind.toLowerCase()}`);
  await file.saveAs(path);
  return readFileSync(path, 'utf8');
}

function replay(path: string): { code: number | null; lines: Record<string, unknown>[] } {
  const { status, stdout, stderr } = spawnSync(binary(), ['sheet', path], { encoding: 'utf8' });
  if (status === 2) throw new Error(stderr);
  const lines = stdout.trim().split('\n');
  return { code: status, lines: lines.map((line) => JSON.parse(line)) };
}

/** Keeps a figure of update 3, which is no checkpoint, and one of update 4 over all checkpoints. */
async function keepTwo(page: Page): Promise<void> {
  await open(page, { set: TINY, checkpoint: 3, op: 'ablate' });
  await keepFirst(page);
  await trainOnce(page);
  await page.getByLabel('Operation').selectOption('cka');
  await page.locator('.act .btn.primary').click();
  await expect(page.getByRole('button', { name: 'Keep the figure' })).not.toHaveCount(0);
  await page.getByRole('button', { name: 'Keep the figure' }).last().click();
  await expect(page.getByRole('button', { name: 'Let the figure go' })).toHaveCount(2);
}

test('kept figures are replayed by the command line to the same numbers', async ({ page }) => {
  await keepTwo(page);
  const path = test.info().outputPath('evidence.json');
  const file = JSON.parse(await save(page, 'JSON', path));
  expect(file.made_by).toMatch(/wasm32$/);
  expect(
    file.entries.map(({ op, update }: { op: string; update: number }) => [op, update]),
  ).toEqual([
    ['ablate', 3],
    ['cka', 4],
  ]);
  // Weights of updates 0, 2, 3 and 4, each once.
  expect(Object.keys(file.weights)).toHaveLength(4);

  const { code, lines } = replay(path);
  expect(lines, JSON.stringify(lines)).toHaveLength(3);
  expect(lines.map(({ agrees }) => agrees).slice(0, 2), JSON.stringify(lines)).toEqual([
    true,
    true,
  ]);
  expect(lines[2]).toMatchObject({ summary: { entries: 2, agree: 2 } });
  expect(code).toBe(0);

  // A number that was changed is noticed.
  const place = file.entries[0].numbers.findIndex(({ value }: { value: number }) => value !== 0);
  file.entries[0].numbers[place].value *= 1.05;
  writeFileSync(path, JSON.stringify(file));
  expect(replay(path)).toMatchObject({ code: 1, lines: [{ agrees: false }, { agrees: true }, {}] });
});

test('the page of a sheet stands alone, whatever its figures say', async ({ page, context }) => {
  await keepTwo(page);
  // Words that would run, were they markup.
  const words = '<img src="x" onerror="alert(1)"></style></script><script>alert(2)</script>';
  await page
    .locator('gb-figure')
    .first()
    .evaluate((element, words) => {
      const { result } = element as unknown as {
        result: { figure: { title: string; caption: string; numbers: { name: string }[] } };
      };
      result.figure.title = words;
      result.figure.caption = words;
      for (const number of result.figure.numbers) number.name = words;
    }, words);
  const path = test.info().outputPath('evidence.html');
  const text = await save(page, 'HTML', path);
  // What remains are the name of SVG and references from a drawing into itself.
  expect(text).not.toMatch(/<script|<img|url\((?!#)|https?:\/\/(?!www\.w3\.org)/i);
  expect(text).toContain('&lt;script&gt;');

  const alone = await context.newPage();
  const asked: string[] = [];
  alone.on('request', (request) => asked.push(request.url()));
  alone.on('dialog', () => asked.push('a script ran'));
  await alone.goto(`file://${path}`);
  await expect(alone.locator('figure')).toHaveCount(2);
  await expect(alone.locator('figure > .box > :is(svg, table):visible')).toHaveCount(2);
  await expect(alone.locator('figcaption').first()).toHaveText(words);
  await expect(alone.locator('section').first()).toContainText('update 3');
  await expect(alone.locator('section').first()).toContainText('model.width');
  const paper = () => alone.evaluate(() => getComputedStyle(document.body).backgroundColor);
  await alone.emulateMedia({ colorScheme: 'light' });
  expect(await paper()).toBe('rgb(255, 255, 255)');
  await alone.emulateMedia({ colorScheme: 'dark' });
  expect(await paper()).toBe('rgb(24, 27, 31)');
  expect(asked).toEqual([`file://${path}`]);
});

test('a figure whose weights are gone is not put into a file that claims to be replayed', async ({
  page,
}) => {
  await open(page, { set: TINY, checkpoint: 4, op: 'cka' });
  await page.locator('.act .btn.primary').click();
  await expect(page.getByRole('button', { name: 'Keep the figure' })).not.toHaveCount(0);
  await page.getByRole('button', { name: 'Reset to update 0' }).click();
  await page.getByRole('button', { name: 'Keep the figure' }).last().click();
  await page.locator('summary', { hasText: 'Sheet' }).click();
  await page.locator('.evid .head .list').getByRole('button', { name: 'JSON' }).click();
  await expect(page.getByRole('alert')).toContainText('it cannot be replayed');
});
