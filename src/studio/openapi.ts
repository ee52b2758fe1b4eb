/** The API as an OpenAPI document, made of the same definitions that check and type it. */
import { z } from "zod";
import { attuneVersion } from "../runs/versions.ts";
import { ROUTES } from "./api/index.ts";
import type { RouteDefinition } from "./api/route.ts";

type Json = Record<string, unknown>;

const METHODS = ["GET", "POST", "PUT", "DELETE"];

/** Groups with their routes by path: modules list their exports in an order of their own. */
const groups = (): [string, readonly RouteDefinition[]][] =>
  Object.entries(ROUTES).map(([group, routes]) => [
    group,
    routes.toSorted(
      (a, b) =>
        (a.path < b.path ? -1 : a.path > b.path ? 1 : 0) ||
        METHODS.indexOf(a.method) - METHODS.indexOf(b.method),
    ),
  ]);

const REFUSED = { $ref: "#/components/responses/Refused" };

/** Without the name of its dialect, which the whole document has. */
function schemaOf(schema: z.ZodType, io: "input" | "output"): Json {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: "any" }) as Json;
  return rest;
}

/** `/api/runs/:run` as `/api/runs/{run}`. */
const templated = (path: string): string => path.replaceAll(/:(\w+)/g, "{$1}");
const namesIn = (path: string): string[] => [...path.matchAll(/:(\w+)/g)].map(([, name]) => name!);

function parametersOf({ path, query }: RouteDefinition): Json[] {
  const inPath = namesIn(path).map((name) => ({
    name,
    in: "path",
    required: true,
    schema: { type: "string" },
  }));
  if (query === undefined) return inPath;
  const { properties = {}, required = [] } = schemaOf(query, "input") as {
    properties?: Record<string, Json>;
    required?: string[];
  };
  return [
    ...inPath,
    ...Object.entries(properties).map(([name, schema]) => ({
      name,
      in: "query",
      required: required.includes(name),
      schema,
    })),
  ];
}

function answerOf({ answer }: RouteDefinition): Json {
  if (answer.form === "json")
    return { "application/json": { schema: schemaOf(answer.schema, "output") } };
  if (answer.form === "events")
    return {
      "text/event-stream": {
        schema: {
          type: "string",
          description: "server-sent events; the data of each is JSON of contentSchema",
          contentMediaType: "application/json",
          contentSchema: schemaOf(answer.schema, "output"),
        },
      },
    };
  return Object.fromEntries(answer.types.map((type) => [type.split(";")[0]!, {}]));
}

function operationOf(group: string, name: string, route: RouteDefinition): Json {
  const { summary, access, body, upload } = route;
  const content =
    body !== undefined
      ? { "application/json": { schema: schemaOf(body, "input") } }
      : upload === true
        ? { "application/octet-stream": {} }
        : undefined;
  return {
    operationId: name,
    tags: [group],
    summary,
    description: `Who may ask: ${access}.`,
    ...(access === "anyone" ? { security: [] } : {}),
    parameters: parametersOf(route),
    ...(content === undefined ? {} : { requestBody: { required: true, content } }),
    responses: {
      "200": { description: "done", content: answerOf(route) },
      "4XX": REFUSED,
      "5XX": REFUSED,
    },
  };
}

/** OpenAPI 3.1. */
export function openApiDocument(): Json {
  const paths: Record<string, Json> = {};
  for (const [group, routes] of groups())
    for (const route of routes) {
      const path = templated(route.path);
      const method = route.method.toLowerCase();
      paths[path] = { ...paths[path], [method]: operationOf(group, nameOf(route), route) };
    }
  return {
    openapi: "3.1.0",
    info: {
      title: "attune studio",
      version: attuneVersion(),
      description:
        "What the studio's page asks. Come in with POST /api/session; the answer sets a cookie, " +
        "whose value also works as a bearer token.",
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    servers: [{ url: "/" }],
    security: [{ session: [] }],
    tags: Object.keys(ROUTES).map((name) => ({ name })),
    paths,
    components: {
      securitySchemes: { session: { type: "http", scheme: "bearer" } },
      responses: {
        Refused: {
          description: "what is wrong, and what to try where something can be tried",
          content: { "application/json": { schema: ERROR } },
        },
      },
    },
  };
}

const ERROR = {
  type: "object",
  required: ["error"],
  properties: {
    error: {
      type: "object",
      required: ["message"],
      properties: {
        message: { type: "string" },
        code: { type: ["string", "null"] },
        got: { type: "string" },
        expected: { type: "string" },
        hint: { type: "string" },
      },
    },
  },
};

/** `GET /api/runs/:run/curves` as `getRunsRunCurves`. */
function nameOf({ method, path }: RouteDefinition): string {
  const words = path.split(/[/:.-]+/).filter((word) => word !== "" && word !== "api");
  return (
    method.toLowerCase() + words.map((word) => word[0]!.toUpperCase() + word.slice(1)).join("")
  );
}

/** docs/studio-api.md. */
export function apiPage(made: string): string {
  return [
    "# The studio's HTTP API",
    "",
    made,
    "",
    "`attune studio` answers these; its page uses nothing else. `GET /api/openapi.json` is the same as an",
    "OpenAPI 3.1 document, with every field. Who may ask: `anyone`; a `person` who has joined; an",
    "`annotator` or `owner` of the project in the path; the `host`, who runs the studio and is an owner of",
    "every project.",
    "",
    ...groups().flatMap(([group, routes]) => [
      `## ${group}`,
      "",
      "| route | who | what |",
      "| --- | --- | --- |",
      ...routes.map(
        ({ method, path, summary, access }) =>
          `| \`${method} ${path}\` | ${access} | ${summary.replaceAll("|", "\\|")} |`,
      ),
      "",
    ]),
  ].join("\n");
}
