/**
 * What the numbers mean: bits, states, reasons and system calls that kernel, user programs and host share.
 *
 * The rules of layout.ts hold here too. Error numbers and signal numbers are Linux's.
 */

// ── machine states ───────────────────────────────────────────────────────────────────────────────
export const STATE_BOOTING = 0;
export const STATE_RUNNING = 1;
export const STATE_PANIC = 2;
export const STATE_DOWN = 3;

// ── pending bits of a CPU. Interrupts run at any poll; the rest only at a safepoint ──────────────
export const PENDING_RESCHED = 1; // somebody put a task on this CPU's queue
export const PENDING_TICK = 2;
export const PENDING_CALL = 4; // function-call queue is not empty
export const PENDING_IRQ = 8; // a device line is up
export const PENDING_INTERRUPTS = PENDING_RESCHED | PENDING_TICK | PENDING_CALL | PENDING_IRQ;
export const PENDING_STOP = 16;
export const PENDING_POKE = 32;
export const PENDING_HOST = 64; // the host wants this CPU in its event loop
export const PENDING_OFFLINE = 128;
export const PENDING_PANIC = 256;
export const PENDING_EXITS = PENDING_STOP | PENDING_POKE | PENDING_HOST | PENDING_OFFLINE | PENDING_PANIC;

export const ATTENTION_RESCHED = 1; // the running task should give way
export const ATTENTION_GAP = 2; // a tick waits to be measured at the next safepoint

// ── why cpu_run() came back ──────────────────────────────────────────────────────────────────────
export const EXIT_SWITCH = 0; // never seen by the host
export const EXIT_IDLE = 1; // nothing to run; sleep on PENDING until IDLE_UNTIL
export const EXIT_STOP = 2;
export const EXIT_POKE = 3;
export const EXIT_HOST = 4;
export const EXIT_OFFLINE = 5;
export const EXIT_PANIC = 6;
export const EXIT_STEP = 7; // stepped platform: another CPU's turn

// ── what a CPU's PERCPU_POWER says ───────────────────────────────────────────────────────────────
export const CPU_ON = 0;
export const CPU_GONE = 1; // it has left for good; written by the CPU, which then waits on the word
export const CPU_WANTED = 2; // the host is to start it anew

// ── what a step point is about (stepped platform) ────────────────────────────────────────────────
export const STEP_ATOMIC = 1;
export const STEP_CALL = 2;
export const STEP_RELAX = 3; // this CPU waits for another

// ── task states ──────────────────────────────────────────────────────────────────────────────────
export const TASK_RUNNING = 0; // on a run queue, or on a CPU
export const TASK_INTERRUPTIBLE = 1;
export const TASK_UNINTERRUPTIBLE = 2;
export const TASK_STOPPED = 4; // by a signal; only SIGCONT and SIGKILL end it
export const TASK_ZOMBIE = 8; // exited, not yet waited for
export const TASK_DEAD = 16; // gone, but for the last reference

// ── per-CPU counters: index into PERCPU_COUNTERS ─────────────────────────────────────────────────
export const COUNTER_SWITCHES = 0;
export const COUNTER_SYSCALLS = 1;
export const COUNTER_INTERRUPTS = 2;
export const COUNTER_IPIS = 3; // sent
export const COUNTER_TICKS = 4;
export const COUNTER_STEALS = 5; // tasks pulled from another CPU
export const COUNTER_WAKEUPS = 6;
export const COUNTER_PREEMPTIONS = 7;
export const COUNTER_PIPE_BYTES = 8; // read from pipes
export const COUNTER_FILE_BYTES = 9; // read or written in files
export const COUNTER_SPAWNS = 10;
export const COUNTER_EXITS = 11;
export const COUNTER_TIMERS = 12; // fired
export const COUNTER_WORKS = 13; // work items run
export const COUNTER_GAP_MAX = 14; // ns
export const COUNTER_WAKE_MAX = 15; // ns
export const COUNTER_DEVICE = 16; // device interrupts
export const COUNTER_IDLE_NS = 17;
export const COUNTER_FAULTS = 18; // tasks killed by a fault
export const COUNTER_STUB_CALLS = 19; // calls that asked a slow stub; debug images only
export const COUNTER_RESCHEDS = 20; // rescheduling interrupts taken
export const COUNTER_CALLS = 21; // function call interrupts taken
export const COUNTER_COUNT = 22;

