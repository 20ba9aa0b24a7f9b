// A vehicle's track to be played: where it was at any time, and where nobody knows.

import type { Schema } from "../../../api/client.ts";
import type { LonLat } from "../../../map/datum.ts";

type Point = Schema["TrackPoint"];

/** Longer than this without a fix, and what lies between is not known. */
export const UNKNOWN_AFTER_MS = 10 * 60_000;

export interface Played {
  readonly place: LonLat;
  readonly heading: number | null;
  readonly speedMps: number | null;
  /** Between two fixes that are far apart in time: it stays at the first. */
  readonly unknown: boolean;
}

/** The fixes of a track by time, and the lines between those that belong together. */
export class Track {
  readonly times: readonly number[];

  /** @param points in order of time, at least one */
  constructor(readonly points: readonly Point[]) {
    this.times = points.map(({ at }) => Date.parse(at));
  }

  get fromMs(): number {
    return this.times[0]!;
  }

  get toMs(): number {
    return this.times.at(-1)!;
  }

  /** How many fixes there were up to a time. */
  upTo(ms: number): number {
    let [low, high] = [0, this.times.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.times[middle]! <= ms) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  at(ms: number): Played {
    const next = this.upTo(ms);
    const from = this.points[Math.max(0, next - 1)]!;
    const to = this.points[Math.min(next, this.points.length - 1)]!;
    const took = Date.parse(to.at) - Date.parse(from.at);
    const unknown = took > UNKNOWN_AFTER_MS;
    const share = took <= 0 || unknown ? 0 : (ms - Date.parse(from.at)) / took;
    const within = Math.min(1, Math.max(0, share));
    return {
      place: [from.lon + (to.lon - from.lon) * within, from.lat + (to.lat - from.lat) * within],
      heading: from.heading_deg,
      speedMps: unknown ? null : from.speed_mps,
      unknown,
    };
  }

  /** The first so many fixes as lines, cut where nobody knows. */
  lines(count: number, shown: (place: LonLat) => LonLat): [number, number][][] {
    const lines: [number, number][][] = [];
    for (let nth = 0; nth < count; nth++) {
      const { lon, lat } = this.points[nth]!;
      const [x, y] = shown([lon, lat]);
      const isCut = nth === 0 || this.times[nth]! - this.times[nth - 1]! > UNKNOWN_AFTER_MS;
      if (isCut) lines.push([[x, y]]);
      else lines.at(-1)!.push([x, y]);
    }
    return lines.filter((line) => line.length > 1);
  }
}
