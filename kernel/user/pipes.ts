/**
 * A writer and a reader with a pipe between them; the bytes count up, so that a lost or a doubled one shows.
 */
import { BUFFER, close, pipe, read, spawn, write } from "./lib";
import { answered, takes_number } from "./options";

const FDS: usize = memory.data(8);

/** Writes chunks of different sizes for ever. `argument` is where the sizes start. */
export function pipes(argument: i32): i32 {
  if (!takes_number("pipes [SIZE]")) return answered;
  if (pipe(FDS) != 0) return 1;
  const input = load<i32>(FDS);
  const output = load<i32>(FDS, 4);
  if (spawn("pipe_reader", input) < 0) return 1;
  close(input);
  let next: u8 = 0;
  let size = 1 + (argument & 511);
  while (true) {
    for (let i = 0; i < size; i++) store<u8>(BUFFER + i, next++);
    if (write(output, BUFFER, size) != size) return 1;
    size = (size * 5 + 3) & 1023;
  }
}

/** Reads from descriptor `input` and checks that the bytes count up; ends with the writer. */
export function pipe_reader(input: i32): i32 {
  if (!takes_number("pipe_reader DESCRIPTOR")) return answered;
  close(input + 1); // the writer's end, inherited
  let next: u8 = 0;
  while (true) {
    const got = read(input, BUFFER, 1000);
    if (got <= 0) return got == 0 ? 0 : 1;
    for (let i = 0; i < got; i++) if (load<u8>(BUFFER + i) != next++) return 1;
  }
}
