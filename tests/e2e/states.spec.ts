// States that figures hold, on the boards and from there in the op that takes a pair; forms of ops.
import AxeBuilder from '@axe-core/playwright';
import type { Locator, Page } from '@playwright/test';
import { expect, open, TINY, test } from './lab';

async function run(page: Page): Promise<void> {
  await page.locator('.act .btn.primary').click();
  await expect(page.locator('gb-figure').first()).toBeVisible();
}

/** The boards that the address tells. */
function boards(page: Page): unknown[] {
  return JSON.parse(new URL(page.url()).searchParams.get('boards') ?? '[]');
}

interface Body {
  state?: unknown;
  rows?: { states?: unknown[] }[][];
}

/** The data of a figure. */
function bodyOf(figure: Locator): Promise<Body> {
  return figure.evaluate(
    (element) => (element as unknown as { result: { figure: { body: Body } } }).result.figure.body,
  );
}

for (const viewport of [
  { width: 1440, height: 900 },
  { width: 390, height: 844 },
]) {
  test.describe(`${viewport.width} pixels wide`, () => {
    test.use({ viewport });

    test('a minimal pair goes on both boards, and from there into the op for pairs', async ({
      page,
    }) => {
      await open(page, { set: TINY, op: 'counterfactual' });
      if (viewport.width < 768)
        await page.getByRole('navigation').getByRole('button', { name: 'Evidence' }).click();
      await run(page);
      const table = page.locator('gb-figure', { has: page.getByText('Minimal pairs') });
      const button = table.locator('tbody tr').nth(1).getByRole('button');
      await expect(button).toHaveText('Load pair');
      await button.scrollIntoViewIfNeeded();
      await expect(button).toBeInViewport();
      const { violations } = await new AxeBuilder({ page }).include('.evid').analyze();
      expect(violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.target}`)).toEqual([]);

      await button.click();
      await expect(button).toHaveText('Patch activations');
      // It looked at no board, so that it is as true of these.
      await expect(table).not.toContainText('from before your change');
      await expect.poll(() => boards(page).length).toBe(2);
      const [clean, corrupt] = boards(page);
      expect(clean).not.toEqual(corrupt);
      const shown = (await bodyOf(table)).rows?.[1]?.[0]?.states;
      expect([clean, corrupt]).toEqual(shown);

      await button.click();
      await expect(page.getByLabel('Operation')).toHaveValue('patch');
      await expect(page.locator('gb-figure', { hasText: 'Patching map' })).toBeVisible();
      await expect(page.locator('[role=alert]')).toHaveCount(0);
      // The pairs stay, so that the next one is as near.
      await expect(table.getByRole('button', { name: 'Let the figure go' })).toBeVisible();
      await expect(page.getByRole('button', { name: 'Let the figure go' })).toHaveCount(1);

      await page.keyboard.press('Control+z');
      await expect.poll(() => boards(page)).not.toEqual([clean, corrupt]);
    });
  });
}

test('a state that a figure shows goes on the board on show', async ({ page }) => {
  await open(page, { set: TINY, op: 'dataset_examples' });
  await run(page);
  const figure = page.locator('gb-figure', { hasText: 'Example 1' });
  const shown = (await bodyOf(figure)).state;
  expect(boards(page)[0]).not.toEqual(shown);
  await figure.getByRole('button', { name: 'Load: Example 1' }).click();
  await expect(figure.getByRole('button', { name: /^Load/ })).toHaveText('Loaded');
  await expect.poll(() => boards(page)[0]).toEqual(shown);
});

test('a form follows its op, and says what is left to the engine', async ({ page }) => {
  await open(page, { set: TINY, op: 'search_tree' });
  await expect(page.locator('.op gb-form label > span:first-child')).toHaveText([
    'Number of simulations',
    'Damage',
    'Site',
    'Units',
    'Mode',
    'Reference states',
  ]);
  const simulations = page.getByLabel('Number of simulations');
  await expect(simulations).toHaveValue('');
  await expect(simulations).toHaveAttribute('placeholder', 'as at play');
  await simulations.fill('8');
  await simulations.press('Enter');
  await expect(page).toHaveURL(/&parameters=/);
  await simulations.fill('');
  await simulations.press('Enter');
  await expect(page).not.toHaveURL(/&parameters=/);
  await expect(page.getByLabel('Site')).toContainText('last before the heads');
});

test('an op that does not apply says why, and is no alarm', async ({ page }) => {
  await open(page, { set: TINY, op: 'retarget' });
  await page.locator('.act .btn.primary').click();
  await expect(page.getByText('Does not apply:')).toBeVisible();
  await expect(page.locator('.evid [role=alert]')).toHaveCount(0);
  await page.getByLabel('Operation').selectOption('activations');
  await expect(page.getByText('Does not apply:')).toHaveCount(0);
});
