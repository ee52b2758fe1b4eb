import { describe, expect, test } from "vitest";
import { ROUTES } from "./api/index.ts";
import type { RouteDefinition } from "./api/route.ts";
import { allHandlers } from "./handlers/index.ts";
import { openApiDocument } from "./openapi.ts";

interface Checked {
  valid: boolean;
  errors?: unknown;
}

/** By somebody else's reading of the standard; its schemas are dear to load for other tests. */
async function validated(document: object): Promise<Checked> {
  const name = "@seriousme/openapi-schema-validator";
  const { Validator } = (await import(name)) as {
    Validator: new () => { validate: (document: object) => Promise<Checked> };
  };
  return new Validator().validate(structuredClone(document));
}

const nameOf = ({ method, path }: RouteDefinition): string => `${method} ${path}`;
const routes = Object.values(ROUTES).flat();

describe("the API", () => {
  test("has one handler for each route, and a route for each handler", () => {
    const handled = allHandlers("token").map(({ route }) => nameOf(route));
    expect(handled.toSorted()).toEqual(routes.map(nameOf).toSorted());
    expect(new Set(handled).size).toBe(handled.length);
  });

  test("is a valid OpenAPI document that has every route", async () => {
    const document = openApiDocument();
    const result = await validated(document);
    expect(result.errors ?? []).toEqual([]);
    expect(result.valid).toBe(true);
    const { paths } = document as {
      paths: Record<string, Record<string, { operationId: string }>>;
    };
    const operations = Object.values(paths).flatMap((path) => Object.values(path));
    expect(operations).toHaveLength(routes.length);
    expect(new Set(operations.map(({ operationId }) => operationId)).size).toBe(routes.length);
    expect(paths["/api/runs/{run}/curves"]!["get"]).toMatchObject({
      parameters: [
        { name: "run", in: "path", required: true },
        { name: "metrics", in: "query", required: false },
        { name: "width", in: "query", required: false },
        { name: "axis", in: "query" },
        { name: "from", in: "query" },
        { name: "to", in: "query" },
      ],
    });
  });

  test("is refused by the validator where it is wrong", async () => {
    const document = structuredClone(openApiDocument());
    delete document["info"];
    expect((await validated(document)).valid).toBe(false);
  });
});
