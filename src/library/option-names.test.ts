import { expect, test } from "vitest";
import { rewardConfig } from "../training/offline/reward.config.ts";
import { inOptionNames } from "./option-names.ts";

test("flags become the options that they stand for, and other words stay", () => {
  const names = (text: string): string => inOptionNames(text, rewardConfig);
  expect(names("a smaller --held-out")).toBe("a smaller heldOut");
  expect(names("--lora-rank 8, or --no-margin")).toBe("lora.rank 8, or margin: false");
  expect(names("goes on with runs/x--seed/--seed, ./--seed")).toBe(
    "goes on with runs/x--seed/--seed, ./--seed",
  );
  expect(names("another --out; llama-gguf-split --merge - twice -- and --no-such")).toBe(
    "another --out; llama-gguf-split --merge - twice -- and --no-such",
  );
});
