import { expect, open, TINY, test } from './lab';

test('a unit is held, ablated, scored and restored', async ({ page }) => {
  await open(page, { set: TINY });
  await page.getByRole('slider', { name: /^blocks\.0\.post:/ }).focus();
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('Enter');
  await expect(page.getByText('blocks.0.post, unit 1')).toBeVisible();
  await page.getByRole('button', { name: 'Ablate' }).click();
  const edits = page.getByRole('group', { name: 'Edits in force' });
  await expect(edits).toContainText('blocks.0.post, unit 1 = 0');
  await expect(edits).toContainText(/lines lost, bare network [\d,]+/);
  await expect(page).toHaveURL(/edits=/);
  await page.getByRole('button', { name: 'Restore' }).click();
  await expect(edits).toHaveCount(0);
  await page.keyboard.press('Control+z');
  await expect(edits).toContainText('blocks.0.post, unit 1 = 0');
  await edits.getByRole('button', { name: 'Remove this edit' }).click();
  await expect(edits).toHaveCount(0);
});

test('a unit is held with a click, and let go with Escape', async ({ page }) => {
  await open(page, { set: TINY });
  const hint = page.getByText('Click a unit to hold it');
  await page.getByRole('slider', { name: /^blocks\.0\.post:/ }).click({ position: { x: 4, y: 4 } });
  await expect(hint).toHaveCount(0);
  await page.keyboard.press('Escape');
  await expect(hint).toBeVisible();
});
