/**
 * Where everything lives in shared memory.
 *
 * Kernel and host both import this file, so it keeps to what the two languages agree on: comments and
 * `export const NAME = <integers, the names above, + * - << |>`. Offsets and sizes are in bytes.
 * A word that somebody waits on is aligned, 32 bits wide, and alone on its cache line.
 * The boot handshake compares every name below with the kernel image and refuses one that differs.
 *
 *        0  null page: nothing lives here, so that a null pointer is found out
 *     1024  MACHINE   one block: configuration, clock, panic, mailbox state
 *     4096  MAILBOX   request and answer bytes between host and kernel
 *    12288  LOG       printk ring
 *    77824  PERCPU    one block per CPU
 *   339968  EMERGENCY one spill buffer per CPU for a stack that hit its end
 *   602112  KERNEL    shared records: allocator, run queues, timers, file system root
 *     then  STATIC    the kernel's static data, placed by the compiler, written once at boot
 *     then  symbol table, program table, user template (placed by the host), then the page allocator's memory
 */
export const WORD = 4;
export const CACHE_LINE = 64; // one CPU's words never share a line with another's
export const PAGE_SIZE = 4096;
export const MAX_CPUS = 64;

// ── MACHINE: one, written by the host before boot unless a line says otherwise ───────────────────
export const MACHINE = 1024;
export const MACHINE_CPUS = 0; // CPUs that exist
export const MACHINE_MEMORY = 4; // bytes of shared memory
export const MACHINE_SEED = 8; // of the kernel's random numbers
export const MACHINE_SYMBOLS = 12; // address of the symbol table; row 0 is unused
export const MACHINE_SYMBOL_COUNT = 16; // rows
export const MACHINE_USER_SYMBOLS = 20; // address of the user image's rows; row i is frame id USER_FRAME_IDS + i
export const MACHINE_USER_SYMBOL_COUNT = 24;
export const MACHINE_PROGRAMS = 28; // address of the program table
export const MACHINE_PROGRAM_COUNT = 32;
export const MACHINE_USER_TEMPLATE = 36; // address of the bytes every new window starts with
export const MACHINE_USER_TEMPLATE_BYTES = 40;
export const MACHINE_WINDOW_BYTES = 44; // size of a window; a power of two
export const MACHINE_HEAP = 48; // first byte that the page allocator owns
export const MACHINE_STRIDE = 52; // table slots per region: slots, originals, slow stubs, trace stubs
export const MACHINE_STACK_BYTES = 56; // of every task's saved stack
export const MACHINE_TICK_NS = 60; // period of the clock thread
export const MACHINE_STATE = 64; // STATE_*; written by host at boot and shutdown, by a panicking CPU
export const MACHINE_PANIC_CPU = 68; // CPU whose panic came first, plus one; compare-exchanged by the kernel
export const MACHINE_CLOCK_STOP = 128; // the clock thread waits on this word; non-zero ends it
export const MACHINE_DEVICE_HZ = 132; // device interrupts per second that the clock raises; the workload writes it
export const MACHINE_MAIL_STATE = 192; // MAIL_*; host waits on it, hostd's CPU is kicked for it
export const MACHINE_MAIL_OP = 196; // MAIL_OP_*
export const MACHINE_MAIL_ARG = 200;
export const MACHINE_MAIL_LENGTH = 204; // bytes in the mailbox
export const MACHINE_MAIL_STATUS = 208; // result or -errno
export const MACHINE_REAPABLE = 212; // counts exits of tasks that have a parent, and what a terminal other than the console has written; the host waits on it
export const MACHINE_STOP_GENERATION = 256; // grows with each stop that was decided; stopped CPUs wait on it
export const MACHINE_STOP_ACKS = 320; // CPUs that have yet to stop
export const MACHINE_STOP_LEFT = 324; // CPUs that have yet to leave the stop
export const MACHINE_KLP_SEQUENCE = 384; // grows with each step of live patching; the host waits on it
export const MACHINE_STOP_ASKED = 392; // f64 ns: when the last stop was asked for
export const MACHINE_STOP_DECIDED = 400; // f64 ns: when its last CPU was done
export const MACHINE_KGR_ASKED = 408; // f64 ns: when the last kGraft transition began to mark
export const MACHINE_KGR_FLIP = 416; // f64 ns: from then on tasks could move
export const MACHINE_KGR_OVER = 424; // f64 ns: when the last task moved; written by its CPU
export const MACHINE_KGR_DONE = 432; // f64 ns: when every slot was at rest again
export const MACHINE_METER = 440; // address of the CPUs' meters, or 0: nothing is recorded
export const MACHINE_SPARE_SLOTS = 444; // the first slot that no function of the kernel has; from there to the stride they are modules'
export const MACHINE_TTY_NEWS = 448; // grows when the console has written something; the host waits on it
export const MACHINE_CORES = 456; // cores of the computer; 0 on the stepped platform, where CPUs take turns
export const MACHINE_STEP = 460; // step of a transition, or 0: CPUs whose part is done wait on it for a moment where they share cores
export const MACHINE_SHARE = 464; // 1: the host shows a folder of its own as /host
export const MACHINE_DEBUG_LINES = 468; // address of DEBUG_ROW rows, and how many
export const MACHINE_DEBUG_LINE_COUNT = 472;
export const MACHINE_SIZE = 512;

