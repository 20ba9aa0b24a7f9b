// A customer's order, kept up to date by the server's events.

import { ago, clock, connection, element, texts } from "./format.js";
import { Sketch } from "./sketch.js";

const token = window.location.pathname.split("/").pop();
const sketch = new Sketch(document.getElementById("sketch"));
let newest = null;

function text(id, value) {
  document.getElementById(id).textContent = value;
}

function showSummary(view) {
  document.getElementById("summary").hidden = false;
  text("number", `${texts.order} ${view.order_number}`);
  text("promise", `${texts.promised} ${clock(view.promised_at, view.time_zone)}`);
  const eta = view.stops.at(-1).eta;
  text("arrival", eta === null ? "" : `${texts.expected} ${clock(eta.p50_at, view.time_zone)} · ` +
    `${texts.at_latest} ${clock(eta.p90_at, view.time_zone)}`);
  text("packages", view.packages_total ? `${texts.packages} ${view.packages_done} / ${view.packages_total}` : "");
  const notices = [view.cancelled ? texts.cancelled : null, view.late ? texts.late : null,
    ...view.alerts.filter((kind) => kind !== "late").map((kind) => texts[`alert.${kind}`] ?? kind)];
  document.getElementById("notices").replaceChildren(
    ...notices.filter((notice) => notice !== null).map((notice) => element("li", {}, notice)));
}

function showMilestones(view) {
  const names = new Map(view.stops.map((stop) => [stop.seq, stop.name]));
  const rows = view.milestones.map((milestone) => {
    const where = milestone.stop_seq === null ? "" : ` ${names.get(milestone.stop_seq) ?? ""}`;
    const when = milestone.actual_at ? clock(milestone.actual_at, view.time_zone)
      : milestone.estimated_at ? `${texts.expected} ${clock(milestone.estimated_at, view.time_zone)}`
        : milestone.planned_at ? `${texts.planned} ${clock(milestone.planned_at, view.time_zone)}` : "";
    return element("li", { class: milestone.colour },
      element("span", { class: "dot" }),
      element("span", {}, (texts[`stage.${milestone.stage}`] ?? milestone.stage) + where),
      element("span", { class: milestone.actual_at ? "" : "faint" }, when));
  });
  document.getElementById("milestones").replaceChildren(...rows);
}

function showVehicle(view) {
  sketch.show(view);
  const seen = view.vehicle;
  if (seen === null) return text("vehicle", texts.no_vehicle);
  const stale = seen.stale ? ` · ${texts.stale}` : "";
  text("vehicle", `${texts.vehicle} ${seen.label} · ${texts.seen} ${ago(seen.at)}${stale}`);
}

const source = new EventSource(`/v1/track/${encodeURIComponent(token)}/events`);
source.addEventListener("open", () => connection(texts.live, "live"));
source.addEventListener("view", (event) => {
  newest = JSON.parse(event.data);
  showSummary(newest);
  showMilestones(newest);
  showVehicle(newest);
});
source.addEventListener("end", () => {
  source.close();
  connection(texts.ended, "lost");
});
source.addEventListener("error", () => {
  // A closed source will not try again: the link was refused.
  connection(source.readyState === EventSource.CLOSED ? texts.ended : texts.reconnecting, "lost");
});
window.setInterval(() => newest !== null && showVehicle(newest), 5000);
