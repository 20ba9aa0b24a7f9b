// Times as people say them, in the viewer's own time zone.

import { reader } from "./language.svelte.ts";
import { texts } from "./texts.ts";

const t = texts({
  today: ["今天", "today"],
  tomorrow: ["明天", "tomorrow"],
  yesterday: ["昨天", "yesterday"],
  now: ["刚刚", "just now"],
  secondsAgo: ["{n} 秒前", { one: "{n} second ago", other: "{n} seconds ago" }],
  minutesAgo: ["{n} 分钟前", { one: "{n} minute ago", other: "{n} minutes ago" }],
  hoursAgo: ["{n} 小时前", { one: "{n} hour ago", other: "{n} hours ago" }],
  daysAgo: ["{n} 天前", { one: "{n} day ago", other: "{n} days ago" }],
  seconds: ["{n} 秒", "{n} s"],
  minutes: ["{n} 分钟", "{n} min"],
  hours: ["{n} 小时", "{n} h"],
  hoursMinutes: ["{h} 小时 {n} 分", "{h} h {n} min"],
  days: ["{n} 天", { one: "{n} day", other: "{n} days" }],
  on: ["{day} {time}", "{day} {time}"],
  due: ["随时可到", "due now"],
});

export const viewerZone = Intl.DateTimeFormat().resolvedOptions().timeZone;

/** Hours and minutes, as in 14:05. */
export function clock(at: Date, zone = viewerZone): string {
  return formatted(at, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" }, zone);
}

/** The day: today, tomorrow, yesterday, else its date. */
export function day(at: Date, now: Date, zone = viewerZone): string {
  const apart = dayNumber(at, zone) - dayNumber(now, zone);
  if (apart === 0) return t("today");
  if (apart === 1) return t("tomorrow");
  if (apart === -1) return t("yesterday");
  return formatted(at, { month: "short", day: "numeric", weekday: "short" }, zone);
}

/** Day and time, as in 今天 14:05. */
export function dayAndClock(at: Date, now: Date, zone = viewerZone): string {
  return t("on", { day: day(at, now, zone), time: clock(at, zone) });
}

/** An expected time, never one in the past: what should have happened is due. */
export function expectedAt(at: Date, now: Date, zone = viewerZone): string {
  return at <= now ? t("due") : dayAndClock(at, now, zone);
}

/** The same, hours and minutes alone. */
export function expectedClock(at: Date, now: Date, zone = viewerZone): string {
  return at <= now ? t("due") : clock(at, zone);
}

/** The end of a window of expected times: not before now. */
export function notBefore(at: Date, now: Date): Date {
  return at < now ? now : at;
}

/** How long ago, in the largest unit that is at least one. */
export function ago(seconds: number): string {
  if (seconds < 2) return t("now");
  if (seconds < 60) return t("secondsAgo", { n: Math.floor(seconds) });
  if (seconds < 3600) return t("minutesAgo", { n: Math.floor(seconds / 60) });
  if (seconds < 86_400) return t("hoursAgo", { n: Math.floor(seconds / 3600) });
  return t("daysAgo", { n: Math.floor(seconds / 86_400) });
}

/** A length of time of at least zero, in at most two units. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  if (whole < 60) return t("seconds", { n: whole });
  if (whole < 3600) return t("minutes", { n: Math.floor(whole / 60) });
  const minutes = Math.floor((whole % 3600) / 60);
  if (whole >= 48 * 3600) return t("days", { n: Math.floor(whole / 86_400) });
  const hours = Math.floor(whole / 3600);
  return minutes === 0 ? t("hours", { n: hours }) : t("hoursMinutes", { h: hours, n: minutes });
}

/** A zone by its place and how far it is from UTC then, as in 上海 (UTC+8). */
export function zoneName(zone: string, at: Date): string {
  const name = part(at, zone, "longGeneric");
  return `${name} (${part(at, zone, "shortOffset").replace("GMT", "UTC")})`;
}

/** Whether clocks in two zones show different times then. */
export function zonesDiffer(one: string, other: string, at: Date): boolean {
  return part(at, one, "longOffset") !== part(at, other, "longOffset");
}

function part(at: Date, zone: string, timeZoneName: "longGeneric" | "shortOffset" | "longOffset"): string {
  const parts = new Intl.DateTimeFormat(reader.language, { timeZone: zone, timeZoneName }).formatToParts(at);
  return parts.find((each) => each.type === "timeZoneName")?.value ?? zone;
}

function formatted(at: Date, options: Intl.DateTimeFormatOptions, zone: string): string {
  return new Intl.DateTimeFormat(reader.language, { ...options, timeZone: zone }).format(at);
}

function dayNumber(at: Date, zone: string): number {
  const parts = new Intl.DateTimeFormat("en-CA", { timeZone: zone }).format(at);
  return Date.parse(`${parts}T00:00:00Z`) / 86_400_000;
}
