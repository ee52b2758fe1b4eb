/** Options of the trainers, from their own definitions. */
import type { ConfigDefinition } from "../../../src/config/config.ts";

const files = import.meta.glob<Record<string, unknown>>("../../../src/training/*/*.config.ts", {
  eager: true,
});

const isDefinition = (value: unknown): value is ConfigDefinition =>
  typeof value === "object" &&
  value !== null &&
  "name" in value &&
  "options" in value &&
  Array.isArray(value.options);

/** By the trainer's name. */
export const DEFINITIONS: ReadonlyMap<string, ConfigDefinition> = new Map(
  Object.values(files)
    .flatMap((file) => Object.values(file))
    .filter(isDefinition)
    .map((definition) => [definition.name, definition]),
);
