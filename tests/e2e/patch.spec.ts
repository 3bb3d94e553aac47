import type { Page } from '@playwright/test';
import { expect, open, TINY, test } from './lab';

const PAIR = [
  { board: [1, 1, 0, 2, 2, 0, 0, 0, 0], player: 0 },
  { board: [1, 0, 1, 2, 2, 0, 0, 0, 0], player: 0 },
];

const figures = (page: Page) => page.locator('gb-figure');

/** Every figure says what it shows and what its numbers are, and no number is missing. */
async function expectFigures(page: Page): Promise<void> {
  await expect(figures(page).first()).toBeVisible();
  for (const figure of await figures(page).all()) {
    await expect(figure.locator('.cap')).toHaveText(/\w.*\.\s*$/);
    await expect(figure.locator('.nums dd').first()).toHaveText(/\d/);
    await expect(figure.locator('.g-box > svg')).toBeVisible();
  }
}

test.beforeEach(async ({ page }) => {
  await open(page, { set: TINY, boards: PAIR });
});

test('two boards that differ by one stone are patched, with controls', async ({ page }) => {
  await expect(page.getByText('2 squares differ.')).toBeVisible();
  await expect(page.getByText('No figures yet.')).toBeVisible();
  await page.getByRole('button', { name: 'Run', exact: false }).and(page.locator('.act *')).click();
  await expectFigures(page);
  await expect(page.locator('.nums .ctl')).not.toHaveCount(0);
});

test('C takes a board and P drops it on the other one', async ({ page }) => {
  await page.keyboard.press('c');
  await expect(page.locator('[data-board=clean]')).toHaveClass(/taken/);
  await page.keyboard.press('Escape');
  await expect(page.locator('[data-board=clean]')).not.toHaveClass(/taken/);
  await page.keyboard.press('c');
  await page.keyboard.press('p');
  await expectFigures(page);
});

test('one board dragged onto the other is patched', async ({ page }) => {
  await page.locator('[data-board=clean] .grip').dragTo(page.locator('[data-board=corrupt] .grip'));
  await expectFigures(page);
});

test('a figure that is kept stays beside a new one, and says when it is out of date', async ({
  page,
}) => {
  await page.keyboard.press('c');
  await page.keyboard.press('p');
  await expectFigures(page);
  const count = await figures(page).count();
  await page.getByRole('button', { name: 'Keep the figure' }).first().click();
  await page.getByRole('button', { name: 'Swap the boards' }).click();
  await expect(figures(page).first()).toContainText('from before your change');
  await page.getByRole('button', { name: 'Run', exact: false }).and(page.locator('.act *')).click();
  await expect(figures(page)).toHaveCount(count + 1);
});

test('a figure is taken away as a drawing and as data', async ({ page }) => {
  await page.keyboard.press('c');
  await page.keyboard.press('p');
  await expectFigures(page);
  for (const kind of ['SVG', 'PNG', 'JSON']) {
    await figures(page).first().locator('summary').click();
    const download = page.waitForEvent('download');
    await figures(page).first().getByRole('button', { name: kind }).click();
    expect((await download).suggestedFilename()).toMatch(new RegExp(`\\.${kind}$`, 'i'));
  }
});
