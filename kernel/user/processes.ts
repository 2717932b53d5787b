/**
 * Programs that make and bury others.
 */
import { getpid, spawn, wait } from "./lib";
import { answered, takes_number } from "./options";

const STATUS: usize = memory.data(4);

/** Spawns a leaf, waits for it and checks its exit code, for ever. `argument` is unused. */
export function spawner(argument: i32): i32 {
  if (!takes_number("spawner")) return answered;
  let code = 0;
  while (true) {
    code = (code + 1) & 127;
    const pid = spawn("leaf", code);
    if (pid < 0) return 1;
    if (wait(pid, STATUS) != pid) return 1;
    if (load<i32>(STATUS) != code << 8) return 1;
  }
}

/** Ends at once with `code`. */
export function leaf(code: i32): i32 {
  if (!takes_number("leaf [CODE]")) return answered;
  return getpid() > 0 ? code : 1;
}
