import { expect, open, TINY, test, trainButton, updates } from './lab';

test('everything that matters is done without a mouse', async ({ page }) => {
  await open(page, { set: { ...TINY, updates: 400 } });
  const press = (key: string) => page.keyboard.press(key);

  await press('.');
  await expect(updates(page)).toHaveText('1');
  await press('t');
  await expect(trainButton(page)).toHaveText('Pause');
  await press('t');
  await expect(trainButton(page)).toHaveText('Train');
  const newest = await updates(page).innerText();
  await press('ArrowLeft');
  await expect(updates(page)).not.toHaveText(newest);
  await press('ArrowRight');
  await expect(updates(page)).toHaveText(newest);

  for (const [key, area] of Object.entries({
    1: 'World',
    2: 'Brain',
    3: 'Evidence',
    4: 'Timeline',
  })) {
    await press(key);
    await expect(page.getByRole('heading', { name: area, exact: true })).toBeFocused();
  }

  const help = page.getByRole('dialog', { name: 'Keys and help' });
  await press('?');
  await expect(help).toBeVisible();
  await press('t');
  await expect(trainButton(page)).toHaveText('Train');
  await press('Escape');
  await expect(help).toBeHidden();

  const presets = page.getByRole('dialog', { name: 'Presets' });
  await press('/');
  await expect(presets).toBeVisible();
  await press('Escape');
  await expect(presets).toBeHidden();
});

test('a game is played with the arrow keys and Enter', async ({ page }) => {
  await open(page, { set: TINY });
  await page.getByRole('button', { name: 'New game' }).click();
  const board = page.getByRole('group', { name: /^Board\. / });
  await expect(board).toHaveAttribute('aria-label', /Empty/);
  await board.locator('[tabindex="0"]').focus();
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');
  await expect(board).toHaveAttribute('aria-label', /X to move\. .*X at row 2, column 2/);
});

test('letters typed into a field are not keys of the page', async ({ page }) => {
  await open(page, { set: TINY });
  await page.keyboard.press('/');
  await page.keyboard.type('t.?');
  await page.keyboard.press('Escape');
  await expect(trainButton(page)).toHaveText('Train');
  await expect(updates(page)).toHaveText('0');
});
