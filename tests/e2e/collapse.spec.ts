// A policy that falls apart, and the way back to a checkpoint.
import AxeBuilder from '@axe-core/playwright';
import type { Page } from '@playwright/test';
import { expect, handle, open, test, trainButton, trainOnce, updates } from './lab';

const preset = 'cartpole_ppo';

/** Steps so large that the policy is sure of one action after the first update. */
const COLLAPSING = {
  'agent.learning_rate': 1,
  updates: 400,
  checkpoint_every: 5,
};

/** Weights that grow until the second update's gradients overflow. */
const DIVERGING = {
  'model.activation': 'relu',
  'model.depth': 8,
  'agent.num_steps': 32,
  'agent.num_minibatches': 1,
  'agent.num_epochs': 1,
  'agent.anneal': false,
  'agent.learning_rate': 1,
  updates: 8,
  checkpoint_every: 5,
};

const HEALTHY = {
  'model.width': 8,
  'model.depth': 1,
  'agent.num_envs': 4,
  'agent.num_steps': 16,
  'agent.num_minibatches': 1,
  updates: 12,
  checkpoint_every: 2,
};

/** Checkpoints that are drawn on the timeline's axis. */
const points = (page: Page) => page.locator('.tl-plot .fink3');
const warning = (page: Page) => page.locator('.time .notice-here');
const mark = (page: Page) => page.locator('.tl-plot .fell');

test('a collapse is told in the timeline, and one click goes back to the best checkpoint', async ({
  page,
}) => {
  await open(page, { preset, set: COLLAPSING });
  await trainButton(page).click();
  await expect(warning(page)).toContainText(/Collapse at update \d\. The entropy is down to/);
  await expect(mark(page)).toHaveCount(1);
  await expect(mark(page)).toContainText('collapse');
  await expect(points(page)).not.toHaveCount(1);
  // Playing at random keeps the pole up for longer than always pushing to one side.
  await warning(page).getByRole('button', { name: 'Back to update 0 (best)' }).focus();
  await expect(trainButton(page)).toHaveText('Pause');
  await page.keyboard.press('Enter');
  await expect(trainButton(page)).toHaveText('Train');
  await expect(updates(page)).toHaveText('0');
  await expect(warning(page)).toHaveCount(0);
  await expect(mark(page)).toHaveCount(0);
  await expect(points(page)).toHaveCount(1);
  await trainOnce(page);
  await expect(updates(page)).toHaveText('1');
});

test('a warning is dismissed, and its mark stays', async ({ page }) => {
  await open(page, { preset, set: { ...COLLAPSING, updates: 10 }, checkpoint: 10 });
  await warning(page).getByRole('button', { name: 'Dismiss' }).click();
  await expect(warning(page)).toHaveCount(0);
  await expect(mark(page)).toHaveCount(1);
});

test('a checkpoint on show is gone back to, and the same training follows', async ({ page }) => {
  await open(page, { preset, set: HEALTHY, checkpoint: 12 });
  const facts = () => page.locator('.time .side').innerText();
  const end = await facts();
  await handle(page).focus();
  for (let step = 0; step < 3; step += 1) await page.keyboard.press('ArrowLeft');
  await expect(updates(page)).toHaveText('6');
  const then = await facts();
  await page.getByRole('button', { name: 'Go back to here' }).click();
  await expect(page.getByRole('button', { name: 'Go back to here' })).toHaveCount(0);
  await expect(points(page)).toHaveCount(4);
  await expect(page.getByRole('progressbar', { name: 'Updates trained' })).toHaveAttribute(
    'aria-valuenow',
    '6',
  );
  expect(await facts()).toBe(then);
  await expect(page).toHaveURL(/checkpoint=6/);
  await trainButton(page).click();
  await expect(trainButton(page)).toHaveText('Trained');
  await expect.poll(facts).toBe(end);
});

test('an update that diverges is told, and the run goes back or stays', async ({ page }) => {
  await open(page, { preset, set: DIVERGING });
  await trainButton(page).click();
  const alert = page.getByRole('alert');
  await expect(alert).toContainText('update 2 diverged: the gradient norm was not finite');
  await expect(updates(page)).toHaveText('1');
  await alert.getByRole('button', { name: 'Back to update 0 (best)' }).click();
  await expect(updates(page)).toHaveText('0');
  await expect(alert).toHaveCount(0);
  await trainOnce(page);
});

for (const colorScheme of ['light', 'dark'] as const) {
  for (const width of [390, 1440]) {
    test.describe(`${colorScheme}, ${width} pixels wide`, () => {
      test.use({ colorScheme, viewport: { width, height: width < 800 ? 844 : 900 } });

      test('the warning and the way back can be read by everyone', async ({ page }, info) => {
        const set = { ...COLLAPSING, updates: 30 };
        await open(page, { preset, set, checkpoint: 20 });
        if (width < 800) await page.getByRole('button', { name: /^Timeline.*warning/ }).click();
        await expect(warning(page)).toBeVisible();
        await page.keyboard.press('ArrowLeft');
        await expect(page.getByRole('button', { name: 'Go back to here' })).toBeVisible();
        const { violations } = await new AxeBuilder({ page }).analyze();
        expect(violations.map(({ id, nodes }) => [id, nodes.map((node) => node.html)])).toEqual([]);
        const wide = await page.evaluate(() => document.documentElement.scrollWidth);
        expect(wide).toBeLessThanOrEqual(width);
        await page.screenshot({ path: info.outputPath('warning.png') });
      });
    });
  }
}
