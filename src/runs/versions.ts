/** Versions of what a run computes with, for `run.json` and `attune --version`. */
import { readFileSync } from "node:fs";
import { nativePackageVersion } from "../runtime/native-package.ts";

interface PackageJson {
  version: string;
}

/** Version of attune itself. */
export function attuneVersion(): string {
  return (
    JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as PackageJson
  ).version;
}

/** attune, Node and the ONNX Runtime package, by name. */
export function versions(): Record<string, string> {
  return {
    attune: attuneVersion(),
    node: process.versions.node,
    "onnxruntime-node": nativePackageVersion(),
  };
}
