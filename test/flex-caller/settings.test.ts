import { describe, expect, it } from "vitest";
import { ConfigurationError, FlexCrewSyncError } from "../../src/errors.ts";
import { checkBaseUrl } from "../../src/flex-base-url.ts";
import { createFlexCaller, type FlexCallerOptions } from "../../src/flex-caller.ts";

function errorOf(act: () => unknown): ConfigurationError {
  try {
    act();
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigurationError);
    expect(error).toBeInstanceOf(FlexCrewSyncError);
    return error as ConfigurationError;
  }
  throw new Error("nothing was thrown");
}

describe("the base URL", () => {
  it.each([
    ["https://tenant.flexrentalsolutions.com/f5/api", "https://tenant.flexrentalsolutions.com/f5/api"],
    [" https://Tenant.flexrentalsolutions.com/f5/api// \n", "https://tenant.flexrentalsolutions.com/f5/api"],
    ["https://proxy.example:8443/flex/f5/api", "https://proxy.example:8443/flex/f5/api"],
    ["http://127.0.0.1:8080/f5/api", "http://127.0.0.1:8080/f5/api"],
    ["http://localhost:8080/f5/api", "http://localhost:8080/f5/api"],
    ["http://[::1]:8080/f5/api", "http://[::1]:8080/f5/api"],
  ])("%j becomes %j", (given, checked) => {
    expect(checkBaseUrl(given)).toBe(checked);
  });

  it.each([
    "",
    "   ",
    "tenant.flexrentalsolutions.com/f5/api",
    "http://tenant.flexrentalsolutions.com/f5/api",
    "http://localhost.example.com/f5/api",
    "http://127.0.0.1.example.com/f5/api",
    "https://tenant.flexrentalsolutions.com",
    "https://tenant.flexrentalsolutions.com/api",
    "https://tenant.flexrentalsolutions.com/xf5/api/v1",
    "https://tenant.flexrentalsolutions.com/f5/api?key=1",
    "ftp://tenant.flexrentalsolutions.com/f5/api",
  ])("%j is refused with a hint", (given) => {
    const error = errorOf(() => checkBaseUrl(given));
    expect(error.code).toBe("BSURL");
    expect(error.hint).toContain("https://TENANT.flexrentalsolutions.com/f5/api");
  });

  it.each([
    "https://user:hunter2@tenant.flexrentalsolutions.com/f5/api",
    "https://tenant.flexrentalsolutions.com/f5/api?token=hunter2",
    "https://tenant.flexrentalsolutions.com/f5/api#hunter2",
    "user:hunter2@tenant/f5/api",
    "https://user:hunter2@ten ant/f5/api?hunter2",
    "hunter2",
  ])("%j is refused without showing its secret", (given) => {
    const error = errorOf(() => checkBaseUrl(given));
    expect(error.message).not.toContain("hunter2");
  });

  it("that is wrong is shown", () => {
    expect(errorOf(() => checkBaseUrl("https://tenant.example/api")).message).toContain(
      "https://tenant.example/api",
    );
  });
});

describe("the token", () => {
  it.each(["", " ", "\n", "abc\n", " abc", "a b", "abc\u0000", "schlüssel", undefined])(
    "%j is refused",
    (token) => {
      const options = { baseUrl: "https://tenant.example/f5/api", token } as FlexCallerOptions;
      const error = errorOf(() => createFlexCaller(options));
      expect(error.code).toBe("NOTOK");
      if (token?.trim()) expect(error.message + error.hint).not.toContain(token);
    },
  );
});

describe("the timeout", () => {
  it.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY])("%d is refused", (timeoutMs) => {
    const options = { baseUrl: "https://tenant.example/f5/api", token: "t", timeoutMs };
    expect(errorOf(() => createFlexCaller(options)).code).toBe("TIMEO");
  });
});
