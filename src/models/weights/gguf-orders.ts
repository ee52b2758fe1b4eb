/**
 * Orders of numbers that a GGUF file has otherwise than a checkpoint.
 * Source: llama.cpp's convert_hf_to_gguf.py.
 */

/**
 * Undoes llama.cpp's row order in place: each head's rows [half, 2, columns] become [2, half,
 * columns].
 * @param data numbers of whole heads, row-major
 * @param size rows of a head
 * @param columns numbers of a row
 */
export function deinterleave(data: Float32Array, size: number, columns: number): void {
  const head = new Float32Array(size * columns);
  const half = size / 2;
  for (let start = 0; start < data.length; start += head.length) {
    head.set(data.subarray(start, start + head.length));
    for (let row = 0; row < size; row++) {
      const to = start + ((row & 1) * half + (row >> 1)) * columns;
      data.set(head.subarray(row * columns, (row + 1) * columns), to);
    }
  }
}

/**
 * The opposite of {@link deinterleave}: each head's rows [2, half, columns] become [half, 2,
 * columns].
 */
export function interleave(data: Float32Array, size: number, columns: number): void {
  const head = new Float32Array(size * columns);
  const half = size / 2;
  for (let start = 0; start < data.length; start += head.length) {
    head.set(data.subarray(start, start + head.length));
    for (let row = 0; row < size; row++) {
      const from = ((row & 1) * half + (row >> 1)) * columns;
      data.set(head.subarray(from, from + columns), start + row * columns);
    }
  }
}

/** Rows that are transposed at a time, so that reads and writes both stay in cache. */
const TILE = 32;

/** [rows, columns] to [columns, rows]. */
export function transposeInto(
  data: Float32Array,
  rows: number,
  columns: number,
  out: Float32Array,
): void {
  for (let top = 0; top < rows; top += TILE) {
    const bottom = Math.min(top + TILE, rows);
    for (let column = 0; column < columns; column++) {
      for (let row = top; row < bottom; row++)
        out[column * rows + row] = data[row * columns + column]!;
    }
  }
}
