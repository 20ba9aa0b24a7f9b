// What the API says of a shape (geo/geojson.py): what it repaired, or why it refused it, in the reader's language and
// with the place it means. A sentence that is not known here is shown as it is.

import { namesOfSome, texts } from "../../../i18n/texts.ts";
import type { LonLat } from "../../../map/datum.ts";

export interface Finding {
  readonly text: string;
  readonly place: LonLat | null;
}

const t = texts({
  closed: ["补全了未闭合的环", "A ring that was open has been closed"],
  repeats: ["去掉了 {n} 个重复的点", { one: "{n} repeated point has been removed", other: "{n} repeated points have been removed" }],
  hole: ["去掉了没有面积的洞", "A hole without area has been left out"],
  turned: ["调整了环的方向", "Rings have been turned the way GeoJSON has them"],
  invalid: ["修复了图形：{why}", "The shape has been repaired: {why}"],
});

const flaw = namesOfSome({
  "Self-intersection": ["边线自相交", "its edge crosses itself"],
  "Ring Self-intersection": ["边线与自己相接", "its edge touches itself"],
  "Hole lies outside shell": ["洞在外环之外", "a hole lies outside"],
  "Nested holes": ["洞中有洞", "a hole lies within a hole"],
  "Nested shells": ["部分相互重叠", "parts of it overlap"],
  "Duplicate Rings": ["有重复的环", "a ring is there twice"],
  "Interior is disconnected": ["内部不连通", "its inside falls apart"],
  "Too few points in geometry component": ["点太少", "it has too few points"],
});

const refusal = namesOfSome({
  "the longitude is not within -180 and 180": ["经度应在 -180 与 180 之间", "The longitude is not within -180 and 180"],
  "the latitude is not within -90 and 90 (is it [longitude, latitude]?)": [
    "纬度应在 -90 与 90 之间，是否把经纬度写反了？",
    "The latitude is not within -90 and 90. Were latitude and longitude swapped?",
  ],
  "fences beyond 85 degrees of latitude are not supported": ["不支持纬度超过 85 度的围栏", "Beyond 85 degrees of latitude there are no geofences"],
  "the circle reaches beyond 85 degrees of latitude": ["圆超出了纬度 85 度", "The circle reaches beyond 85 degrees of latitude"],
  "the circle crosses the antimeridian, which is not supported": ["圆跨越了 180 度经线，请分成两个", "The circle crosses the antimeridian: make two of it"],
  "the corridor crosses the antimeridian, which is not supported: split it there": ["走廊跨越了 180 度经线，请在该处分开", "The corridor crosses the antimeridian: split it there"],
  "the fence crosses the antimeridian, which is not supported: split it there": ["围栏跨越了 180 度经线，请在该处分开", "The geofence crosses the antimeridian: split it there"],
  "radius_m must be above zero": ["半径应大于零", "The radius must be above zero"],
  "half_width_m must be above zero and at most 10,000": ["半宽应大于零，且不超过 10,000 米", "The half width must be above zero and at most 10,000 m"],
  "a corridor's line needs two different points": ["走廊至少需要两个不同的点", "A corridor needs two different points"],
  "a polygon needs three different corners": ["多边形至少需要三个不同的顶点", "A polygon needs three different corners"],
  "the fence encloses no area": ["围栏没有面积", "The geofence encloses no area"],
});

const NUMBER = String.raw`(-?\d+(?:\.\d+)?(?:e[-+]?\d+)?)`;
const AT = new RegExp(`(?: at |, at longitude )${NUMBER}, (?:latitude )?${NUMBER}$`);
const FLAW = new RegExp(String.raw`^repaired what was not valid: (.+)\[${NUMBER} ${NUMBER}\]$`);

/** What was repaired, one finding for each of the answer's `repairs`. */
export function repairsOf(repairs: readonly string[]): Finding[] {
  return repairs.map((sentence) => {
    const flawed = FLAW.exec(sentence);
    if (flawed) return { text: t("invalid", { why: flaw(flawed[1]!) }), place: placeOf(flawed[2], flawed[3]) };
    const at = AT.exec(sentence);
    return { text: repairText(sentence), place: placeOf(at?.[1], at?.[2]) };
  });
}

/** Why a shape was refused. */
export function refusalOf(sentence: string): Finding {
  const at = AT.exec(sentence);
  const reason = sentence.replace(AT, "").replace(/ \([A-Z].*\]\)$/, "");
  return { text: refusal(reason), place: placeOf(at?.[1], at?.[2]) };
}

function repairText(sentence: string): string {
  const repeats = /^removed (\d+) repeated/.exec(sentence);
  if (repeats) return t("repeats", { n: Number(repeats[1]) });
  if (sentence.startsWith("closed a ring")) return t("closed");
  if (sentence.startsWith("left out a hole")) return t("hole");
  if (sentence.startsWith("turned rings")) return t("turned");
  return sentence;
}

function placeOf(lon: string | undefined, lat: string | undefined): LonLat | null {
  return lon === undefined || lat === undefined ? null : [Number(lon), Number(lat)];
}
