// Draws the vehicles with WebGL on a canvas of their own above the map: the map itself is drawn anew only when the
// view changes, and moving ten thousand vehicles costs the processor nothing, for the shader does it.
//
// An arrow moves, a square stands, a ring is silent. A thin circle around it: may be late; on a disc: late. So the
// shapes say everything the colours say.

import type { Palette } from "../../../map/style.ts";
import type { Risk, Status, Vehicle } from "./fleet.ts";

const STATUSES: readonly Status[] = ["moving", "stopped", "stale"];
const RISKS: readonly Risk[] = [null, "late_risk", "late"];
/** from, to, begin, end, headings, look. */
const FLOATS = 9;

const VERTEX = `#version 300 es
in vec2 origin; in vec2 goal; in vec2 times; in vec2 headings; in float look;
uniform vec2 shift; uniform float world; uniform vec2 viewport; uniform float now; uniform float size;
out float heading; flat out int status; flat out int risk; out float pixels;
void main() {
  float takes = times.y - times.x;
  float share = takes <= 0.0 ? 1.0 : clamp((now - times.x) / takes, 0.0, 1.0);
  vec2 place = (mix(origin, goal, share) + shift) * world * 2.0 / viewport;
  int code = int(look + 0.5);
  status = code % 3; risk = code / 3;
  heading = radians(mix(headings.x, headings.y, share));
  pixels = risk == 0 ? size : max(size * 1.5, 20.0);
  gl_PointSize = pixels;
  gl_Position = vec4(place.x, -place.y, 0.0, 1.0);
}`;

const FRAGMENT = `#version 300 es
precision highp float;
in float heading; flat in int status; flat in int risk; in float pixels;
uniform vec3 plain; uniform vec3 silent; uniform vec3 warn; uniform vec3 bad; uniform vec3 casing;
out vec4 colour;
float arrow(vec2 p) {
  float x = abs(p.x);
  return max((x - (0.9 - p.y) * 0.42) * 0.922, (-0.4 - 0.6 * x - p.y) * 0.857);
}
void main() {
  vec2 p = (gl_PointCoord * 2.0 - 1.0) * vec2(1.0, -1.0);
  float soft = 2.0 / pixels;
  float far = length(p);
  vec2 q = risk == 0 ? p : p * 1.7;
  float c = cos(heading), s = sin(heading);
  float d = status == 0 ? arrow(vec2(q.x * c - q.y * s, q.x * s + q.y * c))
          : status == 1 ? max(abs(q.x), abs(q.y)) - 0.52
          : abs(length(q) - 0.5) - 0.17;
  if (risk != 0) d /= 1.7;
  vec3 ink = risk == 2 ? casing : risk == 1 ? warn : status == 2 ? silent : plain;
  float inside = 1.0 - smoothstep(-soft, soft, d);
  float edge = 1.0 - smoothstep(-soft, soft, d - 0.16);
  if (risk == 2) {
    float disc = 1.0 - smoothstep(-soft, soft, far - 0.85);
    float rim = 1.0 - smoothstep(-soft, soft, far - 0.98);
    colour = vec4(mix(mix(casing, bad, disc), ink, inside), 1.0) * rim;
  } else if (risk == 1) {
    float circle = 1.0 - smoothstep(-soft, soft, abs(far - 0.82) - 0.1);
    float ground = 1.0 - smoothstep(-soft, soft, far - 0.98);
    colour = vec4(mix(casing, warn, max(inside, circle)), 1.0) * ground;
  } else {
    colour = vec4(mix(casing, ink, inside), 1.0) * edge;
  }
}`;

/** What the vehicles are seen through: the middle in Web Mercator, the world's width and the view in CSS pixels. */
export interface Camera {
  readonly x: number;
  readonly y: number;
  readonly worldPx: number;
  readonly widthPx: number;
  readonly heightPx: number;
}

/** WebGL 2 is not to be had. */
export class NoWebGl extends Error {
  override readonly name = "NoWebGl";
}

export class FleetPainter {
  readonly #gl: WebGL2RenderingContext;
  readonly #program: WebGLProgram;
  readonly #buffer: WebGLBuffer;
  readonly #places: Record<string, WebGLUniformLocation>;
  #count = 0;
  #origin: readonly [x: number, y: number] = [0, 0];
  #epochMs = 0;

