/**
 * Files whose numbers or kinds would cost time or memory out of proportion are refused where that
 * shows.
 */
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { MemoryReader } from "./bytes.ts";
import { GgufFile } from "./gguf.ts";
import { readJsonObject } from "./json-file.ts";
import { SafetensorsFile } from "./safetensors.ts";
import { openWeights, weightsFingerprint } from "./source.ts";
import { GgufBuilder, safetensorsBytes, withFolder } from "./testing.ts";

const readSafetensors = (bytes: Uint8Array): Promise<SafetensorsFile> =>
  SafetensorsFile.from(new MemoryReader("f", bytes));
const readGguf = (bytes: Uint8Array): Promise<GgufFile> =>
  GgufFile.from(new MemoryReader("f", bytes));
const many = (count: number, item: (index: number) => string): string =>
  Array.from({ length: count }, (_, index) => item(index)).join(",");

describe("safetensors", () => {
  const tensors = (count: number): Uint8Array =>
    safetensorsBytes(
      `{${many(count, (i) => `"t${i}":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}`)}}`,
    );

  test("no more tensors than a shard may have", async () => {
    expect((await readSafetensors(tensors(2 ** 17))).header.tensors.size).toBe(2 ** 17);
    await expect(readSafetensors(tensors(2 ** 17 + 1))).rejects.toThrow(
      "it has more than 131072 tensors",
    );
  });

  test("no more metadata", async () => {
    await expect(
      readSafetensors(
        safetensorsBytes(`{"__metadata__":{${many(2 ** 16 + 1, (i) => `"${i}":""`)}}}`),
      ),
    ).rejects.toThrow("__metadata__ has more than 65536 texts");
  });

  test("no longer header", async () => {
    await expect(readSafetensors(safetensorsBytes(`{"${"x".repeat(2 ** 25)}":`))).rejects.toThrow(
      "the header is longer than any model needs",
    );
  });
});

describe("GGUF", () => {
  /** Counts that the rest of the file could hold. */
  const file = (tensorCount: number, keyCount: number, bytes: number): Uint8Array =>
    GgufBuilder.begin(tensorCount, keyCount).raw(new Uint8Array(bytes)).end();

  test("no more tensors or keys than any model has", async () => {
    await expect(readGguf(file(2 ** 17 + 1, 0, 24 * (2 ** 17 + 1)))).rejects.toThrow(
      "it has more than 131072 tensors",
    );
    await expect(readGguf(file(0, 2 ** 16 + 1, 13 * (2 ** 16 + 1)))).rejects.toThrow(
      "it has more than 65536 metadata keys",
    );
  });

  test("no more elements over all arrays, nested ones included", async () => {
    const bytes = (outer: number, inner: number): Uint8Array => {
      const builder = GgufBuilder.begin(0, 1).text("k").uint32(9).uint32(9).uint64(outer);
      const one = new Uint8Array(12 + inner);
      new DataView(one.buffer).setBigUint64(4, BigInt(inner), true);
      for (let i = 0; i < outer; i++) builder.raw(one);
      return builder.end();
    };
    expect((await readGguf(bytes(4, 1000))).header.metadata.get("k")).toHaveLength(4);
    await expect(readGguf(bytes(5, 2 ** 20))).rejects.toThrow(
      "its arrays have more than 4194304 elements",
    );
  });
});

describe("JSON", () => {
  test.each([
    ["deep lists", "[".repeat(100_000), /values lie more than 64 deep/],
    ["deep objects", '{"a":'.repeat(65), /values lie more than 64 deep/],
    ["a million empty objects", `{"a":[${"{},".repeat(2 ** 20)}{}]}`, /more than 1048576 values/],
    ["a large file", `{"a":"${"x".repeat(2 ** 25)}"}`, /the file is too large/],
  ])("%s", (_name, text, message) =>
    withFolder(async (folder) => {
      writeFileSync(join(folder, "f.json"), text);
      await expect(readJsonObject(join(folder, "f.json"))).rejects.toThrow(message);
    }),
  );

  test("brackets and commas in texts do not count", () =>
    withFolder(async (folder) => {
      const value = {
        a: "[".repeat(1000),
        'b"\\': ["{,\\", `${'"'.repeat(9)}[`],
        c: ",".repeat(2 ** 21),
      };
      writeFileSync(join(folder, "f.json"), JSON.stringify(value));
      expect(await readJsonObject(join(folder, "f.json"))).toEqual(value);
    }));

  test("an index that names one shard for a million tensors", () =>
    withFolder(async (folder) => {
      writeFileSync(join(folder, "config.json"), "{}");
      writeFileSync(join(folder, "model.safetensors"), safetensorsBytes("{}"));
      writeFileSync(
        join(folder, "model.safetensors.index.json"),
        `{"weight_map":{${many(1_200_000, (i) => `"${i}":"model.safetensors"`)}}}`,
      );
      await expect(openWeights(folder)).rejects.toThrow(/values|too large/);
    }));
});

describe.skipIf(process.platform === "win32")(
  "a FIFO or a device in place of a file is refused, not waited for",
  () => {
    test.each([
      "config.json",
      "model.safetensors",
      "model.safetensors.index.json",
      "generation_config.json",
    ])("%s", (name) =>
      withFolder(async (folder) => {
        for (const other of ["config.json", "generation_config.json"])
          if (other !== name) writeFileSync(join(folder, other), "{}");
        if (name !== "model.safetensors")
          writeFileSync(join(folder, "model.safetensors"), safetensorsBytes("{}"));
        execFileSync("mkfifo", [join(folder, name)]);
        await expect(openWeights(folder)).rejects.toThrow("this is a FIFO, not a file");
        if (name === "model.safetensors" || name === "config.json")
          await expect(weightsFingerprint(folder)).rejects.toThrow("this is a FIFO, not a file");
      }),
    );

    test("the model itself", () =>
      withFolder(async (folder) => {
        execFileSync("mkfifo", [join(folder, "m.gguf")]);
        await expect(openWeights(join(folder, "m.gguf"))).rejects.toThrow(
          "this is a FIFO, not a file",
        );
        await expect(openWeights("/dev/zero")).rejects.toThrow("this is a device, not a file");
      }));
  },
);
