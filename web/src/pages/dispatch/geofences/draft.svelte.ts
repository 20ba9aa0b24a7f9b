// A geofence as it is filled in and drawn, new or a new version of one there is.

import { answer, api, type Schema } from "../../../api/client.ts";
import type { Geofence, Hours, Purpose } from "./names.ts";
import { blank, fromGeoJson, isComplete, type Shape, type ShapeKind, toGeoJson } from "./shape.ts";

const FIRST_SIZE_M = 200;

export class Draft {
  /** null: a new one. */
  readonly id: string | null;
  name = $state("");
  purpose = $state<Purpose>("hub");
  depotId = $state("");
  approachM = $state<number | null>(null);
  hours = $state<Hours[]>([]);
  /** As a field for date and time has it; empty: from now on. */
  validFrom = $state("");
  /** As a field for date and time has it; empty: without end. */
  validTo = $state("");
  shape = $state.raw<Shape>(blank("polygon", FIRST_SIZE_M));
  /** Whether presses on the map add to it. */
  drawing = $state(true);
  /** Whether anything was changed. */
  touched = $state(false);

  constructor(of: Geofence | null, depotId: string) {
    this.id = of?.id ?? null;
    this.depotId = of?.depot_id ?? depotId;
    if (of === null) return;
    this.name = of.name;
    this.purpose = of.purpose as Purpose;
    this.approachM = of.approach_m;
    this.hours = (of.schedule ?? []).map((hours) => ({ ...hours, days: [...hours.days] }));
    this.validTo = of.valid_to === null || new Date(of.valid_to) <= new Date() ? "" : fieldOf(of.valid_to);
    this.shape = fromGeoJson(of.geometry);
    this.drawing = false;
  }

  /** Begin to draw anew. */
  redraw(kind: ShapeKind): void {
    this.shape = blank(kind, this.shape.sizeM || FIRST_SIZE_M);
    this.drawing = true;
    this.touched = true;
  }

  change(shape: Shape): void {
    this.shape = shape;
    this.touched = true;
  }

  /** End drawing, if there is enough to be a geofence. */
  finish(): void {
    if (isComplete(this.shape)) this.drawing = false;
  }

  /** Send it; throws ApiError. */
  save(): Promise<Geofence> {
    const said = {
      name: this.name.trim(),
      purpose: this.purpose,
      geometry: toGeoJson(this.shape) as unknown as Schema["NewGeofence"]["geometry"],
      approach_m: this.approachM || null,
      schedule: this.hours.length > 0 ? $state.snapshot(this.hours) : null,
      ...(this.validFrom ? { valid_from: new Date(this.validFrom).toISOString() } : {}),
      valid_to: this.validTo ? new Date(this.validTo).toISOString() : null,
    };
    if (this.id === null) return answer(api.POST("/v1/geofences", { body: { ...said, depot_id: this.depotId } }));
    const params = { path: { geofence_id: this.id } };
    return answer(api.PUT("/v1/geofences/{geofence_id}", { params, body: said }));
  }
}

/** A time as a field for date and time takes it, by the viewer's clock. */
function fieldOf(time: string): string {
  const at = new Date(time);
  return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}
