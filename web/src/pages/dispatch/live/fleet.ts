// The vehicles of a map, in columns as the API sends them: where each is shown at a time between two of its fixes.
// Places are Web Mercator, 0 to 1 from the north-west corner of the world.

import type { Schema } from "../../../api/client.ts";
import type { LonLat } from "../../../map/datum.ts";

export type Positions = Schema["FleetPositions"];
export type Changes = Positions & { readonly left: readonly string[] };
export type Status = Positions["status"][number];
export type Risk = Positions["risk"][number];

/** A vehicle as it moves: from where it was shown to its newest fix, between two times of the page's clock. */
export interface Vehicle {
  readonly id: string;
  label: string;
  status: Status;
  risk: Risk;
  speedMps: number | null;
  atMs: number;
  fromX: number;
  fromY: number;
  toX: number;
  toY: number;
  /** Degrees, not wrapped: turning from `fromHeading` to `toHeading` is the short way round. */
  fromHeading: number;
  toHeading: number;
  beganMs: number;
  endsMs: number;
}

export interface Counts {
  readonly moving: number;
  readonly stopped: number;
  readonly stale: number;
  readonly atRisk: number;
}

/** A movement takes as long as the fixes are apart, within these. */
const SHORTEST_MS = 400;
const LONGEST_MS = 10_000;
/** Faster than this (about 70 m/s at 30° N) it did not drive there while somebody looked on: it jumps. */
const FASTEST_PER_MS = 2e-9;

export class Fleet {
  readonly vehicles = new Map<string, Vehicle>();

  /**
   * @param shown where the map shows a WGS-84 place
   * @param moves whether to move between fixes, or jump
   */
  constructor(
    private readonly shown: (place: LonLat) => LonLat,
    private readonly moves: () => boolean,
  ) {}

  /** Exactly these vehicles are there now; those known before go on moving. */
  replace(positions: Positions, nowMs: number): void {
    const there = new Set(positions.ids);
    for (const id of this.vehicles.keys()) if (!there.has(id)) this.vehicles.delete(id);
    this.#take(positions, nowMs);
  }

  change(changes: Changes, nowMs: number): void {
    for (const id of changes.left) this.vehicles.delete(id);
    this.#take(changes, nowMs);
  }

  counts(): Counts {
    const counts = { moving: 0, stopped: 0, stale: 0, atRisk: 0 };
    for (const { status, risk } of this.vehicles.values()) {
      counts[status] += 1;
      if (risk !== null) counts.atRisk += 1;
    }
    return counts;
  }

  #take(positions: Positions, nowMs: number): void {
    positions.ids.forEach((id, row) => {
      const [x, y] = mercator(this.shown([positions.lon[row]!, positions.lat[row]!]));
      const known = this.vehicles.get(id);
      const vehicle = known ?? standing(id, x, y, positions.heading_deg[row] ?? 0, nowMs);
      if (known !== undefined) this.#move(known, x, y, positions.heading_deg[row] ?? null, positions.at_ms[row]!, nowMs);
      vehicle.label = positions.labels[row]!;
      vehicle.status = positions.status[row]!;
      vehicle.risk = positions.risk[row]!;
      vehicle.speedMps = positions.speed_mps[row]!;
      vehicle.atMs = positions.at_ms[row]!;
      this.vehicles.set(id, vehicle);
    });
  }

  #move(vehicle: Vehicle, x: number, y: number, heading: number | null, atMs: number, nowMs: number): void {
    if (x === vehicle.toX && y === vehicle.toY && heading === null) return;
    const pose = poseOf(vehicle, nowMs);
    const takesMs = Math.min(LONGEST_MS, Math.max(SHORTEST_MS, atMs - vehicle.atMs));
    const apart = Math.hypot(x - pose.x, y - pose.y);
    const jumps = !this.moves() || apart > FASTEST_PER_MS * Math.max(takesMs, atMs - vehicle.atMs);
    [vehicle.fromX, vehicle.fromY] = jumps ? [x, y] : [pose.x, pose.y];
    [vehicle.toX, vehicle.toY] = [x, y];
    vehicle.fromHeading = pose.heading;
    vehicle.toHeading = pose.heading + turn(pose.heading, heading ?? pose.heading);
    vehicle.beganMs = nowMs;
    vehicle.endsMs = jumps ? nowMs : nowMs + takesMs;
    if (jumps) vehicle.fromHeading = vehicle.toHeading;
  }
}

/** Where a vehicle is shown at a time, and which way it heads. */
export function poseOf(vehicle: Vehicle, nowMs: number): { x: number; y: number; heading: number } {
  const takes = vehicle.endsMs - vehicle.beganMs;
  const share = takes <= 0 ? 1 : Math.min(1, Math.max(0, (nowMs - vehicle.beganMs) / takes));
  return {
    x: vehicle.fromX + (vehicle.toX - vehicle.fromX) * share,
    y: vehicle.fromY + (vehicle.toY - vehicle.fromY) * share,
    heading: vehicle.fromHeading + (vehicle.toHeading - vehicle.fromHeading) * share,
  };
}

/** A place in Web Mercator, 0 to 1. */
export function mercator([lon, lat]: LonLat): [x: number, y: number] {
  const sine = Math.sin((Math.max(-85, Math.min(85, lat)) * Math.PI) / 180);
  return [lon / 360 + 0.5, 0.5 - Math.log((1 + sine) / (1 - sine)) / (4 * Math.PI)];
}

/** The other way round: degrees. */
export function lonLat(x: number, y: number): [lon: number, lat: number] {
  return [(x - 0.5) * 360, (Math.atan(Math.sinh((0.5 - y) * 2 * Math.PI)) * 180) / Math.PI];
}

/** By how many degrees to turn from one heading to another, the short way. */
function turn(from: number, to: number): number {
  return ((((to - from) % 360) + 540) % 360) - 180;
}

function standing(id: string, x: number, y: number, heading: number, nowMs: number): Vehicle {
  return {
    id,
    label: "",
    status: "stopped",
    risk: null,
    speedMps: null,
    atMs: 0,
    fromX: x,
    fromY: y,
    toX: x,
    toY: y,
    fromHeading: heading,
    toHeading: heading,
    beganMs: nowMs,
    endsMs: nowMs,
  };
}
