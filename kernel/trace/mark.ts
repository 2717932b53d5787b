/**
 * trace_marker: text of users among the records, so that a trace says what they were doing.
 *
 *   [MARK] [MORE text] [MORE text] …     one behind the other in the ring of the CPU that wrote it
 */
import { EINVAL, ENOMEM } from "../abi";
import { EVENT_MARK, EVENT_MORE, EVENT_SIZE, EVENT_TEXT } from "../records";
import { clock_ns } from "../cpu/clock";
import { irq_disable, irq_enable } from "../cpu/irq";
import { need_rings, tracing_lock, tracing_unlock } from "./control";
import { ring_commit, ring_context, ring_reserve } from "./ring";
import { tracing } from "./state";

const PART = EVENT_SIZE - EVENT_TEXT;
/** Longest text; the rest is cut. */
const LONGEST = 1024;
const NEWLINE: u8 = 10;

/** Writes a marker, without the newline at its end: `length`, or -errno. */
@notrace export function mark_store(subject: i32, text: usize, length: i32): i32 {
  let bytes = min(length, LONGEST);
  if (bytes > 0 && load<u8>(text + bytes - 1) == NEWLINE) bytes--;
  if (length < 1) return -EINVAL;
  tracing_lock();
  const room = need_rings();
  if (room && tracing().on) put_mark(text, bytes);
  tracing_unlock();
  return room ? length : -ENOMEM;
}

/** All on one CPU: what could take the task to another has to wait. */
@notrace function put_mark(text: usize, length: i32): void {
  irq_disable();
  const time = clock_ns();
  const head = ring_reserve(EVENT_MARK, time);
  ring_context(head);
  ring_commit(head);
  for (let done = 0; done < length; done += PART) {
    const part = min(PART, length - done);
    const at = ring_reserve(EVENT_MORE, time);
    memory.fill(at + EVENT_TEXT, 0, PART);
    memory.copy(at + EVENT_TEXT, text + done, part);
    ring_commit(at);
  }
  irq_enable();
}
