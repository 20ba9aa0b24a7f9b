// A geofence's shape while it is drawn and edited: plain data, and functions that give a changed copy.
// All places are WGS-84; the map shifts them where its tiles want that.

import type { Polygon, MultiPolygon, LineString, MultiLineString, Point, Position } from "geojson";

import type { LonLat } from "../../../map/datum.ts";

export type ShapeKind = "polygon" | "circle" | "corridor";
/** The points of a ring (not closed: the first is not repeated), of a line, or the one centre of a circle. */
export type Path = readonly LonLat[];

/**
 * `parts` are a polygon's polygons, each its shell and then its holes; a corridor's lines, each a part of one path; a
 * circle's centre. `sizeM` is the radius, or the half width; 0 for polygons.
 */
export interface Shape {
  readonly kind: ShapeKind;
  readonly parts: readonly (readonly Path[])[];
  readonly sizeM: number;
}

/** Where a point is within a shape. */
export interface Spot {
  readonly part: number;
  readonly path: number;
  readonly index: number;
}

export type FenceGeometry =
  | Polygon
  | MultiPolygon
  | (Point & { radius_m: number })
  | ((LineString | MultiLineString) & { half_width_m: number });

const EARTH_M = 6_371_008.8;
export const LARGEST_HALF_WIDTH_M = 10_000;
/** How few points a path may have. */
const LEAST: Record<ShapeKind, number> = { polygon: 3, circle: 1, corridor: 2 };

/** A shape nothing was drawn of yet. */
export function blank(kind: ShapeKind, sizeM: number): Shape {
  return { kind, parts: [[[]]], sizeM: kind === "polygon" ? 0 : sizeM };
}

/** Whether there is enough of it to be a geofence. */
export function isComplete({ kind, parts, sizeM }: Shape): boolean {
  const isWide = kind === "polygon" || sizeM > 0;
  return isWide && parts.length > 0 && parts.every((paths) => paths.every((path) => path.length >= LEAST[kind]));
}

/** A shape with other points in one path. */
export function withPath(shape: Shape, part: number, path: number, points: Path): Shape {
  const parts = shape.parts.map((paths, p) =>
    p === part ? paths.map((each, q) => (q === path ? points : each)) : paths,
  );
  return { ...shape, parts };
}

export function pathAt(shape: Shape, { part, path }: Pick<Spot, "part" | "path">): Path {
  return shape.parts[part]?.[path] ?? [];
}

/** The shape with a point put in before `spot.index`. */
export function inserted(shape: Shape, spot: Spot, place: LonLat): Shape {
  const path = pathAt(shape, spot);
  return withPath(shape, spot.part, spot.path, [...path.slice(0, spot.index), place, ...path.slice(spot.index)]);
}

/** The shape with a point moved. */
export function moved(shape: Shape, spot: Spot, place: LonLat): Shape {
  const path = pathAt(shape, spot).map((each, index) => (index === spot.index ? place : each));
  return withPath(shape, spot.part, spot.path, path);
}

/** The shape without a point; a hole of too few goes as a whole, a shell or line keeps as many as it needs. */
export function removed(shape: Shape, spot: Spot): Shape {
  const path = pathAt(shape, spot).filter((_, index) => index !== spot.index);
  if (path.length >= LEAST[shape.kind]) return withPath(shape, spot.part, spot.path, path);
  return spot.path > 0 ? withoutPath(shape, spot) : shape;
}

/** The shape without a whole hole, line or polygon; the last one stays. */
export function withoutPath(shape: Shape, { part, path }: Pick<Spot, "part" | "path">): Shape {
  if (path > 0) {
    const parts = shape.parts.map((paths, p) => (p === part ? paths.filter((_, q) => q !== path) : paths));
    return { ...shape, parts };
  }
  return shape.parts.length > 1 ? { ...shape, parts: shape.parts.filter((_, p) => p !== part) } : shape;
}

