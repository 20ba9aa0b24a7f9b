// Where along a line a place is. Distances are on a plane, which is exact enough within a few hundred kilometres.

import type { LonLat } from "./datum.ts";

export interface Along {
  /** The part of the line before the place nearest to the given one, and the part after it; both contain it. */
  readonly done: [number, number][];
  readonly left: [number, number][];
  /** How much of the line is done, from 0 to 1. */
  readonly share: number;
}

/** Divide a line of at least two points at the place nearest to a given one. */
export function divided(line: readonly LonLat[], place: LonLat): Along {
  const squeeze = Math.cos((place[1] * Math.PI) / 180);
  const lengths = line.slice(1).map((point, index) => distance(line[index]!, point, squeeze));
  let best = { away: Infinity, segment: 0, share: 0 };
  lengths.forEach((length, segment) => {
    const share = length === 0 ? 0 : shareOf(line[segment]!, line[segment + 1]!, place, squeeze);
    const away = distance(between(line[segment]!, line[segment + 1]!, share), place, squeeze);
    if (away < best.away) best = { away, segment, share };
  });
  const cut = between(line[best.segment]!, line[best.segment + 1]!, best.share);
  const total = sum(lengths);
  const done = sum(lengths.slice(0, best.segment)) + best.share * (lengths[best.segment] ?? 0);
  return {
    done: [...line.slice(0, best.segment + 1).map(copied), cut],
    left: [cut, ...line.slice(best.segment + 1).map(copied)],
    share: total === 0 ? 0 : done / total,
  };
}

/** The place a share of the way from one to another. */
export function between(from: LonLat, to: LonLat, share: number): [number, number] {
  return [from[0] + (to[0] - from[0]) * share, from[1] + (to[1] - from[1]) * share];
}

/** The shortest turn from one heading to another, by a share, in degrees from 0 to 360. */
export function turned(from: number, to: number, share: number): number {
  const turn = ((to - from + 540) % 360) - 180;
  return (from + turn * share + 360) % 360;
}

function shareOf(from: LonLat, to: LonLat, place: LonLat, squeeze: number): number {
  const [x, y] = [(to[0] - from[0]) * squeeze, to[1] - from[1]];
  const [u, v] = [(place[0] - from[0]) * squeeze, place[1] - from[1]];
  return Math.min(1, Math.max(0, (u * x + v * y) / (x * x + y * y)));
}

function distance(from: LonLat, to: LonLat, squeeze: number): number {
  return Math.hypot((to[0] - from[0]) * squeeze, to[1] - from[1]);
}

function sum(lengths: readonly number[]): number {
  return lengths.reduce((total, length) => total + length, 0);
}

function copied(place: LonLat): [number, number] {
  return [place[0], place[1]];
}
