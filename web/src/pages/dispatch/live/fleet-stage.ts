// The fleet on a map: canvas and labels over it, drawn when the view changes and as often as movement can be seen.

import type { LonLat } from "../../../map/datum.ts";
import type { MapStage } from "../../../map/stage.ts";
import { type Camera, FleetPainter } from "./fleet-painter.ts";
import { type Fleet, lonLat, mercator, poseOf, type Vehicle } from "./fleet.ts";

/** Metres per pixel of a Web Mercator world 512 pixels wide, at the equator. */
const METRES_PER_PIXEL = 78_271.5;
const FASTEST_MPS = 30;
/** Frames are drawn when the fastest moved by so much, but turning is seen at any scale. */
const SEEN_PX = 0.25;
const LONGEST_FRAME_MS = 100;
const REACH_PX = 14;
const MOST_LABELS = 60;
const LABELS_FROM_ZOOM = 11;
const CROWD = 2500;
const SMALLEST_PX = 6;

export class FleetStage {
  readonly #canvas = document.createElement("canvas");
  readonly #labels = document.createElement("div");
  readonly #pool: HTMLElement[] = [];
  #painter: FleetPainter | null = null;
  #frame = 0;
  #drawnMs = 0;
  #named: Vehicle[] = [];
  #seen = 0;
  #chosenId: string | null = null;
  #hoveredId: string | null = null;

