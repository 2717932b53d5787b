/**
 * Command lines: `--help`, options of one letter, and what is said of those that there are not.
 *
 * A usage begins with the program's name. Options stand in front of the operands; `--` ends them, and `-` is an operand.
 */
import { arg, args, parse } from "./process";
import { begin_error, end_error, flush, put, put_byte, put_zero_ended, same } from "./text";

const DASH: u8 = 45;
const COLON = 58;
const MISUSED = 2;

/** Bit k: letter k of those that take_options() was given. */
let chosen = 0;
/** What stands behind the letter that takes a value, or 0. */
export let option_value: usize = 0;
/** What a program ends with that takes_number() has answered for. */
export let answered = 0;

/** Fetches the arguments; the number of them, or 0 when what was asked for was `usage`, which it writes. */
export function begin(usage: string): i32 {
  const count = args();
  if (count < 2 || !same(arg(1), "--help")) return max(count, 1); // who was started with a number has no command line
  put("usage: ");
  put(usage);
  put("\n");
  flush();
  return 0;
}

/** Writes `usage` on standard error; gives 2. */
export function misused(usage: string): i32 {
  begin_error();
  put("usage: ");
  put(usage);
  end_error();
  return MISUSED;
}

/**
 * Takes the options among `letters`, one with a colon behind it with a value. Gives the index of the first operand, or -1
 * when it has named an option that there is not.
 */
export function take_options(usage: string, count: i32, letters: string = ""): i32 {
  chosen = 0;
  option_value = 0;
  for (let i = 1; i < count; i++) {
    const word = arg(i);
    if (load<u8>(word) != DASH || !load<u8>(word + 1)) return i;
    if (same(word, "--")) return i + 1;
    if (load<u8>(word + 1) == DASH) return refuse_option(usage, word, 0);
    for (let at = word + 1; load<u8>(at); at++) {
      const place = place_of(load<u8>(at), letters);
      if (place < 0) return refuse_option(usage, word, load<u8>(at));
      chosen |= 1 << place;
      if (place + 1 == letters.length || letters.charCodeAt(place + 1) != COLON) continue;
      if (!load<u8>(at + 1) && i + 1 == count) return refuse_option(usage, word, load<u8>(at));
      option_value = load<u8>(at + 1) ? at + 1 : arg(++i);
      break;
    }
  }
  return count;
}

/** Whether the option at `place` of the letters was there. */
export function has_option(place: i32): bool {
  return (chosen & (1 << place)) != 0;
}

function place_of(letter: u8, letters: string): i32 {
  for (let i = 0; i < letters.length; i++) if (letter != COLON && letters.charCodeAt(i) == letter) return i;
  return -1;
}

/** Names a long option, or the `letter` of a short one, in the words of getopt(); gives -1. */
export function refuse_option(usage: string, word: usize, letter: u8): i32 {
  begin_error();
  put_name(usage);
  if (letter) {
    put(": invalid option -- '");
    put_byte(letter);
  } else {
    put(": unrecognized option '");
    put_zero_ended(word);
  }
  put("'\nusage: ");
  put(usage);
  end_error();
  return -1;
}

function put_name(usage: string): void {
  for (let i = 0; i < usage.length && usage.charCodeAt(i) != 32; i++) put_byte(<u8>usage.charCodeAt(i));
}

/** For programs that take a number at most: false when there is no more to do, because `answered` is their status. */
export function takes_number(usage: string): bool {
  const count = begin(usage);
  answered = count ? MISUSED : 0;
  if (!count || take_options(usage, count) < 0) return false;
  if (count < 2 || (count == 2 && parse(arg(1)) >= 0)) return true;
  misused(usage);
  return false;
}
