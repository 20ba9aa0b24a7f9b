// What changed, as the server tells it: one stream for the whole page, to which its parts listen by kind.

import { authorizedFetch } from "../../api/client.ts";
import { EventStream, type StreamState } from "../../live/event-stream.ts";

export type Kind = "order" | "alert" | "trip" | "eta" | "vehicle" | "position" | "geofence" | "crossing" | "device" | "assignment";

/** `ids` null: too much was missed, read everything again. */
type Listener = (ids: ReadonlySet<string> | null) => void;

/** So much is gathered before a listener is told: a burst of changes is read once. */
const GATHER_MS = 400;
const KINDS: readonly Kind[] = ["order", "alert", "trip", "eta", "geofence", "crossing", "device", "assignment"];

class News {
  state = $state<StreamState>("connecting");
  /** Since when nothing was heard; null while all is well. */
  lostAt = $state.raw<Date | null>(null);
  #listeners = new Map<Kind, Set<Listener>>();
  #gathered = new Map<Kind, Set<string>>();
  #missed = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Follow the server until the function that is returned is called. */
  follow(): () => void {
    const query = new URLSearchParams(KINDS.map((kind) => ["kind", kind]));
    const stream = new EventStream(`/v1/events?${query}`, {
      fetch: authorizedFetch,
      onState: (state) => this.#is(state),
      onEvent: ({ name, data }) => this.#heard(name, data),
    });
    return () => {
      stream.close();
      clearTimeout(this.#timer);
      this.#timer = undefined;
    };
  }

  /** Be told of what changed of some kinds; returns how to stop that. */
  on(kinds: readonly Kind[], listener: Listener): () => void {
    for (const kind of kinds) {
      const own = this.#listeners.get(kind) ?? new Set();
      this.#listeners.set(kind, own.add(listener));
    }
    return () => kinds.forEach((kind) => this.#listeners.get(kind)?.delete(listener));
  }

  #is(state: StreamState): void {
    // What changed meanwhile is sent again, but a request of a part of the page may have failed, too.
    if (state === "live" && (this.state === "waiting" || this.state === "offline")) {
      this.#missed = true;
      this.#timer ??= setTimeout(() => this.#tell(), GATHER_MS);
    }
    this.state = state;
    if (state === "live") this.lostAt = null;
    else this.lostAt ??= new Date();
  }

  #heard(name: string, data: string): void {
    if (name === "reset") this.#missed = true;
    else if (KINDS.includes(name as Kind)) this.#gather(name as Kind, data);
    else return;
    this.#timer ??= setTimeout(() => this.#tell(), GATHER_MS);
  }

  #gather(kind: Kind, data: string): void {
    const { ids } = JSON.parse(data) as { ids: string[] };
    const gathered = this.#gathered.get(kind) ?? new Set();
    for (const id of ids) gathered.add(id);
    this.#gathered.set(kind, gathered);
  }

  #tell(): void {
    this.#timer = undefined;
    const [gathered, missed] = [this.#gathered, this.#missed];
    this.#gathered = new Map();
    this.#missed = false;
    const told = new Map<Listener, Set<string> | null>();
    for (const [kind, listeners] of this.#listeners) {
      const ids = gathered.get(kind);
      if (!missed && ids === undefined) continue;
      for (const listener of listeners) {
        const known = told.get(listener) ?? new Set<string>();
        told.set(listener, missed ? null : new Set([...known, ...(ids ?? [])]));
      }
    }
    for (const [listener, ids] of told) listener(ids);
  }
}

export const news = new News();
