import { expect, test } from "vitest";
import { resolveValues } from "../config/config.ts";
import { readSources } from "../config/sources.ts";
import { serveConfig } from "./serve.config.ts";

const resolve = (origins: string[]) =>
  resolveValues(
    serveConfig,
    readSources(serveConfig, { values: { model: "m", allowOrigin: origins } }),
  ).resolved;

test("an origin that no browser sends is refused, since it would allow nobody", () => {
  expect(resolve(["https://example.org", "http://localhost:3000"]).allowOrigin).toEqual([
    "https://example.org",
    "http://localhost:3000",
  ]);
  for (const wrong of [
    "*",
    "null",
    "example.org",
    "https://example.org/",
    "https://example.org/page",
    "https://EXAMPLE.org",
    "https://*.example.org",
  ])
    expect(() => resolve([wrong]), wrong).toThrow(/origin is a scheme and a host/);
});
