import type { Check, CheckStatus } from "../../../src/doctor/check.ts";
import type { Env } from "../command-line.ts";
import type { Stage } from "../stage.ts";

/** Something that is wrong, made for real in a healthy installation. */
export type Misconfiguration = {
  name: string;
  /** Installed from the package as it is, without the migration that is being written: its functions are put back. */
  asShipped?: true;
  /** The check that names it. */
  check: string;
  status: CheckStatus;
  /** What else is then wrong, and mended with it. */
  also?: string[];
  /** Makes it; answers what is different in the environment. */
  make(stage: Stage): Promise<Env | undefined> | Env | undefined;
  /** Does what `mend` says where it is no command; without it, and without a command, it is only named. */
  mend?(stage: Stage, check: Check): Promise<Env | undefined> | Env | undefined;
  /** A word that the message has to have: the value, the place. */
  names: string;
};