// ── MAILBOX: bytes of the current request or answer ──────────────────────────────────────────────
export const MAILBOX = 4096;
export const MAILBOX_SIZE = 8192;

// ── LOG: printk ring; HEAD counts every byte ever written, the byte is at HEAD modulo LOG_SIZE ───
export const LOG = MAILBOX + MAILBOX_SIZE;
export const LOG_HEAD = 0; // atomic; read by the host
export const LOG_LOCK = 4; // guards the ring's bytes, and reports of several lines: CPU that has it plus one, or 0; atomic
export const LOG_TEXT = 64;
export const LOG_TEXT_SIZE = 65472; // 65536 less the header
export const LOG_SIZE = LOG_TEXT + LOG_TEXT_SIZE;

// ── PERCPU: one block per CPU; written by its own CPU unless a line says otherwise ───────────────
export const PERCPU = LOG + LOG_SIZE;
export const PERCPU_PENDING = 0; // PENDING_* bits; set by anyone, cleared by this CPU; it sleeps on this word
export const PERCPU_ATTENTION = 4; // ATTENTION_* bits; this CPU only; read together with PENDING in one load
export const PERCPU_SLEEPING = 64; // 1 while the host side waits on PENDING
export const PERCPU_IRQ_LINES = 68; // device lines raised; set by anyone, taken by this CPU
export const PERCPU_CALLS = 72; // head of the function-call queue; pushed by anyone, taken whole by this CPU
export const PERCPU_TICK_SENT = 80; // f64 ns; written by the clock while PENDING_TICK is clear
export const PERCPU_ID = 128;
export const PERCPU_CURRENT = 132; // address of the running task
export const PERCPU_IRQ_OFF = 136; // nesting depth of disabled interrupts
export const PERCPU_PREEMPT = 140; // nesting depth of disabled preemption
export const PERCPU_IN_IRQ = 144; // what runs on top of the task: bits of cpu/irq.ts
export const PERCPU_LOCKS_HELD = 148; // spin locks held
export const PERCPU_LAST_LOCK = 152; // the lock taken last, for reports
export const PERCPU_SPINNING_ON = 156; // lock that this CPU waits for, or 0
export const PERCPU_RELAXED = 160; // cpu_relax() calls since this CPU last got anywhere
export const PERCPU_EXIT = 164; // EXIT_* of the VM exit under way
export const PERCPU_NEXT = 168; // task that a context switch goes to
export const PERCPU_RESUMING = 172; // 1 while a stack is being rewound
export const PERCPU_IN_TASK = 176; // 1 while Wasm runs on a task's stack
export const PERCPU_DEAD = 180; // task that was switched away from for the last time, or 0
export const PERCPU_STACK_HIT = 184; // 1 when the running unwind went to the emergency buffer
export const PERCPU_FAULTED = 188; // task whose stack went there while it was switched out, or 0
export const PERCPU_IDLE_TASK = 192;
export const PERCPU_ONLINE = 196;
export const PERCPU_GAP_STAMP = 200; // f64 ns: when the tick that waits for a safepoint was sent, or 0
export const PERCPU_IDLE_UNTIL = 208; // f64 ns: when an idle CPU must wake by itself, or 0 for never
export const PERCPU_STEP_STACK = 216; // stepped: where this CPU's stack goes at a step point; starts with Asyncify's pair
export const PERCPU_STEPPED = 220; // stepped: 1 while the current task's stack lies there
export const PERCPU_REWIND_PAIR = 224; // the pair that is being rewound while RESUMING
export const PERCPU_KLP_IRQ = 228; // 1 once interrupts of this CPU are in the new universe
export const PERCPU_TRIP = 232; // number of the trip that the running interrupt or softirq is
export const PERCPU_RUN_IDLE = 236; // 1 asks this CPU to run its idle task, although others wait; set by anyone, cleared by the idle task at its border
export const PERCPU_STOPPED_AT = 240; // f64 ns: when this CPU was counted into the last stop
export const PERCPU_LEFT_AT = 248; // f64 ns: when it had changed its entries and left; written by its host side
export const PERCPU_LINE = 256; // printk line under construction
export const PERCPU_LINE_SIZE = 240;
export const PERCPU_LINE_LENGTH = 496;
export const PERCPU_COUNTERS = 512; // COUNTER_* f64 each
export const PERCPU_WAKE_LATENCY = 768; // histogram of wake-up to first instruction
export const PERCPU_GAP = 2048; // histogram of tick sent to safepoint reached
export const PERCPU_IRQ_COUNTS = 3200; // u32 per line: interrupts on this CPU
export const PERCPU_SOFTIRQ_COUNTS = 3328; // u32 per softirq
export const PERCPU_IRQ_BAD = 3368; // u32: interrupts on lines that nobody has requested
export const PERCPU_SOFTIRQS = 3372; // softirqs that are to run here, a bit each; this CPU only
export const PERCPU_TRIPS = 3376; // trips that interrupts and softirqs have begun here
export const PERCPU_PRESENT = 3380; // cpu/present.ts says of this and the next what they mean; written under the run queue's lock
export const PERCPU_ACTIVE = 3384;
export const PERCPU_DYING = 3388; // 1: its idle task is to leave when nothing is queued; written by who takes the CPU down
export const PERCPU_HP_STATE = 3392; // state of the hotplug table that it is in (hotplug/states.ts)
export const PERCPU_HP_FAIL = 3396; // state whose callback fails next, once, or 0
export const PERCPU_POWER = 3456; // CPU_*; a CPU that is away waits on it
export const PERCPU_RCU_DEPTH = 3460; // readers under RCU that this CPU is in
export const PERCPU_RCU_WANTED = 3464; // 1: who leaves the outermost of them is to say so
export const PERCPU_HELD = 3520; // spin locks held, outermost first, LOCKS_HELD of them; debug images only
export const PERCPU_HELD_MAX = 16;
export const PERCPU_STUCK_SINCE = 3584; // f64 ns: the first tick of those that found no progress; kernel/cpu/watchdog.ts
export const PERCPU_STUCK_SWITCHES = 3592; // f64: COUNTER_SWITCHES at that tick
export const PERCPU_STUCK_TOLD = 3600; // how often the log was told
export const PERCPU_DEAF_TOLD = 3608; // f64 ns: TICK_SENT of the tick that was not taken, when the log was told; written by another CPU
export const PERCPU_IN_PROBE = 3616; // 1 while the handler of a probe runs
export const PERCPU_SIZE = 4096;