  /** Throws NoWebGl. */
  constructor(
    private readonly stage: MapStage,
    private readonly fleet: Fleet,
  ) {
    const { map } = stage;
    for (const layer of [this.#canvas, this.#labels]) {
      Object.assign(layer.style, { position: "absolute", inset: "0", pointerEvents: "none" });
      layer.setAttribute("aria-hidden", "true");
    }
    Object.assign(this.#canvas.style, { width: "100%", height: "100%" });
    this.#labels.style.overflow = "hidden";
    this.#labels.className = "fleet-labels";
    map.getCanvasContainer().append(this.#canvas, this.#labels);
    map.touchPitch.disable();
    map.keyboard.disableRotation();
    this.#begin();
    this.#canvas.addEventListener("webglcontextlost", (event) => event.preventDefault());
    this.#canvas.addEventListener("webglcontextrestored", () => this.#begin());
    map.on("render", this.#draw);
    map.on("moveend", this.loaded);
    stage.painted((palette) => {
      this.#painter?.paint(palette);
      this.#draw();
    });
    this.#frame = requestAnimationFrame(this.#step);
  }

  end(): void {
    cancelAnimationFrame(this.#frame);
    this.stage.map.off("render", this.#draw);
    this.stage.map.off("moveend", this.loaded);
  }

  /** The fleet has changed: take it over. */
  readonly loaded = (): void => {
    this.#painter?.load(this.fleet.vehicles, this.#camera(), performance.now());
    this.#named = this.#toName();
    this.#draw();
  };

  choose(id: string | null): void {
    this.#chosenId = id;
    this.loaded();
  }

  hover(id: string | null): void {
    if (id === this.#hoveredId) return;
    this.#hoveredId = id;
    this.loaded();
  }

  /** The vehicle nearest to a point of the map, if one is within reach. */
  at(point: { x: number; y: number }): Vehicle | null {
    const camera = this.#camera();
    const now = performance.now();
    let best: Vehicle | null = null;
    let least = REACH_PX;
    for (const vehicle of this.fleet.vehicles.values()) {
      const [x, y] = pixelOf(vehicle, camera, now);
      const apart = Math.hypot(x - point.x, y - point.y);
      if (apart < least) [best, least] = [vehicle, apart];
    }
    return best;
  }

  /** Bring a vehicle into view, if it is not. */
  reveal(vehicle: Vehicle): void {
    const camera = this.#camera();
    const { x, y } = poseOf(vehicle, performance.now());
    const [left, top] = pixelOf(vehicle, camera, performance.now());
    const isSeen = left > 40 && top > 40 && left < camera.widthPx - 40 && top < camera.heightPx - 40;
    if (!isSeen) this.stage.map.easeTo({ center: lonLat(x, y) });
  }

  /** Show a place that is out of view. */
  lookAt(place: LonLat): void {
    this.stage.map.easeTo({ center: this.stage.shown(place) });
  }

  #begin(): void {
    this.#painter = new FleetPainter(this.#canvas);
    this.#painter.paint(this.stage.palette);
    this.loaded();
  }

  readonly #step = (nowMs: number): void => {
    this.#frame = requestAnimationFrame(this.#step);
    if (nowMs - this.#drawnMs >= this.#frameMs() && this.#isMoving(nowMs)) this.#draw();
  };

  #frameMs(): number {
    const metres = METRES_PER_PIXEL / 2 ** this.stage.map.getZoom();
    return Math.min(LONGEST_FRAME_MS, (SEEN_PX * metres * 1000) / FASTEST_MPS);
  }

  #isMoving(nowMs: number): boolean {
    for (const vehicle of this.fleet.vehicles.values()) if (vehicle.endsMs > nowMs) return true;
    // The last step of all movements is to be drawn, too.
    return nowMs - this.#drawnMs > 1000;
  }

  readonly #draw = (): void => {
    const now = performance.now();
    const camera = this.#camera();
    this.#drawnMs = now;
    this.#painter?.draw(camera, sizeAt(this.stage.map.getZoom(), this.#seen), now);
    this.#named.forEach((vehicle, nth) => {
      const [x, y] = pixelOf(vehicle, camera, now);
      this.#label(nth).style.transform = `translate(${x.toFixed(1)}px, ${y.toFixed(1)}px)`;
    });
  };

  /** Which vehicles have their names beside them: those pointed at, at risk, or all where there are few. */
  #toName(): Vehicle[] {
    const camera = this.#camera();
    const now = performance.now();
    const seen = [...this.fleet.vehicles.values()].filter((vehicle) => {
      const [x, y] = pixelOf(vehicle, camera, now);
      return x > 0 && y > 0 && x < camera.widthPx && y < camera.heightPx;
    });
    this.#seen = seen.length;
    const isNear = this.stage.map.getZoom() >= LABELS_FROM_ZOOM && seen.length <= MOST_LABELS;
    const pointed = seen.filter(({ id }) => id === this.#chosenId || id === this.#hoveredId);
    const atRisk = seen.filter(({ id, risk }) => risk !== null && id !== this.#chosenId && id !== this.#hoveredId);
    const rest = isNear ? seen.filter(({ id, risk }) => risk === null && id !== this.#chosenId && id !== this.#hoveredId) : [];
    const isCrowded = atRisk.length > MOST_LABELS / 2;
    const named = [...pointed, ...(isCrowded ? [] : atRisk), ...rest];
    named.forEach((vehicle, nth) => {
      const label = this.#label(nth);
      label.textContent = vehicle.label;
      label.dataset["chosen"] = String(vehicle.id === this.#chosenId);
      label.hidden = false;
    });
    for (const label of this.#pool.slice(named.length)) label.hidden = true;
    return named;
  }

  #label(nth: number): HTMLElement {
    const known = this.#pool[nth];
    if (known !== undefined) return known;
    const made = document.createElement("span");
    this.#labels.append(made);
    this.#pool.push(made);
    return made;
  }

  #camera(): Camera {
    const { map } = this.stage;
    const { lng, lat } = map.getCenter();
    const [x, y] = mercator([lng, lat]);
    const { clientWidth, clientHeight } = map.getContainer();
    return { x, y, worldPx: 512 * 2 ** map.getZoom(), widthPx: clientWidth, heightPx: clientHeight };
  }
}

function pixelOf(vehicle: Vehicle, camera: Camera, nowMs: number): [x: number, y: number] {
  const { x, y } = poseOf(vehicle, nowMs);
  return [(x - camera.x) * camera.worldPx + camera.widthPx / 2, (y - camera.y) * camera.worldPx + camera.heightPx / 2];
}

/** How large vehicles are drawn, in pixels: smaller from afar, and where so many are seen that they would hide each other. */
function sizeAt(zoom: number, seen: number): number {
  const size = Math.min(24, Math.max(9, 9 + (zoom - 6) * 2));
  return seen > CROWD ? Math.max(SMALLEST_PX, size * Math.sqrt(CROWD / seen)) : size;
}
