/** Pages of other origins may not ask; the studio's own page, and links that lead to it, may. */
import { expect, test } from "vitest";
import type { Studio } from "../studio.ts";
import { createStudioApp } from "./app.ts";

const app = createStudioApp({
  studio: { warn: () => undefined } as unknown as Studio,
  handlers: [],
  page: (path) => (path === "/" ? new Response("the page") : undefined),
  stop: new AbortController().signal,
  host: "127.0.0.1",
  allowHosts: ["label.example.org"],
  allowOrigins: [],
});

const OWN = "http://127.0.0.1:8090";
/** No route is there: 404 says that the request came through, 403 that it did not. */
const ask = async (path: string, headers: Record<string, string>): Promise<number> =>
  (
    await app.request(OWN + path, {
      method: "POST",
      headers: { host: "127.0.0.1:8090", ...headers },
    })
  ).status;

test.each([
  ["no origin, as programs ask", {}, 404],
  ["the page's own", { origin: OWN, "sec-fetch-site": "same-origin" }, 404],
  ["the page's own, of a browser that says no site", { origin: OWN }, 404],
  ["the own name behind a proxy", { origin: "https://label.example.org" }, 404],
  ["another port of this machine", { origin: "http://127.0.0.1:9999" }, 403],
  ["another port of the own name", { origin: "https://label.example.org:8443" }, 403],
  ["another page", { origin: "https://evil.example" }, 403],
  ["no origin of another site", { "sec-fetch-site": "cross-site" }, 403],
  ["a page in a sandbox", { origin: "null" }, 403],
  ["the own origin, of another site", { origin: OWN, "sec-fetch-site": "cross-site" }, 403],
])("%s", async (_, headers, status) => {
  expect(await ask("/api/judgements", headers as Record<string, string>)).toBe(status);
});

test("a link from another site opens the page, and only the page", async () => {
  const headers = { host: "127.0.0.1:8090", "sec-fetch-site": "cross-site" };
  expect((await app.request(`${OWN}/`, { headers })).status).toBe(200);
  expect((await app.request(`${OWN}/api/session`, { headers })).status).toBe(403);
  const rebound = { host: "evil.example", "sec-fetch-site": "cross-site" };
  expect((await app.request(`${OWN}/`, { headers: rebound })).status).toBe(403);
});
