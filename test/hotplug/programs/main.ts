/** A program that takes CPUs down and brings them back until it is killed. */
import { O_WRONLY } from "../../../kernel/abi";
import { BUFFER, ascii, close, open, random, write } from "../../../kernel/user/lib";

const SEED: usize = memory.data(4);
const PATH: usize = memory.data(64);
/** Where the CPU's digit stands in the path. */
const DIGIT = 27;
const ZERO: u8 = 48;

/** CPUs 1 to 3, one after the other as the seed has it. */
export function unplugger(seed: i32): i32 {
  store<u32>(SEED, <u32>seed * 2654435761 | 1);
  const length = ascii("/sys/devices/system/cpu/cpu0/online", PATH);
  while (length) {
    store<u8>(PATH + DIGIT, ZERO + <u8>(1 + random(SEED, 3)));
    const fd = open(PATH, length, O_WRONLY);
    store<u8>(BUFFER, ZERO + <u8>random(SEED, 2));
    write(fd, BUFFER, 1);
    close(fd);
  }
  return 0;
}
