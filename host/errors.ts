/**
 * What the host refuses to do.
 *
 * Contract: every refusal is a `MachineError` with a stable code, the thing by name, and the next thing to try.
 * Invariant: a code is listed once, below, and thrown for one reason; programs match on the code, people read the words.
 */

/** Every code there is, grouped by who throws it. */
export type MachineErrorCode =
  // ── toolchain: compiling ──
  | "COMPILE_FAILED" // the AssemblyScript compiler said no
  | "BAD_LAYOUT_FILE" // layout.ts or abi.ts holds more than integer constants
  | "UNKNOWN_EXPRESSION" // an instruction that the passes do not know
  | "INVALID_MODULE" // a pass left a module that does not validate
  | "MISSING_RUNTIME_FUNCTION" // the kernel lacks a function that the toolchain calls by name
  // ── toolchain: kernel rules ──
  | "SHARED_STATE_IN_GLOBAL"
  | "TOP_LEVEL_CODE"
  | "STATIC_DATA_WRITTEN"
  | "UNDECLARED_INDIRECT_CALL"
  | "UNDECLARED_POINTER"
  | "SLEEPING_FUNCTION_IN_ATOMIC"
  | "OPTIONAL_PARAMETERS_BEHIND_POINTER"
  | "DEBUG_LINE_UNKNOWN"
  | "RUNTIME_FUNCTION_NOT_QUIET"
  | "ASYNCIFY_DISAGREES"
  | "FRAME_LAYOUT" // Asyncify's output does not look as the frame pass expects
  // ── toolchain: user programs ──
  | "FOREIGN_IMPORT"
  | "FORBIDDEN_IN_USER_PROGRAM"
  // ── toolchain: patches ──
  | "PATCH_DOES_NOT_APPLY" // a hunk does not fit the source
  | "PATCH_OUTSIDE_KERNEL" // diffs change what is neither the kernel nor one kernel module
  | "SOURCE_DIFFERS" // the source is not the one that the kernel image was built from
  | "NO_FUNCTIONAL_CHANGE"
  | "SIGNATURE_CHANGED"
  | "NOT_PATCHABLE" // a changed function owns no slot
  | "STATIC_DATA_CHANGED"
  | "LAYOUT_CHANGED"
  | "NEWLY_SLEEPING"
  | "BAD_HOOK"
  | "UNPLACED_ADDRESS" // patched code uses an address that means nothing outside the kernel image
  | "NOT_A_PATCH" // a module without the sections of a patch
  // ── toolchain: kernel modules ──
  | "BAD_MODULE" // source that no module can be made of
  | "NOT_A_MODULE" // a file without the sections of a kernel module
  // ── machine: what it is asked to be ──
  | "BAD_OPTION" // an option's name or value
  | "MEMORY_TOO_SMALL"
  | "NO_IMAGE" // the file of an image is missing
  | "BAD_IMAGE" // not an image, or not one for this platform
  | "LAYOUT_DRIFT" // image and host were built from different layouts
  | "BAD_PROGRAM" // a user program that the program table cannot hold
  // ── machine: what it is asked to do ──
  | "REQUEST_FAILED" // the kernel answered with an error number
  | "REQUEST_TOO_LONG" // does not fit the mailbox
  | "REQUEST_TIMEOUT" // the kernel has not answered
  | "ABORTED" // by the caller's AbortSignal
  | "SHUT_DOWN" // the machine is no more
  | "LINE_TOO_LONG" // for the shell
  // ── machine: how it fails ──
  | "KERNEL_PANIC"
  | "BOOT_FAILED"
  | "UNKNOWN_EXIT" // a CPU left for a reason that the host does not know
  | "CALL_FAILED" // a CPU could not do what it was asked
  | "CPU_DIED"
  | "CPU_TIMEOUT"
  | "DEADLOCK" // stepped: nothing can ever happen again
  | "LIVELOCK" // stepped: every CPU waits for another
  | "STEP_BUDGET" // stepped: more steps than allowed
  // ── live patching: loader and models ──
  | "WRONG_KERNEL"
  | "UNKNOWN_FUNCTION"
  | "UNHOOKABLE"
  | "BODY_MISMATCH"
  | "MISSING_IMPORT"
  | "PATCH_ROOM"
  | "PATCH_BUSY"
  | "PATCH_STATE"
  | "TRANSITION_STALLED"
  | "PATCH_REVERSED" // while somebody waited for its transition
  | "PATCH_IN_USE"
  | "NOT_LOADED"
  | "FUNCTION_IN_USE"
  | "HOOK_REFUSED"
  // ── kernel modules ──
  | "MODULE_REFUSED" // the kernel does not load or unload it
  // ── command line ──
  | "NO_SUCH_MACHINE" // none of that name runs
  | "MACHINE_EXISTS" // two of one name
  | "BAD_SOCKET" // the place where a machine listens is not safe, or did not answer
  | "FILE_REFUSED" // a file that the user named cannot be read or written
  | "UNKNOWN_WORKLOAD"
  | "UNKNOWN_PATCH"
  | "BAD_USAGE";

/** A refusal: `code` is for programs and never changes; the words are for people and may. */
export class MachineError extends Error {
  override readonly name = "MachineError";
  readonly code: MachineErrorCode;
  /** What was refused or went wrong, without code and remedy. */
  readonly what: string;
  /** The next thing the reader should try: a command, or a file to open. */
  readonly remedy: string;

  constructor(code: MachineErrorCode, what: string, remedy: string, options?: ErrorOptions) {
    super(`${code}: ${what}\n  ${remedy}`, options);
    this.code = code;
    this.what = what;
    this.remedy = remedy;
  }
}
