// The map library, in a file of its own that is loaded when a map is shown. Its worker is a script of ours, so the
// pages' policy needs no blob: for it.

import "maplibre-gl/dist/maplibre-gl.css";
import "./controls.css";

import { setWorkerUrl } from "maplibre-gl";
import workerUrl from "maplibre-gl/dist/maplibre-gl-worker.mjs?url";

setWorkerUrl(workerUrl);

export * from "maplibre-gl";
