// What the page says about a view of an order, apart from how it looks.

import type { Schema } from "../../api/client.ts";
import { stageName } from "../../i18n/domain.ts";
import { texts } from "../../i18n/texts.ts";
import { clock, day, dayAndClock, duration } from "../../i18n/times.ts";
import type { Step } from "../../ui/Timeline.svelte";
import { type Tone, toneOf } from "../../ui/tones.ts";

export type View = Schema["TrackingView"];
type Milestone = Schema["TrackedMilestone"];

const t = texts({
  window: ["{day} {from}–{to}", "{day} {from}–{to}"],
  upTo: ["{from} 至 {to}", "{from} to {to}"],
  likely: ["最可能 {time}", "most likely {time}"],
  delivered: ["已送达", "Delivered"],
  cancelled: ["订单已取消", "This order was cancelled"],
  returned: ["订单已退回", "This order was returned"],
  partly: ["部分包裹已送达", "Some parcels are delivered"],
  arrived: ["已到达，即将交付", "Here, about to be handed over"],
  outForDelivery: ["正在派送", "Out for delivery"],
  onTheWay: ["运输途中", "On the way"],
  preparing: ["正在准备发货", "Being prepared"],
  trouble: ["配送遇到问题", "There is a problem with the delivery"],
  planned: ["计划 {time}", "planned {time}"],
  expected: ["预计 {time}", "expected {time}"],
  plannedBefore: ["计划 {time}", "Planned for {time}"],
  overdue: ["已超过计划时间", "Later than planned"],
  attemptFailed: ["上次派送未成功", "The last attempt failed"],
  attemptFailedNext: ["我们会再次安排派送，新的时间会显示在这里。", "We will try again. The new time will show here."],
  refused: ["收件人拒收", "The delivery was refused"],
  refusedNext: ["客服会与您联系，确认退回或再次派送。", "Customer service will contact you about returning it or trying again."],
  exception: ["运输途中出现异常", "Something went wrong on the way"],
  exceptionNext: ["调度正在处理，预计时间会随处理结果更新。", "Dispatch is on it; the expected time follows."],
  late: ["比承诺时间晚", "Later than promised"],
  lateNext: ["很抱歉。车辆仍在途中，最新预计时间见上方。", "We are sorry. It is still on its way; the latest estimate is above."],
  lateRisk: ["可能比承诺时间晚", "It may be later than promised"],
  behind: ["预计比承诺时间晚约 {duration}", "Expected about {duration} later than promised"],
  lateRiskNext: ["调度已收到提醒，正在设法赶上。", "Dispatch has been warned and is trying to make up for it."],
  standing: ["车辆停留较久", "The vehicle has been standing for a while"],
  standingNext: ["预计时间已计入停留，如有变化会立即更新。", "The estimate accounts for it and follows at once."],
  silent: ["暂时收不到车辆信号", "No signal from the vehicle for now"],
  silentNext: ["可能在信号弱的路段；预计时间按上次位置推算。", "It may be where the network is weak. The estimate goes by the last position."],
  noAddress: ["收货地址待确认", "The address is being checked"],
  noAddressNext: ["确认后会显示预计到达时间。", "The expected time will show once it is settled."],
});

export function destination(view: View): Schema["TrackedStop"] | undefined {
  return view.stops.at(-1);
}

export function actualOf(view: View, stage: Milestone["stage"]): Date | null {
  const found = view.milestones.findLast((milestone) => milestone.stage === stage && milestone.actual_at);
  return found?.actual_at ? new Date(found.actual_at) : null;
}

/** The order's state in a few words. */
export function headline(view: View): string {
  if (view.state === "cancelled" || view.cancelled) return t("cancelled");
  if (view.state === "returned") return t("returned");
  if (view.state === "delivered" || actualOf(view, "delivered")) return t("delivered");
  if (view.state === "exception") return t("trouble");
  if (view.state === "partly_delivered") return t("partly");
  if (actualOf(view, "arrived")) return t("arrived");
  if (actualOf(view, "out_for_delivery")) return t("outForDelivery");
  return actualOf(view, "dispatched") ? t("onTheWay") : t("preparing");
}

