// A map to draw on: the library's own, the places on it in the datum it shows, and its colours in the present theme.

import type { Map as LibraryMap } from "maplibre-gl";

import { pageConfig } from "../api/page-config.ts";
import { texts } from "../i18n/texts.ts";
import type { Theme } from "../ui/theme.svelte.ts";
import { fromGcj02, type LonLat, toGcj02 } from "./datum.ts";
import { basePaint, baseStyle, gridPictures, type Palette, PALETTES } from "./style.ts";

const t = texts({
  zoomIn: ["放大", "Zoom in"],
  zoomOut: ["缩小", "Zoom out"],
  map: ["地图", "Map"],
  marker: ["标记", "Marker"],
  attribution: ["地图数据来源", "About the map data"],
  withCtrl: ["按住 Ctrl 并滚动以缩放地图", "Use Ctrl + scroll to zoom the map"],
  withCmd: ["按住 ⌘ 并滚动以缩放地图", "Use ⌘ + scroll to zoom the map"],
  withFingers: ["用两根手指移动地图", "Use two fingers to move the map"],
});

export type Engine = typeof import("./engine.ts");

export class MapStage {
  #onTheme: ((palette: Palette) => void)[] = [];

  constructor(
    readonly map: LibraryMap,
    readonly engine: Engine,
    readonly isGcj02: boolean,
    private theme: Theme,
  ) {}

  /** Where a WGS-84 place is on this map. */
  shown(place: LonLat): [number, number] {
    return this.isGcj02 ? toGcj02(place) : [place[0], place[1]];
  }

  /** The WGS-84 place of a point on this map. */
  place(shown: LonLat): [number, number] {
    return this.isGcj02 ? fromGcj02(shown) : [shown[0], shown[1]];
  }

  get palette(): Palette {
    return PALETTES[this.theme];
  }

  /** Have something drawn in the present colours, now and whenever the theme changes. */
  painted(draw: (palette: Palette) => void): void {
    this.#onTheme.push(draw);
    draw(this.palette);
  }

  setTheme(theme: Theme): void {
    if (theme === this.theme) return;
    this.theme = theme;
    for (const [layer, paint] of Object.entries(basePaint(theme))) {
      if (this.map.getLayer(layer) === undefined) continue;
      for (const [property, value] of Object.entries(paint)) {
        this.map.setPaintProperty(layer, property as "fill-color", value as string);
      }
    }
    for (const draw of this.#onTheme) draw(this.palette);
  }
}

export interface MapStart {
  readonly center: LonLat;
  readonly zoom: number;
  /** Whether it can be moved by hand: a small map in a page that scrolls wants two fingers. */
  readonly cooperative?: boolean;
}

/** Put a map into an element; resolves when it can be drawn on. */
export async function openMap(container: HTMLElement, theme: Theme, start: MapStart): Promise<MapStage> {
  const config = await pageConfig();
  const tiles = config.tiles ?? null;
  const isGcj02 = tiles?.datum === "gcj02";
  const engine = await import("./engine.ts");
  const map = new engine.Map({
    container,
    style: baseStyle(theme, tiles),
    center: isGcj02 ? toGcj02(start.center) : [start.center[0], start.center[1]],
    zoom: start.zoom,
    maxZoom: 18,
    attributionControl: { compact: true },
    cooperativeGestures: start.cooperative ?? false,
    dragRotate: false,
    pitchWithRotate: false,
    fadeDuration: 0,
    locale: {
      "NavigationControl.ZoomIn": t("zoomIn"),
      "NavigationControl.ZoomOut": t("zoomOut"),
      "Map.Title": t("map"),
      "Marker.Title": t("marker"),
      "CooperativeGesturesHandler.WindowsHelpText": t("withCtrl"),
      "CooperativeGesturesHandler.MacHelpText": t("withCmd"),
      "CooperativeGesturesHandler.MobileHelpText": t("withFingers"),
      "AttributionControl.ToggleAttribution": t("attribution"),
    },
  });
  map.touchZoomRotate.disableRotation();
  map.addControl(new engine.NavigationControl({ showCompass: false }), "top-right");
  map.once("style.load", () => {
    for (const { name, picture } of gridPictures()) map.addImage(name, picture);
  });
  map.addControl(new engine.ScaleControl({ maxWidth: 90 }), "bottom-right");
  await new Promise<void>((resolve) => void map.once("load", () => resolve()));
  // The page may have grown or shrunk meanwhile, which the library does not notice before it has begun.
  map.resize();
  // Whose data it is stays one press away; opened it would cover a third of a phone's map.
  container.querySelector(".maplibregl-ctrl-attrib")?.classList.remove("maplibregl-compact-show");
  container.querySelector(".maplibregl-ctrl-attrib")?.removeAttribute("open");
  return new MapStage(map, engine, isGcj02, theme);
}
