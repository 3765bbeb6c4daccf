import { Command } from "commander";
import type { Check } from "../doctor/check.ts";
import { type DoctorReport, doctor } from "../doctor/doctor.ts";
import { type Cli, writeJson, writeLines } from "./cli.ts";
import { EXIT } from "./exit-codes.ts";
import { teach } from "./help.ts";
import { withoutSecrets } from "./secrets.ts";
import { type Paint, paint } from "./terminal/paint.ts";

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
    ["flex-crew-sync doctor", "flex-crew-sync doctor --json"],
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
  }));
  if (json) writeJson(cli, { ...found, checks });
  else writeLines(cli.stdout, show({ ...found, checks }, paint(cli.stdout, cli.env)));
  cli.exitCode = found.healthy ? EXIT.done : EXIT.notInSync;
}

function show({ checks }: DoctorReport, colour: Paint): string[] {
  const count = (status: Check["status"]) => checks.filter((one) => one.status === status).length;
  const width = Math.max(...checks.map(({ name }) => name.length));
  const sign = { ok: colour.green("ok  "), warn: colour.yellow("warn"), fail: colour.red("FAIL") };
  return [
    ...checks.flatMap(({ name, status, message, mend }) => [
      `${sign[status]}  ${name.padEnd(width)}  ${message}`,
      ...(mend ? [`${" ".repeat(width + 8)}mend: ${mend}`] : []),
    ]),
    "",
    `${count("ok")} ok, ${count("warn")} warned, ${count("fail")} failed`,
  ];
}
