import { parseArgs } from "node:util";
import { type Part, partsOf } from "./parts.ts";
import { type Outcome, runPart } from "./run-part.ts";

/** `npm run proof`: everything that shows that nobody is twice, nobody missing and nothing wiped, in its long form. */
const { values } = parseArgs({
  options: {
    seed: { type: "string", default: "1" },
    kills: { type: "string", default: "1000" },
    histories: { type: "string", default: "10000" },
    explore: { type: "string", default: "full" },
  },
});
const wanted = {
  seed: wholeNumber("seed", values.seed),
  kills: wholeNumber("kills", values.kills),
  histories: wholeNumber("histories", values.histories),
  explore: oneOf("explore", values.explore, ["full", "share", "none"]),
};

const began = performance.now();
const outcomes: Outcome[] = [];
for (const group of partsOf(wanted)) await runTwoAtATime(group);

const failed = outcomes.filter(({ ok }) => !ok);
const sum = (key: "twice" | "missing" | "wanted_removed" | "without_row") =>
  outcomes.reduce((all, { found }) => all + (found?.[key] ?? 0), 0);
// A part that failed without counting may have seen more.
const atLeast = failed.some(({ found }) => found === null) ? "at least " : "";
console.log(
  `proof: seed ${wanted.seed}, ${wanted.kills} kills, ${wanted.histories} histories, explore ${wanted.explore}: ` +
    `${atLeast}${sum("twice")} people twice, ${sum("missing")} missing, ${sum("wanted_removed")} wanted lines removed, ` +
    `${sum("without_row")} writes without a row; ${failed.length} of ${outcomes.length} parts failed; ` +
    `${Math.round((performance.now() - began) / 60_000)} minutes`,
);
process.exitCode = failed.length === 0 && outcomes.length > 0 ? 0 : 1;

/** Two processes keep two cores busy. */
async function runTwoAtATime(parts: Part[]): Promise<void> {
  const left = [...parts];
  const runSome = async () => {
    for (let part = left.shift(); part; part = left.shift()) {
      const outcome = await runPart(part);
      outcomes.push(outcome);
      tell(outcome);
    }
  };
  await Promise.all([runSome(), runSome()]);
}

function tell({ part, ok, seconds, found, said, output }: Outcome): void {
  const counted = found === null ? "" : `, ${found.failed} failed`;
  console.log(`${part.name}: ${part.count}: ${ok ? "good" : "FAILED"}${counted}, ${seconds} s`);
  for (const line of said) console.log(`  ${line.trim()}`);
  if (!ok) console.log(output);
}

function wholeNumber(name: string, text: string): number {
  if (!/^\d+$/.test(text)) throw new Error(`--${name} is a whole number, not ${text}`);
  return Number(text);
}

function oneOf(name: string, text: string, allowed: string[]): string {
  if (!allowed.includes(text)) throw new Error(`--${name} is ${allowed.join(" or ")}, not ${text}`);
  return text;
}
