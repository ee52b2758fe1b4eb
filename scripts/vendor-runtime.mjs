/**
 * Puts ONNX Runtime into the compiled program: `dist/onnxruntime` is the package onnxruntime-node
 * without its install script, which would download CUDA libraries that attune never uses, and fails
 * where it cannot. Why: docs/decisions/installing.md. Hard links where the file system has them, so
 * a checkout pays no second copy.
 */
import {
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const source = join(root, "node_modules", "onnxruntime-node");
const target = join(root, "dist", "onnxruntime");
const facts = JSON.parse(readFileSync(join(source, "package.json"), "utf8"));
const { name, version, license, author, repository, main } = facts;
const manifest = `${JSON.stringify(
  { name, version, license, author, repository, main, type: "commonjs" },
  null,
  2,
)}\n`;

/**
 * The same 45 MB under a second name: the binding asks for the other. CUDA's libraries are there
 * where somebody ran the script.
 */
const leftOut = [
  /\.map$/,
  /\.d\.ts$/,
  /libonnxruntime\.\d+\.\d+\.\d+\.dylib$/,
  /providers_(cuda|tensorrt|shared)/,
];

function place(from, to) {
  mkdirSync(dirname(to), { recursive: true });
  try {
    linkSync(from, to);
  } catch {
    copyFileSync(from, to);
  }
}

const stamp = join(target, "package.json");
if (!existsSync(stamp) || readFileSync(stamp, "utf8") !== manifest) {
  rmSync(target, { recursive: true, force: true });
  for (const folder of ["dist", "bin"]) {
    for (const entry of readdirSync(join(source, folder), {
      withFileTypes: true,
      recursive: true,
    })) {
      const file = join(entry.parentPath, entry.name);
      if (entry.isFile() && !leftOut.some((pattern) => pattern.test(file)))
        place(file, join(target, relative(source, file)));
    }
  }
  // last, so that a copy that was cut off is made again
  writeFileSync(stamp, manifest);
}
