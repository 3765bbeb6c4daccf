import { expect, test } from "vitest";
import { createSnapshot } from "../../src/face/snapshot.ts";

/** A reading that the test ends, on a clock that the test moves. */
function stage() {
  let now = 0;
  const readings: { resolve(value: string): void; reject(error: unknown): void }[] = [];
  const read = () => new Promise<string>((resolve, reject) => readings.push({ resolve, reject }));
  const ask = createSnapshot({ read, freshMs: 1_000, oldestMs: 60_000, now: () => now });
  return { ask, readings, pass: (ms: number) => (now += ms) };
}

test("everybody who asks at once gets the one reading, and who asks soon after too", async () => {
  const { ask, readings, pass } = stage();
  const asked = [ask(1_000), ask(1_000), ask(1_000)];
  readings[0]?.resolve("first");
  expect(await Promise.all(asked)).toEqual(Array.from({ length: 3 }, () => ({ value: "first", ageMs: 0 })));
  pass(999);
  expect(await ask(1_000)).toEqual({ value: "first", ageMs: 999 });
  expect(readings).toHaveLength(1);
  pass(1);
  const later = ask(1_000);
  readings[1]?.resolve("second");
  expect((await later).value).toBe("second");
});

test("what takes long is read rarely, and meanwhile what there is has to do", async () => {
  const { ask, readings, pass } = stage();
  const first = ask(1_000);
  pass(2_000);
  readings[0]?.resolve("first");
  await first;
  pass(19_999);
  expect((await ask(1_000)).value).toBe("first");
  expect(readings).toHaveLength(1);
  pass(1);
  expect(await ask(0)).toEqual({ value: "first", ageMs: 22_000 });
  expect(readings).toHaveLength(2);
});

test("nothing is shown that is too old, or before there is anything", async () => {
  const { ask, readings, pass } = stage();
  await expect(ask(0)).rejects.toThrow();
  readings[0]?.resolve("first");
  await ask(1_000);
  pass(61_000);
  await expect(ask(0)).rejects.toThrow();
});

test("a failure is told, and tried again soon; one for taking too long, later", async () => {
  const { ask, readings, pass } = stage();
  const failed = ask(1_000);
  pass(3_000);
  readings[0]?.reject(new Error("away"));
  await expect(failed).rejects.toThrow("away");
  pass(1_000);
  const slow = ask(1_000);
  pass(3_000);
  readings[1]?.reject(Object.assign(new Error("timeout"), { code: "57014", severity: "ERROR" }));
  await expect(slow).rejects.toThrow("timeout");
  pass(29_999);
  await expect(ask(1_000)).rejects.toThrow("timeout");
  expect(readings).toHaveLength(2);
  pass(1);
  const third = ask(1_000);
  readings[2]?.resolve("back");
  expect((await third).value).toBe("back");
});
