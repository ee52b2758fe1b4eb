/**
 * Strict UTF-8: a byte that is none stops the reading, with its row and column; nothing is replaced
 * in silence.
 */
import { isUtf8 } from "node:buffer";
import type { ErrorPlace } from "../../core/errors.ts";
import { AttuneError } from "../../core/errors.ts";

const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf];

/** Text of one row. @throws AttuneError `data` */
export function decodeUtf8(bytes: Buffer, place: ErrorPlace): string {
  if (isUtf8(bytes)) return bytes.toString("utf8");
  const index = firstBadByte(bytes);
  const column = bytes.subarray(0, index).toString("utf8").length + 1;
  const byte = `0x${bytes[index]!.toString(16).padStart(2, "0")}`;
  throw new AttuneError("data", `the text is not valid UTF-8: column ${column}`, {
    ...place,
    got: `byte ${byte}`,
    expected: "UTF-8",
    hint: guess(bytes, index),
  });
}

/** Bytes without the byte-order mark that some editors put at the beginning of a file. */
export function withoutByteOrderMark(first: Buffer): Buffer {
  return BYTE_ORDER_MARK.every((byte, index) => first[index] === byte) ? first.subarray(3) : first;
}

function guess(bytes: Buffer, index: number): string {
  if (index === 0 && bytes[0]! >= 0xfe) return "the file looks like UTF-16: save it as UTF-8";
  return (
    "save the file as UTF-8 (`iconv -f WINDOWS-1252 -t UTF-8` if it comes from an older Windows " +
    "program)"
  );
}

/**
 * Index of the first byte that does not belong to a well-formed sequence; the length where there is
 * none.
 */
export function firstBadByte(bytes: Uint8Array): number {
  let index = 0;
  while (index < bytes.length) {
    const length = sequenceLength(bytes, index);
    if (length === 0) return index;
    index += length;
  }
  return index;
}

/** Length of the well-formed sequence at `index` (Unicode 15, table 3-7); 0 where it is none. */
function sequenceLength(bytes: Uint8Array, index: number): number {
  const lead = bytes[index]!;
  if (lead < 0x80) return 1;
  const length =
    lead >= 0xc2 && lead <= 0xdf
      ? 2
      : lead >= 0xe0 && lead <= 0xef
        ? 3
        : lead >= 0xf0 && lead <= 0xf4
          ? 4
          : 0;
  for (let i = 1; i < length; i++) {
    const byte = bytes[index + i];
    const least = i === 1 && lead === 0xe0 ? 0xa0 : i === 1 && lead === 0xf0 ? 0x90 : 0x80;
    const most = i === 1 && lead === 0xed ? 0x9f : i === 1 && lead === 0xf4 ? 0x8f : 0xbf;
    if (byte === undefined || byte < least || byte > most) return 0;
  }
  return length;
}
