import { expect, link, open, type Query, TINY, test, trainButton, trainOnce, updates } from './lab';

test('an unknown preset is named, and another one is open instead', async ({ page }) => {
  await page.goto(link({ preset: 'go_on_a_torus' }));
  await expect(page.getByRole('alert')).toContainText('"go_on_a_torus", which is not here');
  await expect(trainButton(page)).toBeEnabled();
  await page.getByRole('button', { name: 'Dismiss' }).click();
  await expect(page.getByRole('alert')).toHaveCount(0);
});

const wrong: Record<string, { query: Query; says: RegExp }> = {
  'a parameter off its range': {
    query: { set: { 'model.width': 0 } },
    says: /model\.width|width.+1.+1,?024/,
  },
  'a parameter of the wrong type': {
    query: { set: { 'model.width': 'wide' } },
    says: /width/,
  },
  'a parameter that is not there': {
    query: { set: { 'model.colour': 3 } },
    says: /model\.colour.+allowed.+model\.width/,
  },
  'a board on which both have won': {
    query: { set: TINY, boards: [{ board: [1, 1, 1, 2, 2, 2, 0, 0, 0], player: 0 }] },
    says: /impossible state/,
  },
  'a board with too many stones of one side': {
    query: { set: TINY, boards: [{ board: [1, 1, 1, 1, 0, 0, 0, 0, 0], player: 1 }] },
    says: /impossible state/,
  },
  'a board of the wrong size': {
    query: { set: TINY, boards: [{ board: [1, 2], player: 0 }] },
    says: /board/,
  },
  'an edit of a site that is not there': {
    query: { set: TINY, edits: [{ site: 'soul', select: 'all', op: 'zero' }] },
    says: /soul/,
  },
};

for (const [what, { query, says }] of Object.entries(wrong)) {
  test(`a link with ${what} is told what is allowed, and the page can be used`, async ({
    page,
  }) => {
    await page.goto(link(query));
    await expect(page.getByRole('alert').first()).toContainText(says, { timeout: 60_000 });
    await expect(trainButton(page)).toBeEnabled();
    await trainOnce(page);
    await expect(updates(page)).toHaveText('1');
  });
}

test('a link that is not JSON opens the preset as it is', async ({ page }) => {
  await page.goto('./?set={oops&boards=%5B&edits=7&checkpoint=-3&seed=abc&theme=neon');
  await expect(trainButton(page)).toBeEnabled({ timeout: 60_000 });
  await expect(updates(page)).toHaveText('0');
  await expect(page.getByRole('alert')).toContainText(
    'could not be read and were left out: seed, set, checkpoint, boards, edits',
  );
});

test('the copied link opens the same experiment', async ({ page, context }) => {
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  await open(page, { set: TINY, seed: 2 });
  await trainOnce(page);
  await page.getByRole('button', { name: 'Share' }).click();
  await expect(page.getByText('Copied')).toBeVisible();
  const copied = new URL(await page.evaluate(() => navigator.clipboard.readText()));
  expect(copied.searchParams.get('checkpoint')).toBe('1');
  expect(copied.searchParams.get('seed')).toBe('2');
  expect(JSON.parse(copied.searchParams.get('set') ?? '')).toEqual(TINY);
});
