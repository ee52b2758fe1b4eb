/** Runs the tests on WebGPU, with the driver that src/runtime/webgpu-driver.ts finds. */
import { spawnSync } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { findDriver } from "../dist/runtime/webgpu-driver.js";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const driver = findDriver();
if (!driver) {
  console.error(
    "no Vulkan driver found; on Debian, `apt-get install chromium` brings a software one, or set " +
      "VK_ICD_FILENAMES to a driver's .json file",
  );
  process.exit(1);
}
console.error(`Vulkan driver: ${driver.name}`);
const vitest = join(root, "node_modules", "vitest", "vitest.mjs");
const result = spawnSync(
  process.execPath,
  [vitest, "run", "tests/webgpu", "--no-file-parallelism", ...process.argv.slice(2)],
  {
    cwd: root,
    stdio: "inherit",
    env: { ...process.env, ...driver.environment, ATTUNE_WEBGPU: "1" },
  },
);
process.exit(result.status ?? 1);
