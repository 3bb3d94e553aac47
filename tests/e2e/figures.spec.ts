// Drawings that keep their geometry: maps over a grid, and trees.
import { expect, open, TINY, test } from './lab';

test('maps over the cells of a grid have square cells, and none where there is a wall', async ({
  page,
}) => {
  const set = { 'model.width': 8, 'model.depth': 1, 'agent.num_envs': 4, 'agent.num_steps': 16 };
  await open(page, { preset: 'corner_maze_misgeneralisation', set, op: 'value_map' });
  await page.locator('.act .btn.primary').click();
  const drawing = page.locator('gb-figure .g-box > svg').first();
  await expect(drawing.locator('rect[fill]').first()).toBeVisible();
  const sizes = await drawing.evaluate((svg) =>
    [...svg.querySelectorAll('rect')].map((rect) => {
      const { width, height } = rect.getBoundingClientRect();
      return [Math.round(width * 10), Math.round(height * 10)];
    }),
  );
  expect(sizes.length).toBeGreaterThan(20);
  for (const [width, height] of sizes) expect(width).toBe(height);
  await expect(drawing.getByText('–')).toHaveCount(0);
});

test('a search is drawn as a tree that the arrow keys read', async ({ page }) => {
  await open(page, { set: TINY, op: 'search_tree' });
  await page.locator('.act .btn.primary').click();
  const figure = page.locator('gb-figure', { has: page.locator('.g-branch') }).first();
  await expect(figure.locator('.g-branch.chosen').first()).toBeVisible();
  await figure.locator('.g-box > svg').focus();
  await page.keyboard.press('ArrowDown');
  await expect(figure.locator('.said')).toHaveText(/\d+ visits/);
});
