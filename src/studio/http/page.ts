/** The built page and its files, read once: nothing outside its folder can be named. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { extname, join, relative, sep } from "node:path";

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

/** @returns what answers a path; addresses without a file's ending are the page's own */
export function servePage(folder: string): (path: string) => Response | undefined {
  const files = new Map<string, { body: Buffer<ArrayBuffer>; type: string }>();
  if (existsSync(folder))
    for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue;
      const file = join(entry.parentPath, entry.name);
      const path = `/${relative(folder, file).split(sep).join("/")}`;
      files.set(path, {
        body: readFileSync(file) as Buffer<ArrayBuffer>,
        type: TYPES[extname(entry.name)] ?? "application/octet-stream",
      });
    }
  return (path) => {
    const named = files.get(path);
    const found = named ?? (extname(path) === "" ? files.get("/index.html") : undefined);
    if (found === undefined) return undefined;
    return new Response(found.body, {
      headers: {
        "content-type": found.type,
        ...(named && path.startsWith("/assets/") ? { "cache-control": FOR_EVER } : {}),
      },
    });
  };
}
