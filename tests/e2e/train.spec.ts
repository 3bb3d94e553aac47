import {
  expect,
  LOST_BARE,
  open,
  score,
  test,
  trainButton,
  trainToPerfection,
  updates,
} from './lab';

test('tic-tac-toe trains until its bare network loses no line', async ({ page }) => {
  await open(page);
  await expect(page.getByRole('heading', { level: 1 })).toContainText('Tic-tac-toe');
  await expect(updates(page)).toHaveText('0');
  await expect(score(page, LOST_BARE)).toHaveText(/of \d+/);
  await trainToPerfection(page);
});

test('training pauses and goes on, one update or all of them', async ({ page }) => {
  await open(page, { set: { updates: 6, checkpoint_every: 2 } });
  await page.getByRole('button', { name: 'One update' }).click();
  await expect(updates(page)).toHaveText('1');
  await trainButton(page).click();
  await expect(trainButton(page)).toHaveText('Trained');
  await expect(updates(page)).toHaveText('6');
  await expect(page.getByText(/trained, finished/)).toBeVisible();
  await page.getByRole('button', { name: 'Reset to update 0' }).click();
  await expect(updates(page)).toHaveText('0');
  await expect(trainButton(page)).toHaveText('Train');
});
