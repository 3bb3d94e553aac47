// The editor of levels, and the agent that walks through them.
import AxeBuilder from '@axe-core/playwright';
import type { Page } from '@playwright/test';
import { expect, open, test, trainButton, trainOnce } from './lab';

const PRESET = 'corner_maze_misgeneralisation';
const TINY = {
  'model.width': 8,
  'model.depth': 1,
  'agent.num_envs': 4,
  'agent.num_steps': 16,
  'agent.num_minibatches': 1,
  updates: 4,
  checkpoint_every: 2,
};
/** An empty room: the mouse at the bottom right, the cheese at the top left. */
const ROOM = {
  level: [
    '#########',
    '#C......#',
    '#.......#',
    '#.......#',
    '#.......#',
    '#.......#',
    '#.......#',
    '#......M#',
    '#########',
  ],
};

const board = (page: Page) => page.getByRole('group', { name: /^Board\. / });
const cell = (page: Page, row: number, column: number) =>
  board(page).locator(`[data-cell="${row},${column}"]`);
const button = (page: Page, name: string) =>
  page.locator('.world').getByRole('button', { name, exact: true });
/** The cells of the inner room on which walls stand. */
const walls = async (page: Page) => {
  const labels = await board(page)
    .locator('[data-cell]')
    .evaluateAll((cells) => cells.map((each) => each.getAttribute('aria-label') ?? ''));
  const inner = /^Row ([2-8]), column ([2-8]), wall:/;
  return labels.flatMap((label) => inner.exec(label)?.slice(1, 3).join(',') ?? []);
};

/** Presses on the first cell, goes over the others, and lets go. */
async function drag(page: Page, ...cells: [number, number][]) {
  for (const [index, [row, column]] of cells.entries()) {
    const box = await cell(page, row, column).boundingBox();
    if (!box) throw new Error(`no cell ${row}, ${column}`);
    await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2, { steps: 3 });
    if (index === 0) await page.mouse.down();
  }
  await page.mouse.up();
}

async function edit(page: Page) {
  await open(page, { preset: PRESET, set: TINY, boards: [ROOM] });
  await button(page, 'Edit').click();
}

test('walls are painted and cleared in strokes, and each stroke is one step back', async ({
  page,
}) => {
  await edit(page);
  await button(page, 'wall').click();
  await drag(page, [3, 2], [3, 5]);
  await expect.poll(() => walls(page)).toEqual(['4,3', '4,4', '4,5', '4,6']);
  await drag(page, [3, 4], [3, 7]);
  await expect.poll(() => walls(page)).toEqual(['4,3', '4,4']);
  await button(page, 'Undo').click();
  await expect.poll(() => walls(page)).toHaveLength(4);
  await button(page, 'Undo').click();
  await expect.poll(() => walls(page)).toEqual([]);
  await expect(button(page, 'Undo')).toBeDisabled();
  await button(page, 'Redo').click();
  await expect.poll(() => walls(page)).toHaveLength(4);
  await button(page, 'free').click();
  await drag(page, [2, 3], [4, 3]);
  await expect.poll(() => walls(page)).toEqual(['4,3', '4,5', '4,6']);
  await button(page, 'wall').click();
  await cell(page, 3, 2).click();
  await expect.poll(() => walls(page)).toEqual(['4,5', '4,6']);
});

test('a level without a way is refused at the very cell, and nothing is lost', async ({ page }) => {
  await edit(page);
  await button(page, 'wall').click();
  await drag(page, [4, 1], [4, 7]);
  await expect(page.getByRole('alert')).toContainText(
    'no way leads from the mouse to the cheese; clear a wall',
  );
  await expect(page.locator('.world .refused')).toBeVisible();
  await expect.poll(() => walls(page)).toHaveLength(6);
  expect(await walls(page)).not.toContain('5,8');
  await expect(page.locator('.world .refused')).toHaveCount(0);
  await cell(page, 4, 1).click();
  await expect(page.getByRole('alert')).toHaveCount(0);
  await expect.poll(() => walls(page)).toHaveLength(5);
});

test('things are moved by drag and by keyboard', async ({ page }) => {
  await edit(page);
  await button(page, 'wall').click();
  await drag(page, [1, 1], [3, 2], [4, 4]);
  await expect(board(page)).toHaveAttribute('aria-label', /cheese at row 5, column 5/);
  await cell(page, 7, 7).focus();
  await page.keyboard.press('2');
  await expect(button(page, 'cheese')).toHaveAttribute('aria-pressed', 'true');
  await page.keyboard.press('ArrowUp');
  await page.keyboard.press('ArrowLeft');
  await page.keyboard.press('Enter');
  await expect(board(page)).toHaveAttribute('aria-label', /cheese at row 7, column 7/);
  await page.keyboard.press('Control+z');
  await expect(board(page)).toHaveAttribute('aria-label', /cheese at row 5, column 5/);
});

