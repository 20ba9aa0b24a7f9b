// Names of what the API says of geofences.

import type { Schema } from "../../../api/client.ts";
import { names, namesOfSome } from "../../../i18n/texts.ts";
import type { ShapeKind } from "./shape.ts";

export type Geofence = Schema["Geofence"];
export type Purpose = NonNullable<Schema["NewGeofence"]["purpose"]>;
export type Hours = Schema["Hours"];
export type Day = Hours["days"][number];

export const PURPOSES: readonly Purpose[] = ["origin", "hub", "destination", "depot", "restricted", "other"];
export const DAYS: readonly Day[] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
export const KINDS: readonly ShapeKind[] = ["polygon", "circle", "corridor"];

const purposes: Record<Purpose, readonly [string, string]> = {
  origin: ["始发地", "Origin"],
  hub: ["中转站", "Hub"],
  destination: ["目的地", "Destination"],
  depot: ["仓库", "Depot"],
  restricted: ["禁区", "Restricted area"],
  other: ["其他", "Other"],
};
export const purposeName = namesOfSome(purposes);

export const kindName = names<ShapeKind>({
  polygon: ["多边形", "Polygon"],
  circle: ["圆形", "Circle"],
  corridor: ["走廊", "Corridor"],
});

export const dayName = names<Day>({
  mon: ["周一", "Mon"],
  tue: ["周二", "Tue"],
  wed: ["周三", "Wed"],
  thu: ["周四", "Thu"],
  fri: ["周五", "Fri"],
  sat: ["周六", "Sat"],
  sun: ["周日", "Sun"],
});

export const crossingName = namesOfSome({
  enter: ["进入", "came in"],
  exit: ["离开", "left"],
  inside: ["已在内", "was inside"],
  approach: ["接近", "came near"],
});
