// WebGPU in software: correct and slow, so the network and its updates are as small as can be.
import { chromeArgs, findChrome, webgpuArgs } from '../../scripts/chrome.mjs';
import type { DeviceName } from '../../www/protocol';
import { type EventOf, run } from './engine';
import { expect, link, test } from './lab';

test.use({
  launchOptions: { executablePath: findChrome() ?? '', args: [...chromeArgs, ...webgpuArgs] },
});

/** How far two devices may be apart, relative to the larger number. */
const TOLERANCE = 1e-3;

const SMALLEST = {
  'model.width': 8,
  'model.depth': 1,
  'agent.num_games': 2,
  'agent.num_simulations': 2,
  'agent.num_steps': 1,
  'agent.batch_size': 16,
  updates: 3,
  checkpoint_every: 1000,
};

/** Says why on the terminal as well: a test that did not run must not look like one that passed. */
function skipLoudly(why: string): void {
  console.warn(`NOT TESTED, WebGPU: ${why}`);
  test.skip(true, why);
}

test('three updates on WebGPU are those of the CPU', async ({ page }) => {
  test.setTimeout(300_000);
  await page.goto(link({ preset: 'no_preset_trains_here' }));
  const bundle = await page.request.get('pkg/webgpu/glassbox.js');
  if (!bundle.ok()) return skipLoudly('its bundle is not built; `make webgpu` builds it');
  const adapter = await page.evaluate(async () => {
    const { gpu } = navigator as unknown as { gpu?: { requestAdapter(): Promise<unknown> } };
    return gpu ? (await gpu.requestAdapter()) !== null : false;
  });
  if (!adapter) return skipLoudly('this browser offers no adapter, not even in software');

  const train = async (device: DeviceName) => {
    const events = await run(
      page,
      [
        { type: 'open', preset: 'tictactoe_alphazero', set: SMALLEST, seed: 1, device },
        { type: 'advance', updates: 3 },
      ],
      device,
    );
    expect(events.filter(({ type }) => type === 'error')).toEqual([]);
    return events.filter((event): event is EventOf<'update'> => event.type === 'update');
  };
  const [cpu, gpu] = [await train('cpu'), await train('webgpu')];
  expect(gpu.map(({ update }) => update)).toEqual([1, 2, 3]);
  for (const [index, { metrics }] of cpu.entries()) {
    for (const [name, value] of Object.entries(metrics)) {
      const other = gpu[index]?.metrics[name] ?? Number.NaN;
      const apart = Math.abs(other - value) / Math.max(Math.abs(value), Math.abs(other), 1e-6);
      expect(apart, `${name} of update ${index + 1}: ${value}, ${other}`).toBeLessThan(TOLERANCE);
    }
  }
});
