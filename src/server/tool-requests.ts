/** What a request says of tools, against what the model's family can do. */
import { ApiError } from "./api-error.ts";
import type { Grammars } from "./grammars.ts";
import type { ChatRequest } from "./parameters.ts";
import type { AnswerParser } from "./answer-parser.ts";
import type { CallRules } from "./tool-grammar.ts";
import { canConstrainCalls } from "./tool-grammar.ts";

/** Variables of a template that are the request's own. */
const OWN_VARIABLES = ["messages", "tools", "documents", "add_generation_prompt"];

const refused = (message: string, param: string): ApiError =>
  new ApiError(400, message, { param, code: "unsupported_parameter" });
const wrong = (message: string, param: string): ApiError =>
  new ApiError(400, message, { param, code: "invalid_value" });

/** @throws ApiError 400 */
export function checkTools(
  request: ChatRequest,
  { parser, grammars: { facts } }: { parser: AnswerParser; grammars: Grammars },
): void {
  const {
    tools,
    tool_choice: choice,
    response_format: format,
    chat_template_kwargs: given,
  } = request;
  const own = OWN_VARIABLES.find((name) => Object.hasOwn(given, name));
  if (own) throw wrong(`${own} comes from the request itself`, `chat_template_kwargs.${own}`);
  if (tools.length === 0) {
    if (choice !== undefined && choice !== "none" && choice !== "auto")
      throw wrong("tool_choice demands a call, and there are no tools", "tool_choice");
    return;
  }
  if (choice === "none") return;
  if (!parser.callsTools)
    throw refused(
      "the chat template of this model defines no form of tool calls, so attune does not serve " +
        "tools with it; another --template may",
      "tools",
    );
  if (
    typeof choice === "object" &&
    !tools.some(({ function: { name } }) => name === choice.function.name)
  )
    throw wrong("tool_choice names none of the tools", "tool_choice.function.name");
  if (format.type !== "text")
    throw refused(
      "response_format and tools together are not served: an answer cannot be held to both; " +
        'tool_choice: "none" serves the first',
      "response_format",
    );
  if (callRules(request) === undefined || canConstrainCalls(facts)) return;
  if (choice === "required" || typeof choice === "object")
    throw refused(
      `calls cannot be demanded of a model that writes them as ${facts.form}`,
      "tool_choice",
    );
  throw refused(
    `calls of a model that writes them as ${facts.form} cannot be held to a schema`,
    "tools[].function.strict",
  );
}

/** What calls are held to; undefined where they are written freely. */
export function callRules({
  tools,
  tool_choice: choice = "auto",
  parallel_tool_calls: several,
}: ChatRequest): Omit<CallRules, "openThought"> | undefined {
  const demanded = choice === "required" || typeof choice === "object";
  if (
    tools.length === 0 ||
    choice === "none" ||
    (!demanded && !tools.some(({ function: { strict } }) => strict))
  )
    return undefined;
  const offered =
    typeof choice === "object"
      ? tools.filter(({ function: { name } }) => name === choice.function.name)
      : tools;
  return {
    demanded,
    several: several && typeof choice !== "object",
    // with auto, only what is strict is held to its schema
    tools: offered.map(({ function: { name, parameters, strict } }) => ({
      name,
      parameters: demanded || strict ? parameters : undefined,
    })),
  };
}
