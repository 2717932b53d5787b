/**
 * Whether the calls that a machine recorded keep what the models promise.
 *
 *   trip    all calls of one trip to functions of one patch are of one universe            kGraft
 *   task    a task that has moved does not move back                                       kGraft
 *   order   old calls, then new ones: nobody begins an old call behind the decision        kpatch
 *   frame   a frame ends in the code that began it                                         both
 *
 * Contract: pure. Records may be missing, which hides violations and never makes one. Each violation names the rule,
 * who broke it, and the two calls that contradict each other. Invariant: a silent checker has looked at every record.
 */
import type { LoadModel } from "../toolchain/patch-format.ts";

/** Version of the kernel's own functions. */
export const ORIGINAL = "original";

/** A call of a watched function, or its end. */
export interface CallRecord {
  /** Calls are numbered in one order for the whole machine. */
  readonly number: number;
  readonly context: "task" | "idle task" | "interrupt";
  /** The task's pid, or the CPU of an idle task or an interrupt. */
  readonly task: number;
  /** Trips of a context are counted: a system call, a turn of a kernel thread's loop, an interrupt. */
  readonly trip: number;
  /** 0 for a function that only a patch has. */
  readonly slot: number;
  readonly cpu: number;
  /** The task has not moved yet. */
  readonly marked: boolean;
  readonly name: string;
  /** A patch's name, or `original`. */
  readonly version: string;
  /** The function returns; without it, it is called. */
  readonly ends?: boolean;
}

export interface TracedCalls {
  /** Calls and their ends. */
  readonly records: readonly CallRecord[];
  /** The calls among them. */
  readonly calls: readonly CallRecord[];
  /** What was made but is not among the records. */
  readonly lost: number;
}

/** What the calls are checked against. */
export interface CheckedPatch {
  readonly name: string;
  readonly slots: readonly number[];
  readonly model: LoadModel;
  /** Times that the machine went from one universe to the other meanwhile. Default 1. */
  readonly transitions?: number;
  /** The rules; those that the model promises without. */
  readonly rules?: readonly Rule[];
}

export type Rule = "trip" | "task" | "order" | "frame";

export interface Violation {
  readonly rule: Rule;
  /** `task 7`, `idle task of CPU 1`, `interrupt on CPU 0`; for `order` whoever made the second call. */
  readonly who: string;
  readonly trip: number;
  readonly first: CallRecord;
  readonly second: CallRecord;
  readonly text: string;
}

const PROMISED: Readonly<Record<LoadModel, readonly Rule[]>> = {
  kpatch: ["order", "frame"],
  kgraft: ["trip", "task", "frame"],
  none: [],
};

export function checkTrace(records: readonly CallRecord[], patch: CheckedPatch): Violation[] {
  const inOrder = records.toSorted((left, right) => left.number - right.number);
  const own = inOrder
    .filter(({ ends }) => !ends)
    .filter(({ slot, version }) => (slot === 0 ? version === patch.name : patch.slots.includes(slot)));
  return (patch.rules ?? PROMISED[patch.model]).flatMap((rule) =>
    rule === "frame" ? tornFrames(inOrder) : RULES[rule](own, patch),
  );
}

type Check = (calls: readonly CallRecord[], patch: CheckedPatch) => Violation[];

const RULES: Readonly<Record<Exclude<Rule, "frame">, Check>> = {
  trip: (calls, patch) =>
    groups(calls, (call) => `${who(call)} ${call.trip}`).flatMap((trip) => turns("trip", trip, patch, 0)),
  task: (calls, patch) => groups(calls, who).flatMap((task) => turns("task", task, patch, patch.transitions ?? 1)),
  order: (calls, patch) => turns("order", calls, patch, patch.transitions ?? 1),
};

/** The first call that is one turn from universe to universe too many. */
function turns(rule: Rule, calls: readonly CallRecord[], patch: CheckedPatch, allowed: number): Violation[] {
  let seen = 0;
  for (const [index, second] of calls.entries()) {
    const first = calls[index - 1];
    if (!first || isNew(first, patch) === isNew(second, patch) || seen++ < allowed) continue;
    return [{ rule, who: who(second), trip: second.trip, first, second, text: describe(rule, first, second) }];
  }
  return [];
}

/** The first frame of each context that another version ended than began it. */
function tornFrames(records: readonly CallRecord[]): Violation[] {
  const open = new Map<string, CallRecord[]>();
  const found = new Map<string, Violation>();
  let expected = 0;
  for (const call of records) {
    // What was not recorded may have been an end, or a beginning.
    if (call.number !== expected) open.clear();
    expected = call.number + 1;
    const context = who(call);
    const frames = open.get(context) ?? [];
    // A task's trips only grow: this is another one with its pid, or the next interrupt.
    const last = frames.at(-1);
    if (last && (call.trip < last.trip || (call.context === "interrupt" && call.trip !== last.trip))) frames.length = 0;
    open.set(context, frames);
    if (!call.ends) frames.push(call);
    else {
      const place = frames.findLastIndex(({ slot, name }) => slot === call.slot && name === call.name);
      const [first] = place < 0 ? [] : frames.splice(place);
      if (!first || first.version === call.version || found.has(context)) continue;
      const text = describe("frame", first, call);
      found.set(context, { rule: "frame", who: context, trip: call.trip, first, second: call, text });
    }
  }
  return [...found.values()];
}

const isNew = (call: CallRecord, patch: CheckedPatch): boolean => call.version === patch.name;

function groups(calls: readonly CallRecord[], key: (call: CallRecord) => string): CallRecord[][] {
  const found = new Map<string, CallRecord[]>();
  for (const call of calls) {
    const group = found.get(key(call));
    if (group) group.push(call);
    else found.set(key(call), [call]);
  }
  return [...found.values()];
}

function who({ context, task }: CallRecord): string {
  if (context === "task") return `task ${task}`;
  return context === "idle task" ? `idle task of CPU ${task}` : `interrupt on CPU ${task}`;
}

const BROKEN: Readonly<Record<Rule, string>> = {
  trip: "met two universes in one trip",
  task: "moved back",
  order: "made a call of the side that the machine had left",
  frame: "ended a frame in other code than began it",
};

function describe(rule: Rule, first: CallRecord, second: CallRecord): string {
  const call = ({ number, context, task, trip, name, version, cpu }: CallRecord): string =>
    `#${number} ${name} (${version}) on CPU ${cpu}, trip ${trip} of ${context} ${task}`;
  return `${who(second)} ${BROKEN[rule]}: ${call(first)}, then ${call(second)}`;
}
