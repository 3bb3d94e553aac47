import type { Page } from '@playwright/test';
import { expect, open, TINY, test, trainToPerfection } from './lab';

const status = (page: Page) => page.locator('.world .head').getByRole('status');
const board = (page: Page) => page.getByRole('group', { name: /^Board\. / });

/** Plays the first legal move, again and again, till the game is over. */
async function playOn(page: Page, side: 'X' | 'O'): Promise<string> {
  const mine = `${side} to move`;
  while ((await status(page).textContent()) === mine) {
    const before = await board(page).getAttribute('aria-label');
    await board(page).locator('[aria-disabled=false]').first().click();
    await expect(board(page)).not.toHaveAttribute('aria-label', before ?? '');
    await expect(status(page)).not.toHaveText(`${side === 'X' ? 'O' : 'X'} to move`);
  }
  return (await status(page).textContent()) ?? '';
}

test('the trained agent does not lose, with or without search, on either side', async ({
  page,
}) => {
  await open(page);
  await trainToPerfection(page);
  for (const decides of ['Bare', 'Search']) {
    await page.getByRole('button', { name: decides, exact: true }).click();
    for (const [side, other] of [
      ['X', 'O'],
      ['O', 'X'],
    ] as const) {
      await page.getByRole('combobox', { name: 'Which side you play' }).selectOption(side);
      await page.getByRole('button', { name: 'New game' }).click();
      await expect(status(page)).toHaveText(`${side} to move`);
      const end = await playOn(page, side);
      expect(end).not.toContain('to move');
      expect(end).not.toContain(`${side} won`);
      await expect(page.getByRole('button', { name: 'Let the agent move' })).toBeDisabled();
      expect(end).toMatch(new RegExp(`${other} won|draw`, 'i'));
    }
  }
});

test('a game goes back and on, and the agent moves when it is told to', async ({ page }) => {
  await open(page, { set: TINY });
  await page.getByRole('combobox', { name: 'Which side you play' }).selectOption('both');
  await page.getByRole('button', { name: 'New game' }).click();
  await expect(board(page)).toHaveAttribute('aria-label', /Empty/);
  await page.getByRole('button', { name: 'Play row 2, column 2' }).click();
  await expect(status(page)).toHaveText('O to move');
  await page.getByRole('button', { name: 'Let the agent move' }).click();
  await expect(status(page)).toHaveText('X to move');
  await page.getByRole('button', { name: 'Back a move' }).click();
  await page.getByRole('button', { name: 'Back a move' }).click();
  await expect(board(page)).toHaveAttribute('aria-label', /Empty/);
  await page.getByRole('button', { name: 'On a move' }).click();
  await expect(board(page)).toHaveAttribute('aria-label', /X at row 2, column 2/);
});