  /** Throws NoWebGl. */
  constructor(private readonly canvas: HTMLCanvasElement) {
    const gl = canvas.getContext("webgl2", { alpha: true, antialias: false, depth: false, powerPreference: "low-power" });
    if (gl === null) throw new NoWebGl();
    this.#gl = gl;
    this.#program = linked(gl);
    this.#buffer = gl.createBuffer();
    this.#places = Object.fromEntries(
      ["shift", "world", "viewport", "now", "size", "plain", "silent", "warn", "bad", "casing"].map((name) => [
        name,
        gl.getUniformLocation(this.#program, name)!,
      ]),
    );
    gl.useProgram(this.#program);
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
    this.#lay("origin", 2, 0);
    this.#lay("goal", 2, 2);
    this.#lay("times", 2, 4);
    this.#lay("headings", 2, 6);
    this.#lay("look", 1, 8);
  }

  paint({ route, bad, warn, text, casing }: Palette): void {
    const colours = { plain: route, silent: text, warn, bad, casing };
    for (const [name, hex] of Object.entries(colours)) this.#gl.uniform3fv(this.#places[name]!, rgb(hex));
  }

  /** Take over where the vehicles are and go; numbers are kept near a camera, where single precision suffices. */
  load(vehicles: ReadonlyMap<string, Vehicle>, camera: Camera, nowMs: number): void {
    this.#origin = [camera.x, camera.y];
    this.#epochMs = nowMs;
    const data = new Float32Array(vehicles.size * FLOATS);
    let at = 0;
    // Those at risk last: they are to lie on top.
    for (const risk of RISKS) {
      for (const vehicle of vehicles.values()) {
        if (vehicle.risk !== risk) continue;
        data[at++] = vehicle.fromX - camera.x;
        data[at++] = vehicle.fromY - camera.y;
        data[at++] = vehicle.toX - camera.x;
        data[at++] = vehicle.toY - camera.y;
        data[at++] = (vehicle.beganMs - nowMs) / 1000;
        data[at++] = (vehicle.endsMs - nowMs) / 1000;
        data[at++] = vehicle.fromHeading;
        data[at++] = vehicle.toHeading;
        data[at++] = STATUSES.indexOf(vehicle.status) + 3 * RISKS.indexOf(risk);
      }
    }
    this.#count = vehicles.size;
    this.#gl.bufferData(this.#gl.ARRAY_BUFFER, data, this.#gl.DYNAMIC_DRAW);
  }

  draw(camera: Camera, sizePx: number, nowMs: number): void {
    const gl = this.#gl;
    const ratio = devicePixelRatio;
    const [width, height] = [Math.round(camera.widthPx * ratio), Math.round(camera.heightPx * ratio)];
    if (this.canvas.width !== width || this.canvas.height !== height) {
      [this.canvas.width, this.canvas.height] = [width, height];
    }
    gl.viewport(0, 0, width, height);
    gl.clearColor(0, 0, 0, 0);
    gl.clear(gl.COLOR_BUFFER_BIT);
    gl.uniform2f(this.#places["shift"]!, this.#origin[0] - camera.x, this.#origin[1] - camera.y);
    gl.uniform1f(this.#places["world"]!, camera.worldPx);
    gl.uniform2f(this.#places["viewport"]!, camera.widthPx, camera.heightPx);
    gl.uniform1f(this.#places["now"]!, (nowMs - this.#epochMs) / 1000);
    gl.uniform1f(this.#places["size"]!, sizePx * ratio);
    gl.drawArrays(gl.POINTS, 0, this.#count);
  }

  #lay(name: string, floats: number, offset: number): void {
    const gl = this.#gl;
    const place = gl.getAttribLocation(this.#program, name);
    gl.bindBuffer(gl.ARRAY_BUFFER, this.#buffer);
    gl.enableVertexAttribArray(place);
    gl.vertexAttribPointer(place, floats, gl.FLOAT, false, FLOATS * 4, offset * 4);
  }
}

function linked(gl: WebGL2RenderingContext): WebGLProgram {
  const program = gl.createProgram();
  const parts = [
    [gl.VERTEX_SHADER, VERTEX],
    [gl.FRAGMENT_SHADER, FRAGMENT],
  ] as const;
  for (const [kind, source] of parts) {
    const shader = gl.createShader(kind)!;
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  if (!gl.getProgramParameter(program, gl.LINK_STATUS)) throw new Error(gl.getProgramInfoLog(program) ?? "shaders");
  return program;
}

function rgb(hex: string): [number, number, number] {
  const value = Number.parseInt(hex.slice(1), 16);
  return [(value >> 16) / 255, ((value >> 8) & 255) / 255, (value & 255) / 255];
}
