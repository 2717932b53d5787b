/**
 * /sys/kernel/tracing: the tree that the tracers' files hang in.
 *
 *   rows of files.ts, trace, trace_pipe
 *   events/                                            a directory per event: event_files.ts
 *   per_cpu/cpuN/{trace,trace_pipe,stats,buffer_size_kb}
 */
import { S_IFDIR, S_IFREG } from "../abi";
import { add_attribute, add_directory, add_text, set_clear } from "../fs/attributes";
import { FILE_TRACE } from "../fs/handle";
import { Inode, failed } from "../fs/inode";
import { make_inode, put_inode } from "../fs/lifetime";
import { symbol_text_order } from "../fs/symbols";
import { add_numbered, directory_at } from "../fs/sysfs";
import { MACHINE, MACHINE_CPUS } from "../layout";
import { EVENT_SIZE } from "../records";
import { put_number, put_text } from "../lib/text";
import { clear_trace, show_size, tracing_clear, tracing_files, tracing_mode, tracing_name, tracing_show, tracing_store } from "./files";
import { ALL_CPUS } from "./reader";
import { ring_first, ring_head, ring_of, ring_overrun } from "./ring";
import { STREAM_TAKES } from "./stream";

/** Only root looks at a trace. */
const PRIVATE = 0o700;

/** Fills the directory, at the end of boot. */
@sleeps export function tracefs_init(): void {
  const root = directory_at("/sys/kernel/tracing");
  if (failed(root)) return;
  root.mode = S_IFDIR | PRIVATE;
  for (let row = 0; row < tracing_files(); row++) {
    const file = add_attribute(root, tracing_name(row), tracing_mode(row), show_row, store_row, row);
    if (failed(file)) continue;
    file.order = symbol_text_order(); // it may name every function
    set_clear(file, tracing_clear);
  }
  add_streams(root, ALL_CPUS);
  add_directory(root, "events");
  const each = add_directory(root, "per_cpu");
  for (let cpu = 0; cpu < load<i32>(MACHINE, MACHINE_CPUS) && !failed(each); cpu++) {
    const one = add_numbered(each, "cpu", cpu);
    if (failed(one)) continue;
    add_streams(one, cpu);
    add_text(one, "stats", 0o440, show_stats, cpu);
    add_text(one, "buffer_size_kb", 0o440, show_size, cpu);
  }
  put_inode(root);
}

@sleeps function add_streams(directory: Inode, cpu: i32): void {
  const trace = add_stream(directory, "trace", 0o640, cpu + 1);
  set_clear(trace, clear_stream);
  add_stream(directory, "trace_pipe", 0o440, (cpu + 1) | STREAM_TAKES);
}

function add_stream(directory: Inode, name: string, mode: i32, subject: i32): Inode {
  const inode = make_inode(directory, name, directory.fs, FILE_TRACE, S_IFREG | mode);
  if (!failed(inode)) inode.subject = subject;
  return inode;
}

function clear_stream(subject: i32): i32 {
  clear_trace(subject - 1);
  return 0;
}

@sleeps function show_row(at: usize, limit: usize, row: i32): usize {
  return tracing_show(row, at, limit);
}
@sleeps function store_row(row: i32, text: usize, length: i32): i32 {
  return tracing_store(row, text, length);
}

/** What a ring holds, and what it has lost. */
function show_stats(at: usize, limit: usize, cpu: i32): usize {
  const ring = ring_of(cpu);
  const entries = ring_head(ring) - ring_first(ring);
  at = put_text(put_number(put_text(at, "entries: "), entries), "\n");
  at = put_text(put_number(put_text(at, "overrun: "), ring_overrun(ring)), "\n");
  return put_text(put_number(put_text(at, "bytes: "), entries * EVENT_SIZE), "\n");
}