test('the agent is handed the level, and its walk is told and gone through again', async ({
  page,
}) => {
  await edit(page);
  await trainOnce(page);
  await cell(page, 4, 4).click();
  await expect(board(page)).toHaveAttribute('aria-label', /mouse at row 5, column 5/);
  await button(page, 'Hand to agent').click();
  const told = page.locator('.world .sentence');
  await expect(told).toContainText(/Return .* of at most .* with the likeliest\s+action each time/);
  await expect(board(page).locator('path.trail')).toHaveCount(1);
  await expect(button(page, 'Watch it play')).toBeVisible();
  await button(page, 'Back a move').click();
  await expect(told).toContainText(/^Step \d+ of \d+\. The agent would play/);
  await button(page, 'On a move').click();
  await expect(told).toContainText('with the likeliest action each time');
  await button(page, 'Edit').click();
  await expect(board(page)).toHaveAttribute('aria-label', /mouse at row 5, column 5/);
});

test('a walk is shown at once where motion is not wanted', async ({ page }) => {
  await page.emulateMedia({ reducedMotion: 'reduce' });
  await edit(page);
  await button(page, 'Play').click();
  await button(page, 'Watch it play').click();
  await expect(page.locator('.world .sentence')).toContainText('with the likeliest action');
  await page.getByRole('button', { name: 'Undo edit' }).click();
  await expect(board(page)).toHaveAttribute('aria-label', /step 0 of .* mouse at row 8, column 8/);
});

test('players who meet another are not handed the board', async ({ page }) => {
  await open(page, { set: { 'model.width': 8, 'agent.num_games': 4 } });
  await expect(button(page, 'Let the agent move')).toBeVisible();
  await expect(button(page, 'Watch it play')).toHaveCount(0);
  await button(page, 'Edit').click();
  await expect(button(page, 'Undo')).toBeVisible();
  await expect(button(page, 'Hand to agent')).toHaveCount(0);
});

test('an agent is trained on the very level that was drawn, and on others again', async ({
  page,
}) => {
  await open(page, { preset: 'gridworld_ppo', set: { ...TINY, updates: 2 } });
  await button(page, 'Edit').click();
  await button(page, 'New').click();
  await button(page, 'Train on this level').click();
  await expect(trainButton(page)).toHaveText('Trained');
  await expect(page).toHaveURL(/environment\.level%22%3A%22%23%23%23/);
  await expect(button(page, 'Train on this level')).toHaveCount(0);
  await button(page, 'Train on new levels').click();
  await expect(button(page, 'Train on new levels')).toHaveCount(0);
  await expect(button(page, 'Train on this level')).toBeEnabled();
  await expect(page.getByRole('alert')).toHaveCount(0);
});

for (const [width, height, colorScheme] of [
  [1440, 900, 'dark'],
  [820, 1180, 'light'],
  [390, 844, 'dark'],
] as const) {
  test.describe(`${width} pixels wide, ${colorScheme}`, () => {
    test.use({ viewport: { width, height }, colorScheme });

    test('the editor can be read by everyone', async ({ page }) => {
      await open(page, { preset: 'gridworld_ppo', set: TINY });
      await button(page, 'Edit').click();
      const { violations } = await new AxeBuilder({ page }).analyze();
      expect(violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)])).toEqual([]);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth);
      expect(wide).toBeLessThanOrEqual(width);
    });
  });
}

test.describe('on a screen that is touched', () => {
  test.use({ hasTouch: true, isMobile: true, viewport: { width: 390, height: 844 } });

  test('everything in the editor is large enough for a finger', async ({ page }) => {
    await edit(page);
    const small = await page.locator('.world button:visible').evaluateAll((all) =>
      all
        .map((each) => ({ name: each.textContent?.trim(), box: each.getBoundingClientRect() }))
        .filter(({ box }) => box.height < 44 || box.width < 44)
        .map(({ name, box }) => `${name} ${box.width} ${box.height}`),
    );
    expect(small).toEqual([]);
    await cell(page, 3, 3).tap();
    await expect(board(page)).toHaveAttribute('aria-label', /mouse at row 4, column 4/);
  });
});
