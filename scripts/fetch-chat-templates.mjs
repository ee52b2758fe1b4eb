// Fetches chat templates that may not be copied into this repository, from the source package of
// TRL on PyPI, into .cache/chat-templates, for the tests of src/text/chat-families.test.ts.
import { createHash } from "node:crypto";
import { spawnSync } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** Of version 1.16.0. */
const SOURCE = {
  url: "https://files.pythonhosted.org/packages/72/33/2cce5d6c5398d6de2dad22afa713f1a65569910685ab3598d1767d4d8483/trl-1.16.0.tar.gz",
  sha256: "999bd4a85b08870b7bfa387e1efa5177d2a4b88fe82b2526a057ac5d3cc600cd",
};
const NAMES = ["llama3_1", "gemma3"];
const folder = fileURLToPath(new URL("../.cache/chat-templates", import.meta.url));

if (NAMES.every((name) => existsSync(join(folder, `${name}.jinja`)))) {
  console.log(`${folder} has them already`);
  process.exit(0);
}
const response = await fetch(SOURCE.url);
if (!response.ok) throw new Error(`${SOURCE.url} answers ${response.status}`);
const bytes = Buffer.from(await response.arrayBuffer());
if (createHash("sha256").update(bytes).digest("hex") !== SOURCE.sha256)
  throw new Error("the package arrived damaged: try again");
const scratch = mkdtempSync(join(tmpdir(), "attune-trl-"));
try {
  writeFileSync(join(scratch, "trl.tar.gz"), bytes);
  const { status, stderr } = spawnSync("tar", ["-xzf", "trl.tar.gz"], {
    cwd: scratch,
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(`tar cannot unpack the package: ${stderr}`);
  const root = readdirSync(scratch).find((name) => name.startsWith("trl-"));
  mkdirSync(folder, { recursive: true });
  for (const name of NAMES)
    copyFileSync(
      join(scratch, root, "trl", "chat_templates", `${name}.jinja`),
      join(folder, `${name}.jinja`),
    );
  console.log(`${NAMES.join(", ")}: fetched into ${folder}`);
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
