/**
 * What a stamp costs: the clock as a CPU reads it, from Wasm, with the system call that notes it.
 *
 * Every stamp in the figures costs as much, and none is subtracted.
 */
import { SYS_BENCH } from "../../kernel/abi.ts";
import { METER_DO_STAMP } from "../../kernel/records.ts";
import type { Effort, Reading } from "./bench.ts";
import { figure } from "./figure.ts";
import { bootKernel } from "./kernels.ts";

const CALLS = 20_000;

export async function stampCost(effort: Effort): Promise<Reading> {
  const kernel = await bootKernel("kernel-plain", "neither");
  const samples = [];
  for (let round = -1; round < effort.rounds; round++) {
    const started = performance.now();
    kernel.syscalls(SYS_BENCH, METER_DO_STAMP, 0, 0, CALLS);
    if (round >= 0) samples.push(((performance.now() - started) * 1e6) / CALLS); // the first round is not counted
  }
  return figure("stamp.cost", "one thread", samples);
}
