// Something asked of the API and asked again as things change: what it said last, and what went wrong.

import { type ApiError, asApiError } from "../../api/problems.ts";

export class Asked<Answer> {
  answer = $state.raw<Answer | null>(null);
  error = $state.raw<ApiError | null>(null);
  #ask: () => Promise<Answer>;
  #asking: Promise<void> | null = null;
  #again = false;

  constructor(ask: () => Promise<Answer>) {
    this.#ask = ask;
  }

  /** Ask now; while an answer is awaited, once more after it. What was known stays until there is better. */
  readonly refresh = (): Promise<void> => {
    if (this.#asking !== null) {
      this.#again = true;
      return this.#asking;
    }
    this.#asking = this.#run().finally(() => (this.#asking = null));
    return this.#asking;
  };

  async #run(): Promise<void> {
    do {
      this.#again = false;
      try {
        this.answer = await this.#ask();
        this.error = null;
      } catch (reason) {
        this.error = asApiError(reason);
      }
    } while (this.#again);
  }
}
