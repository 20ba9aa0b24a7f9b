// Server-sent events over fetch: unlike EventSource it can carry a token, and says what it is doing.
//
// It reconnects with backoff and the last event's id, notices a stream that died silently (the server says
// something at least every 15 seconds), and is back at once after sleep or when the network returns.

export interface ServerEvent {
  readonly id: string;
  readonly name: string;
  readonly data: string;
}

/** connecting: for the first time. waiting: lost, and to be tried again. ended: for good. */
export type StreamState = "connecting" | "live" | "waiting" | "offline" | "ended";

export interface StreamOptions {
  readonly onEvent: (event: ServerEvent) => void;
  readonly onState: (state: StreamState) => void;
  /** How to ask: `fetch`, or one that adds a token. */
  readonly fetch?: (request: Request) => Promise<Response>;
  /** The id to go on after, from an earlier stream. */
  readonly lastEventId?: string;
}

export const SILENT_MS = 40_000;
const ASLEEP_MS = 20_000;
const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 30_000;

/** Follows an address until `close`. A refusal (4xx, except 408 and 429) ends it. */
export class EventStream {
  readonly #address: string;
  readonly #options: StreamOptions;
  #lastEventId: string;
  #connection: AbortController | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #failures = 0;
  #heardAt = 0;
  #state: StreamState | null = null;
  #closed = false;

  constructor(address: string, options: StreamOptions) {
    this.#address = address;
    this.#options = options;
    this.#lastEventId = options.lastEventId ?? "";
    addEventListener("online", this.#reconnect);
    addEventListener("offline", this.#pause);
    document.addEventListener("visibilitychange", this.#wake);
    this.#tell("connecting");
    void this.#connect();
  }

  get lastEventId(): string {
    return this.#lastEventId;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    removeEventListener("online", this.#reconnect);
    removeEventListener("offline", this.#pause);
    document.removeEventListener("visibilitychange", this.#wake);
    this.#drop();
  }

  readonly #reconnect = (): void => {
    this.#drop();
    this.#failures = 0;
    void this.#connect();
  };

  readonly #pause = (): void => {
    this.#drop();
    this.#tell("offline");
  };

  readonly #wake = (): void => {
    const silentMs = Date.now() - this.#heardAt;
    if (document.visibilityState === "visible" && silentMs > ASLEEP_MS) this.#reconnect();
  };

  #drop(): void {
    clearTimeout(this.#timer);
    this.#connection?.abort();
    this.#connection = null;
  }

  #tell(state: StreamState): void {
    if (this.#closed || state === this.#state) return;
    this.#state = state;
    this.#options.onState(state);
  }

  #end(): void {
    this.#tell("ended");
    this.close();
  }

  async #connect(): Promise<void> {
    const connection = new AbortController();
    this.#connection = connection;
    try {
      const response = await this.#ask(connection.signal);
      if (connection.signal.aborted) return;
      if (isRefusal(response.status)) return this.#end();
      if (response.ok && response.body !== null) await this.#listen(response.body, connection);
    } catch {
      // Whatever it was, the connection is gone; what matters is when to try again.
    }
    if (this.#connection === connection && !this.#closed) this.#retryLater();
  }

  #ask(signal: AbortSignal): Promise<Response> {
    this.#watch();
    const headers = new Headers({ Accept: "text/event-stream" });
    if (this.#lastEventId) headers.set("Last-Event-ID", this.#lastEventId);
    const request = new Request(this.#address, { headers, signal, cache: "no-store" });
    return (this.#options.fetch ?? fetch)(request);
  }

  async #listen(body: ReadableStream<Uint8Array>, connection: AbortController): Promise<void> {
    const reader = body.pipeThrough(new TextDecoderStream() as TransformStream<Uint8Array, string>).getReader();
    const parser = new EventParser();
    for (;;) {
      const { done, value } = await reader.read();
      if (done || connection.signal.aborted) return;
      this.#failures = 0;
      this.#tell("live");
      this.#watch();
      for (const event of parser.push(value)) {
        if (connection.signal.aborted) return;
        this.#lastEventId = event.id;
        this.#options.onEvent(event);
      }
    }
  }

  /** Begin anew to wait for the server's next sign of life. */
  #watch(): void {
    this.#heardAt = Date.now();
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#drop();
      this.#retryLater();
    }, SILENT_MS);
  }

  #retryLater(): void {
    clearTimeout(this.#timer);
    if (!navigator.onLine) return this.#tell("offline");
    this.#tell("waiting");
    const waitMs = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** this.#failures);
    this.#failures += 1;
    // Not everybody at once after the server was away.
    this.#timer = setTimeout(() => void this.#connect(), waitMs * (0.5 + Math.random() / 2));
  }
}

function isRefusal(status: number): boolean {
  return status >= 400 && status < 500 && status !== 408 && status !== 429;
}

/** Takes a stream's text as it comes and gives the events that are complete (WHATWG HTML, 9.2.6). */
export class EventParser {
  #rest = "";
  #id = "";
  #name = "";
  #data: string[] = [];

  *push(text: string): Generator<ServerEvent> {
    const lines = (this.#rest + text).split(/\r\n|\n|\r(?!$)/);
    this.#rest = lines.pop() ?? "";
    for (const line of lines) {
      if (line !== "") this.#take(line);
      else if (this.#data.length > 0 || this.#name !== "") yield this.#finished();
    }
  }

  #take(line: string): void {
    const colon = line.indexOf(":");
    if (colon === 0) return;
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "id") this.#id = value;
    else if (field === "event") this.#name = value;
    else if (field === "data") this.#data.push(value);
  }

  #finished(): ServerEvent {
    const event = { id: this.#id, name: this.#name || "message", data: this.#data.join("\n") };
    this.#name = "";
    this.#data = [];
    return event;
  }
}
