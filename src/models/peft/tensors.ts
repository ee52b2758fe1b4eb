/** The tensors of a file that peft wrote, by attune's names. */
import { countOf } from "../../core/counts.ts";
import { AttuneError, preview } from "../../core/errors.ts";
import type { HostTensor } from "../../core/tensor.ts";
import { float32 } from "../../core/tensor.ts";
import { checkFinite } from "../weights/finite.ts";
import type { SafetensorsFile } from "../weights/safetensors.ts";
import type { PeftNames } from "./names.ts";
import { PEFT_PREFIX } from "./names.ts";

/** Tensors of an adapter's file; each is asked for once, and none may be left over. */
export class AdapterTensors {
  readonly path: string;
  private readonly file: SafetensorsFile;
  private readonly left: Set<string>;
  private readonly peft: PeftNames;

  constructor(file: SafetensorsFile, path: string, peft: PeftNames) {
    this.file = file;
    this.path = path;
    this.peft = peft;
    this.left = new Set(file.header.tensors.keys());
  }

  /** Without the prefix, as the other methods take them; those that were not read yet. */
  names(): string[] {
    return [...this.left]
      .filter((name) => name.startsWith(PEFT_PREFIX))
      .map((name) => this.peft.fromPeft(name.slice(PEFT_PREFIX.length)));
  }

  has(name: string): boolean {
    return this.left.has(PEFT_PREFIX + this.peft.toPeft(name));
  }

  /**
   * @throws AttuneError `model` for a tensor that is not there or has another shape, `numeric` for
   * one that is not finite
   */
  async read(name: string, shape: readonly number[]): Promise<HostTensor<"float32">> {
    const whole = PEFT_PREFIX + this.peft.toPeft(name);
    const entry = this.file.header.tensors.get(whole);
    if (!entry || !this.left.delete(whole)) {
      throw new AttuneError("model", `the adapter lacks the tensor ${preview(whole, 120)}`, {
        file: this.path,
        got: countOf(this.file.header.tensors.size, "tensor"),
        expected: `[${shape.join(", ")}], by adapter_config.json and the base model`,
      });
    }
    if (entry.shape.join() !== shape.join())
      throw new AttuneError(
        "model",
        `the adapter's tensor ${preview(whole, 120)} has the wrong shape`,
        {
          file: this.path,
          got: `[${entry.shape.join(", ")}]`,
          expected: `[${shape.join(", ")}], by adapter_config.json and the base model`,
        },
      );
    const data = await this.file.read(whole);
    checkFinite(data, whole, this.path);
    return float32(shape, data);
  }

  /** @throws AttuneError `model` where tensors are left that nothing read */
  finish(): void {
    if (this.left.size === 0) return;
    const shown = [...this.left].slice(0, 3).map((name) => preview(name, 120));
    throw new AttuneError(
      "model",
      `the adapter has ${this.left.size === 1 ? "a tensor" : countOf(this.left.size, "tensor")} ` +
        "that attune does not read",
      {
        file: this.path,
        got: `${shown.join(", ")}${this.left.size > shown.length ? ", ..." : ""}`,
        expected: "only what adapter_config.json speaks of",
        hint:
          "the adapter may belong to another base model, or be of a kind that its configuration " +
          "does not name",
      },
    );
  }
}