/** Every point, with where it is. */
export function* points(shape: Shape): Generator<[spot: Spot, place: LonLat]> {
  for (const [part, paths] of shape.parts.entries()) {
    for (const [path, places] of paths.entries()) {
      for (const [index, place] of places.entries()) yield [{ part, path, index }, place];
    }
  }
}

/** The middle of every side, with where a point there would be put in. */
export function* middles(shape: Shape): Generator<[spot: Spot, place: LonLat]> {
  if (shape.kind === "circle") return;
  for (const [{ part, path, index }, place] of points(shape)) {
    const places = pathAt(shape, { part, path });
    const isLast = index === places.length - 1;
    if (isLast && (shape.kind === "corridor" || places.length < 3)) continue;
    yield [{ part, path, index: index + 1 }, between(place, places[(index + 1) % places.length]!)];
  }
}

/** Where the radius or half width is shown to be taken hold of; null where there is none. */
export function sizeHandle(shape: Shape): LonLat | null {
  const [first, second] = shape.parts[0]?.[0] ?? [];
  if (shape.kind === "polygon" || !first) return null;
  if (shape.kind === "circle") return onward(first, 90, shape.sizeM);
  if (!second) return null;
  const [east, north] = onPlane(first, second, between(first, second));
  return onward(between(first, second), degrees(Math.atan2(east, north)) + 90, shape.sizeM);
}

/** The shape with its radius or half width such that its edge comes through a place. */
export function sizedTo(shape: Shape, place: LonLat): Shape {
  const [first, second] = shape.parts[0]?.[0] ?? [];
  if (!first) return shape;
  if (shape.kind === "circle") return { ...shape, sizeM: rounded(distanceM(first, place)) };
  if (!second) return shape;
  const [alongEast, alongNorth] = onPlane(first, second, between(first, second));
  const [east, north] = onPlane(first, place, between(first, second));
  const sizeM = Math.abs(alongEast * north - alongNorth * east) / Math.hypot(alongEast, alongNorth);
  return { ...shape, sizeM: Math.min(LARGEST_HALF_WIDTH_M, rounded(sizeM)) };
}

/** West, south, east and north of all there is of it; null where there is nothing. */
export function boundsOf(shape: Shape): [LonLat, LonLat] | null {
  const places = [...points(shape)].flatMap(([, place]) =>
    shape.sizeM > 0 ? [0, 90, 180, 270].map((side) => onward(place, side, shape.sizeM)) : [place],
  );
  if (places.length === 0) return null;
  const lons = places.map(([lon]) => lon);
  const lats = places.map(([, lat]) => lat);
  return [
    [Math.min(...lons), Math.min(...lats)],
    [Math.max(...lons), Math.max(...lats)],
  ];
}

/** A circle as a ring to draw, closed. */
export function ringAround(centre: LonLat, radiusM: number, corners = 96): LonLat[] {
  return Array.from({ length: corners + 1 }, (_, corner) => onward(centre, (-360 * corner) / corners, radiusM));
}

/** As the API takes it: rings closed and turned as GeoJSON has them. */
export function toGeoJson(shape: Shape): FenceGeometry {
  const { kind, parts, sizeM } = shape;
  if (kind === "circle") return { type: "Point", coordinates: position(parts[0]![0]![0]!), radius_m: sizeM };
  if (kind === "corridor") {
    const lines = parts.map(([line]) => line!.map(position));
    return lines.length === 1
      ? { type: "LineString", coordinates: lines[0]!, half_width_m: sizeM }
      : { type: "MultiLineString", coordinates: lines, half_width_m: sizeM };
  }
  const polygons = parts.map((rings) => rings.map((ring, place) => closed(turned(ring, place === 0)).map(position)));
  return polygons.length === 1
    ? { type: "Polygon", coordinates: polygons[0]! }
    : { type: "MultiPolygon", coordinates: polygons };
}

