import type { Dispatcher } from "undici";
import { handle } from "../../src/simulator/handlers.ts";
import { createHumanEdits, type HumanEdits } from "../../src/simulator/human-edits.ts";
import * as refusal from "../../src/simulator/refusals.ts";
import type { Reply } from "../../src/simulator/reply.ts";
import { DEFAULT_SETTINGS } from "../../src/simulator/settings.ts";
import { World } from "../../src/simulator/world.ts";
import { oddReply } from "./answers.ts";
import { createDispatcher, type Exchange, type Sleeper } from "./exchange.ts";
import type { Fault, Start } from "./history.ts";
import { ELEMENTS } from "./history.ts";
import { id } from "./ids.ts";
import type { Random } from "./random.ts";
import type { Timeline } from "./timeline.ts";
import type { VirtualTime } from "./virtual-time.ts";

/** What is told of each request. Both may ask the database. */
export type Watch = {
  /** The first byte is about to leave. @returns until when it may land */
  sent(exchange: Exchange): Promise<number>;
  landed(exchange: Exchange, reply: Reply): void;
  /** Whether a reading may lack rows without breaking what Flex is trusted with. */
  mayThin(exchange: Exchange): Promise<boolean>;
};

/** Flex without a socket: the simulator's world and answers, on the timeline of a history. */
export type Flex = HumanEdits & {
  world: World;
  is: "up" | "down" | "refusing the token";
  faults: { fault: Fault; times: number }[];
  /** Every request so far. */
  exchanges: Exchange[];
  dispatcherOf(drainer: Sleeper, timeoutMs: number): Dispatcher;
  /** Let go of whatever still waits for an answer. */
  end(): void;
};

export function createFlex(
  start: Start,
  parts: { time: VirtualTime; timeline: Timeline; random: () => Random; watch: Watch },
): Flex {
  const { time, timeline, watch } = parts;
  let lines = 0;
  const settings = {
    ...DEFAULT_SETTINGS,
    profile: [start.rows],
    roleCell: start.rolesShown ? null : ("absent" as const),
    deleteRepeat: start.deleteRepeat,
    limits: null,
  };
  const world = new World(settings, () => id.line(++lines));
  for (let element = 0; element < ELEMENTS; element++) world.addElement(id.element(element));

  const flex: Flex = {
    ...createHumanEdits(world),
    world,
    is: "up",
    faults: [],
    exchanges: [],
    dispatcherOf(drainer, timeoutMs) {
      return createDispatcher((request, route, client) => {
        const exchange: Exchange = {
          number: flex.exchanges.length,
          drainer,
          route,
          request,
          deadlineAt: time.now() + timeoutMs,
          state: "connecting",
          sentAt: null,
          landed: false,
          client,
        };
        flex.exchanges.push(exchange);
        exchange.deadline = timeline.at(exchange.deadlineAt, () =>
          tell(exchange, () => client.fail("deadline")),
        );
        timeline.at(time.now() + latency(), () => whenItCanAct(exchange, () => connect(exchange)));
      });
    },
    end() {
      for (const exchange of flex.exchanges) if (exchange.state !== "over") exchange.client.fail("the end");
    },
  };

  const latency = () => {
    const random = parts.random();
    return random.below(20) === 0 ? random.below(16_000) : 1 + random.below(60);
  };

  function takeFault(exchange: Exchange): Fault | null {
    const found = flex.faults.find(({ fault }) => fault.route === exchange.route.name);
    if (!found) return null;
    found.times -= 1;
    if (found.times <= 0) flex.faults.splice(flex.faults.indexOf(found), 1);
    return found.fault;
  }

  async function connect(exchange: Exchange): Promise<void> {
    if (exchange.state === "over") return;
    const fault = takeFault(exchange);
    const down = flex.is === "down" && parts.random().below(2) === 0;
    if (fault?.answer.as === "not sent" || down)
      return tell(exchange, () => exchange.client.fail("connection refused"));
    if (!exchange.client.start()) return over(exchange);
    exchange.state = "sent";
    exchange.sentAt = time.now();
    const limit = await watch.sent(exchange);
    const lands = fault?.lands ?? "now";
    const soon = Math.min(time.now() + latency(), limit - 1);
    const late = limit - 1 - parts.random().below(Math.max(1, limit - exchange.deadlineAt));
    exchange.landsAt = lands === "never" ? null : lands === "late" ? Math.max(soon, late) : soon;
    const early = lands === "late" && (fault?.answer.as === "reset" || fault?.answer.as === "status");
    // What lands late is given up by whoever is between us and Flex, long before.
    if (early) timeline.at(soon, () => respond(exchange, fault, refusal.gatewayError(504)));
    timeline.at(exchange.landsAt ?? soon, () => land(exchange, fault, !early));
  }

  async function land(exchange: Exchange, fault: Fault | null, answers: boolean): Promise<void> {
    const { route, request } = exchange;
    let usual: Reply;
    const refused =
      flex.is === "down" ? refusal.gatewayError(503) : flex.is === "up" ? null : refusal.accessDenied();
    if (refused) usual = refused;
    else {
      const handled = handle(route, request, world, settings, { addedAfterReads: 0, deletedAfterReads: 0 });
      usual = handled.reply;
      if (exchange.landsAt !== null && handled.apply) {
        handled.apply();
        exchange.landed = true;
      }
    }
    watch.landed(exchange, usual);
    if (answers) await respond(exchange, fault, usual, refused);
  }

  async function respond(
    exchange: Exchange,
    fault: Fault | null,
    usual: Reply,
    refused: Reply | null = null,
  ) {
    const answer = fault?.answer ?? { as: "usual" };
    if (answer.as === "nothing") return;
    const thins = answer.as === "list" && ["drop-first", "empty", "lost-contact"].includes(answer.transform);
    const odd = thins && !(await watch.mayThin(exchange)) ? null : oddReply(answer, usual);
    const reply = refused ?? odd ?? usual;
    const later = answer.as === "slow" ? answer.ms : latency();
    timeline.at(time.now() + later, () =>
      tell(exchange, () => {
        if (answer.as === "reset") exchange.client.fail("ECONNRESET");
        else if (answer.as === "half") exchange.client.half(reply.status, `${reply.body}     `);
        else exchange.client.answer(reply.status, reply.contentType, reply.body, reply.headers);
      }),
    );
  }

  function over(exchange: Exchange): void {
    exchange.state = "over";
    timeline.cancel(exchange.deadline);
  }

  /** What a dead drainer would have heard is lost; one that stands still hears it when it wakes up. */
  function tell(exchange: Exchange, act: () => void): void {
    if (exchange.state === "over") return;
    whenItCanAct(exchange, () => {
      if (exchange.state === "over") return;
      over(exchange);
      act();
    });
  }

  function whenItCanAct(exchange: Exchange, act: () => void | Promise<void>): void | Promise<void> {
    if (exchange.drainer.dead) return;
    if (exchange.drainer.frozen) exchange.drainer.whenAwake(() => timeline.at(time.now(), act));
    else return act();
  }

  return flex;
}
