const UNITS = [
  { name: "d", seconds: 86_400 },
  { name: "h", seconds: 3_600 },
  { name: "min", seconds: 60 },
  { name: "s", seconds: 1 },
] as const;

/** How long ago, in one unit: `3 min`. A dash for never. */
export function age(at: Date | string | null, now: Date): string {
  return at === null ? "-" : duration((now.getTime() - new Date(at).getTime()) / 1000);
}

/** A number of seconds in one unit: `3 min`. */
export function duration(seconds: number): string {
  const unit = UNITS.find((one) => seconds >= one.seconds);
  return unit ? `${Math.floor(seconds / unit.seconds)} ${unit.name}` : "0 s";
}
