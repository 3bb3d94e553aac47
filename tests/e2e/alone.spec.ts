// Environments with one player: a mouse and its cheese, and a pole on a cart.
import { expect, open, test, trainOnce } from './lab';

const TINY = {
  'model.width': 8,
  'model.depth': 1,
  'agent.num_envs': 4,
  'agent.num_steps': 16,
  'agent.num_minibatches': 1,
  updates: 4,
  checkpoint_every: 2,
};

test('a mouse learns, its level is edited, and its policy drawn at every cell', async ({
  page,
}) => {
  await open(page, { preset: 'corner_maze_misgeneralisation', set: TINY });
  const board = page.getByRole('group', { name: /^Board\. / });
  await expect(board).toHaveAttribute(
    'aria-label',
    /cheese at row 8, column 4; mouse at row 8, column 8/,
  );
  await trainOnce(page);
  await page.getByRole('button', { name: 'Edit', exact: true }).click();
  await page.getByRole('button', { name: 'cheese', exact: true }).click();
  await board.locator('[data-cell="3,3"]').click();
  await expect(board).toHaveAttribute('aria-label', /cheese at row 4, column 4/);
  await page.getByRole('button', { name: 'Run', exact: false }).and(page.locator('.act *')).click();
  const field = page.locator('gb-figure').filter({ hasText: 'Policy field' });
  await expect(field.locator('.cap')).toHaveText(/Each arrow is where the agent would go/);
  await expect(field.locator('.nums .ctl')).not.toHaveCount(0);
});

test('a cart pole is drawn, played and trained', async ({ page }) => {
  await open(page, { preset: 'cartpole_ppo', set: TINY });
  const board = page.getByRole('group', { name: /^Board\. / });
  await expect(board).toHaveAttribute('aria-label', /step 0 of 500\. track; cart; pole/);
  await page.getByRole('button', { name: 'Play right' }).click();
  await expect(board).toHaveAttribute('aria-label', /step [1-9]\d* of 500/);
  await trainOnce(page);
});
