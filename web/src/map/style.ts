// The map under everything: the tiles the installation names, else land and water of our own, which need no network.
//
// Natural Earth's land carries no borders on purpose: which lines a map shows is for the law of the country it is shown
// in, and a delivery needs none.

import type { LayerSpecification, SourceSpecification, StyleSpecification } from "maplibre-gl";
import { finestZoom, url } from "virtual:ground";

import type { Schema } from "../api/client.ts";
import type { Theme } from "../ui/theme.svelte.ts";

type Tiles = Schema["TileSource"];
type Paint = Record<string, Record<string, string | number>>;

/** What lines and marks on the map are drawn in. */
export interface Palette {
  readonly water: string;
  readonly land: string;
  readonly coast: string;
  readonly grid: string;
  readonly route: string;
  readonly done: string;
  readonly casing: string;
  readonly text: string;
  readonly halo: string;
  readonly good: string;
  readonly warn: string;
  readonly bad: string;
}

export const PALETTES: Record<Theme, Palette> = {
  light: {
    water: "#cfe2ea",
    land: "#f3f4ee",
    coast: "#a3c0cb",
    grid: "#e3e7dd",
    route: "#0b6e5f",
    done: "#8fa39b",
    casing: "#ffffff",
    text: "#24332d",
    halo: "#ffffff",
    good: "#17734a",
    warn: "#c47a00",
    bad: "#b3261e",
  },
  dark: {
    water: "#0b1720",
    land: "#1a2421",
    coast: "#35525f",
    grid: "#26332f",
    route: "#5cc9b1",
    done: "#56665f",
    casing: "#0e1412",
    text: "#dfe8e3",
    halo: "#0e1412",
    good: "#6fd6a0",
    warn: "#f4bd62",
    bad: "#ff9b91",
  },
};

/** Side of a square of the grid: a quarter of a tile as wide as 256 pixels, so that the squares of tiles meet. */
const GRID_PX = 64;

/** Fonts of the reader's machine: the library draws the letters itself, no glyph server is asked. */
export const MAP_FONT = ["PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", "WenQuanYi Micro Hei", "sans-serif"];

/** The style to begin with. */
export function baseStyle(theme: Theme, tiles: Tiles | null): StyleSpecification {
  const [name, source, layers] = tiles === null ? ownGround() : tileGround(tiles);
  const paint = basePaint(theme);
  return {
    version: 8,
    sources: { [name]: source },
    layers: layers.map((layer) => ({ ...layer, paint: paint[layer.id] ?? {} }) as LayerSpecification),
  };
}

/** The paint of each layer of the base in a theme. */
export function basePaint(theme: Theme): Paint {
  const { water, land, coast } = PALETTES[theme];
  return {
    water: { "background-color": water },
    land: { "fill-color": land },
    coast: { "line-color": coast, "line-width": 1 },
    grid: { "background-pattern": gridName(theme) },
    // Tiles of others are made for daylight.
    tiles: theme === "dark" ? { "raster-brightness-max": 0.6, "raster-saturation": -0.4 } : { "raster-brightness-max": 1, "raster-saturation": 0 },
  };
}

/** Pictures the style asks for by name: of each theme the square that, repeated, lays a faint grid over plain ground. */
export function gridPictures(): { name: string; picture: ImageData }[] {
  return (Object.keys(PALETTES) as Theme[]).map((theme) => ({ name: gridName(theme), picture: gridSquare(PALETTES[theme].grid) }));
}

function gridName(theme: Theme): string {
  return `grid-${theme}`;
}

function gridSquare(colour: string): ImageData {
  const picture = new ImageData(GRID_PX, GRID_PX);
  const [red, green, blue] = [1, 3, 5].map((at) => Number.parseInt(colour.slice(at, at + 2), 16)) as [number, number, number];
  for (let step = 0; step < GRID_PX; step += 1) {
    for (const pixel of [step, step * GRID_PX]) picture.data.set([red, green, blue, 255], pixel * 4);
  }
  return picture;
}

type Ground = [name: string, source: SourceSpecification, layers: LayerSpecification[]];

function ownGround(): Ground {
  return [
    "land",
    // The library's worker asks for the tiles: it needs whole addresses.
    { type: "vector", tiles: [location.origin + url], maxzoom: finestZoom, attribution: "Natural Earth" },
    [
      { id: "water", type: "background" },
      { id: "land", type: "fill", source: "land", "source-layer": "land" },
      { id: "grid", type: "background" },
      { id: "coast", type: "line", source: "land", "source-layer": "land" },
    ],
  ];
}

function tileGround(tiles: Tiles): Ground {
  return [
    "tiles",
    { type: "raster", tiles: [tiles.url], tileSize: 256, maxzoom: 18, attribution: tiles.attribution },
    [
      { id: "water", type: "background" },
      { id: "tiles", type: "raster", source: "tiles" },
    ],
  ];
}