// Histograms are log-linear: 8 buckets per octave, u32 counts; value in ns. Same rule on both sides.
export const HISTOGRAM_OCTAVES = 36;
export const HISTOGRAM_BUCKETS = HISTOGRAM_OCTAVES * 8;

// ── EMERGENCY: where the rest of an unwind goes when a task's stack is full; contents are thrown away ─
export const EMERGENCY = PERCPU + PERCPU_SIZE * MAX_CPUS;
export const EMERGENCY_SIZE = 4096;

// ── KERNEL: the shared records of which there is one, or one per CPU; each says in its file what guards it ──
export const KERNEL = EMERGENCY + EMERGENCY_SIZE * MAX_CPUS;
export const ZONE = KERNEL; // mm/page.ts
export const ZONE_SIZE = 192;
export const SLAB_CACHES = ZONE + ZONE_SIZE; // mm/slab.ts
export const SLAB_CACHE_SIZE = 64;
export const SLAB_CACHE_COUNT = 16;
export const TASKLIST = SLAB_CACHES + SLAB_CACHE_SIZE * SLAB_CACHE_COUNT; // sched/tasklist.ts
export const TASKLIST_SIZE = 64;
export const VFS = TASKLIST + TASKLIST_SIZE; // fs/inode.ts
export const VFS_SIZE = 64;
export const HOSTD = VFS + VFS_SIZE; // process/hostd.ts
export const HOSTD_SIZE = 64;
export const AUDIT = HOSTD + HOSTD_SIZE; // process/audit.ts
export const AUDIT_SIZE = 64;
export const DEVICE = AUDIT + AUDIT_SIZE; // process/device.ts
export const DEVICE_SIZE = 128;
export const KLP = DEVICE + DEVICE_SIZE; // livepatch/core.ts
export const KLP_POKE_ACKS = 0; // CPUs that have yet to change their table for the last poke; atomic
export const KLP_STATE = 64; // the rest: livepatch/state.ts
export const KLP_MUTEX = 320; // guards requests: livepatch/request.ts
export const KLP_SIZE = 448;
export const RUNQUEUES = KLP + KLP_SIZE; // sched/runqueue.ts, one per CPU
export const RUNQUEUE_SIZE = CACHE_LINE;
export const TIMER_BASES = RUNQUEUES + RUNQUEUE_SIZE * MAX_CPUS; // sched/timer.ts, one per CPU
export const TIMER_BASE_SIZE = CACHE_LINE;
export const WORKQUEUES = TIMER_BASES + TIMER_BASE_SIZE * MAX_CPUS; // process/workqueue.ts, one per CPU
export const WORKQUEUE_SIZE = CACHE_LINE;
export const KLP_PATCHES = WORKQUEUES + WORKQUEUE_SIZE * MAX_CPUS; // livepatch/core.ts, one per loaded patch
export const KLP_PATCH_SIZE = 64;
export const MAX_PATCHES = 64;
export const MODULES = KLP_PATCHES + KLP_PATCH_SIZE * MAX_PATCHES; // module/module.ts, one per loaded module; numbered behind patches
export const MODULE_SIZE = KLP_PATCH_SIZE; // so that a frame id leads to the rows of either
export const MAX_MODULES = 32; // a bit each in a module's users
export const KLP_SLOTS = MODULES + MODULE_SIZE * MAX_MODULES; // livepatch/patch.ts, one per table slot
export const KLP_SLOT_CHOICE = 8; // two table indices: for contexts that have not moved, and that have
export const KLP_SLOT_SIZE = 20;
export const MAX_SLOTS = 2048;
export const TTYS = KLP_SLOTS + KLP_SLOT_SIZE * MAX_SLOTS; // fs/tty.ts, one per terminal; the first is the console
export const TTY_SIZE = 128;
export const MAX_TTYS = 9;
export const FUTEXES = TTYS + TTY_SIZE * MAX_TTYS; // lock/futex.ts, wait queues by hash of the word
export const FUTEX_QUEUE_SIZE = 32;
export const FUTEX_QUEUES = 16;
export const LINES = FUTEXES + FUTEX_QUEUE_SIZE * FUTEX_QUEUES; // irq/line.ts, one per interrupt line
export const LINE_SIZE = 64;
export const SOFTIRQS = LINES + LINE_SIZE * 32; // irq/softirq.ts: a handler's table index per softirq
export const SOFTIRQS_SIZE = 64;
export const SOFTIRQ_CPUS = SOFTIRQS + SOFTIRQS_SIZE; // irq/softirq.ts, one per CPU
export const SOFTIRQ_CPU_SIZE = CACHE_LINE;
export const UPCALL = SOFTIRQ_CPUS + SOFTIRQ_CPU_SIZE * MAX_CPUS; // process/upcall.ts: what the kernel asks of the host
export const UPCALL_STATE = 0; // UPCALL_*; the host waits on it
export const UPCALL_OP = 64; // UPCALL_OP_*
export const UPCALL_ARG = 68;
export const UPCALL_FROM = 72; // address and length of what goes along
export const UPCALL_LENGTH = 76;
export const UPCALL_TO = 80; // address and room for the answer's bytes
export const UPCALL_ROOM = 84;
export const UPCALL_STATUS = 88; // a value or -errno; written by the host
export const UPCALL_SERVED = 92; // 1 while a host answers; written by the host
export const UPCALL_QUEUE = 128; // tasks that wait for their turn or for the answer
export const UPCALL_SIZE = 192;
export const HOTPLUG = UPCALL + UPCALL_SIZE; // hotplug/lock.ts
export const HOTPLUG_SIZE = 64;
export const PARKING = HOTPLUG + HOTPLUG_SIZE; // process/kthread.ts
export const PARKING_SIZE = 64;
export const CPUHP_STATES = PARKING + PARKING_SIZE; // hotplug/states.ts, one per state
export const CPUHP_STATE_SIZE = 16;
export const MAX_CPUHP_STATES = 16;
export const KLP_ENTRIES = CPUHP_STATES + CPUHP_STATE_SIZE * MAX_CPUHP_STATES; // livepatch/poke.ts: per slot, the table index that every CPU has there, 0 for the original
export const MUTEXES = KLP_ENTRIES + WORD * MAX_SLOTS; // lock/mutex.ts: those whose holder ended
export const MUTEXES_SIZE = 64;
export const TRACING = MUTEXES + MUTEXES_SIZE; // trace/state.ts
export const TRACING_SIZE = 64;
export const TRACE_LOCK = TRACING + TRACING_SIZE; // trace/control.ts
export const TRACE_LOCK_SIZE = 64;
export const TRACE_RINGS = TRACE_LOCK + TRACE_LOCK_SIZE; // trace/ring.ts, one per CPU
export const RING_BASE = 0; // address of its records, or 0
export const RING_COUNT = 4; // records that fit, a power of two
export const RING_HEAD = 8; // records written so far; atomic
export const RING_ERASED = 12; // records below this were cleared away
export const TRACE_RING_SIZE = CACHE_LINE;
export const TRACE_SLOTS = TRACE_RINGS + TRACE_RING_SIZE * MAX_CPUS; // trace/state.ts, one per table slot
export const TRACE_SLOT_SIZE = 4;
export const MOUNTS = TRACE_SLOTS + TRACE_SLOT_SIZE * MAX_SLOTS; // fs/mount.ts, one per mounted file system
export const MOUNT_SIZE = 16;
export const MAX_MOUNTS = 16;
export const SYSCTLS = MOUNTS + MOUNT_SIZE * MAX_MOUNTS; // fs/sysctl.ts
export const SYSCTL_TAINTED = 0; // a bit per TAINT_* in abi.ts, set by anyone; the rest are numbers
export const SYSCTL_FTRACE_ENABLED = 4;
export const SYSCTL_PANIC_ON_OOPS = 8;
export const SYSCTL_MODULES_DISABLED = 12;
export const SYSCTL_PID_MAX = 16;
export const SYSCTL_FILE_MAX = 20;
export const SYSCTL_HOSTNAME_LENGTH = 24;
export const SYSCTL_HOSTNAME = 32;
export const SYSCTL_HOSTNAME_SIZE = 64;
export const SYSCTL_OOPSES = 96; // faults in kernel code so far; atomic
export const SYSCTL_WATCHDOG_THRESH = 100; // s; the host's clock reads it
export const SYSCTL_SOFTLOCKUP_PANIC = 104;
export const SYSCTL_WATCHDOG_SECOND = 112; // f64 ns: how long a second is to the watchdog; self-tests make it shorter
export const SYSCTLS_SIZE = 128;
export const LOCKDEP = SYSCTLS + SYSCTLS_SIZE; // lock/lockdep.ts; debug images only
export const LOCKDEP_LOCK = 0; // guards the rest
export const LOCKDEP_EDGE_COUNT = 4;
export const LOCKDEP_FULL = 8; // 1: there was no room, nothing is checked any more
export const LOCKDEP_CLASSES = 64; // names, hashed; a class's number is its place
export const LOCKDEP_MAX_CLASSES = 128;
export const LOCKDEP_TRAIL = LOCKDEP_CLASSES + WORD * LOCKDEP_MAX_CLASSES; // u8 per class: where the running search came from, plus one
export const LOCKDEP_EDGES = LOCKDEP_TRAIL + LOCKDEP_MAX_CLASSES;
export const LOCKDEP_EDGE_SIZE = 24;
export const LOCKDEP_MAX_EDGES = 255;
export const LOCKDEP_MATRIX = LOCKDEP_EDGES + LOCKDEP_EDGE_SIZE * LOCKDEP_MAX_EDGES; // u8 per pair: number of its edge plus one
export const LOCKDEP_SIZE = LOCKDEP_MATRIX + LOCKDEP_MAX_CLASSES * LOCKDEP_MAX_CLASSES + 24; // whole cache lines
export const RCU = LOCKDEP + LOCKDEP_SIZE; // lock/rcu.ts
export const RCU_CALLS = 64; // a call per CPU, 16 bytes each
export const RCU_SIZE = RCU_CALLS + 16 * MAX_CPUS;
export const MODULE_LIST = RCU + RCU_SIZE; // module/module.ts
export const MODULE_LIST_SIZE = 128;
export const PROBES = MODULE_LIST + MODULE_LIST_SIZE; // trace/probe.ts, one per registered probe
export const PROBE_SIZE = 64;
export const MAX_PROBES = 32;
export const DEBUG_FLAGS = PROBES + PROBE_SIZE * MAX_PROBES; // trace/debug_lines.ts, a byte per line of pr_debug()
export const DEBUG_KERNEL_LINES = 256; // numbers that the kernel's have
export const DEBUG_MODULE_LINES = 16; // then those of each module; a power of two
export const DEBUG_FLAGS_SIZE = DEBUG_KERNEL_LINES + DEBUG_MODULE_LINES * MAX_MODULES;
export const KERNEL_SIZE = DEBUG_FLAGS + DEBUG_FLAGS_SIZE - KERNEL;
export const SELFTEST = KERNEL + KERNEL_SIZE; // first word: table index of the self-tests' runner, 0 without; then their scratch
export const SELFTEST_SIZE = 4096;

