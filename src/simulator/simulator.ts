import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { type Call, type CallFilter, CallLog } from "./calls.ts";
import { control } from "./control.ts";
import { type Fault, FaultBook, type FaultHandle } from "./faults.ts";
import { createHumanEdits, type HumanEdits } from "./human-edits.ts";
import { createIdMaker } from "./ids.ts";
import { Later } from "./later.ts";
import { LimitCounter } from "./limits.ts";
import { serveFlex } from "./serve.ts";
import { changeSettings, DEFAULT_SETTINGS, type Settings, type SettingsInput } from "./settings.ts";
import { type Element, World } from "./world.ts";

export type SimulatorOptions = SettingsInput & {
  /** 0, the default, lets the system choose. */
  port?: number;
  host?: string;
  /** The only token that is let in. Default `simulated-token`. */
  token?: string;
  /** Milliseconds since 1970, for the quota, the log and the ids. */
  clock?: () => number;
  /** 0 to 1, for ids and shuffled rows. */
  random?: () => number;
};

/** The elements and contacts of the simulated Flex. */
type WorldSide = Pick<
  World,
  | "addElement"
  | "addContact"
  | "linesOf"
  | "contactLinesOf"
  | "deleteElement"
  | "restoreElement"
  | "lockElement"
  | "setAccessible"
>;

export type SimulatorState = {
  settings: Settings;
  elements: (Element & { lines: ReturnType<World["linesOf"]> })[];
  contacts: Record<string, string>;
  faults: ReturnType<FaultBook["list"]>;
  calls: Call[];
  maxConcurrent: number;
};

export type Simulator = WorldSide &
  HumanEdits & {
    /** For `FLEX_BASE_URL`: ends in `/f5/api`. */
    readonly baseUrl: string;
    readonly port: number;
    readonly token: string;
    /** Closes all connections, however they hang. */
    stop(): Promise<void>;
    /** Every token gets 401 until `restoreToken`. */
    revokeToken(): void;
    restoreToken(): void;
    /** Puts a fault in force; the handle takes it away and says how often it struck. */
    fault(fault: Fault): FaultHandle;
    clearFaults(): void;
    /** Lets the effects kept by `apply-late` happen, and says how many they were. */
    applyLate(): number;
    /** Lets the requests held by `wait` go on. */
    release(): void;
    configure(settings: SettingsInput): void;
    readonly calls: readonly Call[];
    readonly maxConcurrent: number;
    clearCalls(): void;
    /** Resolves with the matching calls as soon as there are `count` of them. */
    waitForCalls(count: number, filter?: CallFilter): Promise<Call[]>;
    state(): SimulatorState;
    /** Empties the world, the log, the quota and the faults; settings and token stay. */
    reset(): void;
  };

/** Starts a simulated Flex. What it does and how sure we are of it: README.md in this folder. */
export async function startSimulator(options: SimulatorOptions = {}): Promise<Simulator> {
  const { port = 0, host = "127.0.0.1", token = "simulated-token", ...given } = options;
  const { clock = Date.now, random = Math.random, ...input } = given;
  const settings: Settings = { ...DEFAULT_SETTINGS };
  changeSettings(settings, input);
  const world = new World(settings, createIdMaker(clock, random));
  const faults = new FaultBook();
  const log = new CallLog();
  const limits = new LimitCounter(clock);
  const later = new Later();
  let tokenWorks = true;

  const server = createServer({ keepAliveTimeout: 60_000 });
  const sockets = new Map<Socket, number>();
  let connections = 0;
  server.on("connection", (socket) => {
    connections += 1;
    sockets.set(socket, connections);
    socket.on("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, resolve);
  });
  const address = server.address() as AddressInfo;

  const simulator: Simulator = {
    ...worldSide(world),
    ...createHumanEdits(world),
    baseUrl: `http://${host.includes(":") ? `[${host}]` : host}:${address.port}/f5/api`,
    port: address.port,
    token,
    async stop() {
      later.clear();
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of sockets.keys()) socket.destroy();
      await closed;
    },
    revokeToken() {
      tokenWorks = false;
    },
    restoreToken() {
      tokenWorks = true;
    },
    fault: (fault) => faults.add(fault),
    clearFaults: () => faults.clear(),
    applyLate: () => later.applyLate(),
    release: () => later.release(),
    configure: (changed) => changeSettings(settings, changed),
    get calls() {
      return log.calls;
    },
    get maxConcurrent() {
      return log.maxConcurrent;
    },
    clearCalls: () => log.clear(),
    waitForCalls: (count, filter) => log.wait(count, filter),
    state() {
      const elements = [...world.elements.values()].map((element) => ({
        ...element,
        lines: world.linesOf(element.id),
      }));
      const { calls, maxConcurrent } = log;
      const contacts = Object.fromEntries(world.contacts);
      return { settings, elements, contacts, faults: faults.list(), calls, maxConcurrent };
    },
    reset() {
      later.clear();
      world.clear();
      faults.clear();
      log.clear();
      limits.clear();
    },
  };
  const connectionOf = (incoming: IncomingMessage) => sockets.get(incoming.socket) ?? 0;
  const isValidToken = (given: string | undefined) => tokenWorks && given === token;
  const parts = { world, settings, faults, log, limits, later, clock, random, isValidToken, connectionOf };
  server.on("request", serveFlex({ ...parts, control: (request) => control(request, simulator) }));
  return simulator;
}

function worldSide(world: World): WorldSide {
  return {
    addElement: world.addElement.bind(world),
    addContact: world.addContact.bind(world),
    linesOf: world.linesOf.bind(world),
    contactLinesOf: world.contactLinesOf.bind(world),
    deleteElement: world.deleteElement.bind(world),
    restoreElement: world.restoreElement.bind(world),
    lockElement: world.lockElement.bind(world),
    setAccessible: world.setAccessible.bind(world),
  };
}
