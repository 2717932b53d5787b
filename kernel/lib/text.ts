/**
 * Bytes and decimal numbers into memory, for log lines and procfs files.
 *
 * A cursor is an address; each verb writes at it and gives the address behind what it wrote. Callers own the room:
 * a number takes at most 20 bytes. Kernel strings are AssemblyScript literals: UTF-16 static data, ASCII by rule.
 */

/** Length in characters of a literal; its byte count is the word before the text. */
@inline export function literal_length(text: string): i32 {
  return <i32>(load<u32>(changetype<usize>(text) - 4) >> 1);
}

/** One character of a literal. */
@inline export function literal_char(text: string, place: i32): u8 {
  return load<u8>(changetype<usize>(text) + (<usize>place << 1));
}

/** Writes the ASCII text of `text` at `at`. */
@notrace export function put_text(at: usize, text: string): usize {
  const from = changetype<usize>(text);
  const length = literal_length(text);
  for (let i = 0; i < length; i++) store<u8>(at + i, load<u8>(from + (i << 1)));
  return at + length;
}

/** Writes `length` bytes from `from`. */
@notrace export function put_bytes(at: usize, from: usize, length: i32): usize {
  memory.copy(at, from, length);
  return at + length;
}

/** Writes bytes up to a zero, at most `most`. */
@notrace export function put_zero_ended(at: usize, from: usize, most: i32): usize {
  let length = 0;
  while (length < most && load<u8>(from + length)) length++;
  return put_bytes(at, from, length);
}

/** Writes `value` in decimal. */
@notrace export function put_number(at: usize, value: i64): usize {
  let rest: u64 = value < 0 ? <u64>-value : <u64>value;
  if (value < 0) store<u8>(at++, 45); // '-'
  let digits = 1;
  for (let limit: u64 = 10; digits < 20 && rest >= limit; digits++) limit *= 10;
  for (let i = digits - 1; i >= 0; i--) {
    store<u8>(at + i, 48 + <u8>(rest % 10));
    rest /= 10;
  }
  return at + digits;
}

/** Writes `value` in decimal, right-aligned in `width` columns filled with `fill`. */
@notrace export function put_padded(at: usize, value: i64, width: i32, fill: u8): usize {
  let digits = value < 0 ? 2 : 1;
  for (let rest = value < 0 ? -value : value; rest >= 10; rest /= 10) digits++;
  for (; digits < width; width--) store<u8>(at++, fill);
  return put_number(at, value);
}

/** Writes `value` in hexadecimal without prefix. */
@notrace export function put_hex(at: usize, value: u32): usize {
  let digits = 1;
  for (let rest = value >> 4; rest != 0; rest >>= 4) digits++;
  for (let i = digits - 1; i >= 0; i--) {
    const digit = value & 15;
    store<u8>(at + i, <u8>(digit < 10 ? 48 + digit : 87 + digit));
    value >>= 4;
  }
  return at + digits;
}

/** Whether the `length` bytes at `at` spell `text`. */
@notrace export function spells(at: usize, length: i32, text: string): bool {
  if (literal_length(text) != length) return false;
  const from = changetype<usize>(text);
  for (let i = 0; i < length; i++) {
    if (load<u8>(at + i) != load<u8>(from + (i << 1))) return false;
  }
  return true;
}

/** The decimal number that the `length` bytes at `at` spell, or -1. */
@notrace export function parse_number(at: usize, length: i32): i32 {
  if (length < 1 || length > 9) return -1;
  let value = 0;
  for (let i = 0; i < length; i++) {
    const digit = <i32>load<u8>(at + i) - 48;
    if (<u32>digit > 9) return -1;
    value = value * 10 + digit;
  }
  return value;
}

/** What kstrtobool() makes of a text: 1 for y, Y, t, T, 1 and on, 0 for n, N, f, F, 0 and off, else -1. */
@notrace export function parse_bool(at: usize, length: i32): i32 {
  if (length < 1) return -1;
  const first = load<u8>(at) | 32;
  if (first == 121 || first == 116 || load<u8>(at) == 49) return 1; // y t 1
  if (first == 110 || first == 102 || load<u8>(at) == 48) return 0; // n f 0
  const second = first == 111 && length > 1 ? load<u8>(at + 1) | 32 : 0; // o
  return second == 110 ? 1 : second == 102 ? 0 : -1;
}

/** Writes `value` in hexadecimal, in `width` columns filled with zeros. */
@notrace export function put_hex_padded(at: usize, value: u32, width: i32): usize {
  for (let shift = (width - 1) << 2; shift >= 0; shift -= 4) {
    const digit = (value >> shift) & 15;
    store<u8>(at++, <u8>(digit < 10 ? 48 + digit : 87 + digit));
  }
  return at;
}

/** Length of a line without the newline and the spaces that end it. */
@notrace export function trimmed(at: usize, length: i32): i32 {
  while (length > 0 && load<u8>(at + length - 1) <= 32) length--;
  return length;
}
