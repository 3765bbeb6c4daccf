import type { Dispatcher } from "undici";
import type { FlexCaller, FlexHooks } from "../../src/flex-caller.ts";
import { findRoute, type RouteName } from "../../src/simulator/routes.ts";
import type { Kind } from "./points.ts";
import type { Reached } from "./reached.ts";

const KIND_OF_ROUTE: Partial<Record<RouteName, Kind>> = {
  list: "observe",
  add: "add",
  role: "set_role",
  remove: "remove",
  identity: "identity",
  user: "user",
};

/** What a request to Flex is made for. */
export function kindOfRequest({ method, path }: { method: string; path: string }): Kind {
  const [way = ""] = path.replace(/^\/f5\/api/, "").split("?");
  const kind = KIND_OF_ROUTE[findRoute(method, way).name];
  if (!kind) throw new Error(`no drainer asks for ${method} ${path}`);
  return kind;
}

/** A caller whose gate, having said yes, is a point: the first byte would leave right after it. */
export function watchCaller(caller: FlexCaller, reached: Reached): FlexCaller {
  const watched = (kind: Kind, hooks: FlexHooks | undefined): FlexHooks => ({
    beforeFirstByte() {
      const goes = hooks?.beforeFirstByte?.() ?? true;
      if (goes) void reached("before the first byte", kind);
      return goes;
    },
  });
  return {
    addResource: (element, resource, hooks) => caller.addResource(element, resource, watched("add", hooks)),
    setBusinessRole: (element, line, role, hooks) =>
      caller.setBusinessRole(element, line, role, watched("set_role", hooks)),
    removeLine: (line, hooks) => caller.removeLine(line, watched("remove", hooks)),
    readLines: (element, hooks) => caller.readLines(element, watched("observe", hooks)),
    readIdentity: (element, hooks) => caller.readIdentity(element, watched("identity", hooks)),
    currentUser: (hooks) => caller.currentUser(watched(hooks ? "user" : "probe", hooks)),
    close: () => caller.close(),
  };
}

/** An interceptor of undici: what comes back from Flex is a point before anybody hears of it. */
export function watchAnswers(reached: Reached): Dispatcher.DispatcherComposeInterceptor {
  return (dispatch) => (options, handler) => {
    const kind = kindOfRequest({ method: options.method, path: options.path });
    return dispatch(options, {
      onRequestStart: (controller, context) => handler.onRequestStart?.(controller, context),
      onResponseStart(controller, status, headers, text) {
        void reached("after the status line", kind);
        handler.onResponseStart?.(controller, status, headers, text);
      },
      onResponseData: (controller, chunk) => handler.onResponseData?.(controller, chunk),
      onResponseEnd(controller, trailers) {
        void reached("after the answer", kind);
        handler.onResponseEnd?.(controller, trailers);
      },
      onResponseError: (controller, error) => handler.onResponseError?.(controller, error),
    });
  };
}
