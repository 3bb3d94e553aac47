// The engine itself, asked in the tab without the page around it.
import type { Page } from '@playwright/test';
import type { Command, DeviceName, Event } from '../../www/protocol';

export type EventOf<T extends Event['type']> = Extract<Event, { type: T }>;

/** Carries out commands one after the other in a module worker; returns all that it answered. */
export async function run(
  page: Page,
  commands: Command[],
  bundle: DeviceName = 'cpu',
): Promise<Event[]> {
  return page.evaluate(
    async ([commands, base]) => {
      const source = `
        self.onmessage = async ({ data: { commands, base } }) => {
          try {
            const { default: init, Glassbox } = await import(base + 'glassbox.js');
            await init();
            const engine = new Glassbox(() => true);
            const events = [];
            for (const command of commands)
              await engine.handle(command, (event) => events.push(event));
            postMessage({ events });
          } catch (why) {
            postMessage({ why: String(why) });
          }
        };`;
      const url = URL.createObjectURL(new Blob([source], { type: 'text/javascript' }));
      const worker = new Worker(url, { type: 'module' });
      const answer = await new Promise<{ events?: Event[]; why?: string }>((resolve) => {
        worker.onmessage = ({ data }) => resolve(data);
        worker.onerror = ({ message }) => resolve({ why: message });
        worker.postMessage({ commands, base });
      });
      worker.terminate();
      if (!answer.events) throw new Error(answer.why);
      return answer.events;
    },
    [commands, new URL(`./pkg/${bundle}/`, page.url()).href] as const,
  );
}

/** The one answer of a given type to a command. */
export async function ask<T extends Event['type']>(
  page: Page,
  type: T,
  command: Command,
): Promise<EventOf<T>> {
  const events = await run(page, [command]);
  const answer = events.find((event): event is EventOf<T> => event.type === type);
  if (!answer) throw new Error(`${command.type}: ${JSON.stringify(events)}`);
  return answer;
}
