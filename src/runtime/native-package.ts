/**
 * Where ONNX Runtime for Node.js lies: in the published package a copy of `onnxruntime-node`
 * without its install script, which the build puts beside the compiled program
 * (scripts/vendor-runtime.mjs, docs/decisions/installing.md); run from source, the package in
 * node_modules.
 */
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const require = createRequire(import.meta.url);

/** The folder with its package.json, `dist` and `bin`. */
export function nativePackageFolder(): string {
  const vendored = fileURLToPath(new URL("../onnxruntime/", import.meta.url));
  return existsSync(join(vendored, "package.json"))
    ? vendored
    : dirname(require.resolve("onnxruntime-node/package.json"));
}

/** Version of ONNX Runtime. */
export function nativePackageVersion(): string {
  return (
    JSON.parse(readFileSync(join(nativePackageFolder(), "package.json"), "utf8")) as {
      version: string;
    }
  ).version;
}
