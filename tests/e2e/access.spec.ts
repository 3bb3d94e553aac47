import AxeBuilder from '@axe-core/playwright';
import { expect, open, TINY, test, trainButton } from './lab';

const windows = [
  { width: 1440, height: 900 },
  { width: 390, height: 844 },
];

for (const colorScheme of ['light', 'dark'] as const) {
  for (const viewport of windows) {
    test.describe(`${colorScheme}, ${viewport.width} pixels wide`, () => {
      test.use({ colorScheme, viewport });

      test('the page can be read by everyone', async ({ page }) => {
        await open(page, { set: TINY });
        await trainButton(page).click();
        await expect(trainButton(page)).toHaveText('Trained');
        await page.keyboard.press('c');
        await page.keyboard.press('p');
        await expect(page.locator('gb-figure').first()).toBeAttached();
        const areas = viewport.width < 800 ? ['World', 'Brain', 'Evidence', 'Timeline'] : [null];
        for (const area of areas) {
          if (area) await page.getByRole('navigation').getByRole('button', { name: area }).click();
          await expectReadable(page);
          const wide = await page.evaluate(() => document.documentElement.scrollWidth);
          expect(wide).toBeLessThanOrEqual(viewport.width);
        }
        await page.keyboard.press('?');
        await expectReadable(page);
        await page.keyboard.press('Escape');
        await page.keyboard.press('/');
        await expectReadable(page);
      });
    });
  }
}

async function expectReadable(page: ConstructorParameters<typeof AxeBuilder>[0]['page']) {
  const { violations } = await new AxeBuilder({ page }).analyze();
  const told = violations.flatMap(({ id, nodes }) =>
    nodes.map(({ target, failureSummary }) => `${id}: ${target.join(' ')}\n${failureSummary}`),
  );
  expect(told).toEqual([]);
}
