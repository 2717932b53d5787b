/**
 * Programs that do what they should not: each costs only itself.
 */

import { nanosleep } from "./lib";
import { answered, takes_number } from "./options";

/** Divides by `zero`, two calls deep. */
export function crash(zero: i32): i32 {
  if (!takes_number("crash [DIVISOR]")) return answered;
  return divide(7, zero);
}

function divide(a: i32, b: i32): i32 {
  return a / b;
}

/** Recurses `levels` deep and sleeps a millisecond there: too deep for its saved stack when `levels` is large. */
export function deep(levels: i32): i32 {
  if (!takes_number("deep [LEVELS]")) return answered;
  if (levels == 0) {
    nanosleep(1_000_000);
    return 0;
  }
  return deep(levels - 1) + 1 - 1;
}

/** Writes a pattern through every kind of wild address, and looks whether anything but its window changed. */
export function escape(argument: i32): i32 {
  if (!takes_number("escape")) return answered;
  for (let bit = 10; bit < 32; bit++) {
    const at = (<usize>1 << bit) + 2048;
    store<u32>(at, 0xdeadbeef);
    if (load<u32>(at) != 0xdeadbeef) return 1;
    store<u32>(at, 0);
  }
  return argument;
}
