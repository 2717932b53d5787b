/**
 * events/GROUP/NAME below /sys/kernel/tracing: a directory per event.
 *
 *   enable  0640  1: its calls are recorded
 *   id      0440  its number, which its records have
 *
 * The subject of both is that number. A group's directory goes with its last event.
 */
import { EINVAL, ENODEV, S_IFDIR } from "../abi";
import { add_attribute, add_text } from "../fs/attributes";
import { FILE_DIRECTORY } from "../fs/handle";
import { Inode, failed, find_child, tree } from "../fs/inode";
import { make_named, put_inode, remove_tree } from "../fs/lifetime";
import { directory_at } from "../fs/sysfs";
import { parse_bool, put_number, put_text, trimmed } from "../lib/text";
import { spin_lock, spin_unlock } from "../lock/spinlock";
import { tracing_lock, tracing_unlock } from "./control";
import { EVENT_GROUP, EVENT_OWN_NAME, event_numbered, part_at, part_length } from "./event_names";
import { set_event } from "./event_slots";
import { Probe } from "./probe";

const DIRECTORY_MODE = S_IFDIR | 0o750;

/** 0 for an inode that is one. */
@inline function errno_of(inode: Inode): i32 {
  return failed(inode) ? <i32>changetype<usize>(inode) : 0;
}

/** 0 or -errno; the mutex is held, so groups come and go one at a time. */
@notrace @sleeps export function add_event_files(probe: Probe): i32 {
  const all = directory_at("/sys/kernel/tracing/events");
  if (failed(all)) return errno_of(all);
  let group = child_of(all, probe.names, EVENT_GROUP);
  if (!changetype<usize>(group)) group = make_part(all, probe.names, EVENT_GROUP);
  put_inode(all);
  if (failed(group)) return errno_of(group);
  const directory = make_part(group, probe.names, EVENT_OWN_NAME);
  if (failed(directory)) {
    if (!changetype<usize>(group.first)) remove_tree(group);
    return errno_of(directory);
  }
  probe.directory = changetype<usize>(directory);
  const enable = add_attribute(directory, "enable", 0o640, show_enable, store_enable, probe.index);
  const id = add_text(directory, "id", 0o440, show_id, probe.index);
  return failed(enable) ? errno_of(enable) : errno_of(id);
}

/** Takes them away; who has one open finds it removed. */
@notrace export function remove_event_files(probe: Probe): void {
  const directory = changetype<Inode>(probe.directory);
  if (!changetype<usize>(directory)) return;
  const group = directory.parent;
  remove_tree(directory);
  if (!changetype<usize>(group.first)) remove_tree(group);
  probe.directory = 0;
}

@notrace function child_of(parent: Inode, names: usize, part: i32): Inode {
  spin_lock(tree());
  const child = find_child(parent, part_at(names, part), part_length(names, part));
  spin_unlock(tree());
  return child;
}

@notrace function make_part(parent: Inode, names: usize, part: i32): Inode {
  return make_named(parent, part_at(names, part), part_length(names, part), parent.fs, FILE_DIRECTORY, DIRECTORY_MODE);
}

@notrace function show_enable(at: usize, limit: usize, id: i32): usize {
  tracing_lock();
  const probe = event_numbered(id);
  const on = changetype<usize>(probe) && probe.armed;
  tracing_unlock();
  return put_text(at, on ? "1\n" : "0\n");
}

@notrace function store_enable(id: i32, text: usize, length: i32): i32 {
  const on = parse_bool(text, trimmed(text, length));
  if (on < 0) return -EINVAL;
  tracing_lock();
  const probe = event_numbered(id);
  const result = changetype<usize>(probe) ? set_event(probe, on != 0) : -ENODEV;
  tracing_unlock();
  return result ? result : length;
}

@notrace function show_id(at: usize, limit: usize, id: i32): usize {
  return put_text(put_number(at, id), "\n");
}
