// Work that is called off: it ends where it is, in the engine that it runs in.
import { expect, open, TINY, test, trainButton, trainOnce, updates } from './lab';

/** An op that takes many seconds, unit by unit. */
const LONG = { op: 'ablate', parameters: { reference_states: 4096 } };
const WIDE = { ...TINY, 'model.width': 256, 'model.depth': 2 };

test('an op that is called off leaves the run as it was, in the same engine', async ({ page }) => {
  await open(page, { set: WIDE, checkpoint: 3, ...LONG });
  const workers = page.workers();
  await page.locator('.act .btn.primary').click();
  await expect(page.locator('.working .num')).toHaveText(/^\d+ of \d+/);
  await page.getByRole('button', { name: 'Cancel' }).click();
  await expect(page.locator('.act .btn.primary')).toBeEnabled({ timeout: 5000 });
  await expect(page.getByRole('alert')).toHaveCount(0);
  await expect(page.getByText('No figures yet.')).toBeVisible();
  expect(page.workers()).toEqual(workers);
  await expect(updates(page)).toHaveText('3');
  await trainOnce(page);
  await expect(updates(page)).toHaveText('4');
  expect(page.workers()).toEqual(workers);
});

test('training goes on while an op is called off', async ({ page }) => {
  await open(page, { set: { ...WIDE, updates: 4000, checkpoint_every: 1000 }, ...LONG });
  await trainButton(page).click();
  await expect(trainButton(page)).toHaveText(/Pause/);
  await page.locator('.act .btn.primary').click();
  await page.getByRole('button', { name: 'Cancel' }).click();
  await expect(page.locator('.act .btn.primary')).toBeEnabled({ timeout: 5000 });
  await expect(trainButton(page)).toHaveText(/Pause/);
  const reached = Number(await updates(page).textContent());
  await expect
    .poll(async () => Number((await updates(page).textContent())?.replace(',', '')))
    .toBeGreaterThan(reached);
  await expect(page.getByRole('alert')).toHaveCount(0);
  await trainButton(page).click();
});
