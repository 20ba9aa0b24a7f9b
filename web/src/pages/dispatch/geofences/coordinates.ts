// Points as text, one a line, latitude first as people write and copy them: "31.230400, 121.473700".

import type { LonLat } from "../../../map/datum.ts";

export interface Read {
  readonly points: readonly LonLat[];
  /** The first line that cannot be read, counted from 1; null where all can. */
  readonly wrongLine: number | null;
}

/** The text of points. */
export function written(points: readonly LonLat[]): string {
  return points.map(([lon, lat]) => `${lat.toFixed(6)}, ${lon.toFixed(6)}`).join("\n");
}

/** The points of a text; empty lines do not count, a comma, a semicolon, a tab or spaces stand between the two. */
export function read(text: string): Read {
  const points: LonLat[] = [];
  for (const [index, line] of text.split("\n").entries()) {
    const numbers = line.trim().split(/[\s,;，；]+/).filter((each) => each !== "");
    if (numbers.length === 0) continue;
    const [lat, lon] = numbers.map(Number);
    if (numbers.length !== 2 || !isWithin(lat!, 90) || !isWithin(lon!, 180)) return { points, wrongLine: index + 1 };
    points.push([lon!, lat!]);
  }
  return { points, wrongLine: null };
}

function isWithin(degrees: number, most: number): boolean {
  return Number.isFinite(degrees) && Math.abs(degrees) <= most;
}
