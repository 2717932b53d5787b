/** A module with probes, for the tests of tracing: what it does is a bit each. */
import { EINVAL } from "../../kernel/abi";
import { clock_ns } from "../../kernel/cpu/clock";
import { pr_debug } from "../../kernel/lib/debug";
import { put_text } from "../../kernel/lib/text";
import { ANY_CPU, kthread_run, kthread_stop } from "../../kernel/process/kthread";
import { Task } from "../../kernel/sched/task";
import { sleep_until } from "../../kernel/sched/timer";
import { kprobe_hits, register_kprobe, register_redirector, unregister_kprobe } from "../../kernel/trace/kprobe";

export const MODULE_LICENSE = "MIT";

@param let mode: i32 = 0;
/** How often put_cmdline was called, as its probe knows. */
@param let seen: u32 = 0;

const WATCHES = 1;
const REDIRECTS = 2;
/** Leaves its probes behind. */
const FORGETS = 4;
/** Another redirector at the same function. */
const AGAIN = 8;
/** Stands in for a function that sleeps, and changes its mind while it does. */
const SLEEPS = 16;
/** Watches a function that there is not. */
const MISTAKEN = 32;
/** Stands in for a function of other parameters. */
const OTHER = 64;

let watching: i32 = -1;
let redirecting: i32 = -1;
let thread: Task = changetype<Task>(0);

export function init_module(): i32 {
  pr_debug("begins in mode %d", 0, mode);
  if (mode & MISTAKEN) return register_kprobe("put_nothing", count);
  if (mode & OTHER) return register_redirector("cpu_up", redirected_cmdline);
  if (mode & WATCHES) watching = register_kprobe("put_cmdline", count);
  if (mode & REDIRECTS) redirecting = register_redirector("put_cmdline", redirected_cmdline);
  if (mode & SLEEPS) redirecting = register_redirector("sys_nanosleep", long_nap);
  if (mode & AGAIN) return register_redirector("put_cmdline", redirected_cmdline);
  if (mode & WATCHES && watching < 0) return watching;
  if (mode & (REDIRECTS | SLEEPS) && redirecting < 0) return redirecting;
  if (mode & SLEEPS) thread = kthread_run(change_mind, 0, "change_mind", ANY_CPU);
  return 0;
}

export function cleanup_module(): void {
  pr_debug("had seen %d", 0, seen);
  if (mode & FORGETS) return;
  if (mode & SLEEPS) kthread_stop(thread);
  unregister_kprobe(watching);
  unregister_kprobe(redirecting);
}

function count(probe: i32): void {
  seen = kprobe_hits(probe);
}

function redirected_cmdline(at: usize, limit: usize, subject: i32): usize {
  return put_text(at, "redirected\n");
}

function long_nap(ns: i32, b: i32, c: i32): i32 {
  sleep_until(clock_ns() + 60000000);
  seen++;
  return -EINVAL; // what the function that it stands in for never says
}

function change_mind(argument: i32): i32 {
  sleep_until(clock_ns() + 30000000);
  unregister_kprobe(redirecting);
  redirecting = -1;
  return 0;
}
