/**
 * Bringing a CPU up and taking it down: the doors.
 *
 * CPU 0 stays: the host's doorbell rings there when all others sleep. One CPU changes at a time, and never during a
 * round that must reach all of them.
 */
import { EBUSY, EINVAL, EPERM } from "../abi";
import { is_present, present_cpus } from "../cpu/present";
import { MACHINE, MACHINE_CPUS } from "../layout";
import { log_begin, log_end, log_num, log_str } from "../lib/printk";
import { cpus_write_lock, cpus_write_unlock } from "./lock";
import { climb, descend } from "./states";

@inline function exists(cpu: i32): bool {
  return <u32>cpu < <u32>load<i32>(MACHINE, MACHINE_CPUS);
}

/** 0 when `cpu` is up, as it may have been; or why it is not. Sleeps. */
export function cpu_up(cpu: i32): i32 {
  if (!exists(cpu)) return -EINVAL;
  cpus_write_lock();
  const away = !is_present(cpu);
  const result = away ? climb(cpu) : 0;
  cpus_write_unlock();
  if (away) report(cpu, result ? "did not come up" : "is up");
  return result;
}

/** 0 when `cpu` is away, as it may have been; -EPERM for CPU 0, -EBUSY for the last one, or why it is not. Sleeps. */
export function cpu_down(cpu: i32): i32 {
  if (!exists(cpu)) return -EINVAL;
  cpus_write_lock();
  const there = is_present(cpu);
  const result = !there ? 0 : present_cpus() == 1 ? -EBUSY : cpu == 0 ? -EPERM : descend(cpu);
  cpus_write_unlock();
  if (there && !result) report(cpu, "is now offline");
  return result;
}

function report(cpu: i32, what: string): void {
  log_begin();
  log_str("CPU ");
  log_num(cpu);
  log_str(" ");
  log_str(what);
  log_end();
}