// ── POKES: table entries that every CPU changes at its next exit; the same on all, rewritten when all are done ──
export const POKES = SELFTEST + SELFTEST_SIZE;
export const POKE_COUNT = 0;
export const POKE_FIRST = 8; // then pairs: slot, table index whose function goes there
export const POKE_BYTES = 8; // of a pair
export const POKE_MAX = 500;
export const POKES_SIZE = 4096;

// ── KLP_WATCH: one byte per slot; debug images record the calls of a slot whose byte is set ──────
export const KLP_WATCH = POKES + POKES_SIZE;
export const KLP_WATCH_SIZE = MAX_SLOTS;

// ── the version trace's ring: these words, then records of the same size (livepatch/version_trace.ts) ──
export const TRACE_TAKEN = 0; // numbers given out so far; atomic
export const TRACE_READ = 4; // the host has read every record below; atomic
export const TRACE_RECORD = 32;
export const TRACE_RECORDS = 32767;
export const TRACE_NUMBER = 0; // the record's number plus one, once it is complete; atomic
export const TRACE_TASK = 4; // pid, or -(cpu + 1) in interrupt
export const TRACE_TRIP = 8;
export const TRACE_SLOT = 12; // 0 for a function that only a patch has
export const TRACE_ID = 16; // frame id of the version that begins; its complement (~) where it ends
export const TRACE_CPU = 20;
export const TRACE_MARKED = 24; // 1: the task has not moved yet

