/**
 * Runs the tests on WebGPU. On Linux it looks for a Vulkan driver: one that VK_ICD_FILENAMES names, one of the system (a
 * GPU's), or the software driver inside Debian's chromium package, which is slow but exact enough to test correctness.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const SOFTWARE_DRIVERS = ["/usr/lib/chromium", "/usr/lib64/chromium-browser", "/opt/google/chrome"].map((folder) => join(folder, "vk_swiftshader_icd.json"));

/** Whether any folder of drivers of the system holds one. */
function systemHasDriver() {
  return ["/usr/share/vulkan/icd.d", "/etc/vulkan/icd.d"].some((folder) => existsSync(folder) && readdirSync(folder).some((name) => name.endsWith(".json")));
}

function hasVulkanLoader() {
  const { stdout } = spawnSync("ldconfig", ["-p"], { encoding: "utf8" });
  return (stdout ?? "").includes("libvulkan.so.1");
}

/** What the environment must say for ONNX Runtime to find a driver; undefined where there is none. */
function driverEnvironment() {
  if (process.platform !== "linux" || process.env.VK_ICD_FILENAMES || process.env.VK_DRIVER_FILES) return {};
  if (systemHasDriver() && hasVulkanLoader()) return {};
  const driver = SOFTWARE_DRIVERS.find((path) => existsSync(path));
  if (!driver) return undefined;
  // Chromium brings a loader of its own.
  const loader = hasVulkanLoader() ? {} : { LD_LIBRARY_PATH: [dirname(driver), process.env.LD_LIBRARY_PATH].filter(Boolean).join(":") };
  return { VK_ICD_FILENAMES: driver, ...loader };
}

const environment = driverEnvironment();
if (!environment) {
  console.error("no Vulkan driver found; on Debian, `apt-get install chromium` brings a software one, or set VK_ICD_FILENAMES to a driver's .json file");
  process.exit(1);
}
console.error(environment.VK_ICD_FILENAMES ? `Vulkan driver: ${environment.VK_ICD_FILENAMES}` : "Vulkan driver: the system's");
const vitest = join(root, "node_modules", "vitest", "vitest.mjs");
const result = spawnSync(process.execPath, [vitest, "run", "tests/webgpu", "--no-file-parallelism", ...process.argv.slice(2)], {
  cwd: root,
  stdio: "inherit",
  env: { ...process.env, ...environment, ATTUNE_WEBGPU: "1" },
});
process.exit(result.status ?? 1);
