import { spawnSync } from "node:child_process";
import { chmodSync, chownSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Whom the server runs as: nothing for the user we are, uid and gid where we are root (Postgres refuses root). */
export interface ServerUser {
  readonly uid?: number;
  readonly gid?: number;
}

/**
 * Choose the user to run the server as. Root borrows an account that is there anyway, `postgres` or else
 * `nobody`: no account is created on anybody's machine.
 */
export function chooseServerUser(): ServerUser {
  if (process.getuid?.() !== 0) return {};
  for (const name of ["postgres", "nobody"]) {
    const uid = numericId("-u", name);
    const gid = numericId("-g", name);
    if (uid && gid) return { uid, gid };
  }
  return { uid: 65534, gid: 65534 };
}

function numericId(flag: string, name: string): number | undefined {
  const { status, stdout } = spawnSync("id", [flag, name], { encoding: "utf8" });
  return status === 0 ? Number(stdout) : undefined;
}

/** Run a command as that user, from a folder that everybody may enter, and say whether it succeeded. */
export function succeedsAs(user: ServerUser, command: string, args: string[]): boolean {
  return spawnSync(command, args, { ...user, cwd: "/", stdio: "ignore" }).status === 0;
}

/**
 * Make a folder that the server's user owns and can enter, in the first temp folder where `usable` accepts it:
 * the usual one may lie below a home that only root may enter, or be mounted noexec.
 *
 * @returns the folder, or undefined when none of the temp folders would do
 */
export function makeServerFolder(user: ServerUser, usable: (folder: string) => boolean): string | undefined {
  for (const base of new Set([tmpdir(), "/var/tmp", "/tmp"])) {
    let folder: string;
    try {
      folder = mkdtempSync(join(base, "flex-crew-sync-postgres-"));
    } catch {
      continue;
    }
    if (user.uid !== undefined && user.gid !== undefined) {
      chmodSync(folder, 0o755);
      chownSync(folder, user.uid, user.gid);
    }
    if (succeedsAs(user, "test", ["-w", folder]) && usable(folder)) return folder;
    rmSync(folder, { recursive: true, force: true });
  }
  return undefined;
}