// ── METER: one per CPU, written by that CPU while MACHINE_METER is set (cpu/meter.ts); the host reads ──
export const METER_CALLS = 0; // f64: measured calls so far
export const METER_LOOKED_AT = 8; // f64 ns: when this CPU last looked at the clock between calls
export const METER_HEAD = 16; // records so far; the record is at HEAD modulo METER_RECORDS; atomic
export const METER_WANTED = 20; // which kinds are recorded, a bit each; the host writes it
export const METER_FIRST = 64;
export const METER_RECORD = 32;
export const METER_RECORDS = 512; // a power of two
export const METER_KIND = 0; // METER_KIND_* in abi.ts
export const METER_WHAT = 4; // pid, or how many calls
export const METER_FROM = 8; // f64 ns
export const METER_TO = 16; // f64 ns
export const METER_SIZE = 20480;

// ── KLP_REPORT: why the last live-patch request was refused, or who blocks ──────────────────────
export const KLP_REPORT = KLP_WATCH + KLP_WATCH_SIZE;
export const KLP_REPORT_LENGTH = 0;
export const KLP_REPORT_TEXT = 8;
export const KLP_REPORT_SIZE = 4096;

// ── STATIC: kernel static data (strings, tables); read-only by rule ──────────────────────────────
export const STATIC_DATA = KLP_REPORT + KLP_REPORT_SIZE;

