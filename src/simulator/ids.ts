/**
 * Makes line ids as Flex does: lower-case UUIDs, versions 1 and 4 in turn (one document holds both, recorded).
 *
 * @param clock milliseconds since 1970, for the time in version 1
 * @param random 0 to 1, for everything else
 */
export function createIdMaker(clock: () => number, random: () => number): () => string {
  let made = 0;
  const hex = (digits: number): string => {
    return Array.from({ length: digits }, () => Math.floor(random() * 16).toString(16)).join("");
  };
  const node = hex(12);
  return () => {
    made += 1;
    const variant = "89ab"[Math.floor(random() * 4)] ?? "8";
    if (made % 2 === 0) return `${hex(8)}-${hex(4)}-4${hex(3)}-${variant}${hex(3)}-${hex(12)}`;
    // 100 ns since 1582-10-15; the counter keeps ids of one millisecond apart
    const ticks = (BigInt(Math.floor(clock())) * 10_000n + 122_192_928_000_000_000n + BigInt(made % 10_000))
      .toString(16)
      .padStart(15, "0");
    return `${ticks.slice(-8)}-${ticks.slice(-12, -8)}-1${ticks.slice(-15, -12)}-${variant}${hex(3)}-${node}`;
  };
}
