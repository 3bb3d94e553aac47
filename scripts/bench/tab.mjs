// A tab that does nothing but run the engine: pages of the built site without the page's own worker.
import { chromium } from '@playwright/test';
import { preview } from 'vite';
import { chromeArgs, findChrome } from '../chrome.mjs';

/** Runs `use` with a browser on the built site; `page()` opens a tab with `ask` in it. */
export async function withTab(use) {
  const server = await preview({ preview: { port: 0 }, logLevel: 'silent' });
  const url = server.resolvedUrls.local[0];
  const browser = await chromium.launch({ executablePath: findChrome(), args: chromeArgs });
  const page = async () => {
    const page = await browser.newPage();
    // The page's own worker would share the processor: only its files are wanted.
    await page.route(url, (route) =>
      route.fulfill({ contentType: 'text/html', body: '<!doctype html>' }),
    );
    await page.goto(url);
    await page.evaluate(startEngine);
    return page;
  };
  try {
    return await use({ browser, url, page });
  } finally {
    await browser.close();
    await server.close();
  }
}

/** Evaluates `run` with `argument` in a tab of its own, where `ask(command)` gives a list of events. */
export async function inTab(tab, run, argument) {
  const page = await tab.page();
  try {
    return await page.evaluate(run, argument);
  } finally {
    await page.close();
  }
}

async function startEngine() {
  const module = await import(new URL('pkg/cpu/glassbox.js', document.baseURI).href);
  await module.default();
  const session = new module.Glassbox(() => true);
  globalThis.ask = async (command) => {
    const events = [];
    await session.handle(command, (event) => events.push(event));
    const failed = events.find((event) => event.type === 'error');
    if (failed) throw new Error(failed.message);
    return events;
  };
}
