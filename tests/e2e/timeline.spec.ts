import type { Page } from '@playwright/test';
import { expect, handle, open, TINY, test, trainButton, updates } from './lab';

/** What the network answers, as drawn on the board's squares. */
const answer = (page: Page) => page.locator('.board-main').innerText();

async function trainAll(page: Page): Promise<void> {
  await open(page, { set: TINY });
  await trainButton(page).click();
  await expect(trainButton(page)).toHaveText('Trained');
  await page.getByRole('button', { name: 'Bare' }).click();
}

test('← and → go through the checkpoints, and everything on show goes with them', async ({
  page,
}) => {
  await trainAll(page);
  await expect(updates(page)).toHaveText('12');
  const newest = await answer(page);
  await page.keyboard.press('ArrowLeft');
  await expect(updates(page)).toHaveText('10');
  await expect(page.getByRole('button', { name: /^checkpoint 10/ })).toBeVisible();
  await expect.poll(() => answer(page)).not.toBe(newest);
  await page.keyboard.press('ArrowRight');
  await expect(updates(page)).toHaveText('12');
  await expect.poll(() => answer(page)).toBe(newest);
});

test('the handle is dragged back to the start, and figures say from which update they are', async ({
  page,
}) => {
  await trainAll(page);
  await page.getByLabel('Operation').selectOption({ index: 0 });
  await page.keyboard.press('c');
  await page.keyboard.press('p');
  const figure = page.locator('gb-figure').first();
  await figure.getByRole('button', { name: 'Keep the figure' }).click();
  const box = await handle(page).boundingBox();
  if (!box) throw new Error('the timeline is not drawn');
  const y = box.y + box.height / 2;
  const axis = await page.locator('.tl-plot .sacc').boundingBox();
  await page.mouse.move(axis?.x ?? 0, y);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width / 2, y, { steps: 4 });
  await page.mouse.move(box.x + 8, y, { steps: 4 });
  await page.mouse.up();
  await expect(updates(page)).toHaveText('0');
  await expect(figure).toContainText('from update 12');
  await page.getByRole('button', { name: /^checkpoint 0/ }).click();
  await expect(updates(page)).toHaveText('12');
  await expect(figure).not.toContainText('from update');
});

test('a reload brings the whole experiment back from its address', async ({ page }) => {
  const board = { board: [1, 2, 0, 0, 1, 0, 0, 0, 2], player: 0 };
  const query = {
    set: TINY,
    seed: 5,
    boards: [board, { ...board, board: [1, 2, 0, 0, 1, 0, 2, 0, 0] }],
    checkpoint: 7,
  };
  await open(page, query);
  await expect(updates(page)).toHaveText('7');
  await page.getByLabel('Operation').selectOption({ index: 1 });
  await page.getByRole('slider', { name: /^blocks\.0\.post:/ }).focus();
  await page.keyboard.press('Enter');
  await page.getByRole('button', { name: 'Ablate' }).click();
  await page.getByRole('button', { name: 'Bare' }).click();
  await expect(page).toHaveURL(/edits=.*op=|op=.*edits=/);
  await expect(page.locator('.edits .changes')).toHaveText(/lines lost/);
  const look = async () => ({
    updates: await updates(page).textContent(),
    seed: await page.getByLabel('seed').inputValue(),
    op: await page.getByLabel('Operation').inputValue(),
    edits: await page.locator('.edits').innerText(),
    facts: await page.locator('.time dl').innerText(),
    board: await page.getByRole('group', { name: /^Board\. / }).getAttribute('aria-label'),
    answer: await answer(page),
    address: page.url(),
  });
  const before = await look();
  await page.reload();
  await expect(updates(page)).toHaveText('7', { timeout: 60_000 });
  await expect(page.locator('.edits .changes')).toHaveText(/lines lost/);
  await page.getByRole('button', { name: 'Bare' }).click();
  await expect.poll(look).toEqual(before);
});

test('a replay goes through all checkpoints and ends at the newest', async ({ page }) => {
  await trainAll(page);
  await page.getByRole('button', { name: 'Replay' }).click();
  await expect(page.getByRole('button', { name: /^checkpoint/ })).toBeVisible();
  await expect(page.getByRole('button', { name: 'Replay' })).toBeVisible();
  await expect(updates(page)).toHaveText('12');
});
