// WGS-84 to GCJ-02 and back: the shift Chinese map tiles are drawn with. The formula is the one published in many places
// since 2010; geo/datum.py has the same for the server, and both are tested with the same values.

export type LonLat = readonly [lon: number, lat: number];

// The Krasovsky 1940 ellipsoid.
const SEMI_MAJOR_M = 6378245.0;
const ECCENTRICITY_SQUARED = 0.00669342162296594323;

/** Whether a place is in the rectangle around China within which coordinates are shifted. */
export function isShifted([lon, lat]: LonLat): boolean {
  return lon >= 72.004 && lon <= 137.8347 && lat >= 0.8293 && lat <= 55.8271;
}

/** Where tiles in GCJ-02 show a WGS-84 place. */
export function toGcj02(place: LonLat): [number, number] {
  const [lon, lat] = place;
  if (!isShifted(place)) return [lon, lat];
  const radians = (lat / 180) * Math.PI;
  const root = Math.sqrt(1 - ECCENTRICITY_SQUARED * Math.sin(radians) ** 2);
  const metresNorth = latitudeShift(lon - 105, lat - 35);
  const metresEast = longitudeShift(lon - 105, lat - 35);
  const meridian = (SEMI_MAJOR_M * (1 - ECCENTRICITY_SQUARED)) / root ** 3;
  const parallel = (SEMI_MAJOR_M / root) * Math.cos(radians);
  return [
    lon + (metresEast / parallel) * (180 / Math.PI),
    lat + (metresNorth / meridian) * (180 / Math.PI),
  ];
}

/** The WGS-84 place that tiles in GCJ-02 show there, to within a millimetre or so. */
export function fromGcj02(place: LonLat): [number, number] {
  let [lon, lat] = place;
  if (!isShifted(place)) return [lon, lat];
  for (let turn = 0; turn < 6; turn++) {
    const [shownLon, shownLat] = toGcj02([lon, lat]);
    lon += place[0] - shownLon;
    lat += place[1] - shownLat;
  }
  return [lon, lat];
}

function latitudeShift(x: number, y: number): number {
  return (
    -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * Math.sqrt(Math.abs(x)) +
    ((20 * wave(6 * x) + 20 * wave(2 * x)) * 2) / 3 +
    ((20 * wave(y) + 40 * wave(y / 3)) * 2) / 3 +
    ((160 * wave(y / 12) + 320 * wave(y / 30)) * 2) / 3
  );
}

function longitudeShift(x: number, y: number): number {
  return (
    300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * Math.sqrt(Math.abs(x)) +
    ((20 * wave(6 * x) + 20 * wave(2 * x)) * 2) / 3 +
    ((20 * wave(x) + 40 * wave(x / 3)) * 2) / 3 +
    ((150 * wave(x / 12) + 300 * wave(x / 30)) * 2) / 3
  );
}

function wave(x: number): number {
  return Math.sin(x * Math.PI);
}