// ── SYMBOL: one row per function version, placed by the host ─────────────────────────────────────
export const SYMBOL_FRAME = 0; // bytes of its saved frame, 0 if it never has one
export const SYMBOL_SLOT = 4;
export const SYMBOL_NAME = 8; // address of the name
export const SYMBOL_NAME_LENGTH = 12;
export const SYMBOL_INDEX = 16; // table index of this very version, 0 without slot
export const SYMBOL_SIGNATURE = 20; // equal for functions of the same parameters and result
export const SYMBOL_SIZE = 24;

// ── MODULE_HEAD: the beginning of a loaded module's memory, placed by the host ───────────────────
export const MODULE_HEAD_ROWS = 0; // address of its symbol rows
export const MODULE_HEAD_ROW_COUNT = 4;
export const MODULE_HEAD_INIT = 8; // slot of init_module()
export const MODULE_HEAD_EXIT = 12; // slot of cleanup_module(), or 0
export const MODULE_HEAD_PARAMETERS = 16; // address of MODULE_PARAM rows
export const MODULE_HEAD_PARAMETER_COUNT = 20;
export const MODULE_HEAD_TAINT = 24; // TAINT_*
export const MODULE_HEAD_VERSION = 28; // address and length
export const MODULE_HEAD_VERSION_LENGTH = 32;
export const MODULE_HEAD_DEBUG_LINES = 36; // address of DEBUG_ROW rows
export const MODULE_HEAD_DEBUG_LINE_COUNT = 40;
export const MODULE_HEAD_SIZE = 64;
export const MODULE_PARAM_NAME = 0; // address and length
export const MODULE_PARAM_NAME_LENGTH = 4;
export const MODULE_PARAM_TYPE = 8; // PARAM_*
export const MODULE_PARAM_ADDRESS = 12; // of its value, a word
export const MODULE_PARAM_SIZE = 16;

