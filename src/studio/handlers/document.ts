/** The API about itself. */
import { getOpenApi } from "../api/document.ts";
import { handle } from "../http/handler.ts";
import { openApiDocument } from "../openapi.ts";

export const documentHandlers = [handle(getOpenApi, () => Promise.resolve(openApiDocument()))];