/** A shape of what the API answers; throws TypeError for what is no geofence. */
export function fromGeoJson(geometry: unknown): Shape {
  const known = geometry as FenceGeometry;
  switch (known.type) {
    case "Point":
      return { kind: "circle", parts: [[[lonLat(known.coordinates)]]], sizeM: known.radius_m };
    case "LineString":
      return { kind: "corridor", parts: [[known.coordinates.map(lonLat)]], sizeM: known.half_width_m };
    case "MultiLineString":
      return { kind: "corridor", parts: known.coordinates.map((line) => [line.map(lonLat)]), sizeM: known.half_width_m };
    case "Polygon":
      return { kind: "polygon", parts: [known.coordinates.map(opened)], sizeM: 0 };
    case "MultiPolygon":
      return { kind: "polygon", parts: known.coordinates.map((rings) => rings.map(opened)), sizeM: 0 };
    default:
      throw new TypeError("a geofence is a polygon, a circle or a corridor");
  }
}

/** Metres between two places, on the sphere. */
export function distanceM([lon, lat]: LonLat, [otherLon, otherLat]: LonLat): number {
  const half =
    Math.sin(radians(otherLat - lat) / 2) ** 2 +
    Math.cos(radians(lat)) * Math.cos(radians(otherLat)) * Math.sin(radians(otherLon - lon) / 2) ** 2;
  return 2 * EARTH_M * Math.asin(Math.min(1, Math.sqrt(half)));
}

/** The next of 1, 2, 5, 10, 20, 50 … up from a number of at least 1. */
export function niceUp(metres: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(1, metres)));
  return [1, 2, 5, 10].map((step) => step * power).find((step) => step >= metres) ?? 10 * power;
}

/** A place to the tenth of a metre or so: more digits would only look exact. */
export function tidy([lon, lat]: LonLat): LonLat {
  return [Math.round(lon * 1e6) / 1e6, Math.round(lat * 1e6) / 1e6];
}

function rounded(metres: number): number {
  return Math.max(1, Math.round(metres));
}

function radians(degrees: number): number {
  return (degrees / 180) * Math.PI;
}

function degrees(angle: number): number {
  return (angle / Math.PI) * 180;
}

/** The place so many metres on in a direction (degrees from north, clockwise). */
function onward([lon, lat]: LonLat, direction: number, metres: number): LonLat {
  const arc = metres / EARTH_M;
  const [from, towards] = [radians(lat), radians(direction)];
  const to = Math.asin(Math.sin(from) * Math.cos(arc) + Math.cos(from) * Math.sin(arc) * Math.cos(towards));
  const aside = Math.atan2(
    Math.sin(towards) * Math.sin(arc) * Math.cos(from),
    Math.cos(arc) - Math.sin(from) * Math.sin(to),
  );
  return [lon + degrees(aside), degrees(to)];
}

/** Metres east and north from one place to another, on the plane that touches the sphere at a third. */
function onPlane(from: LonLat, to: LonLat, at: LonLat): [east: number, north: number] {
  const metres = radians(1) * EARTH_M;
  return [(to[0] - from[0]) * metres * Math.cos(radians(at[1])), (to[1] - from[1]) * metres];
}

function between(one: LonLat, other: LonLat): LonLat {
  return [(one[0] + other[0]) / 2, (one[1] + other[1]) / 2];
}

function turned(ring: Path, isShell: boolean): Path {
  const twiceArea = ring.reduce((sum, [lon, lat], index) => {
    const [nextLon, nextLat] = ring[(index + 1) % ring.length]!;
    return sum + lon * nextLat - nextLon * lat;
  }, 0);
  return twiceArea > 0 === isShell ? ring : ring.toReversed();
}

function closed(ring: Path): Path {
  return [...ring, ring[0]!];
}

function opened(ring: Position[]): Path {
  return ring.slice(0, -1).map(lonLat);
}

function lonLat(position: Position): LonLat {
  return [position[0]!, position[1]!];
}

function position([lon, lat]: LonLat): Position {
  return [lon, lat];
}
