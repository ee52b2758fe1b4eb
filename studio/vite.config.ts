/** How the page is built: React, no server but the studio's own, nothing from elsewhere. */
import { join } from "node:path";
import { defineConfig } from "vite";

export default defineConfig({
  root: import.meta.dirname,
  base: "/",
  logLevel: "warn",
  oxc: { jsx: { runtime: "automatic", importSource: "react" } },
  build: {
    outDir: join(import.meta.dirname, "..", "dist", "page"),
    emptyOutDir: true,
    target: "es2022",
    // a data: address of a script would need another Content-Security-Policy
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // what the parts of others ask for: their licences go with the page
    license: { fileName: "licences.md" },
    // formulas are one part, loaded where a text has some
    chunkSizeWarningLimit: 600,
  },
});
