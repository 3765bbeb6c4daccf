import type { Fault } from "./faults.ts";
import { json, type Reply } from "./reply.ts";
import type { SimulatedRequest } from "./request.ts";
import type { SettingsInput } from "./settings.ts";
import type { Simulator } from "./simulator.ts";

/** The edits that `POST /__simulator/human` knows, with the names of their arguments in order. */
const EDITS = {
  addElement: ["elementId", "options"],
  addContact: ["resourceId", "name"],
  humanAdds: ["elementId", "resourceId", "options"],
  humanDeletes: ["lineId"],
  humanSetsRole: ["lineId", "roleId"],
  humanChangesContact: ["lineId", "resourceId"],
  humanAddsRow: ["elementId", "row"],
  deleteElement: ["elementId", "as"],
  restoreElement: ["elementId"],
  lockElement: ["elementId", "locked"],
  setAccessible: ["elementId", "accessible"],
  revokeToken: [],
  restoreToken: [],
} as const satisfies Partial<Record<keyof Simulator, readonly string[]>>;

/** Answers a request below `/__simulator`, from another process on this machine. README.md lists them. */
export function control(request: SimulatedRequest, simulator: Simulator): Reply {
  try {
    return json(200, act(request, simulator) ?? {});
  } catch (error) {
    return json(400, { error: error instanceof Error ? error.message : String(error) });
  }
}

function act(request: SimulatedRequest, simulator: Simulator): unknown {
  switch (`${request.method} ${request.path.slice("/__simulator/".length)}`) {
    case "GET state":
      return simulator.state();
    case "POST faults": {
      const faults = (Array.isArray(request.json) ? request.json : [bodyOf(request)]) as Fault[];
      return { ids: faults.map((fault) => simulator.fault(checkFault(fault)).id) };
    }
    case "DELETE faults":
      return simulator.clearFaults();
    case "POST human":
      return edit(bodyOf(request), simulator);
    case "POST settings":
      return simulator.configure(bodyOf(request) as SettingsInput);
    case "POST apply-late":
      return { applied: simulator.applyLate() };
    case "POST release":
      return simulator.release();
    case "POST reset":
      return simulator.reset();
    default:
      throw new Error(`no ${request.method} ${request.path}; see src/simulator/README.md`);
  }
}

function edit(body: Record<string, unknown>, simulator: Simulator): unknown {
  const { edit: name, ...given } = body;
  if (typeof name !== "string" || !Object.hasOwn(EDITS, name)) {
    throw new Error(`"edit" is one of ${Object.keys(EDITS).join(", ")}`);
  }
  const names: readonly string[] = EDITS[name as keyof typeof EDITS];
  const strange = Object.keys(given).filter((key) => !names.includes(key));
  if (strange.length > 0)
    throw new Error(`${name} takes ${names.join(", ") || "nothing"}, not ${strange[0]}`);
  const act = simulator[name as keyof typeof EDITS] as (...args: unknown[]) => unknown;
  const result = act(...names.map((key) => given[key]));
  return result === undefined ? {} : { lineId: result };
}

function checkFault(fault: Fault): Fault {
  if (typeof fault?.route !== "string") throw new Error('a fault needs a "route"');
  if (typeof fault.do?.kind !== "string") throw new Error('a fault needs "do": {"kind": …}');
  return fault;
}

function bodyOf(request: SimulatedRequest): Record<string, unknown> {
  if (typeof request.json === "object" && request.json !== null)
    return request.json as Record<string, unknown>;
  throw new Error("send a JSON object with content-type application/json");
}
