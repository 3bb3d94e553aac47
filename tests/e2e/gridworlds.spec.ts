// The worlds on a grid and the ops about them: each preset opens, trains, and answers its own ops.
import type { Page } from '@playwright/test';
import { expect, open, test, trainOnce, updates } from './lab';

const TINY = {
  'model.width': 8,
  'model.depth': 1,
  'agent.num_envs': 4,
  'agent.num_steps': 16,
  'agent.num_minibatches': 1,
  updates: 4,
  checkpoint_every: 2,
};

async function run(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Run', exact: false }).and(page.locator('.act *')).click();
}

function captions(page: Page) {
  return page.locator('gb-figure .cap');
}

for (const [preset, thing, op] of [
  ['gridworld_ppo', 'lava', /Each arrow is where the agent would go/],
  ['keys_chests', 'chest', /a gap that stays is a goal that misgeneralised/],
  ['tree_gridworld', 'tree', /a gap that stays is a goal that misgeneralised/],
  ['monster_gridworld', 'shield', /a gap that stays is a goal that misgeneralised/],
] as const) {
  test(`${preset} opens, trains and answers its first op`, async ({ page }) => {
    await open(page, { preset, set: TINY });
    const board = page.getByRole('group', { name: /^Board\. / });
    await expect(board).toHaveAttribute('aria-label', new RegExp(`${thing} at row`));
    await trainOnce(page);
    await run(page);
    await expect(captions(page).first()).toHaveText(op);
    await expect(page.locator('gb-figure .nums .ctl')).not.toHaveCount(0);
  });
}

test('a world that never ends shows its reward a step, and no return of episodes', async ({
  page,
}) => {
  await open(page, { preset: 'tree_gridworld', set: TINY });
  await trainOnce(page);
  await expect(page.locator('gb-timeline')).toContainText('mean reward of a step');
  await expect(page.locator('gb-timeline')).not.toContainText('mean return');
});

for (const [op, caption] of [
  ['value_map', /The network's value of the agent standing on each cell/],
  ['occupancy', /Share of all steps that the agent spent on each cell/],
  ['steer', /Where the agent would go with 1.5 times the difference of the boards/],
  ['retarget', /Where the agent would go with .* set to 5.5/],
] as const) {
  test(`${op} draws its figures on a maze`, async ({ page }) => {
    await open(page, { preset: 'corner_maze_misgeneralisation', set: TINY, op });
    await run(page);
    await expect(captions(page).first()).toHaveText(caption, { timeout: 30_000 });
  });
}

test('agents are trained for each value of a parameter', async ({ page }) => {
  const parameters = { over: 'training', parameter: 'corner', values: '1, 3' };
  await open(page, {
    preset: 'corner_maze_misgeneralisation',
    set: TINY,
    op: 'misgeneralisation',
    parameters,
  });
  await run(page);
  await expect(captions(page).first()).toHaveText(
    /Mean return of agents trained with each value of corner/,
    { timeout: 30_000 },
  );
  await expect(updates(page)).toHaveText('0');
});
