/** The API about itself. */
import { z } from "zod";
import { json, route } from "./route.ts";

export const getOpenApi = route({
  method: "GET",
  path: "/api/openapi.json",
  summary: "this API as an OpenAPI 3.1 document",
  access: "person",
  answer: json(z.record(z.string(), z.unknown())),
});
