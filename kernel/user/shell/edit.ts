/**
 * Line editing on a terminal in raw mode: arrows, Home, End and Delete, ^A ^E ^U ^K ^W ^L ^C ^D, and a history.
 */
import { read } from "../lib";
import { flush, put, put_byte, put_bytes, put_number } from "../text";
import { LINE, LINE_SIZE } from "./words";

const KEY: usize = memory.data(1);
const ENTRY_SIZE = 128;
const ENTRIES = 8;
const HISTORY: usize = memory.data(ENTRY_SIZE * ENTRIES);
const PROMPT = "# ";
let entries = 0;
let length = 0;
let cursor = 0;
let shown = 0;

/** Reads a line into LINE; -1 at the end of input. */
export function edit_line(): i32 {
  length = cursor = 0;
  let place = entries;
  redraw();
  while (true) {
    const key = read_key();
    if (key < 0 || (key == 4 && length == 0)) return -1;
    if (key == 13 || key == 10) break;
    if (key == 3) {
      put("^C\n");
      length = cursor = shown = 0;
    } else if (key == UP || key == DOWN) place = recall(key == UP ? max(place - 1, 0) : min(place + 1, entries));
    else edit(key);
    redraw();
  }
  store<u8>(LINE + length, 0);
  put("\n");
  flush();
  shown = 0;
  remember();
  return length;
}

const UP = 256;
const DOWN = 257;
const RIGHT = 258;
const LEFT = 259;
const DELETE = 260;

/** A byte, or a key that came as ESC [ and a letter, or ESC [ number ~; 0 for one that means nothing, -1 at the end. */
function read_key(): i32 {
  if (read(0, KEY, 1) != 1) return -1;
  if (load<u8>(KEY) != 27) return load<u8>(KEY);
  if (read(0, KEY, 1) != 1 || load<u8>(KEY) != 91 || read(0, KEY, 1) != 1) return 0;
  const letter = <i32>load<u8>(KEY);
  if (letter == 72) return 1; // Home
  if (letter == 70) return 5; // End
  if (letter >= 48 && letter <= 57) return numbered_key(letter - 48);
  return letter >= 65 && letter <= 68 ? UP + letter - 65 : 0;
}

/** The rest of ESC [ number ~, whose first digit is there. */
function numbered_key(digit: i32): i32 {
  let number = digit;
  while (read(0, KEY, 1) == 1 && load<u8>(KEY) != 126) number = number * 10 + <i32>load<u8>(KEY) - 48;
  if (number == 1 || number == 7) return 1; // Home
  if (number == 4 || number == 8) return 5; // End
  return number == 3 ? DELETE : 0;
}

/** Where the word in front of the cursor begins. */
function word_start(): i32 {
  let at = cursor;
  while (at > 0 && load<u8>(LINE + at - 1) == 32) at--;
  while (at > 0 && load<u8>(LINE + at - 1) != 32) at--;
  return at;
}

function edit(key: i32): void {
  if (key == LEFT || key == 2) cursor = max(cursor - 1, 0);
  else if (key == RIGHT || key == 6) cursor = min(cursor + 1, length);
  else if (key == 1) cursor = 0;
  else if (key == 5) cursor = length;
  else if (key == 11) length = cursor;
  else if (key == 21) remove(0, cursor);
  else if (key == 23) remove(word_start(), cursor);
  else if (key == 12) put("\x1b[H\x1b[2J");
  else if (key == DELETE && cursor < length) remove(cursor, cursor + 1);
  else if ((key == 8 || key == 127) && cursor) remove(cursor - 1, cursor);
  else if (key >= 32 && key < 256 && key != 127 && length < LINE_SIZE - 1) {
    memory.copy(LINE + cursor + 1, LINE + cursor, length - cursor);
    store<u8>(LINE + cursor, <u8>key);
    cursor++;
    length++;
  }
}

function remove(from: i32, to: i32): void {
  memory.copy(LINE + from, LINE + to, length - to);
  length -= to - from;
  cursor = from;
}

/** Puts entry `place` into the line, an empty one behind the last; gives `place`. */
function recall(place: i32): i32 {
  const entry = HISTORY + place * ENTRY_SIZE;
  length = 0;
  if (place < entries) for (; load<u8>(entry + length); length++) store<u8>(LINE + length, load<u8>(entry + length));
  cursor = length;
  return place;
}

/** Keeps the line, if it is not empty and not too long; the oldest entry goes. */
function remember(): void {
  if (length == 0 || length >= ENTRY_SIZE) return;
  if (entries == ENTRIES) memory.copy(HISTORY, HISTORY + ENTRY_SIZE, ENTRY_SIZE * --entries);
  memory.copy(HISTORY + entries * ENTRY_SIZE, LINE, length + 1);
  entries++;
}

/** Writes prompt and line anew, and puts the cursor where it belongs. */
function redraw(): void {
  put_byte(13);
  put(PROMPT);
  put_bytes(LINE, length);
  for (let i = length; i < shown; i++) put_byte(32);
  put_byte(13);
  put("\x1b[");
  put_number(cursor + 2);
  put("C");
  flush();
  shown = length;
}
