// The vehicles within a box of the map, live. When the map is moved, the next box is asked for before the last is let go.

import { authorizedFetch } from "../../../api/client.ts";
import { EventStream, type StreamState } from "../../../live/event-stream.ts";
import type { Changes, Fleet, Positions } from "./fleet.ts";

export interface Box {
  readonly west: number;
  readonly south: number;
  readonly east: number;
  readonly north: number;
}

const SETTLE_MS = 300;

export class FleetStream {
  state = $state<StreamState>("connecting");
  #current: EventStream | null = null;
  #coming: EventStream | null = null;
  #turns = 0;
  #currentTurn = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly fleet: Fleet,
    private readonly onNews: (isWhole: boolean) => void,
  ) {}

  /** Look at a box, soon: it may be moved on at once. null: the whole world. */
  look(box: Box | null, atOnce = false): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#open(box), atOnce ? 0 : SETTLE_MS);
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#coming?.close();
    this.#current?.close();
  }

  #open(box: Box | null): void {
    this.#coming?.close();
    const query = box === null ? "" : `?bbox=${[box.west, box.south, box.east, box.north].map((edge) => edge.toFixed(5)).join(",")}`;
    // A stream says how it is before it can be named.
    const turn = ++this.#turns;
    this.#coming = new EventStream(`/v1/fleet/events${query}`, {
      fetch: authorizedFetch,
      onState: (state) => {
        if (this.#current === null || turn === this.#currentTurn) this.state = state;
      },
      onEvent: ({ name, data }) => this.#heard(turn, name, data),
    });
  }

  #heard(turn: number, name: string, data: string): void {
    if (name === "full") {
      this.fleet.replace(JSON.parse(data) as Positions, performance.now());
      if (turn !== this.#currentTurn) {
        this.#current?.close();
        [this.#current, this.#coming, this.#currentTurn] = [this.#coming, null, turn];
        this.state = "live";
      }
    } else if (name === "changed" && turn === this.#currentTurn) {
      this.fleet.change(JSON.parse(data) as Changes, performance.now());
    } else return;
    this.onNews(name === "full");
  }
}
