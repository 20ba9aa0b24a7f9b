// What went wrong, as a sentence for people.

import { texts } from "../i18n/texts.ts";
import { duration } from "../i18n/times.ts";

const t = texts({
  offline: ["网络未连接，请检查网络后重试。", "There is no connection. Check the network, then try again."],
  signedOut: ["登录已失效，请重新登录。", "You have been signed out. Please sign in again."],
  forbidden: ["您的账号没有这项权限。", "Your account may not do this."],
  missing: ["没有找到，或您无权查看。", "There is no such thing, or it is not yours to see."],
  conflict: ["与现有数据冲突。", "This contradicts what is stored."],
  tooLarge: ["内容过大。", "That is too large."],
  invalid: ["填写的内容有误。", "Something in the form is not right."],
  tooMany: ["操作过于频繁，请稍后再试。", "Too many attempts. Try again later."],
  tooManyFor: ["操作过于频繁，请 {wait} 后再试。", "Too many attempts. Try again in {wait}."],
  away: ["服务暂时不可用，请稍后再试。", "The service is not available just now. Try again in a moment."],
  unexpected: ["出错了，我们已记录。请稍后再试。", "Something went wrong on our side. It was logged; try again later."],
});

export interface Problem {
  readonly status: number;
  readonly detail: string;
  readonly errors?: readonly { readonly detail: string; readonly pointer?: string | null }[];
}

/** A request that failed. `status` 0: it did not reach the server. */
export class ApiError extends Error {
  override readonly name = "ApiError";

  constructor(
    readonly status: number,
    /** What the server says, in English; empty where it says nothing. */
    readonly detail = "",
    /** What is wrong with each field, by its JSON pointer ("/promised_at"). */
    readonly fields: ReadonlyMap<string, string> = new Map(),
    readonly retryAfterSeconds: number | null = null,
  ) {
    super(detail || `status ${status}`);
  }

  /** One sentence in the reader's language. */
  get sentence(): string {
    switch (this.status) {
      case 0:
        return t("offline");
      case 401:
        return t("signedOut");
      case 403:
        return t("forbidden");
      case 404:
        return t("missing");
      case 409:
        return t("conflict");
      case 413:
        return t("tooLarge");
      case 400:
      case 422:
        return t("invalid");
      case 429:
        return this.retryAfterSeconds === null
          ? t("tooMany")
          : t("tooManyFor", { wait: duration(Math.max(60, this.retryAfterSeconds)) });
      case 502:
      case 503:
      case 504:
        return t("away");
      default:
        return t("unexpected");
    }
  }
}

/** The error a response stands for, with its problem details (RFC 9457) where it has them. */
export function errorOf(response: Response, body: unknown): ApiError {
  const problem = isProblem(body) ? body : null;
  const fields = new Map<string, string>();
  for (const { pointer, detail } of problem?.errors ?? []) if (pointer) fields.set(pointer, detail);
  const retryAfter = Number(response.headers.get("Retry-After") ?? NaN);
  return new ApiError(response.status, problem?.detail ?? "", fields, Number.isFinite(retryAfter) ? retryAfter : null);
}

/** Any error as an ApiError; one of the program's own is thrown on, for it is no answer of the API. */
export function asApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  throw error;
}

function isProblem(body: unknown): body is Problem {
  return typeof body === "object" && body !== null && "detail" in body && typeof body.detail === "string";
}
