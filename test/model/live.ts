import { actByHand } from "./act-by-hand.ts";
import { drain } from "./drain.ts";
import type { Step } from "./history.ts";
import { id } from "./ids.ts";
import { at } from "./oracle.ts";
import { seededRandom } from "./random.ts";
import type { Stage } from "./stage.ts";

/** Let one step of a history happen. A step that finds nothing to act on does nothing. */
export async function live(stage: Stage, step: Step): Promise<void> {
  const { lab, host, flex, memory } = stage;
  stage.log.push(`${at(lab)} * ${JSON.stringify(step)}`);
  switch (step.do) {
    case "assign":
      return host.assign(step.job, step.person, step.department, step.role);
    case "resource":
      return host.setResource(step.person, step.resource);
    case "click":
      for (let time = 0; time < step.times; time++) await click(stage, step.call, step.mass);
      return;
    case "fault":
      flex.faults.push({ fault: step.fault, times: step.times });
      return;
    case "drain":
      return drain(stage, step);
    case "wait":
      return stage.timeline.runUntil(lab.time.now() + step.ms);
    case "kill":
      return kill(stage, step.drainer, step.seed);
    case "freeze":
      (stage.drainers[step.drainer] as (typeof stage.drainers)[number]).frozen = true;
      return;
    case "wake": {
      const drainer = stage.drainers[step.drainer] as (typeof stage.drainers)[number];
      drainer.skewMs += step.clockJumpMs;
      drainer.wake();
      return;
    }
    case "restart the server":
      // Every connection is cut: what drainers had under way is executed or not, and they start anew.
      for (let drainer = 0; drainer < stage.drainers.length; drainer++)
        await kill(stage, drainer, drainer + 1);
      return lab.restartServer();
    case "point":
      memory.rulesChangedAt = lab.time.now();
      return host.point(step.call, step.element);
    case "delete the crew call":
      await host.deleteCall(step.call);
      memory.rulesChangedAt = lab.time.now();
      return;
    case "delete the person":
      return host.deletePerson(step.person);
    case "policy":
      return setPolicy(stage, step.call, step.policy);
    case "decide":
      return decide(stage, step.call, step.decision);
    case "adopt":
      return adopt(stage, step.call, step.nth);
    case "retry failed":
      if (host.elementOf(step.call) != null)
        await lab.run`select flex_sync.retry_failed(${id.crewCall(step.call)})`;
      return;
    case "pause":
      await (step.resume
        ? lab.run`select flex_sync.resume()`
        : lab.run`select flex_sync.pause('the model says so')`);
      return;
    case "flex":
      flex.is = step.is;
      return;
    default:
      return actByHand(stage, step);
  }
}

export async function click({ lab, host, memory }: Stage, call: number, mass = false): Promise<void> {
  if (host.elementOf(call) === undefined) return;
  const { broken } =
    await lab.runAndCheck`select sync_crew_call(${id.crewCall(call)}, allow_mass_removal => ${mass})`;
  for (const rule of broken)
    memory.violations.push({ kind: "other", text: `${at(lab)} ${rule} after a click` });
}

/** Gone: each statement that it had under way was executed or never arrived, and what Flex answers is lost. */
async function kill(stage: Stage, number: number, seed: number): Promise<void> {
  const random = seededRandom(seed);
  const drainer = stage.drainers[number];
  if (!drainer) return;
  drainer.dead = true;
  for (const statement of [...drainer.statements]) {
    if (random.below(2) === 0) await stage.execute(drainer, statement, false);
  }
  stage.replaceDrainer(number);
}

export async function setPolicy(
  { lab, host, memory }: Stage,
  call: number,
  policy: string | null,
): Promise<void> {
  if (host.elementOf(call) == null) return;
  if (policy === null) memory.policies.delete(call);
  else memory.policies.set(call, policy);
  await lab.run`select flex_sync.set_policy(${id.crewCall(call)}, ${policy})`;
  memory.rulesChangedAt = lab.time.now();
}

/** Yes or no to what is held now. */
export async function decide(
  { lab, memory }: Stage,
  call: number,
  decision: "approve" | "reject",
): Promise<void> {
  const [status] = await lab.run<{ plan: string | null }>`
    select plan from flex_sync.crew_call_status where crew_call_id = ${id.crewCall(call)} and plan is not null`;
  if (!status) return;
  const held = await lab.run<{ line: string; resource: string | null }>`
    select flex_line_item_id as line, flex_resource_id as resource from flex_sync.outbox
    where crew_call_id = ${id.crewCall(call)} and state = 'held'`;
  await (decision === "approve"
    ? lab.run`select flex_sync.approve_removals(${id.crewCall(call)}, ${status.plan})`
    : lab.run`select flex_sync.reject_removals(${id.crewCall(call)}, ${status.plan})`);
  const [said, other] =
    decision === "approve" ? [memory.approved, memory.rejected] : [memory.rejected, memory.approved];
  for (const { line, resource } of held) {
    said.set(line, resource);
    other.delete(line);
  }
}

/** A line on the crew call that a desired person has: theirs or ours, present in the last reading. */
async function adopt({ lab, host }: Stage, call: number, nth: number): Promise<void> {
  const element = host.elementOf(call);
  if (element == null) return;
  const lines = await lab.run<{ line: string }>`
    select lines.flex_line_item_id as line from flex_sync.lines
    join flex_sync.desired_of(${id.crewCall(call)}) as desired on desired.resource = lines.flex_resource_id
    where lines.flex_element_id = ${id.element(element)} and lines.present order by lines.first_seen_at, lines.flex_line_item_id`;
  const line = lines[nth % Math.max(lines.length, 1)]?.line;
  if (line) await lab.run`select flex_sync.adopt(${id.crewCall(call)}, ${line})`;
}
