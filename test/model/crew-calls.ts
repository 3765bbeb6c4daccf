import { id } from "./ids.ts";

/** Which crew call belongs to which job and department: two of them are of one job. */
export const CREW_CALLS = [
  { job: 0, department: "sound" },
  { job: 0, department: "lights" },
  { job: 1, department: "sound" },
] as const;

/** The business role that a role code of a crew call's department means; null for none. */
export function roleIdOf(call: number, role: string): string | null {
  const { department } = CREW_CALLS[call] as (typeof CREW_CALLS)[number];
  const tier = /-([RET])$/.exec(role)?.[1];
  if (!tier || (department === "lights" && tier === "T")) return null;
  return id.role(department, tier);
}
