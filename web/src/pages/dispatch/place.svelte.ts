// Where on the page somebody is, kept in the address: `#board`, `#live/order/{id}`, `#devices/vehicle/{id}`.
// Going back goes back, a link can be sent, and a reload changes nothing.

export type View = "live" | "board" | "geofences" | "devices";
export type Subject = "order" | "vehicle";

export const VIEWS: readonly View[] = ["live", "board", "geofences", "devices"];

export interface Drawer {
  readonly of: Subject;
  readonly id: string;
}

interface Spot {
  readonly view: View;
  readonly drawer: Drawer | null;
}

/** What an address's hash names; the first view where it names none. */
export function spotOf(hash: string): Spot {
  const [name, of, id] = hash.replace(/^#\/?/, "").split("/");
  const view = VIEWS.find((one) => one === name) ?? "live";
  const isSubject = of === "order" || of === "vehicle";
  return { view, drawer: isSubject && id ? { of, id: decodeURIComponent(id) } : null };
}

/** The hash of a place. */
export function hashOf(view: View, drawer: Drawer | null = null): string {
  return drawer === null ? `#${view}` : `#${view}/${drawer.of}/${encodeURIComponent(drawer.id)}`;
}

class Place {
  #spot = $state.raw<Spot>({ view: "live", drawer: null });

  constructor() {
    if (typeof location === "undefined") return;
    this.#spot = spotOf(location.hash);
    addEventListener("hashchange", () => (this.#spot = spotOf(location.hash)));
  }

  get view(): View {
    return this.#spot.view;
  }

  get drawer(): Drawer | null {
    return this.#spot.drawer;
  }

  /** Open the drawer of an order or a vehicle beside what is seen. */
  open(of: Subject, id: string): void {
    this.#go(hashOf(this.view, { of, id }));
  }

  closeDrawer(): void {
    this.#go(hashOf(this.view));
  }

  #go(hash: string): void {
    if (hash === location.hash) return;
    history.pushState(null, "", hash);
    this.#spot = spotOf(hash);
  }
}

export const place = new Place();