// ── MODULE_FACTS: what the host says of a module before it is placed ─────────────────────────────
export const MODULE_FACTS_BYTES = 0; // of memory that it needs
export const MODULE_FACTS_SLOTS = 4;
export const MODULE_FACTS_NAME_LENGTH = 8;
export const MODULE_FACTS_NAME = 12;
export const MODULE_NAME_SIZE = 56;
export const MODULE_FACTS_SIZE = 256; // a refusal's text, when it does not fit

// ── PROGRAM: one row per user program, placed by the host ────────────────────────────────────────
export const PROGRAM_ENTRY = 0; // table index of its entry
export const PROGRAM_NAME_LENGTH = 4;
export const PROGRAM_NAME = 8;
export const PROGRAM_NAME_SIZE = 24;
export const PROGRAM_SIZE = 32;

// ── TASK: the fields that the host reads for reports; the whole record is sched/task.ts ──────────
export const TASK_PID = 0;
export const TASK_STATE = 4;
export const TASK_ON_CPU = 8; // 1 from being picked until its stack is wholly in memory
export const TASK_CPU = 12;
export const TASK_STACK_POS = 16; // Asyncify's pair: next free byte and end
export const TASK_STACK_END = 20;
export const TASK_NAME = 24;
export const TASK_NAME_SIZE = 16;

// ── SPINLOCK ─────────────────────────────────────────────────────────────────────────────────────
export const SPINLOCK_OWNER = 0; // CPU number plus one, 0 when free
export const SPINLOCK_NAME = 4; // address of an AssemblyScript string
export const SPINLOCK_WAITERS = 8; // CPUs asleep on the owner word
export const SPINLOCK_CONTENDED = 12; // times found taken
export const SPINLOCK_SIZE = 16;
