/**
 * The host's tracing requests, as rows of hostd's table.
 */
import { EINVAL, ENOMEM } from "../abi";
import { MAILBOX, MAILBOX_SIZE } from "../layout";
import { spells } from "../lib/text";
import { clear_trace, tracing_clear, tracing_file, tracing_show, tracing_store } from "./files";
import { ALL_CPUS, Reader, reader_close, reader_open, reader_read } from "./reader";
import { tracing } from "./state";

/** File, a zero, what is written to it; `appends` leaves what was there. */
@notrace @sleeps export function trace_write(appends: i32, length: i32): i32 {
  let name = 0;
  while (name < length && load<u8>(MAILBOX + name)) name++;
  if (name == length) return -EINVAL;
  if (spells(MAILBOX, name, "trace")) {
    clear_trace(ALL_CPUS);
    return 0;
  }
  const row = tracing_file(MAILBOX, name);
  if (row < 0) return row;
  const refused = appends ? 0 : tracing_clear(row);
  if (refused) return refused;
  const bytes = length - name - 1;
  return bytes ? min(tracing_store(row, MAILBOX + name + 1, bytes), 0) : 0;
}

/** The next piece of a trace, or the whole of another file, which fits. */
@notrace @sleeps export function trace_read(further: i32, length: i32): i32 {
  const takes = spells(MAILBOX, length, "trace_pipe");
  if (takes || spells(MAILBOX, length, "trace")) return read_trace(further, takes);
  const row = tracing_file(MAILBOX, length);
  if (row < 0) return row;
  return further ? 0 : <i32>(tracing_show(row, MAILBOX, MAILBOX + MAILBOX_SIZE) - MAILBOX);
}

@notrace function read_trace(further: i32, takes: bool): i32 {
  if (!further) {
    if (tracing().host_reader) reader_close(changetype<Reader>(tracing().host_reader));
    tracing().host_reader = changetype<usize>(reader_open(ALL_CPUS, takes));
  }
  const reader = changetype<Reader>(tracing().host_reader);
  if (!changetype<usize>(reader)) return further ? 0 : -ENOMEM;
  const bytes = <i32>(reader_read(reader, MAILBOX, MAILBOX + MAILBOX_SIZE) - MAILBOX);
  if (bytes) return bytes;
  reader_close(reader);
  tracing().host_reader = 0;
  return 0;
}
