import type { Page } from '@playwright/test';
import { expect, link, open, TINY, test, trainButton, trainOnce, updates } from './lab';

/** Ends the engine as a panic does: by an error that nothing catches in its worker. */
async function kill(page: Page): Promise<void> {
  const [worker] = page.workers();
  if (!worker) throw new Error('there is no worker');
  await worker.evaluate(() => {
    setTimeout(() => {
      throw new Error('the test ends the engine');
    });
  });
}

test.describe('when the engine dies', () => {
  test.use({ expected: /the test ends the engine/ });

  test('the run goes on from what was kept, with the boards as they were', async ({ page }) => {
    await open(page, { set: TINY, checkpoint: 6 });
    const scores = await page.locator('.time dl').innerText();
    await kill(page);
    const alert = page.getByRole('alert');
    await expect(alert).toContainText('The engine stopped: ');
    await expect(alert).toContainText('the test ends the engine');
    await expect(alert).toContainText('Nothing before update 6 is lost.');
    await expect(trainButton(page)).toBeDisabled();
    await alert.getByRole('button', { name: 'Go on from 6' }).click();
    await expect(alert).toHaveCount(0);
    await expect(trainButton(page)).toBeEnabled();
    await expect(updates(page)).toHaveText('6');
    await expect.poll(() => page.locator('.time dl').innerText()).toBe(scores);
    await trainOnce(page);
    await expect(updates(page)).toHaveText('7');
  });

  test('a run of which nothing was kept starts again', async ({ page }) => {
    await open(page, { set: TINY });
    await kill(page);
    await page.getByRole('button', { name: 'Start again' }).click();
    await expect(page.getByRole('alert')).toHaveCount(0);
    await expect(trainButton(page)).toBeEnabled();
    await trainOnce(page);
  });
});

test.describe('when the engine cannot be fetched', () => {
  test.use({ expected: /glassbox_bg\.wasm|Failed to (load resource|fetch)/ });

  test('the page says so, and tries again when it is told to', async ({ page, context }) => {
    await context.route('**/*.wasm', (route) => route.abort());
    await page.goto(link({ set: TINY }));
    await expect(page.getByRole('alert')).toContainText('The engine stopped: ');
    await context.unroute('**/*.wasm');
    await page.getByRole('button', { name: 'Start again' }).click();
    await expect(trainButton(page)).toBeEnabled();
    await expect(page.getByRole('alert')).toHaveCount(0);
  });
});

test.describe('when WebGPU is not to be had', () => {
  test.use({ expected: /pkg\/webgpu|Failed to (load resource|fetch)/ });

  test('the run goes on where it was', async ({ page, context }) => {
    await context.route('**/pkg/webgpu/**', (route) => route.fulfill({ status: 404 }));
    await open(page, { set: TINY, checkpoint: 3 });
    await page.locator('header.top summary', { hasText: 'CPU SIMD' }).click();
    await page.getByRole('menuitemradio', { name: /^WebGPU/ }).click();
    await expect(page.getByRole('alert')).toContainText('the other device could not be used');
    await expect(page.locator('header.top summary', { hasText: 'CPU SIMD' })).toBeVisible();
    await expect(updates(page)).toHaveText('3');
    await trainOnce(page);
    await expect(updates(page)).toHaveText('4');
  });
});

test('a browser without SIMD is told which ones have it', async ({ page }) => {
  await page.addInitScript(() => {
    WebAssembly.validate = () => false;
  });
  await page.goto('./');
  await expect(page.getByRole('alert')).toContainText('This browser lacks WebAssembly SIMD.');
  await expect(page.getByRole('alert')).toContainText('Chrome 91');
  await expect(trainButton(page)).toBeDisabled();
  expect(page.workers()).toHaveLength(0);
});

test('work that takes long is cancelled, and nothing that was trained is lost', async ({
  page,
}) => {
  await open(page, { set: TINY, checkpoint: 1 });
  // An op that never ends: its answer to being stopped does not matter.
  const [worker] = page.workers();
  worker
    ?.evaluate(() => {
      for (;;);
    })
    .catch(() => {});
  await page.locator('.act .btn').click();
  await page.getByRole('button', { name: 'Cancel' }).click();
  // It does not answer, so that its engine is replaced after a while.
  await expect(page.locator('.working')).toHaveCount(0);
  await expect(trainButton(page)).toBeEnabled();
  await expect(updates(page)).toHaveText('1');
  await expect(page.getByRole('alert')).toHaveCount(0);
  await trainOnce(page);
  await expect(updates(page)).toHaveText('2');
});
