// The map of geofences: all of them as areas to press on, and the one being drawn with handles to take hold of.
//
// Handles are buttons of the page over the map: a mouse and a finger drag them, the keyboard reaches them, arrows move
// them and Delete takes a point out. Drawing is pressing on the map, one press a point; the press on the first point, or
// the second of a double press, ends it. Afterwards a double press on a point takes it out.

import type { GeoJSONSource, LngLat, MapMouseEvent, Marker } from "maplibre-gl";

import { texts } from "../../../i18n/texts.ts";
import type { LonLat } from "../../../map/datum.ts";
import type { MapStage } from "../../../map/stage.ts";
import { addLayers, collection, featuresOf, type Look } from "./fence-layers.ts";
import {
  boundsOf, inserted, middles, moved, niceUp, pathAt, points, removed, type Shape, sizeHandle, sizedTo, type Spot, tidy,
  withPath,
} from "./shape.ts";

const t = texts({
  point: ["第 {n} 个点，方向键移动，Delete 删除", "Point {n}: arrows move it, Delete takes it out"],
  middle: ["在此插入点", "Put a point in here"],
  size: ["拖动改变大小", "Drag to change the size"],
  finish: ["完成绘制", "Finish"],
});

/** More handles than this only hide the map: there are none until somebody comes nearer. */
const MOST_HANDLES = 160;
const MIDDLES_WITHIN = 80;
const STEP_PX = 10;
const SAME_PX = 6;
const FIRST_RADIUS_PX = 90;

export interface Listed {
  readonly id: string;
  readonly name: string;
  readonly shape: Shape;
  readonly look: Look;
}

interface Listener {
  readonly onchoose: (id: string | null) => void;
  readonly onshape: (shape: Shape) => void;
  readonly ondrawn: () => void;
}

type Grip = { readonly at: "point" | "middle"; readonly spot: Spot } | { readonly at: "size" };

export class FenceMap {
  #handles = new Map<string, Marker>();
  #held: string | null = null;
  #shape: Shape | null = null;
  #drawing = false;
  #marks: Marker[] = [];

