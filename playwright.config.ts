import { createServer } from 'node:net';
import { defineConfig } from '@playwright/test';
import { chromeArgs, findChrome } from './scripts/chrome.mjs';

/** Workers read this file again: the environment hands the first one's port down to them. */
async function freePort(): Promise<string> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no free port');
  return String(address.port);
}

process.env.E2E_PORT ??= await freePort();
const port = process.env.E2E_PORT;
const url = `http://127.0.0.1:${port}/`;

export default defineConfig({
  testDir: 'tests/e2e',
  outputDir: 'test-results',
  // Agents train in these tests, on as few as two cores.
  timeout: 120_000,
  expect: { timeout: 30_000 },
  workers: 1,
  retries: 0,
  forbidOnly: Boolean(process.env.CI),
  reporter: 'list',
  use: {
    baseURL: url,
    viewport: { width: 1440, height: 900 },
    trace: 'retain-on-failure',
    launchOptions: { executablePath: findChrome(), args: chromeArgs },
  },
  webServer: {
    command: `npx vite preview --host 127.0.0.1 --port ${port} --strictPort`,
    url,
    stdout: 'ignore',
    timeout: 30_000,
  },
});
