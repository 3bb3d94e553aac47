// Everything that the visitor can do; nothing else changes the state.

export * from './boards';
export * from './editing';
export { dismissError } from './engine';
export * from './files';
export * from './level';
export * from './lifecycle';
export * from './ops';
export * from './run';
export { saveSheet, saveSheetPage } from './sheet';
export { handOver, isWalking, stopWalk } from './walk';
