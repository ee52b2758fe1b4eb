/** Options of `attune studio`. */
import { z } from "zod";
import { defineConfig, field } from "../config/config.ts";

const list = z.array(z.string().min(1));

export const studioConfig = defineConfig({
  name: "studio",
  examples: [
    "attune studio",
    "attune studio --port 9000 --no-open",
    "DATABASE_URL=postgresql://user@host/attune attune studio --host 0.0.0.0 --allow-host label.example.org",
  ],
  fields: {
    folder: field({
      type: z.string().min(1),
      default: "attune-studio",
      source: "beside the runs, in the project's folder",
      description: "where the studio keeps its store, exports and logs",
      group: "Studio",
    }),
    runs: field({
      type: z.string().min(1),
      default: "runs",
      source: "as `attune runs`",
      description: "folder under which runs are watched and begun",
      group: "Studio",
    }),
    open: field({
      type: z.boolean(),
      default: true,
      source: "somebody who types the command wants to see it",
      description: "open a browser, where there is a terminal and a browser",
      group: "Studio",
    }),
    host: field({
      type: z.string().min(1),
      default: "127.0.0.1",
      source: "this machine alone",
      description:
        "address to listen on; another than this machine's lets others come in by invitation",
      group: "Network",
    }),
    port: field({
      type: z.int().min(0).max(65535),
      default: 8090,
      source: "free on most machines",
      description: "port to listen on; 0 for a free one",
      group: "Network",
    }),
    allowHost: field({
      type: list,
      default: [],
      source: "names of this machine alone: another name may be a rebound one",
      description: "further names that the studio may be called by, as behind a proxy",
      group: "Network",
    }),
    logRequests: field({
      type: z.boolean(),
      default: false,
      source: "quiet",
      description: "say every request: method, path, status; never what it says",
      group: "Network",
    }),
  },
});
