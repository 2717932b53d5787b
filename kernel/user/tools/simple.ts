/**
 * Tools of a few lines: echo, sleep, true, false.
 */
import { nanosleep } from "../lib";
import { arg, args } from "../process";
import { begin, finish, misused, put, put_zero_ended, same } from "../text";

/** As the real one has it, `--help` is text like any other. */
export function echo(argument: i32): i32 {
  const count = args();
  const bare = count > 1 && same(arg(1), "-n");
  for (let i = bare ? 2 : 1; i < count; i++) {
    put_zero_ended(arg(i));
    if (i + 1 < count) put(" ");
  }
  if (!bare) put("\n");
  return finish("echo");
}

export function succeed(argument: i32): i32 {
  return 0;
}
export function fail(argument: i32): i32 {
  return 1;
}

const STEP_NS = 1_000_000_000;

/** Seconds, with a fraction if need be. */
export function sleep(argument: i32): i32 {
  const usage = "sleep SECONDS";
  const count = begin(usage);
  if (!count) return 0;
  const ns = count == 2 ? nanoseconds(arg(1)) : -1;
  if (ns < 0) return misused(usage);
  for (let left = ns; left > 0; left -= STEP_NS) nanosleep(<i32>min<i64>(left, STEP_NS));
  return 0;
}

/** What a decimal number of seconds is, or -1. */
function nanoseconds(at: usize): i64 {
  let value: i64 = 0;
  let scale: i64 = 0;
  let digits = 0;
  for (; load<u8>(at); at++) {
    const byte = load<u8>(at);
    if (byte == 46 && !scale) scale = STEP_NS;
    else if (byte < 48 || byte > 57 || ++digits > 12) return -1;
    else if (scale) {
      scale /= 10;
      value += (byte - 48) * scale;
    } else value = value * 10 + <i64>(byte - 48) * STEP_NS;
  }
  return digits ? value : -1;
}
