import { Command, InvalidArgumentError, Option } from "commander";
import { ConfigurationError } from "../errors.ts";
import type { AddAnswer, RoleCell, RowProfile } from "../simulator/settings.ts";
import { type Simulator, startSimulator } from "../simulator/simulator.ts";
import { type Cli, writeLines } from "./cli.ts";
import { EXIT } from "./exit-codes.ts";
import { teach } from "./help.ts";
import { checkId } from "./ids.ts";

const PROFILES = [
  ...[
    "flat-typed",
    "type-string",
    "nested-resource",
    "untyped",
    "type-object",
    "lineItemType",
    "cell-envelope",
  ],
  ...["qty-n", "blank-line", "note-line", "grouped", "dup-contact"],
] as RowProfile[];
const ROLE_CELLS = ["absent", "null", "bare-id", "id-name", "envelope"] satisfies RoleCell[];
const ADD_ANSWERS = [
  ...["standard", "ids-empty", "ids-missing", "root-only", "bare-ids", "with-accessory-root-first"],
  ...[
    "with-accessory-root-second",
    "id",
    "lineItemId",
    "data.id",
    "data.lineItemId",
    "bare-string",
    "empty",
    "html",
  ],
  "exception-message",
] as AddAnswer[];

type Flags = {
  port: number;
  token: string;
  latency: number;
  profile?: RowProfile[];
  roleCell?: RoleCell;
  addAnswer?: AddAnswer;
  element?: string[];
  limits: boolean;
};

/** `flex-crew-sync simulate-flex`: the simulated Flex as a server. */
export function simulateFlexCommand(cli: Cli): Command {
  const command = new Command("simulate-flex")
    .summary("run a simulated Flex, with faults on request")
    .description(
      "A simulated Flex on this machine until Ctrl-C. It keeps elements and lines in memory and fails on request.",
    )
    .option("--port <PORT>", "where to listen; 0 lets the system choose", wholeNumber, 4480)
    .option("--token <T>", "the only token that is let in", "simulated-token")
    .option("--latency <MS>", "milliseconds before a request is handled", wholeNumber, 0)
    .option("--element <ID...>", "crew calls that exist; without any, each exists as soon as it is asked for")
    .addOption(new Option("--profile <NAME...>", "how a row looks").choices(PROFILES))
    .addOption(new Option("--role-cell <NAME>", "how a row shows the business role").choices(ROLE_CELLS))
    .addOption(new Option("--add-answer <NAME>", "how an add answers").choices(ADD_ANSWERS))
    .option("--no-limits", "without Flex's limits of requests")
    .action((flags: Flags) => runSimulator(cli, flags));
  return teach(
    command,
    [
      "flex-crew-sync simulate-flex",
      "flex-crew-sync simulate-flex --port 4480 --latency 200 --profile untyped grouped",
    ],
    [],
  );
}

async function runSimulator(cli: Cli, flags: Flags): Promise<void> {
  const elements = (flags.element ?? []).map((id) =>
    checkId(id, "crew call in Flex", "the id that Flex gives it"),
  );
  const signal = cli.stopSignal();
  const flex = await startSimulator({
    port: flags.port,
    token: flags.token,
    latencyMs: flags.latency,
    strictElements: elements.length > 0,
    ...(flags.profile ? { profile: flags.profile } : {}),
    ...(flags.roleCell ? { roleCell: flags.roleCell } : {}),
    ...(flags.addAnswer ? { addAnswer: flags.addAnswer } : {}),
    ...(flags.limits ? {} : { limits: false }),
  }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "EADDRINUSE") throw error;
    throw new ConfigurationError(
      "TAKEN",
      `port ${flags.port} of 127.0.0.1 is in use`,
      "Pass --port with a free one; --port 0 lets the system choose.",
    );
  });
  for (const element of elements) flex.addElement(element);
  writeLines(cli.stdout, howToUse(flex));
  await new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
  await flex.stop();
  cli.exitCode = EXIT.done;
}

function howToUse({ baseUrl, token, port }: Simulator): string[] {
  const control = `http://127.0.0.1:${port}/__simulator`;
  const post = (path: string, body: object) =>
    `  curl -X POST ${control}/${path} -H 'content-type: application/json' -d '${JSON.stringify(body)}'`;
  return [
    `export FLEX_BASE_URL=${baseUrl} FLEX_AUTH_TOKEN=${token}`,
    "",
    "The next two adds take effect, but their connections are reset:",
    post("faults", { route: "add", times: 2, do: { kind: "reset" } }),
    "Flex is down until the faults are taken away:",
    post("faults", { route: "any", forever: true, do: { kind: "gateway", status: 503 } }),
    `  curl -X DELETE ${control}/faults`,
    "A person adds somebody by hand:",
    post("human", { edit: "humanAdds", elementId: "ELEMENT", resourceId: "RESOURCE" }),
    "Everything that it knows, and every call that it got:",
    `  curl ${control}/state`,
    "More faults and edits: src/simulator/README.md. Ctrl-C ends it.",
  ];
}

function wholeNumber(text: string): number {
  const number = Number(text);
  if (Number.isInteger(number) && number >= 0 && number <= 65_535) return number;
  throw new InvalidArgumentError("It is a whole number from 0 to 65535.");
}
