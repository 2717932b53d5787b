/** Random system calls: half of the arguments are such that a call gets somewhere, the others are not. */
import { SIGKILL, SYS_EXIT, SYS_SETUID } from "../../../kernel/abi";
import { BUFFER, BUFFER_SIZE, ascii, kill, random, raw, yield_cpu } from "../../../kernel/user/lib";
import { SEED, begin } from "./seed";

const ROUNDS = 400;
/** The numbers that there are, and a few more. */
const NUMBERS = 56;
const PATHS = 12;
const PATH: usize = memory.data(4200);
const OTHER_USER = 1000;

/** Ends by itself unless a call does not come back: then somebody has to kill it. */
export function calls(seed: i32): i32 {
  begin(seed);
  if (seed & 1) raw(SYS_SETUID, OTHER_USER, 0, 0);
  for (let round = 0; round < ROUNDS; round++) {
    const nr = random(SEED, NUMBERS) - 2;
    if (nr == SYS_EXIT) continue;
    const length = write_path();
    const a = random(SEED, 2) ? <i32>PATH : anything();
    const b = a == <i32>PATH && random(SEED, 4) ? length : anything();
    raw(nr, a, b, anything());
  }
  return 0;
}

/** Everybody else goes, and who was just being born. */
export function sweep(argument: i32): i32 {
  for (let round = 0; round < 1000 && kill(-1, SIGKILL) == 0; round++) yield_cpu();
  return 0;
}

/** A number, an address, a descriptor. */
function anything(): i32 {
  const kind = random(SEED, 8);
  if (kind < 3) return random(SEED, 20) - 2;
  if (kind == 3) return <i32>BUFFER + random(SEED, BUFFER_SIZE);
  if (kind == 4) return 1 << random(SEED, 32);
  if (kind == 5) return (1 << random(SEED, 32)) - 1;
  if (kind == 6) return random(SEED, 0x7fffffff);
  return ~random(SEED, 0x7fffffff);
}

function write_path(): i32 {
  const which = random(SEED, PATHS);
  if (which == 0) return ascii("/tmp/fuzz", PATH);
  if (which == 1) return ascii("/tmp/fuzz/deeper", PATH);
  if (which == 2) return ascii("..", PATH);
  if (which == 3) return ascii("/proc/self/stat", PATH);
  if (which == 4) return ascii("/proc/1/status", PATH);
  if (which == 5) return ascii("/dev/zero", PATH);
  if (which == 6) return ascii("/sys/devices/system/cpu/online", PATH);
  if (which == 7) return ascii("leaf", PATH);
  if (which == 8) return ascii("sleeper", PATH);
  if (which == 9) return ascii("fuzz", PATH);
  const length = random(SEED, 4200);
  for (let i = 0; i < length; i++) store<u8>(PATH + i, <u8>random(SEED, which == 10 ? 256 : 127));
  return length;
}
