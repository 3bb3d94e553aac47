import { expect, open, test, trainButton, trainOnce, updates } from './lab';

test('Connect 4 opens from the menu', async ({ page }) => {
  await open(page);
  await page.keyboard.press('/');
  await page
    .getByRole('dialog', { name: 'Presets' })
    .getByRole('button', { name: /^Connect 4/ })
    .click();
  await expect(page.getByRole('heading', { level: 1 })).toContainText('Connect 4');
  await expect(trainButton(page)).toBeEnabled({ timeout: 60_000 });
  await expect(page.getByRole('button', { name: 'Play column 4' }).first()).toBeAttached();
});

test('Connect 4 trains, and answers a move', async ({ page }) => {
  const small = { 'agent.num_games': 4, 'agent.num_simulations': 8, 'agent.num_steps': 1 };
  await open(page, { set: small, preset: 'connect4_alphazero' });
  await trainOnce(page);
  await expect(updates(page)).toHaveText('1');
  const board = page.getByRole('group', { name: /^Board\. / });
  const stones = async () =>
    (await board.getAttribute('aria-label'))?.match(/ at row /g)?.length ?? 0;
  const before = await stones();
  await board.getByRole('button', { name: /^Play/ }).first().press('Enter');
  await expect.poll(stones).toBe(before + 2);
});