// ── interrupt lines, and what handlers answer ────────────────────────────────────────────────────
export const IRQ_LINES = 32; // a bit each in PERCPU_IRQ_LINES
export const IRQ_MAILBOX = 1; // the host has written a request; raised on every CPU that is awake
export const IRQ_PULSE = 2; // the pulse device, on CPUs in turn
export const IRQ_UPCALL = 3; // the host has answered what a task asked
export const IRQ_NONE = 0; // not mine
export const IRQ_HANDLED = 1;
export const IRQF_SHARED = 128;
export const IRQF_PERCPU = 1024; // several CPUs may be in the handler at once

// ── softirqs, in the order in which they run; numbers and names are Linux's ──────────────────────
export const HI_SOFTIRQ = 0;
export const TASKLET_SOFTIRQ = 6;
export const RCU_SOFTIRQ = 9;
export const SOFTIRQ_COUNT = 10;

// ── mailbox: host → kernel requests ──────────────────────────────────────────────────────────────
export const MAIL_EMPTY = 0;
export const MAIL_REQUEST = 1;
export const MAIL_DONE = 2;
export const MAIL_OP_READ = 1; // mailbox: path → contents (ARG: offset)
export const MAIL_OP_SPAWN = 2; // mailbox: program name; ARG: its argument → pid
export const MAIL_OP_WAIT = 3; // ARG: pid → exit status
export const MAIL_OP_SELFTEST = 4; // ARG: row of the self-test table → 0 or the line that failed
export const MAIL_OP_AUDIT = 5; // mailbox ← findings, one per line; status: number of findings
export const MAIL_OP_KILL = 6; // ARG: pid | signal << 24
export const MAIL_OP_KLP_ALLOC = 7; // ARG: bytes → address of memory for a patch's rows and data
export const MAIL_OP_KLP_FREE = 8; // ARG: such an address
export const MAIL_OP_KLP_LOAD = 9; // mailbox: a patch descriptor (KLP_DESC_*) → 0
export const MAIL_OP_KLP_ENABLE = 10; // ARG: patch → 0 when it has begun; progress by MACHINE_KLP_SEQUENCE
export const MAIL_OP_KLP_DISABLE = 11;
export const MAIL_OP_KLP_UNLOAD = 12; // ARG: patch → 0 when it has begun; then rows and data may be freed
export const MAIL_OP_KLP_STATUS = 13; // ARG: patch; mailbox ← KLP_STATE_*, result of the last request, tasks not moved; status: 12
export const MAIL_OP_KLP_SIGNAL = 14; // pokes every task that blocks the transition → how many
export const MAIL_OP_KLP_BLOCKERS = 15; // mailbox ← who blocks, with stacks; status: bytes
export const MAIL_OP_KLP_TRACE = 16; // ARG: 1 starts, 0 stops the version trace
export const MAIL_OP_TTY_OPEN = 17; // ARG: TTY_* bits → terminal, for the host to write to and read from
export const MAIL_OP_TTY_SPAWN = 18; // mailbox: arguments, each with a zero behind it, the first names the program; ARG: terminal → pid
export const MAIL_OP_TTY_INPUT = 19; // mailbox: what is typed; ARG: terminal, | TTY_END at the end of input → bytes taken
export const MAIL_OP_TTY_OUTPUT = 20; // ARG: terminal; mailbox ← what was written → bytes, 0 when there is nothing now
export const MAIL_OP_TTY_CLOSE = 21; // ARG: terminal; what is written to it from now on is thrown away
export const CPU_UP = 256; // beside a CPU number: it is to come, not to go
export const MAIL_OP_CPU = 22; // ARG: CPU, | CPU_UP → 0 when it is as asked
export const MAIL_OP_TRACE_WRITE = 23; // mailbox: file below /sys/kernel/tracing, a zero, what is written to it → 0
export const MAIL_OP_TRACE_READ = 24; // mailbox: such a file → its text's next bytes; ARG: 0 from the beginning, 1 the next → bytes, 0 at the end
export const MAIL_OP_MODULE_LOAD = 25; // ARG: address (from MAIL_OP_KLP_ALLOC) of length, bytes; mailbox: parameters → number
export const MAIL_OP_MODULE_REMOVE = 26; // mailbox: name → 0
export const MAIL_OP_WRITE = 27; // mailbox: path, a zero, bytes; ARG: 0 writes the file anew, 1 behind its end → bytes taken

