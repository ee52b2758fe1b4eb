import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterAll, expect, test } from "vitest";
import { servePage } from "./page.ts";

const folder = mkdtempSync(join(tmpdir(), "attune-page-"));
mkdirSync(join(folder, "assets"));
const script = "let a = 1;\n".repeat(500);
writeFileSync(join(folder, "index.html"), "<p>");
writeFileSync(join(folder, "assets", "index-abc.js"), script);
const page = servePage(folder);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("whoever takes gzip is sent less, and the same", async () => {
  const plain = page("/assets/index-abc.js")!;
  const zipped = page("/assets/index-abc.js", "br, gzip")!;
  expect(await plain.text()).toBe(script);
  expect(plain.headers.get("content-encoding")).toBeNull();
  expect(zipped.headers.get("content-encoding")).toBe("gzip");
  const bytes = Buffer.from(await zipped.arrayBuffer());
  expect(bytes.length).toBeLessThan(script.length / 10);
  expect(gunzipSync(bytes).toString()).toBe(script);
  // smaller as it is
  expect(page("/", "gzip")!.headers.get("content-encoding")).toBeNull();
});

test("addresses of the page are its own, files that are not there are nobody's", async () => {
  expect(await page("/projects/village")!.text()).toBe("<p>");
  expect(page("/assets/none.js")).toBeUndefined();
  expect(page("/../package.json")).toBeUndefined();
});
