import type { ServerResponse } from "node:http";
import type { Call } from "./calls.ts";
import type { FaultAction, When } from "./faults.ts";
import type { Later } from "./later.ts";
import { transformList } from "./list-transforms.ts";
import * as refusal from "./refusals.ts";
import { empty, type Handled, html, json, type Reply } from "./reply.ts";
import { reset, send, sendHalf } from "./respond.ts";
import type { Visibility } from "./write-handlers.ts";

/** One request on its way through the simulator. */
export type Exchange = {
  response: ServerResponse;
  call: Call;
  later: Later;
  random: () => number;
  handle: (visibility: Visibility) => Handled;
};

const AT_ONCE: Visibility = { addedAfterReads: 0, deletedAfterReads: 0 };

/** Answers a request: plainly, or as the fault wants it. */
export async function answer(exchange: Exchange, fault: FaultAction | null): Promise<void> {
  const { response, later, random } = exchange;
  if (fault === null) return reply(exchange, commit(exchange));
  exchange.call.fault = fault.kind;
  switch (fault.kind) {
    case "delay":
      await later.sleep(fault.ms);
      return reply(exchange, commit(exchange));
    case "wait": {
      const early = fault.when === "after" ? commit(exchange) : null;
      await later.wait();
      return reply(exchange, early ?? commit(exchange));
    }
    case "no-op":
      return reply(exchange, exchange.handle(AT_ONCE).reply);
    case "late-visible":
      return reply(exchange, commit(exchange, { ...AT_ONCE, addedAfterReads: fault.reads }));
    case "late-gone":
      return reply(exchange, commit(exchange, { ...AT_ONCE, deletedAfterReads: fault.reads }));
    case "list":
      return reply(exchange, transformList(commit(exchange), fault.transform, random));
    case "apply-late":
      return applyLate(exchange, fault);
    case "reset":
      settle(exchange, fault.when ?? "after");
      return reset(response);
    case "hang":
      settle(exchange, fault.when ?? "after");
      return;
    case "hang-body":
    case "truncate": {
      const usual = settle(exchange, fault.when ?? "after");
      exchange.call.status = usual.status;
      return sendHalf(response, usual, fault.kind === "truncate" ? "end" : "hang");
    }
    default: {
      const odd = oddReply(fault);
      settle(exchange, ("when" in fault && fault.when) || odd.when);
      return reply(exchange, odd.reply);
    }
  }
}

type OddAnswer = Extract<
  FaultAction,
  {
    kind:
      | "answer"
      | "gateway"
      | "accepted"
      | "login-page"
      | "redirect"
      | "exception-message"
      | "success-false"
      | "rate-limited"
      | "unauthorized";
  }
>;

/** An answer that the route would not give, and whether the write has taken effect unless the fault says so. */
function oddReply(fault: OddAnswer): { reply: Reply; when: When } {
  switch (fault.kind) {
    case "answer":
      return { reply: given(fault), when: fault.status >= 300 && fault.status < 500 ? "before" : "after" };
    case "gateway":
      return { reply: refusal.gatewayError(fault.status), when: "after" };
    case "accepted":
      return { reply: json(202, { pending: true }), when: "after" };
    case "login-page":
      return { reply: refusal.loginPage(), when: "before" };
    case "redirect":
      return { reply: { ...html(302, ""), headers: { location: "/f5/ui/login" } }, when: "before" };
    case "exception-message":
      return {
        reply: json(200, { exceptionMessage: fault.message ?? "Something went wrong" }),
        when: "before",
      };
    case "success-false":
      return { reply: json(200, { success: false, message: fault.message ?? "Not saved" }), when: "before" };
    case "rate-limited": {
      const recorded = refusal.tooManyRequests("Maximum API request limit of 2,000 reached for this hour.");
      const headers: Record<string, string> = fault.retryAfter ? { "retry-after": fault.retryAfter } : {};
      return { reply: { ...recorded, headers }, when: "before" };
    }
    case "unauthorized":
      return { reply: refusal.accessDenied(), when: "before" };
  }
}

function given(fault: Extract<FaultAction, { kind: "answer" }>): Reply {
  const { status, body, headers = {} } = fault;
  const base = body === undefined ? empty(status) : json(status, body);
  const text = typeof body === "string" ? { body } : {};
  return { ...base, ...text, ...(fault.contentType ? { contentType: fault.contentType } : {}), headers };
}

function applyLate(exchange: Exchange, fault: Extract<FaultAction, { kind: "apply-late" }>): void {
  const handled = exchange.handle(AT_ONCE);
  const effect = () => {
    handled.apply?.();
    exchange.call.applied = handled.apply !== undefined;
  };
  if (fault.afterMs === undefined) exchange.later.keep(effect);
  else exchange.later.after(fault.afterMs, effect);
  const { answer: how = "usual" } = fault;
  if (how === "reset") reset(exchange.response);
  if (how === "usual") reply(exchange, handled.reply);
  if (how === "gateway") reply(exchange, refusal.gatewayError(504));
}

/** Lets the request take effect and returns its plain answer. */
function commit(exchange: Exchange, visibility: Visibility = AT_ONCE): Reply {
  const handled = exchange.handle(visibility);
  handled.apply?.();
  exchange.call.applied = handled.apply !== undefined;
  return handled.reply;
}

/** The plain answer, with or without the effect. */
function settle(exchange: Exchange, when: When): Reply {
  return when === "after" ? commit(exchange) : exchange.handle(AT_ONCE).reply;
}

function reply(exchange: Exchange, answered: Reply): void {
  exchange.call.status = answered.status;
  send(exchange.response, answered);
}
