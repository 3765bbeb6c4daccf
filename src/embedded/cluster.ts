import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chownSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join, resolve } from "node:path";
import { ConfigurationError } from "../errors.ts";
import { binariesOf } from "./fetch-postgres.ts";
import { canRun, copyBinaries, linkLibraries } from "./postgres-binaries.ts";
import { chooseServerUser, makeServerFolder, type ServerUser, succeedsAs } from "./server-user.ts";

/** Everything on disk that one server needs. */
export interface Cluster {
  /** The temp folder with the log, and the data and binaries where they have no better place. */
  readonly folder: string;
  readonly dataDir: string;
  readonly logFile: string;
  readonly user: ServerUser;
  readonly env: NodeJS.ProcessEnv;
  readonly superuser: string;
  readonly password: string;
  readonly version: number;
  program(name: "initdb" | "postgres"): string;
  /** Run initdb where the data folder is empty. */
  initialise(): void;
  log(): string;
}

const SUPERUSER = "postgres";

/** Find or copy the binaries, choose the folders and the user. Starts no server. */
export function prepareCluster(givenDataDir?: string, version?: number): Cluster {
  const binaries = binariesOf(version);
  const user = chooseServerUser();
  linkLibraries(binaries.folder);
  let programs = binaries.folder;
  const inPlace = canRun(user, programs);
  const folder = makeServerFolder(user, (candidate) => {
    if (inPlace) return true;
    programs = join(candidate, "native");
    copyBinaries(binaries.folder, programs);
    return canRun(user, programs);
  });
  if (!folder) {
    throw new ConfigurationError(
      "PGRUN",
      "no temp folder can be entered and run programs from by the user that Postgres runs as",
      "set TMPDIR to such a folder",
    );
  }
  const dataDir = resolve(givenDataDir ?? join(folder, "data"));
  const env = serverEnvironment();
  const passwordFile = join(dataDir, "password.txt");
  const fresh = !existsSync(join(dataDir, "PG_VERSION"));
  const password = fresh ? randomBytes(12).toString("hex") : readFileSync(passwordFile, "utf8").trim();
  const program = (name: string) => join(programs, "bin", name);
  const logFile = join(folder, "log");

  const initialise = () => {
    if (!fresh) return;
    makeDataDir(dataDir, user);
    const handed = join(folder, "password.txt");
    writeFileSync(handed, `${password}\n`, { mode: 0o600 });
    own(handed, user);
    const { status, stderr, error } = spawnSync(
      program("initdb"),
      // Scram would cost every connection some milliseconds and protect nothing on the loopback interface.
      [
        "-D",
        dataDir,
        "-U",
        SUPERUSER,
        `--pwfile=${handed}`,
        "-A",
        "password",
        "-E",
        "UTF8",
        "--no-locale",
        "-N",
      ],
      { ...user, cwd: "/", env, encoding: "utf8" },
    );
    rmSync(handed);
    if (status !== 0) {
      throw new ConfigurationError("PGRUN", "initdb failed", String(error ?? stderr).slice(-2000));
    }
    writeFileSync(passwordFile, `${password}\n`, { mode: 0o600 });
  };
  const log = () => (existsSync(logFile) ? readFileSync(logFile, "utf8") : "");
  const { major } = binaries;
  return {
    folder,
    dataDir,
    logFile,
    user,
    env,
    superuser: SUPERUSER,
    password,
    version: major,
    program,
    initialise,
    log,
  };
}

function makeDataDir(dataDir: string, user: ServerUser): void {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  own(dataDir, user);
  if (succeedsAs(user, "test", ["-w", dataDir])) return;
  throw new ConfigurationError(
    "PGRUN",
    `the user that Postgres runs as may not enter ${dataDir}`,
    "choose a data folder outside of homes that only their owner may enter, or none",
  );
}

function own(path: string, { uid, gid }: ServerUser): void {
  if (uid !== undefined && gid !== undefined) chownSync(path, uid, gid);
}

/** Our environment without what would lead Postgres elsewhere, and with messages in English. */
function serverEnvironment(): NodeJS.ProcessEnv {
  const ours = Object.entries(process.env).filter(([name]) => !/^(PG[A-Z]|LC_|LANG)/.test(name));
  return { ...Object.fromEntries(ours), LC_ALL: "C" };
}

/** A port that nobody listens on at this moment. */
export function freePort(): Promise<number> {
  return new Promise((done, failed) => {
    const probe = createServer();
    probe.once("error", failed);
    probe.listen(0, "127.0.0.1", () => {
      const address = probe.address();
      probe.close(() => done(typeof address === "object" && address ? address.port : 0));
    });
  });
}
