/** A kernel that fails when it is asked to: the rows of test/kernel/failing.ts. */
import { buildKernel } from "../host/toolchain/kernel.ts";
import { PACKAGE_ROOT } from "../host/toolchain/compile.ts";

export const FAILURE = { panic: 0, trapWithLock: 1, sleepForEver: 2, busyWait: 3, unknownExit: 4 } as const;

export async function failingImage(stepped: boolean): Promise<{ kernel: Uint8Array }> {
  const entries = ["kernel/main.ts", "test/kernel/failing.ts"];
  const variant = { debug: true, stepped, hooks: true, asyncify: "sleepable" as const };
  const built = await buildKernel({ root: PACKAGE_ROOT, entries, ...variant, optimizeLevel: 1, mapName: "" });
  return { kernel: built.wasm };
}
