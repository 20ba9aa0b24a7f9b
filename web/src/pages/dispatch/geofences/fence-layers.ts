// How geofences are drawn: areas as fills with an edge, corridors as lines as wide as they are on the ground.

import type { AddLayerObject, ExpressionSpecification } from "maplibre-gl";
import type { Feature, FeatureCollection, Position } from "geojson";

import type { LonLat } from "../../../map/datum.ts";
import type { MapStage } from "../../../map/stage.ts";
import { MAP_FONT, type Palette } from "../../../map/style.ts";
import { pathAt, points, ringAround, type Shape } from "./shape.ts";

/** How one is to be seen: plain, forbidden, over (or only to show where things are), chosen in the list, or being drawn. */
export type Look = "plain" | "restricted" | "ended" | "chosen" | "draft";

type Shown = (place: LonLat) => [number, number];

interface Properties {
  readonly look: Look;
  readonly id?: string;
  readonly name?: string;
}

const EQUATOR_M = 40_075_016.7;
const TILE_PX = 512;
/** Pixels of a width on the ground: twice as many for each step of the zoom. */
const ON_THE_GROUND: ExpressionSpecification = [
  "interpolate", ["exponential", 2], ["zoom"],
  0, ["get", "px"],
  22, ["*", ["get", "px"], 2 ** 22],
];
const IS_AREA: ExpressionSpecification = ["==", ["get", "as"], "area"];
const IS_CORRIDOR: ExpressionSpecification = ["==", ["get", "as"], "corridor"];

function areas(name: "fence" | "draft", source: "fences" | "draft"): AddLayerObject[] {
  return [
    { id: `${name}-area`, type: "fill", source, filter: IS_AREA, paint: { "fill-opacity": 0.18 } },
    { id: `${name}-edge`, type: "line", source, filter: IS_AREA, paint: { "line-width": 2 } },
    {
      id: `${name}-corridor`, type: "line", source, filter: IS_CORRIDOR,
      layout: { "line-cap": "round", "line-join": "round" },
      paint: { "line-width": ON_THE_GROUND, "line-opacity": 0.25 },
    },
    { id: `${name}-line`, type: "line", source, filter: IS_CORRIDOR, paint: { "line-width": 2 } },
  ];
}

const FENCE_LAYERS: readonly AddLayerObject[] = [
  ...areas("fence", "fences"),
  // From far away an area is smaller than a point.
  {
    id: "fence-dot", type: "circle", source: "fences", filter: ["==", ["get", "as"], "name"], maxzoom: 11,
    paint: { "circle-radius": 5, "circle-stroke-width": 2 },
  },
  {
    id: "fence-name", type: "symbol", source: "fences", filter: ["==", ["get", "as"], "name"],
    layout: {
      "text-field": ["get", "name"], "text-font": MAP_FONT, "text-size": 13, "text-variable-anchor": ["top", "bottom", "left", "right"], "text-radial-offset": 0.7,
      "text-max-width": 8,
    },
    paint: { "text-halo-width": 1.5 },
  },
];

const DRAFT_LAYERS: readonly AddLayerObject[] = [
  ...areas("draft", "draft"),
  { id: "rubber", type: "line", source: "rubber", paint: { "line-width": 2, "line-dasharray": [2, 2] } },
];

/** Have a map draw the sources `fences` and, for who edits them, `draft` and `rubber`; their data is still to be set. */
export function addLayers(stage: MapStage, { editable }: { editable: boolean }): void {
  const { map } = stage;
  const sources = editable ? ["fences", "draft", "rubber"] : ["fences"];
  for (const source of sources) map.addSource(source, { type: "geojson", data: collection([]) });
  for (const layer of editable ? [...FENCE_LAYERS, ...DRAFT_LAYERS] : FENCE_LAYERS) map.addLayer(layer);
  stage.painted((palette) => {
    for (const [layer, property, value] of paintOf(palette)) if (map.getLayer(layer)) map.setPaintProperty(layer, property, value);
  });
}