  constructor(
    readonly stage: MapStage,
    private readonly listener: Listener,
  ) {
    const { map } = stage;
    addLayers(stage, { editable: true });
    map.on("click", this.#pressed);
    map.on("dblclick", this.#pressedTwice);
    map.on("mousemove", this.#hovered);
    map.on("moveend", () => this.#showHandles());
  }

  /** Show all geofences; the one being edited is left out of `fences`. */
  showFences(fences: readonly Listed[]): void {
    const features = fences.flatMap(({ id, name, shape, look }) => featuresOf(shape, this.#shown, { id, name, look }));
    this.#source("fences").setData(collection(features));
  }

  /** Show what is drawn (null: nothing is), with handles; `drawing`: presses on the map add to it. */
  showDraft(shape: Shape | null, drawing: boolean): void {
    const { map } = this.stage;
    this.#shape = shape;
    this.#drawing = drawing;
    map.getCanvas().style.cursor = drawing ? "crosshair" : "";
    if (drawing) map.doubleClickZoom.disable();
    else map.doubleClickZoom.enable();
    this.#source("draft").setData(collection(shape === null ? [] : featuresOf(shape, this.#shown, { look: "draft" })));
    if (!drawing) this.#source("rubber").setData(collection([]));
    this.#showHandles();
  }

  /** Point at places that something is said about. */
  showMarks(places: readonly LonLat[]): void {
    for (const mark of this.#marks) mark.remove();
    this.#marks = places.map((place, index) => {
      const element = document.createElement("span");
      element.className = "fence-mark";
      element.textContent = String(index + 1);
      return new this.stage.engine.Marker({ element }).setLngLat(this.#shown(place)).addTo(this.stage.map);
    });
    if (places[0]) this.stage.map.easeTo({ center: this.#shown(places[0]), animate: false });
  }

  /** Look at some shapes. */
  fit(shapes: readonly Shape[]): void {
    const bounds = new this.stage.engine.LngLatBounds();
    for (const shape of shapes) for (const corner of boundsOf(shape) ?? []) bounds.extend(this.#shown(corner));
    if (!bounds.isEmpty()) this.stage.map.fitBounds(bounds, { padding: 72, maxZoom: 16, animate: false });
  }

  /** The middle of what is seen, and a size that suits it. */
  get suggestion(): { place: LonLat; sizeM: number } {
    const { map } = this.stage;
    return { place: this.#placeOf(map.getCenter()), sizeM: niceUp(this.#metresPerPixel() * FIRST_RADIUS_PX) };
  }

  readonly #shown = (place: LonLat): [number, number] => this.stage.shown(place);

  #placeOf({ lng, lat }: LngLat): LonLat {
    return tidy(this.stage.place([lng, lat]));
  }

  #source(name: string): GeoJSONSource {
    return this.stage.map.getSource(name)!;
  }

  #metresPerPixel(): number {
    const { map } = this.stage;
    const { x, y } = map.project(map.getCenter());
    return map.unproject([x, y]).distanceTo(map.unproject([x + 1, y]));
  }

  #change(shape: Shape): void {
    this.listener.onshape(shape);
  }

  readonly #pressed = ({ point, lngLat }: MapMouseEvent): void => {
    const shape = this.#shape;
    if (shape === null) {
      const found = this.stage.map.queryRenderedFeatures(point, { layers: ["fence-dot", "fence-area", "fence-corridor"] });
      this.listener.onchoose((found[0]?.properties["id"] as string | undefined) ?? null);
    } else if (this.#drawing) this.#draw(shape, this.#placeOf(lngLat));
  };

  #draw(shape: Shape, place: LonLat): void {
    if (shape.kind === "circle") {
      this.#change({ ...withPath(shape, 0, 0, [place]), sizeM: this.suggestion.sizeM });
      this.listener.ondrawn();
      return;
    }
    const path = pathAt(shape, { part: 0, path: 0 });
    const last = path.at(-1);
    if (last && this.#apartPx(last, place) < SAME_PX) return;
    this.#change(withPath(shape, 0, 0, [...path, place]));
  }

  #apartPx(one: LonLat, other: LonLat): number {
    const [from, to] = [this.stage.map.project(this.#shown(one)), this.stage.map.project(this.#shown(other))];
    return Math.hypot(from.x - to.x, from.y - to.y);
  }

  readonly #pressedTwice = (): void => {
    if (this.#drawing) this.listener.ondrawn();
  };

  /** The line from the last point to where the mouse is. */
  readonly #hovered = ({ lngLat }: MapMouseEvent): void => {
    const path = this.#drawing && this.#shape ? pathAt(this.#shape, { part: 0, path: 0 }) : [];
    if (path.length === 0 || this.#shape?.kind === "circle") return;
    const ends = this.#shape?.kind === "polygon" && path.length > 1 ? [path[0]!] : [];
    const line = [path.at(-1)!, this.#placeOf(lngLat), ...ends].map(this.#shown);
    this.#source("rubber").setData(
      collection([{ type: "Feature", properties: {}, geometry: { type: "LineString", coordinates: line } }]),
    );
  };

  #showHandles(): void {
    const wanted = this.#wantedHandles();
    for (const [key, handle] of this.#handles) {
      if (wanted.has(key) || key === this.#held) continue;
      handle.remove();
      this.#handles.delete(key);
    }
    for (const [key, { place, grip }] of wanted) {
      const handle = this.#handles.get(key);
      if (handle === undefined) this.#handles.set(key, this.#addHandle(key, grip, place));
      else if (key !== this.#held) handle.setLngLat(this.#shown(place));
    }
  }

  #wantedHandles(): Map<string, { place: LonLat; grip: Grip }> {
    const wanted = new Map<string, { place: LonLat; grip: Grip }>();
    if (this.#shape === null) return wanted;
    const near = [...points(this.#shape)].filter(([, place]) => this.#isSeen(place));
    if (near.length > MOST_HANDLES) return wanted;
    for (const [spot, place] of near) wanted.set(keyOf("point", spot), { place, grip: { at: "point", spot } });
    if (this.#drawing) return wanted;
    if (near.length <= MIDDLES_WITHIN) {
      for (const [spot, place] of middles(this.#shape)) {
        if (this.#isSeen(place)) wanted.set(keyOf("middle", spot), { place, grip: { at: "middle", spot } });
      }
    }
    const size = sizeHandle(this.#shape);
    if (size) wanted.set("size", { place: size, grip: { at: "size" } });
    return wanted;
  }

  #isSeen(place: LonLat): boolean {
    return this.stage.map.getBounds().contains(this.#shown(place));
  }

  #addHandle(key: string, grip: Grip, place: LonLat): Marker {
    const element = document.createElement("button");
    element.type = "button";
    element.className = `fence-handle ${grip.at}`;
    element.dataset["handle"] = key;
    element.ariaLabel =
      grip.at === "point" ? t("point", { n: grip.spot.index + 1 }) : grip.at === "middle" ? t("middle") : t("size");
    const handle = new this.stage.engine.Marker({ element, draggable: true }).setLngLat(this.#shown(place));
    let spot = grip.at === "size" ? null : grip.spot;
    let isIn = grip.at === "point";
    const dragged = () => {
      if (this.#shape === null) return;
      const here = this.#placeOf(handle.getLngLat());
      if (spot === null) return this.#change(sizedTo(this.#shape, here));
      this.#change(isIn ? moved(this.#shape, spot, here) : inserted(this.#shape, spot, here));
      isIn = true;
    };
    handle.on("dragstart", () => (this.#held = key));
    handle.on("drag", dragged);
    handle.on("dragend", () => {
      this.#held = null;
      isIn = grip.at === "point";
      this.#showHandles();
    });
    element.addEventListener("click", (event) => {
      // Not a press on the map below.
      event.stopPropagation();
      if (grip.at === "point" && this.#drawing && grip.spot.index === 0) this.listener.ondrawn();
      else if (grip.at === "middle" && event.detail === 0 && this.#shape) {
        this.#change(inserted(this.#shape, grip.spot, place));
      }
    });
    element.addEventListener("dblclick", (event) => {
      event.stopPropagation();
      if (this.#drawing) this.listener.ondrawn();
      else if (grip.at === "point" && this.#shape) this.#change(removed(this.#shape, grip.spot));
    });
    element.addEventListener("keydown", (event) => this.#keyed(event, grip, handle));
    return handle.addTo(this.stage.map);
  }

  #keyed(event: KeyboardEvent, grip: Grip, handle: Marker): void {
    if (this.#shape === null) return;
    const step = event.shiftKey ? 1 : STEP_PX;
    const [x, y] = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] }[
      event.key
    ] ?? [0, 0];
    if (x !== 0 || y !== 0) {
      const { map } = this.stage;
      const from = map.project(handle.getLngLat());
      const place = this.#placeOf(map.unproject([from.x + x!, from.y + y!]));
      if (grip.at === "size") this.#change(sizedTo(this.#shape, place));
      else if (grip.at === "point") this.#change(moved(this.#shape, grip.spot, place));
      else return;
    } else if ((event.key === "Delete" || event.key === "Backspace") && grip.at === "point") {
      this.#change(removed(this.#shape, grip.spot));
    } else return;
    // Or the map moves as well.
    event.preventDefault();
    event.stopPropagation();
  }
}

function keyOf(at: string, { part, path, index }: Spot): string {
  return `${at}-${part}-${path}-${index}`;
}
