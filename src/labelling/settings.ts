/** A project's settings: checked when they are given, and read again from the store. */
import { AttuneError } from "../core/errors.ts";
import { parseConfig } from "../config/sources.ts";
import type { ProjectSettings } from "./project.config.ts";
import { projectConfig } from "./project.config.ts";

type Values = Readonly<Record<string, unknown>>;

const isRecord = (value: unknown): value is Values =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Values over values, group by group. */
const over = (below: Values, above: Values): Values =>
  Object.fromEntries(
    [...new Set([...Object.keys(below), ...Object.keys(above)])].map((key) => {
      const [old, fresh] = [below[key], above[key]];
      if (fresh === undefined) return [key, old];
      return [key, isRecord(old) && isRecord(fresh) ? over(old, fresh) : fresh];
    }),
  );

/** Settings as the store keeps them; what is not there has its default. */
export const readSettings = (stored: Values): ProjectSettings =>
  parseConfig(projectConfig, { values: stored }).resolved as ProjectSettings;

/**
 * Settings with changes.
 * @throws AttuneError `config` for what is unknown or out of range, `usage` for a crowd's door
 * without codes
 */
export function changeSettings(stored: Values, changes: Values): ProjectSettings {
  const settings = readSettings(over(stored, changes));
  const { open, completionCode, screenOutCode } = settings.crowd;
  if (open && (completionCode === "" || screenOutCode === ""))
    throw new AttuneError("usage", "a door for crowds needs the codes that people leave with", {
      got: `crowd.open without ${completionCode === "" ? "crowd.completionCode" : "crowd.screenOutCode"}`,
      hint: "take both from the study's page, under completion paths",
    });
  return settings;
}
