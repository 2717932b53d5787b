/**
 * Patterns for names: `*` any characters, `?` one, `[a-z]` and `[!a-z]` one of a set; any other stands for itself.
 */
const STAR: u8 = 42;
const ANY: u8 = 63;
const SET: u8 = 91;
const SET_END: u8 = 93;
const NOT: u8 = 33;
const TO: u8 = 45;

/** Whether the bytes at `name` fit the pattern. Goes back to the last star at most, so it ends in good time. */
@notrace export function glob_match(pattern: usize, pattern_length: i32, name: usize, name_length: i32): bool {
  let p = 0;
  let n = 0;
  let star = -1;
  let starred = 0;
  while (n < name_length) {
    if (p < pattern_length && load<u8>(pattern + p) == STAR) {
      star = p++;
      starred = n;
      continue;
    }
    const taken = p < pattern_length ? one_matches(pattern + p, pattern_length - p, load<u8>(name + n)) : 0;
    if (taken) {
      p += taken;
      n++;
    } else if (star < 0) return false;
    else {
      p = star + 1;
      n = ++starred;
    }
  }
  while (p < pattern_length && load<u8>(pattern + p) == STAR) p++;
  return p == pattern_length;
}

/** Bytes of the pattern's next element when `char` fits it, or 0. */
@notrace function one_matches(pattern: usize, length: i32, char: u8): i32 {
  const first = load<u8>(pattern);
  if (first == ANY) return 1;
  const end = first == SET ? set_end(pattern, length) : 0;
  if (!end) return first == char ? 1 : 0; // a bracket that is never closed stands for itself
  const inverted = load<u8>(pattern + 1) == NOT;
  let found = false;
  for (let i = inverted ? 2 : 1; i < end; i++) {
    const from = load<u8>(pattern + i);
    if (i + 2 < end && load<u8>(pattern + i + 1) == TO) {
      i += 2;
      if (char >= from && char <= load<u8>(pattern + i)) found = true;
    } else if (char == from) found = true;
  }
  return found != inverted ? end + 1 : 0;
}

/** Where the set that begins the pattern is closed, or 0; a closing bracket in first place belongs to it. */
@notrace function set_end(pattern: usize, length: i32): i32 {
  let i = length > 1 && load<u8>(pattern + 1) == NOT ? 3 : 2;
  for (; i < length; i++) if (load<u8>(pattern + i) == SET_END) return i;
  return 0;
}