export function collection(features: Feature[]): FeatureCollection {
  return { type: "FeatureCollection", features };
}

/** The layers' colours: layer, property, value. */
function paintOf(palette: Palette): [layer: string, property: "fill-color" | "line-color" | "text-color" | "text-halo-color" | "circle-color" | "circle-stroke-color", value: string | ExpressionSpecification][] {
  const colour: ExpressionSpecification = ["match", ["get", "look"], "restricted", palette.bad, "ended", palette.done, "chosen", palette.warn, palette.route];
  return [
    ["fence-area", "fill-color", colour],
    ["fence-edge", "line-color", colour],
    ["fence-corridor", "line-color", colour],
    ["fence-line", "line-color", colour],
    ["draft-area", "fill-color", palette.warn],
    ["draft-edge", "line-color", palette.warn],
    ["draft-corridor", "line-color", palette.warn],
    ["draft-line", "line-color", palette.warn],
    ["rubber", "line-color", palette.warn],
    ["fence-dot", "circle-color", colour],
    ["fence-dot", "circle-stroke-color", palette.casing],
    ["fence-name", "text-color", palette.text],
    ["fence-name", "text-halo-color", palette.halo],
  ];
}

/** What of a shape can be drawn so far. */
export function featuresOf(shape: Shape, shown: Shown, properties: Properties): Feature[] {
  const features = shape.kind === "corridor" ? corridor(shape, shown, properties) : area(shape, shown, properties);
  const named = properties.name ? middle(shape) : null;
  if (named) {
    const geometry = { type: "Point" as const, coordinates: shown(named) };
    features.push({ type: "Feature", properties: { ...properties, as: "name" }, geometry });
  }
  return features;
}

function area(shape: Shape, shown: Shown, properties: Properties): Feature[] {
  const polygons = shape.parts
    .map((rings) => (shape.kind === "circle" ? rings.map((ring) => circle(ring[0], shape.sizeM)) : rings.map(closed)))
    .filter(([shell]) => shell !== undefined && shell.length > 2)
    .map((rings) => rings.map((ring): Position[] => ring.map(shown)));
  if (polygons.length === 0) return [];
  const geometry = { type: "MultiPolygon" as const, coordinates: polygons };
  return [{ type: "Feature", properties: { ...properties, as: "area" }, geometry }];
}

function corridor(shape: Shape, shown: Shown, properties: Properties): Feature[] {
  const lines = shape.parts.map(([line]) => line!.map(shown)).filter((line) => line.length > 1);
  const [first] = pathAt(shape, { part: 0, path: 0 });
  if (lines.length === 0 || !first) return [];
  const metresPerPixel = (EQUATOR_M * Math.cos((first[1] / 180) * Math.PI)) / TILE_PX;
  const geometry = { type: "MultiLineString" as const, coordinates: lines };
  const px = (2 * shape.sizeM) / metresPerPixel;
  return [{ type: "Feature", properties: { ...properties, as: "corridor", px }, geometry }];
}

function circle(centre: LonLat | undefined, radiusM: number): LonLat[] {
  return centre && radiusM > 0 ? ringAround(centre, radiusM) : [];
}

function closed(ring: readonly LonLat[]): readonly LonLat[] {
  return ring[0] ? [...ring, ring[0]] : ring;
}

/** Where its name stands: amid its points, of a corridor at the point halfway. */
function middle(shape: Shape): LonLat | null {
  const places = [...points({ ...shape, parts: shape.parts.slice(0, 1) })].map(([, place]) => place);
  if (places.length === 0) return null;
  if (shape.kind === "corridor") return places[Math.floor(places.length / 2)]!;
  const sum = places.reduce<LonLat>(([lon, lat], [x, y]) => [lon + x, lat + y], [0, 0]);
  return [sum[0] / places.length, sum[1] / places.length];
}
