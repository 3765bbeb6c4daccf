import { chmodSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { read } from "../documents/repository.ts";
import type { Installation } from "../package/install-package.ts";

/** Where the examples say that things are. */
const FOLDER = "/opt/flex-crew-sync";
const ENVIRONMENT = "/etc/flex-crew-sync.env";

/** What programs that are started by the system find in their environment. */
export const BARE = { PATH: `${dirname(process.execPath)}:/usr/bin:/bin`, HOME: "/" };

/** An example as it would be on this machine, with an environment file that holds what a test says. */
export function inPlace(
  example: string,
  installed: Installation,
  env: Record<string, string | undefined>,
): string {
  const file = join(installed.folder, "flex-crew-sync.env");
  writeFileSync(file, fillIn(read("examples/daemon/flex-crew-sync.env"), env));
  chmodSync(file, 0o600);
  return read(example).replaceAll(FOLDER, installed.folder).replaceAll(ENVIRONMENT, file);
}

/** The environment file with other values behind its names. */
function fillIn(text: string, env: Record<string, string | undefined>): string {
  return text.replaceAll(/^(\w+)='.*'$/gm, (line, name: string) =>
    env[name] ? `${name}='${env[name]}'` : line,
  );
}

/** What a file of `NAME='value'` lines says, as systemd reads it. */
export function readEnvironment(text: string): Record<string, string> {
  return Object.fromEntries(
    [...text.matchAll(/^(\w+)='(.*)'$/gm)].map(([, name = "", value = ""]) => [name, value]),
  );
}
