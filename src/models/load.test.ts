import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { saveTinyModel } from "../../tests/cli/support.ts";
import { byteTokenizer } from "../text/testing.ts";
import { readModel } from "./load.ts";
import { openModel } from "./open.ts";
import { openWeights } from "./weights/source.ts";

const parent = mkdtempSync(join(tmpdir(), "attune-load-"));
const folder = join(parent, "model");
beforeAll(async () => void (await saveTinyModel(folder, byteTokenizer().files as never)));
afterAll(() => rmSync(parent, { recursive: true, force: true }));

/** What is told of a checkpoint that has these tensors too. */
async function told(...more: string[]): Promise<readonly string[]> {
  const source = await openWeights(folder);
  const unread: string[] = [];
  await readModel(
    { ...source, names: () => [...source.names(), ...more] },
    { onUnread: (names) => unread.push(...names) },
  );
  await source.close();
  return unread;
}

test("tensors that a family has no place for are told, but for those that say nothing", async () => {
  expect(await told()).toEqual([]);
  expect(
    await told(
      "model.layers.0.self_attn.rotary_emb.inv_freq",
      "model.rotary_emb.inv_freq",
      "lm_head.weight",
      "score.weight",
    ),
  ).toEqual([]);
  expect(
    await told("v_head.summary.weight", "model.layers.0.self_attn.q_norm.weight", "lm_head.weight"),
  ).toEqual(["model.layers.0.self_attn.q_norm.weight", "v_head.summary.weight"]);
});

test("layers that config.json does not count are among them", async () => {
  const short = join(parent, "short");
  cpSync(folder, short, { recursive: true });
  const config = JSON.parse(readFileSync(join(short, "config.json"), "utf8")) as object;
  writeFileSync(join(short, "config.json"), JSON.stringify({ ...config, num_hidden_layers: 1 }));
  let unread: readonly string[] = [];
  await openModel(short, { onUnread: (names) => (unread = names) });
  expect(unread).toHaveLength(9);
  expect(unread[0]).toBe("model.layers.1.input_layernorm.weight");
});
