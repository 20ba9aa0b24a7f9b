// Draws an order's way on a map: the route done and left, its stops, the vehicle or about where it is.

import type { GeoJSONSource, Marker } from "maplibre-gl";

import { divided } from "../../map/along.ts";
import type { LonLat } from "../../map/datum.ts";
import { Glide } from "../../map/glide.ts";
import type { MapStage } from "../../map/stage.ts";
import { MAP_FONT } from "../../map/style.ts";
import { actualOf, type View } from "./view.ts";

type Feature = GeoJSON.Feature;

export class Journey {
  readonly #stage: MapStage;
  readonly #marker: Marker;
  readonly #arrow: HTMLElement;
  readonly #glide: Glide;
  #framed = "";
  #isThere = false;

  constructor(stage: MapStage) {
    this.#stage = stage;
    const element = document.createElement("div");
    element.className = "vehicle";
    this.#arrow = document.createElement("div");
    this.#arrow.className = "vehicle-arrow";
    element.append(this.#arrow);
    this.#marker = new stage.engine.Marker({ element });
    this.#glide = new Glide(({ place, heading }) => {
      this.#marker.setLngLat(stage.shown(place));
      this.#arrow.style.transform = `rotate(${heading}deg)`;
      element.dataset["place"] = place.map((degrees) => degrees.toFixed(5)).join(",");
    });
    this.#addLayers();
  }

  show(view: View): void {
    const vehicle = view.vehicle;
    const place: LonLat | null = vehicle && [vehicle.lon, vehicle.lat];
    this.#draw("way", wayOf(view, place, (point) => this.#stage.shown(point)));
    this.#draw("stops", this.#stopsOf(view));
    this.#draw("about", vehicle?.within_m ? [this.#around(vehicle.lon, vehicle.lat, vehicle.within_m / 2)] : []);
    if (place === null) this.#marker.remove();
    else {
      this.#glide.to(place, vehicle?.heading_deg ?? null);
      this.#arrow.parentElement?.classList.toggle("approximate", vehicle?.approximate ?? false);
      this.#arrow.parentElement?.classList.toggle("no-heading", vehicle?.heading_deg == null);
      if (!this.#isThere) this.#marker.addTo(this.#stage.map);
    }
    this.#isThere = place !== null;
    this.#frame(view, place);
  }

  end(): void {
    this.#glide.stop();
  }

  #addLayers(): void {
    const { map } = this.#stage;
    const empty = { type: "FeatureCollection" as const, features: [] };
    for (const source of ["way", "stops", "about"]) map.addSource(source, { type: "geojson", data: empty });
    const round = { "line-cap": "round", "line-join": "round" } as const;
    map.addLayer({ id: "about", type: "fill", source: "about", paint: { "fill-opacity": 0.16 } });
    map.addLayer({ id: "way-casing", type: "line", source: "way", layout: round, paint: { "line-width": 9 } });
    map.addLayer({ id: "way-left", type: "line", source: "way", layout: round, filter: ["==", ["get", "part"], "left"], paint: { "line-width": 5 } });
    map.addLayer({ id: "way-done", type: "line", source: "way", layout: round, filter: ["==", ["get", "part"], "done"], paint: { "line-width": 5 } });
    map.addLayer({ id: "stops", type: "circle", source: "stops", paint: { "circle-radius": ["match", ["get", "kind"], "destination", 8, 6], "circle-stroke-width": 3 } });
    map.addLayer({
      id: "stop-names",
      type: "symbol",
      source: "stops",
      layout: { "text-field": ["get", "name"], "text-font": MAP_FONT, "text-size": 13, "text-offset": [0, 1.1], "text-anchor": "top" },
      paint: { "text-halo-width": 2 },
    });
    this.#stage.painted((palette) => {
      map.setPaintProperty("about", "fill-color", palette.route);
      map.setPaintProperty("way-casing", "line-color", palette.casing);
      map.setPaintProperty("way-left", "line-color", palette.route);
      map.setPaintProperty("way-done", "line-color", palette.done);
      map.setPaintProperty("stops", "circle-color", palette.casing);
      map.setPaintProperty("stops", "circle-stroke-color", ["case", ["get", "passed"], palette.done, palette.route]);
      map.setPaintProperty("stop-names", "text-color", palette.text);
      map.setPaintProperty("stop-names", "text-halo-color", palette.halo);
    });
  }

  #draw(source: string, features: Feature[]): void {
    this.#stage.map.getSource<GeoJSONSource>(source)?.setData({ type: "FeatureCollection", features });
  }

  #stopsOf(view: View): Feature[] {
    return view.stops.flatMap((stop) => {
      if (stop.lon === null || stop.lat === null) return [];
      const properties = { name: stop.name, kind: stop.kind, passed: stop.eta === null && stop.kind !== "destination" };
      return [{ type: "Feature", properties, geometry: { type: "Point", coordinates: this.#stage.shown([stop.lon, stop.lat]) } }];
    });
  }

  /** A circle of metres around a place. */
  #around(lon: number, lat: number, metres: number): Feature {
    const [north, east] = [metres / 111_195, metres / (111_195 * Math.cos((lat * Math.PI) / 180))];
    const ring = Array.from({ length: 49 }, (_, turn) => {
      const angle = (turn / 48) * 2 * Math.PI;
      return this.#stage.shown([lon + east * Math.cos(angle), lat + north * Math.sin(angle)]);
    });
    return { type: "Feature", properties: {}, geometry: { type: "Polygon", coordinates: [ring] } };
  }

  /** Look at what matters, again only when that is something else: a map that moves by itself cannot be read. */
  #frame(view: View, place: LonLat | null): void {
    const places = [
      ...view.stops.flatMap((stop): LonLat[] => (stop.lon === null || stop.lat === null ? [] : [[stop.lon, stop.lat]])),
      ...view.route,
      ...(place === null ? [] : [place]),
    ];
    const key = `${view.route.length} ${place !== null} ${actualOf(view, "delivered") !== null}`;
    const { engine, map } = this.#stage;
    const outside = place !== null && !map.getBounds().contains(this.#stage.shown(place));
    if (places.length === 0 || (key === this.#framed && !outside)) return;
    this.#framed = key;
    const bounds = new engine.LngLatBounds();
    for (const each of places) bounds.extend(this.#stage.shown(each));
    map.fitBounds(bounds, { padding: { top: 56, bottom: 64, left: 56, right: 72 }, maxZoom: 14, duration: 0 });
  }
}

function wayOf(view: View, place: LonLat | null, shown: (place: LonLat) => [number, number]): Feature[] {
  if (view.route.length < 2) return [];
  const { done, left } = place === null ? { done: [], left: view.route } : divided(view.route, place);
  return [line("done", done.map(shown)), line("left", left.map(shown))];
}

function line(part: "done" | "left", coordinates: [number, number][]): Feature {
  return { type: "Feature", properties: { part }, geometry: { type: "LineString", coordinates } };
}
