// Everything that the visitor can do; nothing else changes the state.

export * from './boards';
export { dismissError } from './engine';
export * from './files';
export * from './lifecycle';
export * from './ops';
export * from './run';
