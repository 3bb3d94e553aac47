// What the parts of the bench share: options, the command line's twin, small statistics.
import { execFileSync, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const binary = join(process.env.CARGO_TARGET_DIR ?? 'target', 'release', 'glassbox');

export function option(name) {
  const at = process.argv.indexOf(name);
  return at < 0 ? undefined : (process.argv[at + 1] ?? '');
}

export function note(text) {
  process.stderr.write(`${text}\n`);
}

export function median(values) {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
}

export function spread(values) {
  return { median: median(values), min: Math.min(...values), max: Math.max(...values) };
}

export function mean(values) {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Runs the native twin; returns its JSON lines. */
export function native(...args) {
  const out = execFileSync(binary, args, {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  return out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
}

/** Seconds that the native twin's training takes from the end of update `from` to that of `to`. */
export async function nativeSeconds(args, from, to) {
  const child = spawn(binary, ['train', ...args], { stdio: ['ignore', 'pipe', 'ignore'] });
  const ended = new Promise((resolve) => child.on('close', resolve));
  let start;
  let seconds;
  for await (const text of createInterface({ input: child.stdout })) {
    const line = JSON.parse(text);
    if (!line.metrics) continue;
    if (line.update === from) start = performance.now();
    if (line.update === to) {
      seconds = (performance.now() - start) / 1000;
      child.kill();
    }
  }
  await ended;
  if (seconds === undefined) throw new Error(`the run ended before update ${to}`);
  return seconds;
}

/** Preset settings as the command line takes them. */
export function pairs(set) {
  return Object.entries(set).flatMap(([name, value]) => ['--set', `${name}=${value}`]);
}
