/**
 * All events as text: kprobe_events, in lines that would make them again, and kprobe_profile, how often each was hit.
 */
import { MAX_PROBES } from "../layout";
import { put_padded, put_text } from "../lib/text";
import { tracing_lock, tracing_unlock } from "./control";
import { EVENT_GROUP, EVENT_MODULE, EVENT_NAMES_SIZE, EVENT_OWN_NAME, EVENT_SYMBOL, part_length, put_part } from "./event_names";
import { PROBE_EVENT, Probe, probe_at } from "./probe";
import { put_spaces } from "./print";

const SPACE: u8 = 32;
/** Room that a line may need. */
const LINE_ROOM = EVENT_NAMES_SIZE;
const NAME_COLUMNS = 44;
const NUMBER_COLUMNS = 15;

/** Lines that would make the events again. */
@notrace export function events_show(at: usize, limit: usize, subject: i32): usize {
  tracing_lock();
  for (let number = 0; number < MAX_PROBES && at + LINE_ROOM < limit; number++) {
    const probe = probe_at(number);
    if (probe.kind != PROBE_EVENT) continue;
    at = put_text(put_part(put_text(at, "p:"), probe.names, EVENT_GROUP), "/");
    at = put_text(put_part(at, probe.names, EVENT_OWN_NAME), " ");
    if (part_length(probe.names, EVENT_MODULE)) at = put_text(put_part(at, probe.names, EVENT_MODULE), ":");
    at = put_text(put_part(at, probe.names, EVENT_SYMBOL), "\n");
  }
  tracing_unlock();
  return at;
}

/** kprobe_profile: an event's name, how often it was hit, and how often it was not told. */
@notrace export function profile_show(at: usize, limit: usize, subject: i32): usize {
  tracing_lock();
  for (let number = 0; number < MAX_PROBES && at + LINE_ROOM < limit; number++) {
    const probe = probe_at(number);
    if (probe.kind != PROBE_EVENT) continue;
    const name = put_text(at, "  ");
    at = put_part(name, probe.names, EVENT_OWN_NAME);
    at = put_spaces(at, NAME_COLUMNS - <i32>(at - name));
    at = put_padded(put_text(at, " "), atomic.load<u32>(changetype<usize>(probe), offsetof<Probe>("hits")), NUMBER_COLUMNS, SPACE);
    at = put_padded(put_text(at, " "), atomic.load<u32>(changetype<usize>(probe), offsetof<Probe>("missed")), NUMBER_COLUMNS, SPACE);
    at = put_text(at, "\n");
  }
  tracing_unlock();
  return at;
}
