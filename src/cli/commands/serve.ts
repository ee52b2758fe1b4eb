/** `attune serve`: models behind the HTTP API of OpenAI. */
import { countOf } from "../../core/counts.ts";
import { AttuneError } from "../../core/errors.ts";
import { readRegularText } from "../../text/regular-file.ts";
import { parseConfig } from "../../config/sources.ts";
import type { ConfigOf } from "../../config/config.ts";
import { weightCount, worthPacking } from "../../sampling/packing.ts";
import type { EngineLimits, ServedModel } from "../../server/engines.ts";
import { cacheBytes } from "../../server/engines.ts";
import type { RunningServer } from "../../server/listen.ts";
import { checkOpenness, startServer } from "../../server/listen.ts";
import { nameOf, openServedModels, readAdapters } from "../../server/open.ts";
import { serveConfig } from "../../server/serve.config.ts";
import type { CommandContext, CommandModule } from "../command.ts";
import { addConfigOptions, readConfigFlags } from "../config-options.ts";
import { openForGeneration } from "../inputs/model-to-answer.ts";

type Config = ConfigOf<typeof serveConfig>;

/**
 * The token, from a file or the environment; never from the command line, which others can read.
 */
function readToken(file: string, environment: NodeJS.ProcessEnv = process.env): string | undefined {
  if (file === "") return environment["ATTUNE_SERVE_TOKEN"] || undefined;
  try {
    return readRegularText(file, { code: "usage" }).trim();
  } catch (cause) {
    if (cause instanceof AttuneError) throw cause;
    throw new AttuneError("usage", "the file with the token cannot be read", { file, cause });
  }
}

function limitsOf(
  { slots, room, queue, openModels, pack }: Config,
  models: readonly ServedModel[],
): EngineLimits {
  const { model } = models[0]!;
  // a packed copy for each adapter would be the base in memory once more
  const prepack =
    pack &&
    worthPacking({
      weights: weightCount(model),
      rows: slots,
      steps: room,
      besideTraining: models.length > 1,
    });
  return { slots, room: Math.min(room, model.config.maxPositions), queue, openModels, prepack };
}

/** What memory the caches may take. */
function memoryText(
  { slots, room, openModels }: EngineLimits,
  models: readonly ServedModel[],
): string {
  const engines = Math.min(openModels, models.length);
  const bytes = engines * slots * room * cacheBytes(models[0]!.model);
  return (
    `${countOf(slots, "answer")} at once of up to ${countOf(room, "token")}; caches take up to ` +
    `${(bytes / 1e9).toPrecision(2)} GB as they ` +
    `fill${engines > 1 ? ` (${countOf(engines, "engine")})` : ""}`
  );
}

function announce(
  server: RunningServer,
  models: readonly ServedModel[],
  { reporter }: CommandContext,
): void {
  const names = models.map(({ name }) => name);
  reporter.note(`${memoryText(server.engines.limits, models)}. Ctrl-C ends the server.`);
  reporter.result(
    { url: server.baseUrl, models: names },
    `serving ${names.join(", ")} at ${server.baseUrl}`,
  );
}

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) =>
    signal.aborted ? resolve() : signal.addEventListener("abort", () => resolve(), { once: true }),
  );

export const command: CommandModule = {
  stopping: "no request is taken any more, and answers that are being written end here",
  configure(command, bind) {
    addConfigOptions(command, serveConfig);
    command.action(
      bind<Record<string, unknown>>(async ({ options, context }) => {
        const { resolved: config } = parseConfig(serveConfig, {
          flags: readConfigFlags(serveConfig, options),
        });
        const token = readToken(config.tokenFile);
        checkOpenness({ host: config.host, token });
        const adapters = readAdapters(config.adapter);
        const { opened, encoder } = await openForGeneration(
          config,
          { conversations: true },
          context,
        );
        const models = await openServedModels(
          { opened, encoder, name: config.name || nameOf(config.model) },
          adapters,
        );
        const { reporter } = context;
        const server = await startServer(models, encoder, {
          ...config,
          allowHosts: config.allowHost,
          allowOrigins: config.allowOrigin,
          token,
          limits: limitsOf(config, models),
          onError: (error) =>
            reporter.warn(
              "serve",
              error instanceof AttuneError
                ? [error.what, defectOf(error.cause)]
                    .filter((part) => part !== undefined)
                    .join(": ")
                : `a defect: ${defectOf(error) ?? "unknown"}`,
            ),
          ...(config.logRequests
            ? {
                onRequest: ({ method, path, status, milliseconds }) =>
                  reporter.note(`${method} ${path} ${status} ${milliseconds} ms`),
              }
            : {}),
        });
        try {
          announce(server, models, context);
          await aborted(context.signal);
        } finally {
          await server.close();
        }
      }),
    );
  },
};

/**
 * What kind of defect and where, such as `TypeError at server/endpoint.js:146`: a message might
 * hold what somebody said.
 */
function defectOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const place = /^ +at .*?([^/\\]+[/\\][^/\\]+:\d+):\d+\)?$/m.exec(error.stack ?? "")?.[1];
  return place === undefined ? error.name : `${error.name} at ${place}`;
}
