// A sketch of the route: no map behind it, north up, the vehicle moving along.

const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 800, HEIGHT = 420, MARGIN = 60;

function shape(name, attributes) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

// Longitude and latitude to the drawing's units: equirectangular, scaled at the middle latitude.
function projection(points) {
  const lons = points.map(([lon]) => lon), lats = points.map(([, lat]) => lat);
  const west = Math.min(...lons), east = Math.max(...lons), south = Math.min(...lats), north = Math.max(...lats);
  const narrowing = Math.cos(((south + north) / 2) * Math.PI / 180);
  const scale = Math.min((WIDTH - 2 * MARGIN) / Math.max((east - west) * narrowing, 1e-4),
                         (HEIGHT - 2 * MARGIN) / Math.max(north - south, 1e-4));
  return (lon, lat) => [WIDTH / 2 + (lon - (west + east) / 2) * narrowing * scale,
                        HEIGHT / 2 - (lat - (south + north) / 2) * scale];
}

export class Sketch {
  constructor(svg) {
    this.svg = svg;
    this.drawn = "";
    this.vehicle = null;
  }

  show(view) {
    const stops = view.stops.filter((stop) => stop.lat !== null);
    const points = [...view.route, ...stops.map((stop) => [stop.lon, stop.lat])];
    if (points.length === 0) return;
    const key = JSON.stringify(points);
    if (key !== this.drawn) {
      this.drawn = key;
      this.place = projection(points);
      this.#drawGround(view.route, stops);
    }
    this.#moveVehicle(view.vehicle);
  }

  #drawGround(route, stops) {
    this.svg.replaceChildren();
    this.vehicle = null;
    const line = route.map(([lon, lat]) => this.place(lon, lat).join(",")).join(" ");
    this.svg.append(shape("polyline", { class: "route", points: line }));
    for (const stop of stops) {
      const [x, y] = this.place(stop.lon, stop.lat);
      const name = shape("text", { x, y: y - 16, "text-anchor": "middle" });
      name.textContent = stop.name;
      this.svg.append(shape("circle", { class: "stop", cx: x, cy: y, r: 8 }), name);
    }
  }

  #moveVehicle(seen) {
    if (seen === null) {
      this.vehicle?.remove();
      this.vehicle = null;
      return;
    }
    if (this.vehicle === null) {
      this.vehicle = shape("g", {});
      this.vehicle.append(shape("path", { d: "M0,-15 L10,12 L0,6 L-10,12 Z" }));
      this.svg.append(this.vehicle);
    }
    const [x, y] = this.place(seen.lon, seen.lat);
    this.vehicle.setAttribute("class", seen.stale ? "vehicle stale" : "vehicle");
    this.vehicle.style.transform = `translate(${x}px, ${y}px) rotate(${seen.heading_deg ?? 0}deg)`;
  }
}
