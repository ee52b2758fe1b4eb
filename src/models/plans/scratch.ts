/**
 * Buffers that steps of different sizes share: each grows to the largest size asked for and is
 * handed out as a view.
 */
import type { HostTensor } from "../../core/tensor.ts";
import { elementCount, float32 } from "../../core/tensor.ts";

export class Scratch {
  private readonly buffers = new Map<string, Float32Array>();
  private readonly views = new Map<string, HostTensor<"float32">>();

  /**
   * A float32 tensor of the given shape over the buffer `name`; its contents are whatever was left
   * there.
   */
  get(name: string, shape: readonly number[]): HostTensor<"float32"> {
    const key = `${name}[${shape.join(",")}]`;
    const known = this.views.get(key);
    if (known) return known;
    const size = elementCount(shape);
    let buffer = this.buffers.get(name);
    if (!buffer || buffer.length < size) {
      buffer = new Float32Array(size);
      this.buffers.set(name, buffer);
      // Views of the smaller buffer would keep it in memory.
      for (const other of this.views.keys())
        if (other.startsWith(`${name}[`)) this.views.delete(other);
    }
    const view = float32(shape, buffer.subarray(0, size));
    this.views.set(key, view);
    return view;
  }
}
