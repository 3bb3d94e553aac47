// The drawings made with Observable Plot, in one chunk.

export { drawBars } from './bars';
export { drawHeatmap } from './heatmap';
export { drawLines } from './lines';
