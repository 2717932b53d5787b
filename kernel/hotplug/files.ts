/**
 * /sys/devices/system/cpu: which CPUs there are, and the files by which they come and go.
 *
 *   possible present online offline     lists as `0-2,5`
 *   hotplug/states                      the table of steps
 *   cpuN/online                         0 or 1; written, it takes the CPU down or brings it up
 *   cpuN/hotplug/state, fail            the step that it is at; a step to fail next, once
 */
import { EINVAL } from "../abi";
import { is_online } from "../cpu/present";
import { add_attribute, add_directory, add_text } from "../fs/attributes";
import { failed } from "../fs/inode";
import { put_inode } from "../fs/lifetime";
import { add_numbered, directory_at } from "../fs/sysfs";
import { MACHINE, MACHINE_CPUS } from "../layout";
import { parse_number, put_number, put_text, trimmed } from "../lib/text";
import { cpu_down, cpu_up } from "./control";
import { cpuhp_fail, cpuhp_failing, cpuhp_state, put_states } from "./states";

/** Which CPUs a list names. */
const ALL = 0;
const ONLINE = 1;
const OFFLINE = 2;

/** Fills the directory, at the end of boot. */
@sleeps export function hotplug_files(): void {
  const directory = directory_at("/sys/devices/system/cpu");
  if (failed(directory)) return;
  add_text(directory, "possible", 0o444, show_list, ALL);
  add_text(directory, "present", 0o444, show_list, ALL);
  add_text(directory, "online", 0o444, show_list, ONLINE);
  add_text(directory, "offline", 0o444, show_list, OFFLINE);
  add_text(add_directory(directory, "hotplug"), "states", 0o444, show_states, 0);
  for (let cpu = 0; cpu < load<i32>(MACHINE, MACHINE_CPUS); cpu++) {
    const one = add_numbered(directory, "cpu", cpu);
    if (failed(one)) continue;
    add_attribute(one, "online", 0o644, show_online, store_online, cpu);
    const hotplug = add_directory(one, "hotplug");
    if (failed(hotplug)) continue;
    add_text(hotplug, "state", 0o444, show_state, cpu);
    add_attribute(hotplug, "fail", 0o644, show_fail, store_fail, cpu);
  }
  put_inode(directory);
}

@notrace function is_in(cpu: i32, which: i32): bool {
  return cpu < load<i32>(MACHINE, MACHINE_CPUS) && (which == ALL || is_online(cpu) == (which == ONLINE));
}

function show_list(at: usize, limit: usize, which: i32): usize {
  let any = false;
  for (let cpu = 0; cpu < load<i32>(MACHINE, MACHINE_CPUS); cpu++) {
    if (!is_in(cpu, which)) continue;
    const first = cpu;
    while (is_in(cpu + 1, which)) cpu++;
    at = put_number(put_text(at, any ? "," : ""), first);
    if (cpu > first) at = put_number(put_text(at, "-"), cpu);
    any = true;
  }
  return put_text(at, "\n");
}

function show_online(at: usize, limit: usize, cpu: i32): usize {
  return put_text(at, is_online(cpu) ? "1\n" : "0\n");
}

/** Yes and no as Linux reads them: 1, y, t and on; 0, n, f and off. */
function store_online(cpu: i32, text: usize, length: i32): i32 {
  const wanted = truth(text, trimmed(text, length));
  if (wanted < 0) return -EINVAL;
  const result = wanted ? cpu_up(cpu) : cpu_down(cpu);
  return result ? result : length;
}

/** 1, 0, or -1 for neither. */
@notrace function truth(text: usize, length: i32): i32 {
  if (length < 1) return -1;
  const first = load<u8>(text) | LOWER;
  if (first == 0x31 || first == 0x79 || first == 0x74) return 1; // 1 y t
  if (first == 0x30 || first == 0x6e || first == 0x66) return 0; // 0 n f
  if (first != 0x6f || length < 2) return -1; // o
  const second = load<u8>(text + 1) | LOWER;
  return second == 0x6e ? 1 : second == 0x66 ? 0 : -1;
}
const LOWER: u8 = 32;

function show_states(at: usize, limit: usize, subject: i32): usize {
  return put_states(at);
}

function show_state(at: usize, limit: usize, cpu: i32): usize {
  return put_text(put_number(at, cpuhp_state(cpu)), "\n");
}

function show_fail(at: usize, limit: usize, cpu: i32): usize {
  return put_text(put_number(at, cpuhp_failing(cpu)), "\n");
}

function store_fail(cpu: i32, text: usize, length: i32): i32 {
  const result = cpuhp_fail(cpu, parse_number(text, trimmed(text, length)));
  return result ? result : length;
}