/** The arrival window, as in 今天 14:20–14:45, and the likeliest time; null where there is no estimate. */
export function arrival(view: View, now: Date): { window: string; likely: string } | null {
  const eta = destination(view)?.eta;
  if (!eta || view.state === "delivered" || view.state === "cancelled") return null;
  const [from, likely, to] = [new Date(eta.p10_at ?? eta.p50_at), new Date(eta.p50_at), new Date(eta.p90_at)];
  const window =
    day(from, now) === day(to, now)
      ? t("window", { day: day(from, now), from: clock(from), to: clock(to) })
      : t("upTo", { from: dayAndClock(from, now), to: dayAndClock(to, now) });
  return { window, likely: t("likely", { time: clock(likely) }) };
}

/** By how much the likeliest arrival is after the promise, to five minutes; 0 where the promise can still be kept. */
export function behindSeconds(view: View): number {
  const eta = destination(view)?.eta;
  const behind = eta ? (Date.parse(eta.p50_at) - Date.parse(view.promised_at)) / 1000 : 0;
  return Math.max(0, Math.round(behind / 300) * 300);
}

export interface Notice {
  readonly key: string;
  readonly tone: Tone;
  readonly title: string;
  readonly next: string;
}

/** What is not as it should be, and what happens next. */
export function notices(view: View): Notice[] {
  if (["delivered", "cancelled", "returned"].includes(view.state)) return [];
  const found: Notice[] = [];
  const say = (key: string, tone: Tone, title: string, next: string) => found.push({ key, tone, title, next });
  if (view.went_wrong === "attempt_failed") say("attempt", "bad", t("attemptFailed"), t("attemptFailedNext"));
  if (view.went_wrong === "refused") say("refused", "bad", t("refused"), t("refusedNext"));
  if (view.went_wrong === "exception") say("exception", "bad", t("exception"), t("exceptionNext"));
  if (view.late) say("late", "bad", t("late"), t("lateNext"));
  else if (behindSeconds(view) > 0) say("risk", "warn", t("behind", { duration: duration(behindSeconds(view)) }), t("lateRiskNext"));
  else if (view.alerts.includes("late_risk")) say("risk", "warn", t("lateRisk"), t("lateRiskNext"));
  if (view.vehicle?.stale) say("silent", "warn", t("silent"), t("silentNext"));
  else if (view.alerts.includes("long_stop")) say("standing", "warn", t("standing"), t("standingNext"));
  if (view.no_eta_reason === "address_review") say("address", "warn", t("noAddress"), t("noAddressNext"));
  return found;
}

/** The order's milestones as steps, the first one first; the last reached one is where things are. */
export function steps(view: View, now: Date): Step[] {
  const places = new Map(view.stops.map((stop) => [stop.seq, stop.name]));
  const lastReached = view.milestones.findLastIndex((milestone) => milestone.actual_at !== null);
  return view.milestones.map((milestone, index) => {
    const place = milestone.stop_seq === null ? undefined : places.get(milestone.stop_seq);
    return {
      key: `${milestone.stage} ${milestone.stop_seq ?? ""}`,
      title: place ? `${stageName(milestone.stage)} · ${place}` : stageName(milestone.stage),
      ...timeOf(milestone, estimateOf(view, milestone), now),
      reached: milestone.actual_at !== null,
      current: index === lastReached && view.state !== "delivered",
      tone: milestone.colour === "red" ? toneOf(milestone.colour) : "neutral",
    };
  });
}

/** When a stage is expected: as said, or when its stop is. */
function estimateOf(view: View, milestone: Milestone): string | null {
  if (milestone.estimated_at !== null) return milestone.estimated_at;
  const stop = milestone.stage === "arrived" ? destination(view) : view.stops.find(({ seq }) => seq === milestone.stop_seq);
  return stop?.eta?.p50_at ?? null;
}

function timeOf(milestone: Milestone, estimate: string | null, now: Date): { time: string; note: string | undefined } {
  const at = (given: string) => dayAndClock(new Date(given), now);
  const planned = milestone.planned_at ? t("plannedBefore", { time: at(milestone.planned_at) }) : undefined;
  if (milestone.actual_at) return { time: at(milestone.actual_at), note: planned };
  if (estimate) return { time: t("expected", { time: at(estimate) }), note: planned };
  const overdue = milestone.colour === "red" ? t("overdue") : undefined;
  return { time: milestone.planned_at ? t("planned", { time: at(milestone.planned_at) }) : "", note: overdue };
}