// ── up-calls: kernel → host requests (process/upcall.ts) ─────────────────────────────────────────
export const UPCALL_IDLE = 0;
export const UPCALL_TAKEN = 1; // a task fills in what it asks
export const UPCALL_REQUEST = 2;
export const UPCALL_DONE = 3;
export const UPCALL_OP_ECHO = 1; // bytes → the same bytes; ARG is added to the status
export const UPCALL_OP_MODULE_CHECK = 2; // ARG: module number; its file → MODULE_FACTS, or why not as text
export const UPCALL_OP_MODULE_PLACE = 3; // ARG: module number; two words: its memory, its first slot → what goes into that memory
export const UPCALL_OP_MODULE_REMOVE = 4; // ARG: module number: its code leaves every CPU
export const UPCALL_OP_PATCH_WAKE = 5; // ARG: patch, | module << 8: its code goes to every CPU → what goes into its memory
export const UPCALL_OP_PATCH_SLEEP = 6; // ARG: patch: its code leaves every CPU
export const UPCALL_OP_HOST_LOOK = 7; // path below the shared folder → HOST_FACTS_*, without a name
export const UPCALL_OP_HOST_LIST = 8; // such a path; ARG: a place → HOST_FACTS_* of the first entry from there on; status: bytes of its name, 0 at the end
export const UPCALL_OP_HOST_READ = 9; // such a path; ARG: offset → bytes; status: how many
export const HOST_FACTS_MODE = 0;
export const HOST_FACTS_SIZE = 4;
export const HOST_FACTS_INODE = 8;
export const HOST_FACTS_PLACE = 12; // behind the entry
export const HOST_FACTS_NAME = 16;
export const PARAM_BOOL = 0; // type of a kernel module's parameter
export const PARAM_I32 = 1;
export const PARAM_U32 = 2;
export const TAINT_PROPRIETARY_MODULE = 1; // what kernel modules taint with: P
export const TAINT_OOT_MODULE = 4096; // O

// ── terminals ────────────────────────────────────────────────────────────────────────────────────
export const TTY_CANON = 1; // input comes in lines, edited by the terminal
export const TTY_ECHO = 2; // what is typed is written back
export const TTY_SIGNALS = 4; // ^C and ^\ are signals to the foreground group
export const TTY_MODES = TTY_CANON | TTY_ECHO | TTY_SIGNALS;
export const TTY_CONSOLE = 8; // the host opens the console, not a terminal of its own
export const TTY_END = 256; // beside a terminal's number: no input comes behind this
// Requests of SYS_IOCTL, with Linux's numbers
export const TCGETS = 0x5401; // → TTY_* modes
export const TCSETS = 0x5402; // (TTY_* modes) → 0
export const TIOCGPGRP = 0x540f; // → foreground group
export const TIOCSPGRP = 0x5410; // (group) → 0

