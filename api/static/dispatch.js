// The dispatcher's overview: lists from the API, read again whenever the server says that something changed.

import { ago, clock, connection, element, texts } from "./format.js";

const KEPT = "zaitu-admin-token";
const SHORTEST_GAP_MS = 1000;
const RETRY_MS = 3000;
const entrance = document.getElementById("entrance");
const overview = document.getElementById("overview");
let token = window.sessionStorage.getItem(KEPT);

class WrongToken extends Error {}

async function call(path, options = {}) {
  const response = await fetch(path, { ...options, headers: { Authorization: `Bearer ${token}` } });
  if (response.status === 401) throw new WrongToken();
  if (!response.ok) throw new Error(`${path}: ${response.status}`);
  return response;
}

async function list(path) {
  return (await (await call(path)).json()).items;
}

function fill(id, rows, count) {
  const nothing = element("tr", {}, element("td", { class: "faint" }, texts.nothing));
  document.getElementById(id).replaceChildren(...(rows.length ? rows : [nothing]));
  document.getElementById(count).textContent = rows.length || "";
}

function row(...cells) {
  return element("tr", {}, ...cells.map((cell) => element("td", {}, cell)));
}

function button(label, action) {
  const made = element("button", { type: "button" }, label);
  made.addEventListener("click", action);
  return made;
}

async function showVehicles() {
  const vehicles = await list("/v1/vehicles?limit=500");
  fill("vehicles", vehicles.map(({ label, latest }) => row(label,
    latest ? `${latest.lat.toFixed(4)}, ${latest.lon.toFixed(4)}` : "–",
    latest?.speed_mps != null ? `${Math.round(latest.speed_mps * 3.6)} km/h` : "–",
    latest ? ago(latest.at) : "–")), "vehicle-count");
}

async function showAlerts() {
  const alerts = await list("/v1/alerts?limit=200");
  fill("alerts", alerts.map((alert) => row(texts[`alert.${alert.kind}`] ?? alert.kind,
    [alert.vehicle_label, ...alert.orders.map((order) => order.number)].filter(Boolean).join(" · "),
    ago(alert.opened_at),
    alert.acknowledged_at ? texts.acknowledged : button(texts.acknowledge, async () => {
      await call(`/v1/alerts/${alert.id}/acknowledge`, { method: "POST" });
      await showAlerts();
    }))), "alert-count");
}

async function openCustomersPage(orderId) {
  // Opened before waiting: browsers allow it only as the direct answer to a click.
  const page = window.open("", "_blank");
  const made = await call(`/v1/orders/${orderId}/share-links`, { method: "POST" });
  page.opener = null;
  page.location = (await made.json()).url;
}

async function showOrders() {
  const orders = await list("/v1/orders?open=true&limit=200");
  fill("orders", orders.map((order) => row(order.number, texts[`stage.${order.stage}`] ?? "–",
    element("span", { class: order.late ? "red-text" : "" }, clock(order.promised_at)),
    order.destination_eta ? clock(order.destination_eta.p50_at) : "–",
    button(texts.open_page, () => openCustomersPage(order.id)))), "order-count");
}

// Which lists a change of each kind makes old.
const LISTS_OF = {
  position: [showVehicles], vehicle: [showVehicles], order: [showOrders], eta: [showOrders],
  alert: [showAlerts], trip: [showOrders],
};
const old = new Set();
let waiting = false;

async function refresh(lists) {
  lists.forEach((show) => old.add(show));
  if (waiting) return;
  waiting = true;
  await new Promise((resolve) => window.setTimeout(resolve, SHORTEST_GAP_MS));
  waiting = false;
  const due = [...old];
  old.clear();
  await Promise.all(due.map((show) => show()));
}

// EventSource cannot send the token, so the stream is read by hand.
async function follow() {
  const response = await call("/v1/events");
  connection(texts.live, "live");
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const events = (rest + value).split("\n\n");
    rest = events.pop();
    for (const event of events) {
      const kind = /^event: (\w+)$/m.exec(event)?.[1];
      refresh(LISTS_OF[kind] ?? []).catch(() => connection(texts.unreachable, "lost"));
    }
  }
}

function leave() {
  window.sessionStorage.removeItem(KEPT);
  token = null;
  overview.hidden = true;
  entrance.hidden = false;
  connection("");
}

async function run() {
  while (token !== null) {
    try {
      await Promise.all([showVehicles(), showAlerts(), showOrders()]);
      window.sessionStorage.setItem(KEPT, token);
      entrance.hidden = true;
      overview.hidden = false;
      await follow();
      connection(texts.reconnecting, "lost");
    } catch (error) {
      if (error instanceof WrongToken) {
        leave();
        document.getElementById("refusal").textContent = texts.wrong_token;
        return;
      }
      connection(texts.unreachable, "lost");
    }
    await new Promise((resolve) => window.setTimeout(resolve, RETRY_MS));
  }
}

entrance.addEventListener("submit", (event) => {
  event.preventDefault();
  token = document.getElementById("token").value.trim();
  document.getElementById("refusal").textContent = "";
  run();
});
document.getElementById("leave").addEventListener("click", leave);
if (token === null) leave(); else run();
