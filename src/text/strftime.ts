/**
 * Python's strftime in the C locale, for the clocks of chat templates. Source: the format codes of
 * CPython's documentation. Difference: a code that Python does not know is an error there or text,
 * by platform; here text.
 */
import { AttuneError } from "../core/errors.ts";

const DAYS = [
  "Sunday",
  "Monday",
  "Tuesday",
  "Wednesday",
  "Thursday",
  "Friday",
  "Saturday",
] as const;
const MONTHS = [
  "January",
  "February",
  "March",
  "April",
  "May",
  "June",
  "July",
  "August",
  "September",
  "October",
  "November",
  "December",
] as const;
const DAY = 86_400_000;

const padded = (value: number, width = 2, fill = "0"): string =>
  String(value).padStart(width, fill);
const yearStart = (year: number): number => Date.UTC(year, 0, 1);

/** Weeks of a year that begin with `first` (0 for Sunday). */
function weekOf(date: Date, first: number): number {
  const dayOfYear = Math.round((startOfDay(date) - yearStart(date.getUTCFullYear())) / DAY);
  return Math.floor((dayOfYear + 7 - ((date.getUTCDay() - first + 7) % 7)) / 7);
}

const startOfDay = (date: Date): number =>
  Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate());

/** Year and week of ISO 8601: a week belongs to the year of its Thursday. */
function isoWeek(date: Date): { year: number; week: number } {
  const thursday = new Date(startOfDay(date) + (4 - (date.getUTCDay() || 7)) * DAY);
  const year = thursday.getUTCFullYear();
  return { year, week: Math.floor((thursday.getTime() - yearStart(year)) / DAY / 7) + 1 };
}

const CODES: Readonly<Record<string, (date: Date) => string>> = {
  a: (date) => DAYS[date.getUTCDay()]!.slice(0, 3),
  A: (date) => DAYS[date.getUTCDay()]!,
  b: (date) => MONTHS[date.getUTCMonth()]!.slice(0, 3),
  B: (date) => MONTHS[date.getUTCMonth()]!,
  c: (date) => format(date, "%a %b %e %H:%M:%S %Y"),
  C: (date) => padded(Math.floor(date.getUTCFullYear() / 100)),
  d: (date) => padded(date.getUTCDate()),
  D: (date) => format(date, "%m/%d/%y"),
  e: (date) => padded(date.getUTCDate(), 2, " "),
  F: (date) => format(date, "%Y-%m-%d"),
  f: () => "000000",
  g: (date) => padded(isoWeek(date).year % 100),
  G: (date) => String(isoWeek(date).year),
  h: (date) => format(date, "%b"),
  H: (date) => padded(date.getUTCHours()),
  I: (date) => padded(date.getUTCHours() % 12 || 12),
  j: (date) =>
    padded(Math.round((startOfDay(date) - yearStart(date.getUTCFullYear())) / DAY) + 1, 3),
  k: (date) => padded(date.getUTCHours(), 2, " "),
  l: (date) => padded(date.getUTCHours() % 12 || 12, 2, " "),
  m: (date) => padded(date.getUTCMonth() + 1),
  M: (date) => padded(date.getUTCMinutes()),
  n: () => "\n",
  p: (date) => (date.getUTCHours() < 12 ? "AM" : "PM"),
  P: (date) => (date.getUTCHours() < 12 ? "am" : "pm"),
  r: (date) => format(date, "%I:%M:%S %p"),
  R: (date) => format(date, "%H:%M"),
  S: (date) => padded(date.getUTCSeconds()),
  t: () => "\t",
  T: (date) => format(date, "%H:%M:%S"),
  u: (date) => String(date.getUTCDay() || 7),
  U: (date) => padded(weekOf(date, 0)),
  V: (date) => padded(isoWeek(date).week),
  w: (date) => String(date.getUTCDay()),
  W: (date) => padded(weekOf(date, 1)),
  x: (date) => format(date, "%m/%d/%y"),
  X: (date) => format(date, "%H:%M:%S"),
  y: (date) => padded(date.getUTCFullYear() % 100),
  Y: (date) => String(date.getUTCFullYear()),
  // a clock without a zone has none to name
  z: () => "",
  Z: () => "",
  "%": () => "%",
};

/** `-` and `_` leave out the zero in front or make it a space, as glibc has it. */
function format(date: Date, pattern: string): string {
  return pattern.replaceAll(/%([-_]?)([A-Za-z%])/g, (whole, flag: string, code: string) => {
    const text = Object.hasOwn(CODES, code) ? CODES[code]!(date) : whole;
    if (flag === "" || !/^[ 0]+\d/.test(text)) return text;
    return text.replace(/^[ 0]+(?=\d)/, (zeros) => (flag === "-" ? "" : " ".repeat(zeros.length)));
  });
}

/** @param time local date and time as {@link wallClock} writes it */
export function strftime(time: string, pattern: string): string {
  const date = new Date(`${time}Z`);
  if (Number.isNaN(date.getTime()))
    throw new AttuneError("run", "the time of the chat template cannot be read", {
      got: time,
      expected: "2026-05-04T13:07:59",
    });
  return format(date, pattern);
}
