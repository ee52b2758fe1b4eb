/** The native binding, loaded from where it lies. Its types are those of `onnxruntime-common`. */
import { createRequire } from "node:module";
import { existsSync } from "node:fs";
import { join } from "node:path";
import type * as OnnxRuntime from "onnxruntime-common";
import { AttuneError } from "../core/errors.ts";
import { nativePackageFolder } from "./native-package.ts";

/**
 * @throws AttuneError `runtime` where this machine has no build of ONNX Runtime, or it cannot be
 * loaded
 */
function load(): typeof OnnxRuntime {
  const folder = nativePackageFolder();
  const { platform, arch } = process;
  if (!existsSync(join(folder, "bin", "napi-v6", platform, arch))) {
    throw new AttuneError("runtime", "ONNX Runtime has no build for this machine", {
      got: `${platform} on ${arch}`,
      expected: "Linux or Windows on x64 or arm64, macOS on arm64",
    });
  }
  try {
    return createRequire(import.meta.url)(folder) as typeof OnnxRuntime;
  } catch (cause) {
    throw new AttuneError("runtime", "ONNX Runtime cannot be loaded", {
      got: cause instanceof Error ? cause.message : String(cause),
      hint: "the library needs glibc 2.27 and libstdc++ on Linux; Alpine's musl is not enough",
      cause,
    });
  }
}

export const ort: typeof OnnxRuntime = load();
