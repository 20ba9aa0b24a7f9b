// When a geofence counts, in words.

import { texts } from "../../../i18n/texts.ts";
import { dayAndClock } from "../../../i18n/times.ts";
import { now } from "../../../live/now.svelte.ts";
import { DAYS, dayName, type Geofence, type Hours } from "./names.ts";

const t = texts({
  always: ["全天", "At all hours"],
  everyDay: ["每天", "Every day"],
  since: ["自{from}起", "Since {from}"],
  from: ["{from}开始", "From {from}"],
  until: ["{from} 至 {to}", "{from} until {to}"],
  hours: ["{days} {from}–{to}", "{days} {from}–{to}"],
  toDay: ["{from}至{to}", "{from}–{to}"],
});

/** Its hours of the week, by the depot's clock. */
export function hoursInWords(schedule: readonly Hours[] | null): string {
  if (schedule === null) return t("always");
  return schedule.map(({ days, from, to }) => t("hours", { days: daysInWords(days), from, to })).join("; ");
}

/** From when until when, by the viewer's clock. */
export function validityInWords({ valid_from, valid_to }: Pick<Geofence, "valid_from" | "valid_to">): string {
  const at = now();
  const from = dayAndClock(new Date(valid_from), at);
  if (valid_to !== null) return t("until", { from, to: dayAndClock(new Date(valid_to), at) });
  return new Date(valid_from) > at ? t("from", { from }) : t("since", { from });
}

function daysInWords(days: Hours["days"]): string {
  const ordered = DAYS.filter((each) => days.includes(each));
  const first = DAYS.indexOf(ordered[0]!);
  const isRun = ordered.length > 2 && ordered.every((each, index) => DAYS[first + index] === each);
  if (ordered.length === DAYS.length) return t("everyDay");
  return isRun ? t("toDay", { from: dayName(ordered[0]!), to: dayName(ordered.at(-1)!) }) : ordered.map(dayName).join(" ");
}
