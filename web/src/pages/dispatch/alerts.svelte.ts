// The open alerts, ranked as the API ranks them, kept up to date, and what people do with them.

import { answer, api, type Schema } from "../../api/client.ts";
import { type ApiError, asApiError } from "../../api/problems.ts";
import { Asked } from "./asked.svelte.ts";
import { news } from "./news.svelte.ts";

export type Alert = Schema["Alert"];
export type Cause = Schema["Resolution"]["cause"];

const MOST = 200;
/** What only time changes (a chance, a rank, a snooze that is over) is seen this often. */
const REFRESH_MS = 30_000;

class Alerts {
  #asked = new Asked(async () => {
    const query = { rank: "savable" as const, limit: MOST };
    const page = await answer(api.GET("/v1/alerts", { params: { query } }));
    this.#onNews?.(page.items);
    return page.items;
  });
  #onNews: ((alerts: readonly Alert[]) => void) | null = null;

  /** null: not known yet. */
  get all(): readonly Alert[] | null {
    return this.#asked.answer;
  }

  get error(): ApiError | null {
    return this.#asked.error;
  }

  readonly refresh = this.#asked.refresh;

  /** Keep up to date, and show each answer to `onNews`, until the function that is returned is called. */
  follow(onNews: (alerts: readonly Alert[]) => void): () => void {
    this.#onNews = onNews;
    void this.refresh();
    const stop = news.on(["alert", "eta"], this.refresh);
    const timer = setInterval(this.refresh, REFRESH_MS);
    return () => {
      stop();
      clearInterval(timer);
      this.#onNews = null;
    };
  }

  acknowledge(id: string): Promise<ApiError | null> {
    return this.#done(id, api.POST("/v1/alerts/{alert_id}/acknowledge", { params: { path: { alert_id: id } } }));
  }

  assign(id: string, to: string | null): Promise<ApiError | null> {
    const request = { params: { path: { alert_id: id } }, body: { to } };
    return this.#done(id, api.POST("/v1/alerts/{alert_id}/assign", request));
  }

  snooze(id: string, until: Date): Promise<ApiError | null> {
    const request = { params: { path: { alert_id: id } }, body: { until: until.toISOString() } };
    return this.#done(id, api.POST("/v1/alerts/{alert_id}/snooze", request));
  }

  resolve(id: string, cause: Cause): Promise<ApiError | null> {
    const request = { params: { path: { alert_id: id } }, body: { cause } };
    return this.#done(id, api.POST("/v1/alerts/{alert_id}/resolve", request));
  }

  note(id: string, text: string): Promise<ApiError | null> {
    const request = { params: { path: { alert_id: id } }, body: { text } };
    return this.#done(id, api.POST("/v1/alerts/{alert_id}/notes", request));
  }

  /** Show what the server made of it at once; the list is read again, too, for its order may have changed. */
  async #done(id: string, asked: Parameters<typeof answer<Alert>>[0]): Promise<ApiError | null> {
    try {
      const changed = await answer(asked);
      const isOver = changed.resolved_at !== null || changed.snoozed_until !== null;
      const known = this.#asked.answer ?? [];
      this.#asked.answer = isOver
        ? known.filter((alert) => alert.id !== id)
        : known.map((alert) => (alert.id === id ? changed : alert));
      void this.refresh();
      return null;
    } catch (reason) {
      return asApiError(reason);
    }
  }
}

export const alerts = new Alerts();
