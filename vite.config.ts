import { defineConfig } from 'vitest/config';

export default defineConfig({
  // Relative addresses: the built page works from any folder of any static host.
  base: './',
  // A bundle that was not built answers 404, not the page.
  appType: 'mpa',
  // Holds pkg/{cpu,webgpu}: the worker loads a bundle by its address at run time, past the bundler.
  publicDir: 'www/public',
  build: { outDir: 'dist', emptyOutDir: true, target: 'es2022' },
  worker: { format: 'es' },
  test: { include: ['www/**/*.test.ts'] },
});