// ── live patching ────────────────────────────────────────────────────────────────────────────────
export const KLP_MODEL_KPATCH = 1;
export const KLP_MODEL_KGRAFT = 2;
export const KLP_MODEL_NONE = 3; // no consistency at all: an experiment's control
export const KLP_FORCE = 1; // flag of a function: no stack check
export const KLP_SLEEPS = 2; // flag of a function: some version of it can be on a saved stack
export const KLP_STATE_NONE = 0; // no such patch
export const KLP_STATE_LOADED = 1; // disabled
export const KLP_STATE_ENABLING = 2;
export const KLP_STATE_ENABLED = 3;
export const KLP_STATE_DISABLING = 4;
export const KLP_STATE_UNLOADING = 5;
// A patch descriptor, in words: number, model, address and count of rows, functions, four hooks (table index or 0:
// pre_patch, post_patch, pre_unpatch, post_unpatch), name length, name (32 bytes), object length, object (56 bytes), then
// per function: slot, table index of the new version, flags.
export const KLP_DESC_NUMBER = 0;
export const KLP_DESC_MODEL = 4;
export const KLP_DESC_ROWS = 8;
export const KLP_DESC_ROW_COUNT = 12;
export const KLP_DESC_FUNCTIONS = 16;
export const KLP_DESC_HOOKS = 20;
export const KLP_DESC_NAME_LENGTH = 36;
export const KLP_DESC_NAME = 40;
export const KLP_DESC_NAME_SIZE = 32;
export const KLP_DESC_OBJECT_LENGTH = 72; // 0: the kernel itself
export const KLP_DESC_OBJECT = 76; // the module whose functions it replaces
export const KLP_DESC_OBJECT_SIZE = 56;
export const KLP_DESC_FIRST = 132;
export const KLP_DESC_FUNCTION_SIZE = 16;

// ── frame ids ────────────────────────────────────────────────────────────────────────────────────
export const USER_FRAME_IDS = 32768; // ids of user functions start here
export const PATCH_FRAME_IDS = 65536; // ids of patch n's functions start at PATCH_FRAME_IDS + n * PATCH_FRAME_RANGE
export const PATCH_FRAME_RANGE = 4096;

