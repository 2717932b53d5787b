/**
 * What the shell knows: variables, the last status, whether somebody watches.
 */
import { length_of } from "../text";

const VARIABLES: usize = memory.data(512);
const VARIABLES_SIZE = 512;
let variables_end = 0;

/** `$?` */
export let last_status = 0;
/** `$!`: the last background job. */
export let background = 0;
/** Somebody types: prompt, process groups, terminal modes. */
export let interactive = false;

export function set_status(status: i32): void {
  last_status = status;
}
export function set_background(pid: i32): void {
  background = pid;
}
export function set_interactive(on: bool): void {
  interactive = on;
}

/** Length of the name that begins at `at`: letters, digits, underscores. */
export function name_length(at: usize): i32 {
  let length = 0;
  for (; is_name_byte(load<u8>(at + length), length > 0); length++) continue;
  return length;
}

function is_name_byte(byte: u8, digits: bool): bool {
  const lower = byte | 32;
  return (lower >= 97 && lower <= 122) || byte == 95 || (digits && byte >= 48 && byte <= 57);
}

/** Address of a variable's value, 0 without. */
export function variable(name: usize, length: i32): usize {
  const entry = find(name, length);
  return entry < 0 ? 0 : VARIABLES + entry + length + 1;
}

/** Offset of `name=value`, or -1. */
function find(name: usize, length: i32): i32 {
  for (let at = 0; at < variables_end; at += length_of(VARIABLES + at) + 1) {
    if (load<u8>(VARIABLES + at + length) == 61 && memory.compare(VARIABLES + at, name, length) == 0) return at;
  }
  return -1;
}

/** Remembers the `name=value` at `text`; false when there is no room. */
export function assign(text: usize): bool {
  const old = find(text, name_length(text));
  if (old >= 0) {
    const size = length_of(VARIABLES + old) + 1;
    memory.copy(VARIABLES + old, VARIABLES + old + size, variables_end - old - size);
    variables_end -= size;
  }
  const length = length_of(text) + 1;
  if (variables_end + length > VARIABLES_SIZE) return false;
  memory.copy(VARIABLES + variables_end, text, length);
  variables_end += length;
  return true;
}
