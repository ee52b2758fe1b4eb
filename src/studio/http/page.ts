/** The built page and its files, read once: nothing outside its folder can be named. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { extname, join, relative, sep } from "node:path";
import { gzipSync } from "node:zlib";

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".woff2": "font/woff2",
  ".png": "image/png",
  ".webmanifest": "application/manifest+json",
};
/** Files with a hash in their name never change. */
const FOR_EVER = "public, max-age=31536000, immutable";

interface PageFile {
  type: string;
  body: Buffer<ArrayBuffer>;
  /** Where it is smaller so. */
  zipped: Buffer<ArrayBuffer> | undefined;
}

/** Answers a path; `accepts` is the header Accept-Encoding. */
export type ServePage = (path: string, accepts?: string) => Response | undefined;

/** @returns what answers a path; addresses without a file's ending are the page's own */
export function servePage(folder: string): ServePage {
  const files = new Map<string, PageFile>();
  if (existsSync(folder))
    for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue;
      const file = join(entry.parentPath, entry.name);
      const path = `/${relative(folder, file).split(sep).join("/")}`;
      const body = readFileSync(file) as Buffer<ArrayBuffer>;
      const zipped = gzipSync(body, { level: 9 }) as Buffer<ArrayBuffer>;
      files.set(path, {
        body,
        type: TYPES[extname(entry.name)] ?? "application/octet-stream",
        zipped: zipped.length < body.length ? zipped : undefined,
      });
    }
  return (path, accepts = "") => {
    const named = files.get(path);
    const found = named ?? (extname(path) === "" ? files.get("/index.html") : undefined);
    if (found === undefined) return undefined;
    const zipped = /\bgzip\b/.test(accepts) ? found.zipped : undefined;
    return new Response(zipped ?? found.body, {
      headers: {
        "content-type": found.type,
        vary: "Accept-Encoding",
        ...(zipped === undefined ? {} : { "content-encoding": "gzip" }),
        ...(named && path.startsWith("/assets/") ? { "cache-control": FOR_EVER } : {}),
      },
    });
  };
}