// ── system calls ─────────────────────────────────────────────────────────────────────────────────
export const SYS_GETPID = 0;
export const SYS_YIELD = 1;
export const SYS_EXIT = 2;
export const SYS_SPAWN = 3; // (name, length, argument) → pid
export const SYS_WAIT = 4; // (pid, -1 for any or -group, status*, W*) → pid
export const SYS_NANOSLEEP = 5; // (ns)
export const SYS_KILL = 6; // (pid, 0 for the own group, -1 for all or -group, signal)
export const SYS_PIPE = 7; // (fds*)
export const SYS_OPEN = 8; // (path, length, flags) → fd
export const SYS_READ = 9; // (fd, buffer, length)
export const SYS_WRITE = 10;
export const SYS_CLOSE = 11;
export const SYS_UNLINK = 12; // (path, length)
export const SYS_CLOCK = 13; // () → ms since boot
export const SYS_LOG = 14; // (text, length)
export const SYS_SPLICE = 15; // (file fd, pipe fd, length): pages of a file into a pipe, not copied
export const SYS_SPAWNV = 16; // (path, length, SPAWN_* block*) → pid
export const SYS_ARGS = 17; // (buffer, room) → bytes of the arguments, each with a zero behind it
export const SYS_GETPPID = 18;
export const SYS_GETTID = 19;
export const SYS_SIGNAL = 20; // (signal, SIG_DFL or SIG_IGN) → what it was
export const SYS_THREAD = 21; // (program, length, argument) → tid: it runs in the caller's window, with its files
export const SYS_BENCH = 22; // (METER_DO_*, value, rounds) → value: measured calls of a small patchable function
export const SYS_STAT = 23; // (path, length, STAT_* block*)
export const SYS_LSTAT = 24; // the same of a symbolic link itself
export const SYS_FSTAT = 25; // (fd, STAT_* block*)
export const SYS_LSEEK = 26; // (fd, offset, SEEK_*) → position
export const SYS_GETDENTS = 27; // (fd, buffer, length) → bytes of DIRENT_* records, 0 at the end
export const SYS_MKDIR = 28; // (path, length, mode)
export const SYS_RMDIR = 29; // (path, length)
export const SYS_RENAME = 30; // (PATHS_* block*)
export const SYS_SYMLINK = 31; // (PATHS_* block*): the first is the text, the second the link
export const SYS_READLINK = 32; // (PATHS_* block*): the second is the buffer and its size → bytes
export const SYS_DUP = 33; // (fd) → fd
export const SYS_DUP2 = 34; // (fd, fd) → fd
export const SYS_CHDIR = 35; // (path, length)
export const SYS_GETCWD = 36; // (buffer, room) → bytes of the path
export const SYS_CHMOD = 37; // (path, length, mode)
export const SYS_CHOWN = 38; // (path, length, uid | gid << 16)
export const SYS_FTRUNCATE = 39; // (fd, length)
export const SYS_ACCESS = 40; // (path, length, R_OK | W_OK | X_OK)
export const SYS_UMASK = 41; // (mask) → the one before
export const SYS_GETUID = 42;
export const SYS_GETGID = 43;
export const SYS_SETUID = 44; // (uid)
export const SYS_SETGID = 45; // (gid)
export const SYS_IOCTL = 46; // (fd, request, value) → value or 0
export const SYS_FUTEX = 47; // (word*, FUTEX_*, value) → 0, or how many were woken
export const SYS_FINIT_MODULE = 48; // (fd, parameters, length)
export const SYS_DELETE_MODULE = 49; // (name, length)
export const FUTEX_WAIT = 0; // sleeps if the word still holds the value; 0 when woken, for whatever reason
export const FUTEX_WAKE = 1; // wakes at most `value` sleepers

// What SYS_SPAWNV is told besides the path, in words
export const SPAWN_ARGV = 0; // address of the arguments, each with a zero behind it
export const SPAWN_ARGV_LENGTH = 4;
export const SPAWN_FDS = 8; // three words: the caller's descriptors that become 0, 1 and 2, or -1; others are not inherited
export const SPAWN_GROUP = 20; // process group: -1 the caller's, 0 one of its own, else that one
export const SPAWN_FLAGS = 24;
export const SPAWN_ARGUMENT = 28; // the number that the program is called with
export const SPAWN_SIZE = 32;
export const SPAWN_SETSIGDEF = 1; // flag: ignores no signal, whatever the caller ignores
export const ARG_MAX = 2048; // bytes of arguments

export const WNOHANG = 1;
export const WUNTRACED = 2; // stopped children too

export const O_RDONLY = 0;
export const O_WRONLY = 1;
export const O_RDWR = 2;
export const O_ACCMODE = 3;
export const O_CREAT = 64; // with mode 0666 less the umask
export const O_EXCL = 128;
export const O_TRUNC = 512;
export const O_APPEND = 1024;
export const O_NONBLOCK = 2048;
export const O_DIRECTORY = 65536;
export const O_NOFOLLOW = 131072;

export const SEEK_SET = 0;
export const SEEK_CUR = 1;
export const SEEK_END = 2;

export const F_OK = 0;
export const X_OK = 1;
export const W_OK = 2;
export const R_OK = 4;

// Mode of a file: kind and permissions
export const S_IFMT = 61440;
export const S_IFIFO = 4096;
export const S_IFCHR = 8192;
export const S_IFDIR = 16384;
export const S_IFREG = 32768;
export const S_IFLNK = 40960;
export const S_ISVTX = 512; // in such a directory only owners remove names

