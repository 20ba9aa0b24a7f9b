// The company's own places under the fleet: without them, triangles on a plain. Where customers are is left out.

import type { GeoJSONSource } from "maplibre-gl";

import type { MapStage } from "../../../map/stage.ts";
import { addLayers, collection, featuresOf } from "../geofences/fence-layers.ts";
import type { Purpose } from "../geofences/names.ts";
import { isOver, readFences } from "../geofences/reading.ts";
import { fromGeoJson } from "../geofences/shape.ts";
import { news } from "../news.svelte.ts";

const PURPOSES: readonly Purpose[] = ["origin", "hub", "depot"];

/** Show sites now and as they change; returns how to stop that. A map without them is still one to work with. */
export function showSites(stage: MapStage): () => void {
  addLayers(stage, { editable: false });
  let isShown = true;

  async function show(): Promise<void> {
    const found = await Promise.all(PURPOSES.map(readFences)).catch(() => null);
    if (found === null || !isShown) return;
    const features = found
      .flat()
      .filter((fence) => !isOver(fence, new Date()))
      .flatMap(({ name, geometry }) => featuresOf(fromGeoJson(geometry), (place) => stage.shown(place), { name, look: "ended" }));
    stage.map.getSource<GeoJSONSource>("fences")?.setData(collection(features));
  }

  void show();
  const stop = news.on(["geofence"], () => void show());
  return () => {
    isShown = false;
    stop();
  };
}
