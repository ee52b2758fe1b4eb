import { cp, mkdir, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { checkFinite } from "./finite.ts";
import { openWeights, weightsFingerprint, type WeightSource } from "./source.ts";
import { INDEX, type TensorToWrite, writeSafetensorsFolder } from "./safetensors-writer.ts";
import { golden, GgufBuilder, withFolder } from "./testing.ts";

const TENSORS: readonly TensorToWrite[] = Array.from({ length: 5 }, (_, i) => ({
  name: `layer.${i}`,
  shape: [2, 2],
  data: Float32Array.of(i, 1, 2, 3),
}));

/** A folder with config.json and the five tensors in shards of two. */
async function withModel<T>(use: (folder: string) => Promise<T>, maxShardBytes = 32): Promise<T> {
  return withFolder(async (folder) => {
    await writeFile(join(folder, "config.json"), '{"model_type":"llama"}');
    await writeSafetensorsFolder(folder, TENSORS, { maxShardBytes });
    return use(folder);
  });
}

/** Checks every tensor, and closes the source. */
async function expectTensors(source: WeightSource): Promise<void> {
  expect(source.names().toSorted()).toEqual(TENSORS.map(({ name }) => name));
  for (const { name, shape, data } of TENSORS) {
    expect(source.shape(name)).toEqual(shape);
    expect(await source.read(name)).toEqual(data);
  }
  await source.close();
}

describe("safetensors folders", () => {
  test("shards, as transformers names them", async () => {
    await withModel(async (folder) => {
      const names = [
        "model-00001-of-00003.safetensors",
        "model-00002-of-00003.safetensors",
        "model-00003-of-00003.safetensors",
      ];
      expect((await readdir(folder)).toSorted()).toEqual(["config.json", ...names, INDEX]);
      const index = JSON.parse(await readFile(join(folder, INDEX), "utf8")) as unknown;
      expect(index).toEqual({
        metadata: { total_size: 80 },
        weight_map: {
          "layer.0": names[0],
          "layer.1": names[0],
          "layer.2": names[1],
          "layer.3": names[1],
          "layer.4": names[2],
        },
      });
      const source = await openWeights(folder);
      expect(source).toMatchObject({
        kind: "safetensors",
        path: folder,
        config: { model_type: "llama" },
        tokenizer: { kind: "folder", path: folder },
      });
      expect(source.generationConfig).toBeUndefined();
      expect(() => source.shape("layer.7")).toThrow(
        /the model has no weight named layer.7\n {2}try: did you mean layer.0/,
      );
      await expect(source.read("other")).rejects.toThrow(/no weight named other/);
      await expectTensors(source);
    });
  });

  test("one file, and a generation config", async () => {
    await withModel(async (folder) => {
      await writeFile(join(folder, "generation_config.json"), '{"eos_token_id":[1,2]}');
      expect((await readdir(folder)).toSorted()).toEqual([
        "config.json",
        "generation_config.json",
        "model.safetensors",
      ]);
      const source = await openWeights(folder);
      expect(source.generationConfig).toEqual({ eos_token_id: [1, 2] });
      await expectTensors(source);
    }, 1000);
  });

  test("writing one file over shards, and shards over one file, leaves no stale weights", async () => {
    await withModel(async (folder) => {
      await writeSafetensorsFolder(folder, TENSORS);
      expect(await readdir(folder)).not.toContain(INDEX);
      await expectTensors(await openWeights(folder));
      await writeSafetensorsFolder(folder, TENSORS, { maxShardBytes: 16 });
      expect(await readdir(folder)).not.toContain("model.safetensors");
      await expectTensors(await openWeights(folder));
    });
  });

  test.each<[string, (folder: string) => Promise<unknown>, RegExp]>([
    [
      "a missing shard",
      (folder) => rm(join(folder, "model-00002-of-00003.safetensors")),
      new RegExp(
        "the shard model-00002-of-00003.safetensors is missing" +
          String.raw`\n {2}got: 2 of 3 shards\n {2}try: download the missing files`,
      ),
    ],
    [
      "two missing shards",
      async (folder) =>
        Promise.all(["1", "3"].map((i) => rm(join(folder, `model-0000${i}-of-00003.safetensors`)))),
      /2 shards are missing: model-00001-of-00003.safetensors, model-00003-of-00003.safetensors/,
    ],
    [
      "a cut off shard",
      (folder) => truncate(join(folder, "model-00002-of-00003.safetensors"), 190),
      /model-00002-of-00003.safetensors: not a valid safetensors file: it is cut off/,
    ],
    [
      "a shard in another folder",
      (folder) => writeFile(join(folder, INDEX), '{"weight_map":{"a":"../model.safetensors"}}'),
      /weight_map puts "a" into something that is no safetensors file of the folder\n {2}got: "..\/model.safetensors"/,
    ],
    [
      "a shard at an absolute path",
      (folder) => writeFile(join(folder, INDEX), '{"weight_map":{"a":"/etc/passwd"}}'),
      /no safetensors file of the folder/,
    ],
    [
      "a shard behind a backslash",
      (folder) => writeFile(join(folder, INDEX), '{"weight_map":{"a":"..\\\\x.safetensors"}}'),
      /no safetensors file of the folder/,
    ],
    [
      "a pickled shard",
      (folder) => writeFile(join(folder, INDEX), '{"weight_map":{"a":"pytorch_model.bin"}}'),
      /no safetensors file of the folder/,
    ],
    [
      "a number for a shard",
      (folder) => writeFile(join(folder, INDEX), '{"weight_map":{"a":1}}'),
      /no safetensors file of the folder\n {2}got: 1/,
    ],
    [
      "a tensor that its shard lacks",
      (folder) =>
        writeFile(join(folder, INDEX), '{"weight_map":{"a":"model-00001-of-00003.safetensors"}}'),
      /the shard model-00001-of-00003.safetensors has no tensor "a"/,
    ],
    [
      "an empty index",
      (folder) => writeFile(join(folder, INDEX), '{"weight_map":{}}'),
      /the index has no weight_map/,
    ],
    [
      "a list for an index",
      (folder) => writeFile(join(folder, INDEX), "[]"),
      /the file must hold a JSON object\n {2}got: \[\]/,
    ],
    [
      "a broken index",
      (folder) => writeFile(join(folder, INDEX), "{"),
      /index.json: cannot read the file as JSON/,
    ],
    [
      "a broken config",
      (folder) => writeFile(join(folder, "config.json"), Uint8Array.of(0x7b, 0xff)),
      /config.json: the file is not valid UTF-8/,
    ],
    [
      "no config",
      (folder) => rm(join(folder, "config.json")),
      /the folder has no config.json\n {2}got: \[/,
    ],
  ])("%s is refused", async (_, spoil, message) => {
    await withModel(async (folder) => {
      await spoil(folder);
      await expect(openWeights(folder)).rejects.toThrow(message);
      await expect(openWeights(folder)).rejects.toMatchObject({ code: "model", exitCode: 2 });
    });
  });

  test.each<[string, readonly string[], RegExp]>([
    [
      "pickled weights",
      ["pytorch_model.bin"],
      new RegExp(
        "the folder has pickled weights only" +
          String.raw`\n {2}got: pytorch_model.bin` +
          String.raw`\n {2}expected: model.safetensors` +
          String.raw`\n {2}try: convert to safetensors`,
      ),
    ],
    [
      "a GGUF file",
      ["m.Q8_0.gguf"],
      /has no model.safetensors[^]*try: the GGUF file itself: .*m\.Q8_0\.gguf/,
    ],
    [
      "an adapter",
      ["adapter_model.safetensors"],
      /try: the base model; this folder holds an adapter alone/,
    ],
    ["nothing", [], /has no model.safetensors/],
  ])("a folder that holds %s only", async (_, files, message) => {
    await withFolder(async (folder) => {
      for (const name of ["config.json", ...files]) await writeFile(join(folder, name), "{}");
      await expect(openWeights(folder)).rejects.toThrow(message);
    });
  });
});

describe("other paths", () => {
  test("nothing there, another file, a single safetensors file", async () => {
    await withFolder(async (folder) => {
      await expect(openWeights(join(folder, "x"))).rejects.toThrow(
        /there is no model at this path/,
      );
      await expect(openWeights(folder)).rejects.toThrow(
        /has no config.json\n {2}got: an empty folder/,
      );
      await writeFile(join(folder, "notes.txt"), "hello");
      await expect(openWeights(join(folder, "notes.txt"))).rejects.toThrow(
        /this file is no model that attune reads\n {2}got: notes.txt/,
      );
      await expect(openWeights(golden("quants.safetensors"))).rejects.toThrow(
        /try: the folder of this file/,
      );
      await writeFile(join(folder, "short.gguf"), "GG");
      await expect(openWeights(join(folder, "short.gguf"))).rejects.toThrow(
        /short.gguf: not a valid GGUF file: it ends inside its header/,
      );
      await mkdir(join(folder, "g"));
      await writeFile(join(folder, "g", "a.gguf"), "GGUF");
      await expect(openWeights(join(folder, "g"))).rejects.toThrow(
        /has no config.json[^]*try: the GGUF file itself/,
      );
    });
  });

  test("a GGUF file by its content, whatever its name", async () => {
    await withFolder(async (folder) => {
      const path = join(folder, "blob");
      await cp(golden("tiny-qwen2.gguf"), path);
      const source = await openWeights(path);
      expect(source).toMatchObject({
        kind: "gguf",
        config: { model_type: "qwen2" },
        tokenizer: { kind: "gguf", path },
      });
      expect(() => source.shape("model.norm.weigh")).toThrow(
        /no weight named model.norm.weigh\n {2}try: did you mean model.norm.weight/,
      );
      await source.close();
      await writeFile(path, GgufBuilder.begin(0, 1).textKey("general.architecture", "rwkv").end());
      await expect(openWeights(path)).rejects.toThrow(/this GGUF architecture is not supported/);
    });
  });
});

describe("fingerprints", () => {
  test("are those of the content, not of the path or of other files", async () => {
    await withModel(async (folder) => {
      const source = await openWeights(folder);
      const first = await source.fingerprint();
      expect(first).toMatch(/^[0-9a-f]{64}$/);
      expect(await source.fingerprint()).toBe(first);
      await writeFile(join(folder, "README.md"), "x");
      await writeFile(join(folder, "tokenizer.json"), "{}");
      expect(await weightsFingerprint(folder)).toBe(first);
      await withFolder(async (copy) => {
        await cp(folder, copy, { recursive: true });
        expect(await weightsFingerprint(copy)).toBe(first);
        await writeFile(join(copy, "config.json"), '{"model_type":"mistral"}');
        expect(await weightsFingerprint(copy)).not.toBe(first);
      });
      await source.close();
    });
  });

  test("change with one bit of one weight", async () => {
    await withModel(async (folder) => {
      const first = await weightsFingerprint(folder);
      const path = join(folder, "model-00003-of-00003.safetensors");
      const bytes = await readFile(path);
      bytes[bytes.length - 1]! ^= 1;
      await writeFile(path, bytes);
      expect(await weightsFingerprint(folder)).not.toBe(first);
    });
    expect(await weightsFingerprint(golden("tiny-gpt2.gguf"))).not.toBe(
      await weightsFingerprint(golden("tiny-qwen2.gguf")),
    );
  });
});

test("a NaN or an infinity is found and named", () => {
  expect(() => checkFinite(Float32Array.of(3e38, 3e38, -3e38), "w", "f")).not.toThrow();
  expect(() => checkFinite(Float32Array.of(1, NaN), "model.norm.weight", "m.gguf")).toThrow(
    /m\.gguf: the weight model\.norm\.weight is not finite\n {2}got: NaN at element 1/,
  );
  expect(() => checkFinite(Float32Array.of(1, 2, -Infinity, Infinity), "w", "f")).toThrow(
    /got: -Infinity at element 2/,
  );
});
