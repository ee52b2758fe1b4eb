import { Command } from "commander";
import { expect, test } from "vitest";
import { parseConfig } from "../config/sources.ts";
import { ppoConfig } from "../training/online/ppo.config.ts";
import { addConfigOptions, readConfigFlags } from "./config-options.ts";

test("a list is given at once or in parts, and other options are not joined", () => {
  const read = (...argv: string[]) => {
    const command = new Command().exitOverride();
    addConfigOptions(command, ppoConfig);
    command.parse(["--model", "m", "--data", "d", ...argv], { from: "user" });
    return parseConfig<typeof ppoConfig>(ppoConfig, {
      flags: readConfigFlags(ppoConfig, command.opts()),
    }).resolved;
  };
  for (const argv of [
    ["--reward", "a,b", "--reward-weights", "1,0.5"],
    ["--reward", "a", "--reward", "b", "--reward-weights", "1", "--reward-weights", "0.5"],
  ]) {
    const { reward, rewardWeights } = read(...argv);
    expect([reward, rewardWeights]).toEqual([
      ["a", "b"],
      [1, 0.5],
    ]);
  }
  expect(read("--reward", "a", "--seed", "1", "--seed", "2").seed).toBe(2);
});
