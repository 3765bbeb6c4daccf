import { Command } from "commander";
import type { Check } from "../doctor/check.ts";
import { type DoctorReport, doctor } from "../doctor/doctor.ts";
import { type Cli, writeJson, writeLines } from "./cli.ts";
import { EXIT } from "./exit-codes.ts";
import { teach } from "./help.ts";
import { withoutSecrets } from "./secrets.ts";
import { paint } from "./terminal/paint.ts";
import { widthOfOutput } from "./terminal/table.ts";
import { printable, wrap } from "./terminal/text.ts";

/** `flex-crew-sync doctor`: checks everything, and says how to mend each. */
export function doctorCommand(cli: Cli): Command {
  const command = new Command("doctor")
    .summary("check database, privileges, settings, token, Flex and quota")
    .description(
      "Checks everything that flex-crew-sync needs and says how to mend what is wrong. It makes one Flex call\n" +
        "(current-user) and changes nothing else. Exits 1 when a check failed; warnings do not count.",
    )
    .option("--json", "print one JSON document")
    .action((flags: { json?: boolean }) => runDoctor(cli, flags));
  return teach(
    command,
    [
      ["flex-crew-sync doctor", "each check, with how to mend it; what is below `mend:` can be copied"],
      ["flex-crew-sync doctor --json | jq '.checks[] | select(.status != \"ok\")'", "for programs"],
    ],
    [
      "DATABASE_URL",
      "LISTEN_DATABASE_URL",
      "FLEX_BASE_URL",
      "FLEX_AUTH_TOKEN",
      "FLEX_TIMEOUT_MS",
      "NO_COLOR",
    ],
  );
}

async function runDoctor(cli: Cli, { json = false }: { json?: boolean }): Promise<void> {
  const found = await doctor(cli.env);
  const hide = (text: string) => withoutSecrets(text, cli.env);
  const checks = found.checks.map((one) => ({
    ...one,
    message: hide(one.message),
    mend: one.mend && hide(one.mend),
    run: one.run && hide(one.run),
  }));
  if (json) writeJson(cli, { ...found, checks });
  else writeLines(cli.stdout, show(cli, { ...found, checks }));
  cli.exitCode = found.healthy ? EXIT.done : EXIT.notInSync;
}

/** What is longer is in the JSON only. */
const MOST_LINES = 8;

function show(cli: Cli, { checks }: DoctorReport): string[] {
  const colour = paint(cli.stdout, cli.env);
  const count = (status: Check["status"]) => checks.filter((one) => one.status === status).length;
  const sign = { ok: colour.green("ok  "), warn: colour.yellow("warn"), fail: colour.red("FAIL") };
  const width = widthOfOutput(cli.stdout);
  return [
    ...checks.flatMap(({ name, status, message, mend, run }) => [
      ...wrap(`${sign[status]}  ${name}: ${printable(message)}`, width, 6),
      ...(mend ? wrap(`      mend: ${mend}`, width) : []),
      ...(run ? showRun(name, run) : []),
    ]),
    "",
    `${count("ok")} ok, ${count("warn")} warned, ${count("fail")} failed`,
  ];
}

/** Never broken: it is there to be copied. */
function showRun(name: string, run: string): string[] {
  const lines = run.split("\n");
  if (lines.length <= MOST_LINES) return lines.map((line) => `        ${line}`);
  return [
    `        flex-crew-sync doctor --json | jq -r '.checks[] | select(.name == "${name}") | .run' | psql -1 "$DATABASE_URL"`,
  ];
}
