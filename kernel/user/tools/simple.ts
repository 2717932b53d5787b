/**
 * Tools of a few lines: echo, sleep, true, false.
 */
import { nanosleep } from "../lib";
import { begin, misused, take_options } from "../options";
import { arg } from "../process";
import { finish, put, put_zero_ended, same } from "../text";

/** All but `--help` in front is text; an option that there is not, too. */
export function echo(argument: i32): i32 {
  const count = begin("echo [-n] [TEXT...]");
  if (!count) return 0;
  const bare = count > 1 && same(arg(1), "-n");
  for (let i = bare ? 2 : 1; i < count; i++) {
    put_zero_ended(arg(i));
    if (i + 1 < count) put(" ");
  }
  if (!bare) put("\n");
  return finish("echo");
}

/** What else these two are told is nothing to them. */
export function succeed(argument: i32): i32 {
  begin("true");
  return 0;
}
export function fail(argument: i32): i32 {
  return begin("false") ? 1 : 0;
}

const STEP_NS = 1_000_000_000;

/** Seconds, with a fraction if need be. */
export function sleep(argument: i32): i32 {
  const usage = "sleep SECONDS";
  const count = begin(usage);
  if (!count) return 0;
  const first = take_options(usage, count);
  if (first < 0) return 1;
  const ns = count == first + 1 ? nanoseconds(arg(first)) : -1;
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
