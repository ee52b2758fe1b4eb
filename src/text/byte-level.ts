/** How byte-level BPE writes bytes as characters. Source: GPT-2's encoder.py. */

/** The printable character of each of the 256 bytes (bytes_to_unicode). */
export function byteCharacters(): string[] {
  const printable = (byte: number): boolean =>
    (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
  let next = 256;
  return Array.from({ length: 256 }, (_, byte) =>
    String.fromCharCode(printable(byte) ? byte : next++),
  );
}
