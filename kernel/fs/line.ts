/**
 * The line discipline: what each typed byte means in canonical mode.
 *
 *   ^C ^\      SIGINT, SIGQUIT to the foreground group; the line is thrown away
 *   ^H DEL      takes the last byte back       ^U   takes the line back
 *   ^D          ends the line without a newline; at its start: end of file
 *   CR LF       end the line
 */
import { SIGINT, SIGQUIT, TTY_CANON, TTY_ECHO, TTY_SIGNALS } from "../abi";
import { PAGE_SIZE } from "../layout";
import { spin_lock, spin_unlock } from "../lock/spinlock";
import { raise_group } from "../sched/signal";
import { Tty, echo_byte, input_at } from "./tty_record";

const CTRL_C: u8 = 3;
const CTRL_D: u8 = 4;
const BACKSPACE: u8 = 8;
const NEWLINE: u8 = 10;
const RETURN: u8 = 13;
const CTRL_U: u8 = 21;
const CTRL_BACKSLASH: u8 = 28;
const DELETE: u8 = 127;
const SPACE: u8 = 32;

/** Takes one typed byte; false when there is no room for it. */
export function line_input(tty: Tty, byte: u8): bool {
  let signal = 0;
  let taken = true;
  spin_lock(tty);
  if (tty.mode & TTY_SIGNALS && (byte == CTRL_C || byte == CTRL_BACKSLASH)) {
    signal = byte == CTRL_C ? SIGINT : SIGQUIT;
    tty.typed = tty.ready;
    echo_control(tty, byte);
    echo(tty, NEWLINE);
  } else if (!(tty.mode & TTY_CANON)) {
    taken = append(tty, byte);
    tty.ready = tty.typed;
  } else taken = edit(tty, byte);
  const group = tty.foreground;
  spin_unlock(tty);
  if (signal && group) raise_group(group, signal);
  return taken;
}

@notrace function edit(tty: Tty, byte: u8): bool {
  if (byte == BACKSPACE || byte == DELETE) take_back(tty);
  else if (byte == CTRL_U) while (tty.typed != tty.ready) take_back(tty);
  else if (byte == CTRL_D) {
    if (tty.typed == tty.ready) tty.end_of_file = 1;
    tty.ready = tty.typed;
  } else {
    const end = byte == NEWLINE || byte == RETURN;
    // The last place is the newline's: a line that is too long can still be ended.
    if (!end && <i32>(tty.typed - tty.read) >= PAGE_SIZE - 1) return true;
    if (!append(tty, end ? NEWLINE : byte)) return false;
    if (end || byte >= SPACE) echo(tty, end ? NEWLINE : byte);
    else echo_control(tty, byte);
    if (end) tty.ready = tty.typed;
  }
  return true;
}

@notrace function append(tty: Tty, byte: u8): bool {
  if (<i32>(tty.typed - tty.read) >= PAGE_SIZE) return false;
  store<u8>(input_at(tty, tty.typed), byte);
  tty.typed += 1;
  return true;
}

@notrace function take_back(tty: Tty): void {
  if (tty.typed == tty.ready) return;
  tty.typed -= 1;
  const columns = load<u8>(input_at(tty, tty.typed)) < SPACE ? 2 : 1;
  for (let i = 0; i < columns; i++) {
    echo(tty, BACKSPACE);
    echo(tty, SPACE);
    echo(tty, BACKSPACE);
  }
}

@notrace function echo(tty: Tty, byte: u8): void {
  if (tty.mode & TTY_ECHO) echo_byte(tty, byte);
}

/** Shows a control character as ^ and its letter. */
@notrace function echo_control(tty: Tty, byte: u8): void {
  echo(tty, 94);
  echo(tty, byte + 64);
}
