// The timeline's data: which curves share a lane, their values at an update, and its milestones.

import type { Point } from './figures/curve';
import { formatScore } from './format';
import type { Claim, MetricInfo, RunInfo } from './protocol';
import type { CheckpointPoint, UpdatePoint } from './store';

/** A metric or a score over updates. */
export interface Curve {
  id: string;
  name: string;
  /** Ascending in the update. */
  points: Point[];
}

/** Curves that share an axis. */
export interface Lane {
  name: string;
  curves: Curve[];
  domain: [low: number, high: number];
  milestones: Milestone[];
}

/** The first checkpoint at which a score came to what is claimed of it. */
export interface Milestone {
  update: number;
  text: string;
}

/** The lanes of a run, drawn from its own list of metrics and scores; empty ones included. */
export function lanesOf(
  run: RunInfo,
  claims: Claim[],
  updates: UpdatePoint[],
  checkpoints: CheckpointPoint[],
): Lane[] {
  const lanes = new Map<string, Lane>();
  const add = (info: MetricInfo, points: Point[], milestone: Milestone | null) => {
    if (info.lane == null) return;
    const empty: Lane = { name: info.lane, curves: [], domain: [0, 0], milestones: [] };
    const lane = lanes.get(info.lane) ?? empty;
    lanes.set(info.lane, lane);
    lane.curves.push({ id: info.id, name: info.name, points });
    if (milestone) lane.milestones.push(milestone);
  };
  for (const info of run.metrics) add(info, metricPoints(info.id, updates), null);
  for (const info of run.scores) {
    const claim = claims.find(({ metric, op }) => op === null && metric === info.id);
    add(info, scorePoints(info.id, checkpoints), milestoneOf(claim, checkpoints));
  }
  for (const lane of lanes.values()) lane.domain = domainOf(lane.curves);
  return [...lanes.values()];
}

function metricPoints(id: string, updates: UpdatePoint[]): Point[] {
  const points: Point[] = [];
  for (const { update, metrics } of updates) {
    const value = metrics[id];
    if (value !== undefined) points.push([update, value]);
  }
  return points;
}

function scorePoints(id: string, checkpoints: CheckpointPoint[]): Point[] {
  return checkpoints.flatMap(({ update, scores }): Point[] => {
    const score = scores.find((each) => each.id === id);
    return score ? [[update, score.value]] : [];
  });
}

/** The first time that a score keeps what the preset claims of it, having failed to before. */
function milestoneOf(claim: Claim | undefined, checkpoints: CheckpointPoint[]): Milestone | null {
  if (!claim) return null;
  let hasFailed = false;
  for (const { update, scores } of checkpoints) {
    const score = scores.find((each) => each.id === claim.metric);
    if (!score) continue;
    if (!keeps(score.value, claim)) hasFailed = true;
    else return hasFailed ? { update, text: `${score.name}: ${formatScore(score)}` } : null;
  }
  return null;
}

function keeps(value: number, { at_most, at_least }: Claim): boolean {
  return value <= (at_most ?? Infinity) && value >= (at_least ?? -Infinity);
}

function domainOf(curves: Curve[]): [number, number] {
  let low = 0;
  let high = 0;
  for (const { points } of curves) {
    for (const [, value] of points) {
      if (value < low) low = value;
      if (value > high && value < Number.POSITIVE_INFINITY) high = value;
    }
  }
  return low === high ? [0, 1] : [low, high];
}

/** The value of a curve at an update: that of the last point up to it. */
export function valueAt(points: Point[], update: number): number | null {
  let low = 0;
  let high = points.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((points[middle]?.[0] ?? Infinity) <= update) low = middle + 1;
    else high = middle;
  }
  return points[low - 1]?.[1] ?? null;
}

/** The checkpoint whose update is nearest. */
export function nearest(checkpoints: { update: number }[], update: number): number | null {
  let best: number | null = null;
  for (const each of checkpoints) {
    if (best === null || Math.abs(each.update - update) < Math.abs(best - update))
      best = each.update;
  }
  return best;
}
