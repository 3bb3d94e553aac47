import { ask } from './engine';
import { expect, open, TINY, test, trainButton, updates } from './lab';

test('the page opens ready to train, with a board, a network and an op', async ({ page }) => {
  await open(page);
  await expect(trainButton(page)).toBeEnabled();
  await expect(page).toHaveTitle(/Tic-tac-toe.* · Glassbox/);
  await expect(page.getByRole('group', { name: /^Board\. X to move/ })).toBeVisible();
  await expect(page.getByRole('slider', { name: /arrows choose a unit/ })).not.toHaveCount(0);
  await expect(page.getByLabel('Operation')).toBeEnabled();
  await expect(updates(page)).toHaveText('0');
});

test('the presets to choose from are those of the catalogue', async ({ page }) => {
  await open(page, { set: TINY });
  const { presets } = await ask(page, 'catalogue', { type: 'catalogue' });
  await page.getByRole('button', { name: presets[0]?.title ?? '' }).click();
  const menu = page.getByRole('dialog', { name: 'Presets' });
  await expect(menu.locator('.presets button')).toHaveCount(presets.length);
  for (const { title, summary } of presets) {
    const entry = menu.getByRole('button', { name: title });
    await expect(entry).toContainText(summary);
  }
  await menu.getByRole('searchbox').fill('no such words');
  await expect(menu.getByText('No preset has these words.')).toBeVisible();
});

test('the operations to choose from are those of the catalogue', async ({ page }) => {
  await open(page, { set: TINY });
  const { ops } = await ask(page, 'catalogue', { type: 'catalogue' });
  await expect(page.getByLabel('Operation').getByRole('option')).toHaveText(
    ops.map(({ title }) => title),
  );
});

test('parameters of the run are checked as they are filled in, and start it again', async ({
  page,
}) => {
  await open(page, { set: TINY });
  await page.getByRole('button', { name: 'Parameters of the run' }).click();
  const dialog = page.getByRole('dialog', { name: 'Parameters of the run' });
  const width = dialog.getByRole('textbox', { name: /^width/i });
  await width.fill('0');
  await width.press('Tab');
  await expect(dialog.getByRole('button', { name: 'Start again' })).toBeDisabled();
  await width.fill('24');
  await width.press('Tab');
  await dialog.getByRole('button', { name: 'Start again' }).click();
  await expect(page.getByText('24 units').first()).toBeVisible();
  await expect(page).toHaveURL(/model\.width%22%3A24/);
});
