// What every end-to-end test starts from: a page on which any error fails the test, and words for
// what a visitor does there.
import { test as base, expect, type Locator, type Page } from '@playwright/test';

interface Options {
  /** Errors that a test provokes on purpose; null for none. */
  expected: RegExp | null;
}

/** Collects every console error, uncaught error and failed request of a page and its workers. */
export function watch(page: Page, expected: RegExp | null = null): string[] {
  const problems: string[] = [];
  const add = (text: string) => {
    if (!expected?.test(text)) problems.push(text);
  };
  page.on('console', (message) => {
    if (message.type() === 'error') add(`console: ${message.text()}`);
  });
  page.on('pageerror', (error) => add(`uncaught: ${error.message}`));
  page.on('requestfailed', (request) => add(`${request.url()}: ${request.failure()?.errorText}`));
  page.on('response', (response) => {
    if (response.status() >= 400) add(`${response.url()}: ${response.status()}`);
  });
  return problems;
}

export const test = base.extend<Options>({
  expected: [null, { option: true }],
  page: async ({ page, expected }, use) => {
    const problems = watch(page, expected);
    await use(page);
    expect(problems).toEqual([]);
  },
});

export { expect };

/** What a link says: text as it is, everything else as JSON. */
export type Query = Record<string, unknown>;

export function link(query: Query = {}): string {
  const texts = Object.entries(query).map(([name, value]): [string, string] => [
    name,
    typeof value === 'string' ? value : JSON.stringify(value),
  ]);
  return `./?${new URLSearchParams(texts)}`;
}

/** A network and updates so small that a test of the page need not wait for them. */
export const TINY = {
  'model.width': 16,
  'model.depth': 1,
  'agent.num_games': 4,
  'agent.num_simulations': 4,
  'agent.num_steps': 2,
  'agent.batch_size': 32,
  'agent.learning_rate': 0.05,
  updates: 12,
  checkpoint_every: 2,
};

export function trainButton(page: Page): Locator {
  return page.getByRole('button', { name: /^(Train|Pause|Trained)$/ });
}

/** Opens the lab and waits until it has followed the link: then the address is the page's own. */
export async function open(page: Page, query: Query = {}): Promise<void> {
  await page.goto(link(query));
  await expect(page).toHaveURL(/\?preset=\w+&seed=\d+/, { timeout: 60_000 });
  await expect(trainButton(page)).toHaveText(/^\s*(Train|Trained)\s*$/);
}

/** The update on show. */
export function updates(page: Page): Locator {
  return page.locator('.time .count .big');
}

/** The value beside a score's name in the timeline. */
export function score(page: Page, name: string): Locator {
  return page.locator('.time dl').locator(`dt:text-is("${name}") + dd`);
}

export const LOST_BARE = 'lines lost, bare network';

/** The handle of the timeline. */
export function handle(page: Page): Locator {
  return page.getByRole('slider', { name: 'Checkpoint on show' });
}

/** Trains one update with the page's own button. */
export async function trainOnce(page: Page): Promise<void> {
  const before = Number(await updates(page).textContent());
  await page.getByRole('button', { name: 'One update' }).click();
  await expect(updates(page)).toHaveText(String(before + 1));
  await expect(trainButton(page)).toHaveText('Train');
}

/** Trains until the bare network loses no line, and shows the checkpoint of which that is true. */
export async function trainToPerfection(page: Page): Promise<void> {
  await trainButton(page).click();
  await expect(score(page, LOST_BARE)).toHaveText(/^\s*0 of \d+/, { timeout: 100_000 });
  await page.keyboard.press('t');
  await expect(trainButton(page)).toHaveText(/Train/);
  await handle(page).focus();
  await page.keyboard.press('ArrowLeft');
  await expect(score(page, LOST_BARE)).toHaveText(/^\s*0 of \d+/);
}
