/**
 * The live patcher's shared words: which transition runs, how far it is.
 *
 *   phase      set by        what is true                                          legal next
 *   IDLE       livepatchd    every slot of every CPU holds what func_stack says     MARKING
 *   MARKING    livepatchd    tasks are being marked; nobody may flip                STUBS
 *   STUBS      livepatchd    CPUs put slow stubs into their tables                  FLIP
 *   FLIP       livepatchd    every CPU has them: marked tasks flip at boundaries    SETTLE
 *   SETTLE     livepatchd    nobody flips; old frames are looked for                IDLE, FLIP
 */
import { KLP, KLP_MUTEX, KLP_STATE } from "../layout";
import { SpinLock } from "../lock/spinlock";
import { ListNode } from "../lib/list";
import { Task } from "../sched/task";

export const PHASE_IDLE = 0;
export const PHASE_MARKING = 1;
export const PHASE_STUBS = 2;
export const PHASE_FLIP = 3;
export const PHASE_SETTLE = 4;

export const ASK_NOTHING = 0;
export const ASK_REVERSE = 1;
export const ASK_FORCE = 2;

/** The lock and list are a wait queue: livepatchd's. The other fields are livepatchd's own unless they say atomic. */
@unmanaged
export class KlpState extends SpinLock {
  queue_next: ListNode;
  queue_prev: ListNode;
  /** PHASE_*; atomic. */
  phase: i32;
  /** Tasks still marked; atomic. */
  remaining: i32;
  /** Patch of the running request, and what is asked; written by hostd while `request` is 0. */
  request: i32; // MAIL_OP_KLP_ENABLE, _DISABLE or _UNLOAD, or 0; atomic
  patch: i32;
  /** Result of the last request: 0 or -errno. */
  result: i32;
  /** Number of the running scan of all stacks; atomic. */
  generation: i32;
  /** Version trace: address of the ring (TRACE_* in layout.ts), or 0; atomic. */
  ring: usize;
  /** A stop: table index of what the last CPU runs, whether that looks at stacks, and what it gave. */
  action: i32;
  stacks: bool;
  outcome: i32;
  /** livepatchd, which whoever ends a wait of its wakes up; written once at boot. */
  thread: Task;
  /** Number plus one of the patch that is being unloaded, or 0; and whether a scan met a frame of it. */
  leaving: i32;
  found: i32;
  /** 1 from when the interrupts of CPUs move to the next transition; what a CPU that comes is born with. */
  interrupts_moved: i32;
  /** How often the wanted trace stubs were changed, and up to which change the tables follow; atomic. */
  trace_asked: i32;
  traced: i32;
  /** How often a patch was enabled since boot; written by the holder of klp_lock(). */
  enablings: i32;
  /** What is to be done with a module's patch, ASIDE_*, or 0; atomic. Its result, written before it is ASIDE_DONE. */
  aside: i32;
  aside_result: i32;
  /** ASK_*: what the running transition is to do besides, until livepatchd has done it; atomic, written by the holder of klp_lock(). */
  asked: i32;
  /** 1 while the running request goes back where it came from. */
  reversed: i32;
}
if (KLP_STATE + <i32>offsetof<KlpState>() > KLP_MUTEX) ERROR("KlpState no longer fits layout.ts");

@inline export function klp(): KlpState {
  return changetype<KlpState>(<usize>(KLP + KLP_STATE));
}
@inline export function phase(): i32 {
  return atomic.load<i32>(KLP + KLP_STATE, offsetof<KlpState>("phase"));
}
@inline export function set_phase(to: i32): void {
  atomic.store<i32>(KLP + KLP_STATE, to, offsetof<KlpState>("phase"));
}
