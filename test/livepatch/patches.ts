/** The patches of these tests: each changes a few functions in a way that shows, or in a way that does not matter. */
import type { Edits } from "../patch-image.ts";

/** Two functions that one read() calls in turn; neither sleeps. They do what they did. */
export const PAIR: Edits = {
  "fs/file.ts": [
    [
      "export function get_file(file: File): void {",
      "export function get_file(file: File): void {\n  if (!file.references) return;",
    ],
  ],
  "fs/pipe.ts": [
    [
      "function take_bytes(pipe: Pipe, to: usize, length: i32): i32 {",
      "function take_bytes(pipe: Pipe, to: usize, length: i32): i32 {\n  if (length < 0) return -EFAULT;",
    ],
  ],
};

/** A function that tasks sleep in, and another that it calls before and after. They do what they did. */
export const SLEEPY: Edits = {
  "fs/pipe.ts": [
    [
      "  if (length == 0) return 0;\n  if (!user_range(to, length)) return -EFAULT;",
      "  if (length <= 0) return 0;\n  if (!user_range(to, length)) return -EFAULT;",
    ],
    [
      "function take_bytes(pipe: Pipe, to: usize, length: i32): i32 {",
      "function take_bytes(pipe: Pipe, to: usize, length: i32): i32 {\n  if (length < 0) return -EFAULT;",
    ],
  ],
};

/** PAIR's second function once more, to lie on top of it. */
export const TOP: Edits = {
  "fs/pipe.ts": [
    [
      "function take_bytes(pipe: Pipe, to: usize, length: i32): i32 {",
      "function take_bytes(pipe: Pipe, to: usize, length: i32): i32 {\n  if (length > 1 << 30) return -EFAULT;",
    ],
  ],
};

/** A sleep that has passed gives 7 instead of 0: whoever sleeps sees which version woke up. */
export const NAP: Edits = {
  "sys/process_calls.ts": [
    [
      "-ERESTART ? until : 0; // made again, it ends when the first call would have\n  return result;",
      "-ERESTART ? until : 0;\n  return result == 0 ? 7 : result;",
    ],
  ],
};

/** The same function, doing what it did. */
export const SAME_NAP: Edits = {
  "sys/process_calls.ts": [
    ["  if (ns < 0) return -EINVAL;", "  if (ns <= -1) return -EINVAL;\n  if (ns > 1 << 30) count(0, 0);"],
    [
      'import { clock_ns } from "../cpu/clock";',
      'import { clock_ns } from "../cpu/clock";\nimport { count } from "../cpu/percpu";',
    ],
  ],
};

/** What every sleeping task, and every preempted one, is inside of. They do what they did. */
export const SCHEDULE: Edits = {
  "sched/core.ts": [
    ["  might_sleep();\n  switch_task(false);", "  might_sleep();\n  if (current().pid >= 0) switch_task(false);"],
    [
      "  count(COUNTER_PREEMPTIONS);\n  switch_task(true);",
      "  if (current().pid >= 0) count(COUNTER_PREEMPTIONS);\n  switch_task(true);",
    ],
  ],
};

/** A kernel thread's main loop, whose frame is always on a stack: one call more, so that frames of both differ. */
export const IRQD: Edits = {
  "process/device.ts": [
    [
      "  for (let cpu = 0; !kthread_should_stop(); ) {\n    prepare_to_wait(device(), TASK_INTERRUPTIBLE);",
      "  for (let cpu = 0; !kthread_should_stop(); ) {\n    const round = argument++;\n    if (round == -1) schedule();\n    prepare_to_wait(device(), TASK_INTERRUPTIBLE);",
    ],
    ["    queue_work_on(cpu, device_work());", "    if (round >= 0) queue_work_on(cpu, device_work());"],
  ],
};

/** What a sleep begins and ends with. They do what they did. */
export const TIMERS: Edits = {
  "sched/timer.ts": [
    [
      "export function timer_start(timer: Timer, expires: f64): void {",
      "export function timer_start(timer: Timer, expires: f64): void {\n  if (expires < -1) return;",
    ],
    [
      "export function timer_cancel(timer: Timer): bool {",
      "export function timer_cancel(timer: Timer): bool {\n  if (!changetype<usize>(timer)) return false;",
    ],
  ],
};

/** What the pulse's interrupt calls, and what its tasklet calls behind it. They do what they did. */
export const PULSE: Edits = {
  "process/device.ts": [
    [
      "function pulse_interrupt(line: i32, device: usize): i32 {",
      "function pulse_interrupt(line: i32, device: usize): i32 {\n  if (!line) return IRQ_HANDLED;",
    ],
    ["function note_pulse(): void {", "function note_pulse(): void {\n  if (load<i32>(DEVICE) == -77) return;"],
    [
      "function pulse_tasklet(argument: i32): void {",
      "function pulse_tasklet(argument: i32): void {\n  if (argument) return;",
    ],
    ["function wake_irqd(): void {", "function wake_irqd(): void {\n  if (load<i32>(DEVICE) == -77) return;"],
  ],
};

/** A live patch with a bug: a write to /dev/full divides by zero. */
export const FAULTY: Edits = {
  "fs/devices.ts": [
    [
      "export function full_write(file: File, from: usize, length: i32): i32 {\n  return -ENOSPC;",
      "export function full_write(file: File, from: usize, length: i32): i32 {\n  return length / (file.position as i32);",
    ],
  ],
};
