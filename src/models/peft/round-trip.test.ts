/** Adapters of every family, written as peft has them and read back. */
import { mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test } from "vitest";
import { Random } from "../../core/random.ts";
import { createAdapter } from "../adapter.ts";
import { readModel } from "../load.ts";
import { openWeights } from "../weights/source.ts";
import { readAdapterFolder } from "./read.ts";
import { saveAdapter } from "./write.ts";

const golden = fileURLToPath(new URL("../../../tests/golden/models", import.meta.url));
const root = mkdtempSync(join(tmpdir(), "attune-adapters-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

test.each(readdirSync(golden))("%s", async (name) => {
  const source = await openWeights(join(golden, name));
  const model = await readModel(source);
  await source.close();
  const targets = Object.keys(model.family.projections(model.config));
  const settings = { rank: 2, alpha: 4, rsLora: true, targets };
  const adapter = createAdapter(model.family, model.config, settings, 1);
  for (const [weight, { data }] of adapter.weights) Random.for(2, weight).fillNormal(data, 0.2);
  const folder = join(root, name);
  await saveAdapter({ ...model, adapter }, folder, "base");
  const read = (await readAdapterFolder(model, folder)).adapter!;
  expect(read.config).toEqual(adapter.config);
  expect(read.weights).toEqual(adapter.weights);
  expect(
    readFileSync(join(folder, "adapter_model.safetensors")).includes("model.language_model."),
  ).toBe(name === "gemma3-images");
});
