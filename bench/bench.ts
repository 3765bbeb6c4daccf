import { parseArgs } from "node:util";
import { describeMachine } from "./harness/machine.ts";
import { prepare } from "./harness/node24.ts";
import { startServer } from "./harness/postgres.ts";
import { endLeftovers } from "./harness/processes.ts";
import { type Measured, publish, type Results, readLatest, tableOf, writeRun } from "./harness/report.ts";
import { PARTS } from "./parts.ts";

// npm run bench: measure every part, or those that are named, on a server of its own. See README.md.

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: "boolean", default: false },
    publish: { type: "boolean", default: false },
    report: { type: "boolean", default: false },
  },
});
const { quick } = values;
const unknown = positionals.filter((name) => !PARTS.some((part) => part.name === name));
if (unknown.length > 0) {
  console.error(
    `no part is called ${unknown.join(", ")}; there are ${PARTS.map(({ name }) => name).join(", ")}`,
  );
  process.exit(2);
}
if (values.report) {
  publish(readLatest());
  process.exit(0);
}

// However this process ends, the daemons and peers end with it.
process.once("exit", endLeftovers);
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(1));

const tell = (line: string) => console.error(`${new Date().toISOString().slice(11, 19)} ${line}`);
const startedAt = new Date();
prepare(tell);
const server = await startServer();
const machine = await describeMachine(server);
console.log(JSON.stringify(machine, null, 2));
const results: Results = {};
for (const part of PARTS.filter(({ name }) => positionals.length === 0 || positionals.includes(name))) {
  const began = performance.now();
  const about = () => ({
    quick,
    ran_at: new Date().toISOString(),
    seconds: Math.round((performance.now() - began) / 1_000),
    machine,
  });
  let measured: Measured;
  try {
    tell(`${part.name}: ${part.measures}`);
    const result = await part.run({ server, quick, tell: (line) => tell(`${part.name}: ${line}`) });
    measured = { ...about(), result };
    console.log(`\n## ${part.name} (${measured.seconds} s)\n\n${tableOf(result.figures)}`);
    for (const note of result.notes) console.log(`- ${note}`);
  } catch (error) {
    measured = { ...about(), failed: error instanceof Error ? error.message : String(error) };
    console.error(error);
    console.log(`\n## ${part.name} FAILED: ${measured.failed}`);
    process.exitCode = 1;
    endLeftovers();
  }
  results[part.name] = measured;
}
await server.stop();
tell(`written to ${writeRun(results, startedAt)}`);
const whole = positionals.length === 0;
if (values.publish || (whole && !quick)) {
  publish(whole ? results : { ...readLatest(), ...results });
  tell("published: bench/results/latest.json, docs/performance.md, docs/images/performance");
}
// Without waiting for connections that a failed part left open.
process.exit();
