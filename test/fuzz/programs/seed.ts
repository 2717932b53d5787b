/** Where a program's random numbers come from. */
import { random } from "../../../kernel/user/lib";

export const SEED: usize = memory.data(4);

/** Seeds that are near each other begin far apart. */
export function begin(seed: i32): void {
  store<u32>(SEED, <u32>seed * 2654435761 | 1);
  for (let i = 0; i < 8; i++) random(SEED, 2);
}
