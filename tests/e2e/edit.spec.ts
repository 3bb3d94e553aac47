import type { Page } from '@playwright/test';
import { expect, open, TINY, test } from './lab';

const board = (page: Page) => page.getByRole('group', { name: /^Board\. / });
const cell = (page: Page, row: number, column: number) =>
  board(page).locator(`[data-cell="${row},${column}"]`);

test.beforeEach(async ({ page }) => {
  await open(page, { set: TINY });
  await page.getByRole('button', { name: 'New game' }).click();
  await expect(board(page)).toHaveAttribute('aria-label', /Empty/);
  await page.getByRole('button', { name: 'Edit', exact: true }).click();
});

test('a board is painted, its pieces dragged, and every step undone', async ({ page }) => {
  const undo = page.getByRole('button', { name: 'Undo edit' });
  await cell(page, 0, 0).click();
  await expect(board(page)).toHaveAttribute('aria-label', /X at row 1, column 1\./);
  await cell(page, 0, 0).dragTo(cell(page, 2, 1));
  await expect(board(page)).toHaveAttribute('aria-label', /X at row 3, column 2\./);
  await page.getByRole('button', { name: 'O', exact: true }).click();
  await cell(page, 1, 1).click();
  await expect(board(page)).toHaveAttribute('aria-label', /O at row 2, column 2/);
  await undo.click();
  await expect(board(page)).not.toHaveAttribute('aria-label', /O at/);
  await undo.click();
  await expect(board(page)).toHaveAttribute('aria-label', /X at row 1, column 1\./);
  await page.keyboard.press('Control+Shift+z');
  await expect(board(page)).toHaveAttribute('aria-label', /X at row 3, column 2\./);
});

test('a board that cannot be is refused with the reason, and stays as it was', async ({ page }) => {
  await cell(page, 0, 0).click();
  await expect(board(page)).toHaveAttribute('aria-label', /X at row 1, column 1\./);
  await cell(page, 0, 1).click();
  await expect(page.getByRole('alert')).toContainText('Not done: impossible state:');
  await expect(page.getByRole('alert')).toContainText('The board is as it was.');
  await expect(board(page)).not.toHaveAttribute('aria-label', /X at row 1, column 2/);
  await page.getByRole('button', { name: 'Dismiss' }).click();
  await expect(page.getByRole('alert')).toHaveCount(0);
});
