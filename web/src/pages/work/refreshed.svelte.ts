// Something read from the API that is read again whenever what it depends on changed.

import { authorizedFetch } from "../../api/client.ts";
import { type ApiError, asApiError } from "../../api/problems.ts";
import { EventStream, type StreamState } from "../../live/event-stream.ts";

const SETTLE_MS = 400;

export class Refreshed<Value> {
  value = $state.raw<Value | null>(null);
  error = $state.raw<ApiError | null>(null);
  connection = $state<StreamState>("connecting");
  readonly #read: () => Promise<Value>;
  readonly #stream: EventStream;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #asked = 0;

  /** `kinds`: what changes concern it, as GET /v1/events names them. Call `close` at the end. */
  constructor(read: () => Promise<Value>, kinds: readonly string[]) {
    this.#read = read;
    const query = kinds.map((kind) => `kind=${kind}`).join("&");
    this.#stream = new EventStream(`/v1/events?${query}`, {
      fetch: authorizedFetch,
      onEvent: (event) => {
        if (event.name !== "nothing") this.#soon();
      },
      onState: (state) => (this.connection = state),
    });
    void this.again();
  }

  /** Read it now; of several readings under way the last one begun counts. */
  async again(): Promise<void> {
    const asked = ++this.#asked;
    try {
      const value = await this.#read();
      if (asked !== this.#asked) return;
      this.value = value;
      this.error = null;
    } catch (reason) {
      if (asked === this.#asked) this.error = asApiError(reason);
    }
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#stream.close();
  }

  #soon(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.again(), SETTLE_MS);
  }
}
