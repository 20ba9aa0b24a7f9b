// The estimates of one stop over time as a drawing: when each was made, and from when to when it expected the arrival.

import type { Schema } from "../../../api/client.ts";

type Published = Schema["PublishedEta"];

export interface Band {
  /** The area from the likeliest (p50) to nearly certain (p90), and the line of the likeliest, as SVG paths. */
  readonly area: string;
  readonly line: string;
  readonly promisedY: number;
  readonly arrivedY: number | null;
  readonly xTicks: readonly { readonly x: number; readonly at: Date }[];
  readonly yTicks: readonly { readonly y: number; readonly at: Date }[];
}

export interface Frame {
  readonly width: number;
  readonly height: number;
  readonly left: number;
  readonly bottom: number;
  readonly top: number;
}

const MINUTE = 60_000;
const STEPS_MIN = [1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1440, 2880];

/** The estimates told for the destination, oldest first. */
export function toDestination(published: readonly Published[]): Published[] {
  return published.filter(({ kind }) => kind === "destination");
}

/** Draw estimates; null where there is none. An estimate holds until the next one, the last until `now`. */
export function band(estimates: readonly Published[], promisedAt: Date, now: Date, frame: Frame): Band | null {
  const [first, last] = [estimates[0], estimates.at(-1)];
  if (first === undefined || last === undefined) return null;
  const arrived = last.arrived_at === null ? null : Date.parse(last.arrived_at);
  const begin = Date.parse(first.computed_at);
  const end = Math.max(begin + MINUTE, arrived ?? now.getTime(), Date.parse(last.computed_at));
  const times = estimates.flatMap(({ p50_at, p90_at }) => [Date.parse(p50_at), Date.parse(p90_at)]);
  const all = [...times, promisedAt.getTime(), ...(arrived === null ? [] : [arrived])];
  const margin = Math.max(MINUTE, (Math.max(...all) - Math.min(...all)) * 0.06);
  const [early, late] = [Math.min(...all) - margin, Math.max(...all) + margin];
  const x = (at: number) => frame.left + ((at - begin) / (end - begin)) * (frame.width - frame.left);
  const y = (at: number) => frame.top + (1 - (at - early) / (late - early)) * (frame.height - frame.bottom - frame.top);
  const likeliest = stepped(estimates.map(({ computed_at, p50_at }) => [Date.parse(computed_at), Date.parse(p50_at)]), end, x, y);
  const certain = stepped(estimates.map(({ computed_at, p90_at }) => [Date.parse(computed_at), Date.parse(p90_at)]), end, x, y);
  return {
    area: `M${likeliest.join("L")}L${certain.reverse().join("L")}Z`,
    line: `M${likeliest.join("L")}`,
    promisedY: y(promisedAt.getTime()),
    arrivedY: arrived === null ? null : y(arrived),
    xTicks: ticks(begin, end, 4).map((at) => ({ x: x(at), at: new Date(at) })),
    yTicks: ticks(early, late, 4).map((at) => ({ y: y(at), at: new Date(at) })),
  };
}

function stepped(points: [at: number, value: number][], end: number, x: (at: number) => number, y: (at: number) => number): string[] {
  return points.flatMap(([at, value], nth) => {
    const until = points[nth + 1]?.[0] ?? end;
    return [`${x(at).toFixed(1)},${y(value).toFixed(1)}`, `${x(until).toFixed(1)},${y(value).toFixed(1)}`];
  });
}

/** Round times between two, at most so many. */
function ticks(from: number, to: number, most: number): number[] {
  const step = (STEPS_MIN.find((minutes) => (to - from) / (minutes * MINUTE) <= most) ?? 5760) * MINUTE;
  const first = Math.ceil(from / step) * step;
  return Array.from({ length: Math.max(0, Math.floor((to - first) / step) + 1) }, (_, nth) => first + nth * step);
}
