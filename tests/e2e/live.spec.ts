// An op that follows the training: it is run again after each checkpoint, one run at a time.
import { expect, open, TINY, test, trainButton, trainOnce, updates } from './lab';

test('a live op is run again at each checkpoint, and its figure replaced', async ({ page }) => {
  await open(page, { set: TINY, op: 'ablate' });
  const live = page.getByRole('switch', { name: 'live while it trains' });
  await expect(live).toHaveAttribute('aria-checked', 'false');
  await page.locator('.act .btn.primary').click();
  const figures = page.locator('gb-figure');
  await expect(figures.first()).toBeVisible();
  const count = await figures.count();
  const numbers = () => page.locator('gb-figure .nums').allInnerTexts();
  const before = await numbers();

  // Off: the figure stays what it was.
  await trainOnce(page);
  await trainOnce(page);
  await expect(figures.first()).toContainText('from update 0');
  expect(await numbers()).toEqual(before);

  // On: two updates later it is of the new checkpoint.
  await live.click();
  await expect(page).toHaveURL(/live=true/);
  await trainOnce(page);
  await trainOnce(page);
  await expect(updates(page)).toHaveText('4');
  await expect(page.locator('gb-figure .chip')).toHaveCount(0);
  await expect.poll(numbers).not.toEqual(before);
  await expect(figures).toHaveCount(count);

  await trainButton(page).click();
  await expect(trainButton(page)).toHaveText('Trained');
  await expect(page.locator('gb-figure .chip')).toHaveCount(0);
  await expect(figures).toHaveCount(count);
});

test('the switch is remembered with its op, and a live op that is called off is live no more', async ({
  page,
}) => {
  const set = { ...TINY, 'model.width': 256, 'model.depth': 2 };
  const parameters = { reference_states: 4096 };
  await open(page, { set, op: 'ablate', parameters, live: true });
  const live = page.getByRole('switch', { name: 'live while it trains' });
  await expect(live).toHaveAttribute('aria-checked', 'true');
  await page.getByLabel('Operation').selectOption('cka');
  await expect(live).toHaveAttribute('aria-checked', 'false');
  await page.getByLabel('Operation').selectOption('ablate');
  await expect(live).toHaveAttribute('aria-checked', 'true');

  await trainButton(page).click();
  await page.getByRole('button', { name: 'Cancel' }).click();
  await expect(live).toHaveAttribute('aria-checked', 'false');
  await expect(page.getByRole('alert')).toHaveCount(0);
  await expect(trainButton(page)).toHaveText('Trained');
});
