// A list of the API read page by page, and read again from its beginning as far as it was read.

import { type ApiError, asApiError } from "../../../api/problems.ts";

interface Page<Item> {
  readonly items: readonly Item[];
  readonly next?: string | null;
}

export class Pages<Item> {
  /** null: nothing known yet. */
  items = $state.raw<readonly Item[] | null>(null);
  error = $state.raw<ApiError | null>(null);
  hasMore = $state(false);
  busy = $state(false);
  #read: (after: string | null) => Promise<Page<Item>>;
  #pages = 1;
  #turn = 0;

  constructor(read: (after: string | null) => Promise<Page<Item>>) {
    this.#read = read;
  }

  /** Begin anew: other items are wanted. */
  readonly restart = (): Promise<void> => {
    this.#pages = 1;
    this.items = null;
    return this.refresh();
  };

  readonly more = (): Promise<void> => {
    this.#pages += 1;
    return this.refresh();
  };

  /** Read as many pages as are shown; of several readings under way the last one begun counts. */
  readonly refresh = async (): Promise<void> => {
    const turn = ++this.#turn;
    this.busy = true;
    try {
      const found: Item[] = [];
      let after: string | null = null;
      for (let page = 0; page < this.#pages && (page === 0 || after !== null); page++) {
        const { items, next }: Page<Item> = await this.#read(after);
        found.push(...items);
        after = next ?? null;
      }
      if (turn !== this.#turn) return;
      this.items = found;
      this.hasMore = after !== null;
      this.error = null;
    } catch (reason) {
      if (turn === this.#turn) this.error = asApiError(reason);
    } finally {
      if (turn === this.#turn) this.busy = false;
    }
  };
}
