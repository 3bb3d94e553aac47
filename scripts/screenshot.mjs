// Photographs the built page: `node scripts/screenshot.mjs` for the README's two pictures,
// `--all FOLDER` for every width, theme and area, to look at.
import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { chromium } from '@playwright/test';
import { preview } from 'vite';
import { chromeArgs, findChrome } from './chrome.mjs';

const THEMES = ['light', 'dark'];
const SIZES = [
  { width: 1440, height: 900 },
  { width: 820, height: 1180 },
  { width: 390, height: 844 },
];
const AREAS = ['World', 'Brain', 'Evidence', 'Timeline'];
/** Updates after which the first preset plays perfectly and its curves have come to rest. */
const UPDATES = 200;
/** The budget of the run; more than that, so that there is something left to train. */
const BUDGET = 240;
const TIMEOUT_MS = 180_000;

/** Opens the page, trains, patches, and holds the unit of the middle of the network that matters most. */
async function prepare(page, url, theme) {
  page.setDefaultTimeout(TIMEOUT_MS);
  page.on('pageerror', (error) => {
    throw error;
  });
  const query = { set: JSON.stringify({ updates: BUDGET }), checkpoint: String(UPDATES), theme };
  await page.goto(`${url}?${new URLSearchParams(query)}`);
  await page.waitForURL(/\?preset=/);
  await page.keyboard.press('c');
  await page.keyboard.press('p');
  const bars = page.locator('gb-figure .g-box > svg').last();
  await bars.waitFor();
  await bars.focus();
  for (let step = 0; step < 5; step += 1) await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');
  await page.locator('.unitbar .acts').waitFor();
  await page.evaluate(() => document.activeElement?.blur());
  await page.evaluate(() => document.fonts.ready);
}

async function shoot(page, path) {
  // The drawings follow a new size within a frame or two.
  await page.waitForTimeout(500);
  await page.screenshot({ path });
  console.log(path);
}

/** Every area of a page too narrow for all of them, or the page as it is. */
async function shootAreas(page, folder, name) {
  const tabs = page.getByRole('navigation', { name: 'Areas' });
  if (!(await tabs.isVisible())) return shoot(page, join(folder, `${name}.png`));
  for (const area of AREAS) {
    await tabs.getByRole('button', { name: area }).click();
    await shoot(page, join(folder, `${name}-${area.toLowerCase()}.png`));
  }
}

const at = process.argv.indexOf('--all');
const all = at > 0;
const folder = resolve(all ? (process.argv[at + 1] ?? 'test-results/screenshots') : 'docs');
await mkdir(folder, { recursive: true });

const server = await preview({ logLevel: 'error', preview: { host: '127.0.0.1', port: 0 } });
const browser = await chromium.launch({ executablePath: findChrome(), args: chromeArgs });
try {
  for (const colorScheme of THEMES) {
    const page = await browser.newPage({ colorScheme, viewport: SIZES[0] });
    await prepare(page, server.resolvedUrls.local[0], colorScheme);
    for (const size of all ? SIZES : SIZES.slice(0, 1)) {
      await page.setViewportSize(size);
      const name = all ? `${size.width}-${colorScheme}` : `screenshot-${colorScheme}`;
      if (all) await shootAreas(page, folder, name);
      else await shoot(page, join(folder, `${name}.png`));
    }
    await page.close();
  }
} finally {
  await browser.close();
  await server.close();
}
