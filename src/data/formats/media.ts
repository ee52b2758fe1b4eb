/**
 * Pictures, films and sound beside texts: a row that has some is a bad row, named by its column,
 * never read as if it had none.
 */
import { preview } from "../../core/errors.ts";
import { BAD_ROWS, BadRow } from "../bad-row.ts";
import type { Row } from "../readers/row.ts";

/** Columns that hold pictures, sound or film; their plurals count too. */
const MEDIA = [
  "image",
  "picture",
  "pixel_value",
  "video",
  "audio",
  "speech",
  "image_url",
  "image_path",
  "image_file",
  "video_path",
  "audio_path",
  "image_byte",
];
const NAMES: ReadonlySet<string> = new Set(MEDIA.flatMap((name) => [name, `${name}s`]));

export const isMedia = (name: string): boolean => NAMES.has(name.toLowerCase());

/** @throws BadRow */
export function refuseMedia({ columns, place }: Row, ignored: ReadonlySet<string>): void {
  for (const [name, value] of Object.entries(columns)) {
    if (isMedia(name) && !ignored.has(name) && isGiven(value))
      throw new BadRow(BAD_ROWS.media, { ...place, column: name }, `${name}: ${preview(value)}`);
  }
}

/** Nulls, empty texts and lists of them are no picture. */
export function isGiven(value: unknown): boolean {
  if (value === undefined || value === null || value === "") return false;
  if (Array.isArray(value)) return value.some(isGiven);
  return typeof value !== "object" || Object.values(value).some(isGiven);
}
