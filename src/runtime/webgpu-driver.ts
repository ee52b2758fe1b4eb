/**
 * The Vulkan driver that WebGPU needs on Linux: one that VK_ICD_FILENAMES names, one of the system
 * (a GPU's), or the software driver inside Debian's chromium package, which is slow but exact
 * enough to test correctness.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";

const SOFTWARE_DRIVERS = [
  "/usr/lib/chromium",
  "/usr/lib64/chromium-browser",
  "/opt/google/chrome",
].map((folder) => join(folder, "vk_swiftshader_icd.json"));

export interface WebgpuDriver {
  /** What it is, for people. */
  name: string;
  /** What the environment must say beside what it says already; `export` these. */
  environment: Readonly<Record<string, string>>;
}

/** Whether any folder of drivers of the system holds one. */
function systemHasDriver(): boolean {
  return ["/usr/share/vulkan/icd.d", "/etc/vulkan/icd.d"].some(
    (folder) => existsSync(folder) && readdirSync(folder).some((name) => name.endsWith(".json")),
  );
}

function hasVulkanLoader(): boolean {
  return (spawnSync("ldconfig", ["-p"], { encoding: "utf8" }).stdout ?? "").includes(
    "libvulkan.so.1",
  );
}

/** The software driver of an installed browser; undefined where there is none. */
export function softwareDriver(): WebgpuDriver | undefined {
  const driver =
    process.platform === "linux" ? SOFTWARE_DRIVERS.find((path) => existsSync(path)) : undefined;
  if (driver === undefined) return undefined;
  // chromium brings a loader of its own
  const loader: Record<string, string> = hasVulkanLoader()
    ? {}
    : {
        LD_LIBRARY_PATH: [dirname(driver), process.env["LD_LIBRARY_PATH"]]
          .filter(Boolean)
          .join(":"),
      };
  return {
    name: "chromium's software driver",
    environment: { VK_ICD_FILENAMES: driver, ...loader },
  };
}

/**
 * The driver that would be used: what is there already where anything is, else the software driver;
 * undefined where there is none.
 */
export function findDriver(): WebgpuDriver | undefined {
  const named = process.env["VK_ICD_FILENAMES"] ?? process.env["VK_DRIVER_FILES"];
  if (named !== undefined) return { name: named, environment: {} };
  if (process.platform !== "linux" || (systemHasDriver() && hasVulkanLoader()))
    return { name: "the system's driver", environment: {} };
  return softwareDriver();
}
