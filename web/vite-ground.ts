// The ground under the maps: Natural Earth's land at 1:10 million, cut into vector tiles while the pages are built. A map
// loads the few tiles it shows, so it gets the finest coast there is for less than the coarsest would weigh whole.

import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";

import { GeoJSONVT } from "@maplibre/geojson-vt";
import { fromGeojsonVt } from "@maplibre/vt-pbf";
import { feature } from "topojson-client";
import type { Topology } from "topojson-specification";
import type { Plugin } from "vite";

const MODULE = "virtual:ground";
const SOURCE = "world-atlas/land-10m.json";
/** A step of the grid is 150 m at this zoom: finer than the data. Maps go on drawing its tiles when looked at closer. */
const FINEST_ZOOM = 5;
const STEPS_A_TILE = 8192;

/** Provides `virtual:ground`: where the tiles are, and how fine they become. */
export function ground(): Plugin {
  return {
    name: "ground",
    resolveId: (id) => (id === MODULE ? `\0${MODULE}` : null),
    async load(id) {
      if (id !== `\0${MODULE}`) return null;
      const tiles = await cut();
      const content = createHash("sha256");
      for (const [path, tile] of tiles) content.update(path).update(tile);
      const folder = `assets/ground-${content.digest("base64url").slice(0, 8)}`;
      if (this.environment.mode === "build") {
        for (const [path, source] of tiles) this.emitFile({ type: "asset", fileName: `${folder}/${path}`, source });
      }
      return `export const url = "/${folder}/{z}/{x}/{y}.pbf"; export const finestZoom = ${FINEST_ZOOM};`;
    },
  };
}

/** Every tile down to the finest zoom, by its path. One of nothing but sea is an empty file: asking for it is no error. */
async function cut(): Promise<Map<string, Uint8Array>> {
  const topology = JSON.parse(await readFile(createRequire(import.meta.url).resolve(SOURCE), "utf8")) as Topology;
  const index = new GeoJSONVT(feature(topology, topology.objects["land"]!), {
    maxZoom: FINEST_ZOOM,
    indexMaxZoom: FINEST_ZOOM,
    indexMaxPoints: 0,
    extent: STEPS_A_TILE,
    buffer: STEPS_A_TILE / 64,
  });
  const tiles = new Map<string, Uint8Array>();
  for (let zoom = 0; zoom <= FINEST_ZOOM; zoom += 1) {
    for (let x = 0; x < 2 ** zoom; x += 1) {
      for (let y = 0; y < 2 ** zoom; y += 1) {
        const tile = index.getTile(zoom, x, y);
        const path = `${zoom}/${x}/${y}.pbf`;
        tiles.set(path, tile === null ? new Uint8Array() : fromGeojsonVt({ land: tile }, { version: 2, extent: STEPS_A_TILE }));
      }
    }
  }
  return tiles;
}
