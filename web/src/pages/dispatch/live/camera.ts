// What of the world the fleet's map showed last, kept for the next time.

import type { LonLat } from "../../../map/datum.ts";
import type { Fleet } from "./fleet.ts";
import { lonLat } from "./fleet.ts";

const KEPT_AS = "zaitu.dispatch.camera";

export interface Kept {
  readonly center: LonLat;
  readonly zoom: number;
}

export function keptCamera(): Kept | null {
  try {
    const { lon, lat, zoom } = JSON.parse(localStorage.getItem(KEPT_AS) ?? "null") as Record<string, number>;
    return [lon, lat, zoom].every(Number.isFinite) ? { center: [lon!, lat!], zoom: zoom! } : null;
  } catch {
    return null;
  }
}

export function keepCamera({ center: [lon, lat], zoom }: Kept): void {
  localStorage.setItem(KEPT_AS, JSON.stringify({ lon, lat, zoom }));
}

/** South-west and north-east of the fleet as the map shows it, without stray vehicles at its edges; null: there is none. */
export function extentOf(fleet: Fleet): [[number, number], [number, number]] | null {
  const all = [...fleet.vehicles.values()];
  if (all.length === 0) return null;
  const [west, east] = middle(all.map(({ toX }) => toX));
  const [north, south] = middle(all.map(({ toY }) => toY));
  return [lonLat(west, south), lonLat(east, north)];
}

/** From where to where most of some numbers lie. */
function middle(numbers: number[]): [number, number] {
  const sorted = numbers.sort((one, other) => one - other);
  const stray = Math.floor(sorted.length / 100);
  return [sorted[stray]!, sorted[sorted.length - 1 - stray]!];
}
