/** How sessions on one device differ from those on another, and which device new ones are for. */
import { AttuneError } from "../core/errors.ts";
import type { Device } from "../graph/emission.ts";
import { DEVICES } from "../graph/emission.ts";

export interface DeviceRuntime {
  /** Name of ONNX Runtime's execution provider. */
  readonly provider: string;
  /**
   * Whether outputs lie in the process's own memory, so that what is written in place need not be
   * copied out; see docs/decisions/outputs-without-copies.md.
   */
  readonly writesInPlace: boolean;
}

export const DEVICE_RUNTIMES: Readonly<Record<Device, DeviceRuntime>> = {
  cpu: { provider: "cpu", writesInPlace: true },
  webgpu: { provider: "webgpu", writesInPlace: false },
};

const isDevice = (name: string): name is Device => (DEVICES as readonly string[]).includes(name);

/**
 * The device for new sessions: `ATTUNE_DEVICE`, else the CPU.
 * @throws AttuneError `usage` where the variable names none
 */
export function defaultDevice(): Device {
  const name = process.env["ATTUNE_DEVICE"] ?? "cpu";
  if (isDevice(name)) return name;
  throw new AttuneError("usage", "ATTUNE_DEVICE names no device", {
    got: name,
    expected: DEVICES.join(" or "),
  });
}