// What SYS_STAT writes, in words
export const STAT_INODE = 0;
export const STAT_MODE = 4;
export const STAT_LINKS = 8;
export const STAT_UID = 12;
export const STAT_GID = 16;
export const STAT_BYTES = 20;
export const STAT_MOUNT = 24; // file system: row of /proc/mounts
export const STAT_MTIME = 28; // seconds since boot
export const STAT_SIZE = 32;

// A record of SYS_GETDENTS: padded to words with zeros, of which one at least ends the name
export const DIRENT_INODE = 0;
export const DIRENT_LENGTH = 4; // u16: of the record
export const DIRENT_KIND = 6; // u8: S_IFMT bits of its mode, >> 12
export const DIRENT_NAME_LENGTH = 7; // u8
export const DIRENT_NAME = 8;

// Two paths (or a path and a buffer), in words
export const PATHS_FIRST = 0;
export const PATHS_FIRST_LENGTH = 4;
export const PATHS_SECOND = 8;
export const PATHS_SECOND_LENGTH = 12;
export const PATHS_SIZE = 16;

export const PATH_MAX = 4096; // a path is shorter
export const NAME_MAX = 255; // a part of a path is at most that long

export const SIGHUP = 1;
export const SIGINT = 2;
export const SIGQUIT = 3;
export const SIGKILL = 9;
export const SIGSEGV = 11;
export const SIGPIPE = 13;
export const SIGTERM = 15;
export const SIGCHLD = 17;
export const SIGCONT = 18;
export const SIGSTOP = 19;
export const SIGTSTP = 20;
export const SIGTTIN = 21;
export const SIGTTOU = 22;
export const SIGURG = 23;
export const SIGWINCH = 28;
export const SIGNAL_MAX = 64;
export const SIG_DFL = 0;
export const SIG_IGN = 1;

// ── errno ────────────────────────────────────────────────────────────────────────────────────────
export const EPERM = 1;
export const ENOENT = 2;
export const ESRCH = 3;
export const EINTR = 4;
export const EIO = 5;
export const ENXIO = 6;
export const E2BIG = 7;
export const ENOEXEC = 8;
export const EBADF = 9;
export const ECHILD = 10;
export const EAGAIN = 11;
export const ENOMEM = 12;
export const EACCES = 13;
export const EFAULT = 14;
export const EBUSY = 16;
export const EEXIST = 17;
export const EXDEV = 18;
export const ENODEV = 19;
export const ENOTDIR = 20;
export const EISDIR = 21;
export const EINVAL = 22;
export const ENFILE = 23;
export const EMFILE = 24;
export const ENOTTY = 25;
export const EFBIG = 27;
export const ENOSPC = 28;
export const ESPIPE = 29;
export const EROFS = 30;
export const EPIPE = 32;
export const ERANGE = 34;
export const ENAMETOOLONG = 36;
export const ENOSYS = 38;
export const ENOTEMPTY = 39;
export const ELOOP = 40;
export const EOPNOTSUPP = 95;
export const EADDRNOTAVAIL = 99;
export const ECANCELED = 125;
export const ERESTART = 512; // within the kernel: poked, not signalled; the system call is made again

// ── taint: bits of SYSCTL_TAINTED, with Linux's numbers and letters ────────────────────────────────
export const TAINT_DIE = 128; // D: a fault in kernel code cost a task
export const TAINT_WARN = 512; // W: the kernel found itself wrong, and went on
export const TAINT_SOFTLOCKUP = 16384; // L: a CPU was held too long
export const TAINT_LIVEPATCH = 32768; // K: a live patch has been loaded

// ── traps: what the host knows of one, and what the kernel says it was ───────────────────────────────
export const TRAP_IN_KERNEL = 1; // the innermost frame is the kernel's, or a patch's
export const TRAP_STACK = 2; // the engine's stack was full
export const TRAP_FAULT = 0; // the user program's own fault, which it has paid for
export const TRAP_OOPS = 1; // the kernel's
export const TRAP_PANIC = 2; // the machine is lost already
