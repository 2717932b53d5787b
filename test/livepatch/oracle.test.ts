import { describe, expect, it } from "vitest";
import { checkTrace } from "../../host/index.ts";
import type { CallRecord, CheckedPatch } from "../../host/index.ts";

const KGRAFT: CheckedPatch = { name: "fix", slots: [3, 4], model: "kgraft" };
const KPATCH: CheckedPatch = { ...KGRAFT, model: "kpatch" };

/** Calls written as `task.trip version`, each on a CPU of its own: `7.1 old`, `irq0.4 new`, `idle2.1 helper`. */
function calls(...lines: string[]): CallRecord[] {
  return lines.map((line, number) => {
    const [, kind = "", task, trip, what] = /^(irq|idle)?(\d+)\.(\d+) (\w+)$/.exec(line) ?? [];
    return {
      number,
      context: kind === "irq" ? "interrupt" : kind === "idle" ? "idle task" : "task",
      task: Number(task),
      trip: Number(trip),
      slot: what === "helper" ? 0 : 3,
      cpu: number,
      marked: what === "old",
      name: "f",
      version: what === "old" ? "original" : what === "other" ? "another" : "fix",
    };
  });
}

const rules = (patch: CheckedPatch, ...lines: string[]): string[] =>
  checkTrace(calls(...lines), patch).map(({ rule, who, trip }) => `${rule}: ${who}, trip ${trip}`);

describe("the checker, of a kGraft patch,", () => {
  it("is silent when every task changes between its trips, each at its own time", () => {
    expect(rules(KGRAFT, "7.1 old", "8.4 old", "7.1 old", "7.2 new", "8.4 old", "irq0.1 new", "8.5 new")).toEqual([]);
  });

  it("finds a trip that meets both versions, on whatever CPUs", () => {
    expect(rules(KGRAFT, "7.1 old", "7.1 new", "8.1 old")).toEqual(["trip: task 7, trip 1"]);
  });

  it("finds a function that only the patch has in a trip of the old side", () => {
    expect(rules(KGRAFT, "7.1 old", "7.1 helper")).toEqual(["trip: task 7, trip 1"]);
  });

  it("finds a task that moves back", () => {
    expect(rules(KGRAFT, "7.1 old", "7.2 new", "7.3 old")).toEqual(["task: task 7, trip 3"]);
  });

  it("lets tasks move back when the patch comes out", () => {
    expect(rules({ ...KGRAFT, transitions: 2 }, "7.1 old", "7.2 new", "7.3 old")).toEqual([]);
  });

  it("takes interrupts and idle tasks of different CPUs for different contexts", () => {
    expect(rules(KGRAFT, "irq0.1 old", "irq1.1 new", "idle0.1 new", "idle1.1 old", "0.1 old")).toEqual([]);
    expect(rules(KGRAFT, "idle1.2 new", "idle1.2 old")).toEqual(["trip: idle task of CPU 1, trip 2"]);
    expect(rules(KGRAFT, "irq1.2 new", "irq1.2 old")).toEqual(["trip: interrupt on CPU 1, trip 2"]);
  });

  it("leaves calls of other functions and of other patches' helpers alone", () => {
    const [first, second] = calls("7.1 old", "7.1 new");
    expect(checkTrace([{ ...first!, slot: 5 }, second!], KGRAFT)).toEqual([]);
    expect(checkTrace([first!, { ...second!, slot: 0, version: "another" }], KGRAFT)).toEqual([]);
  });

  it("takes every version but the patch's for the old side, other patches' too", () => {
    expect(rules(KGRAFT, "7.1 other", "7.1 new")).toEqual(["trip: task 7, trip 1"]);
    expect(rules(KGRAFT, "7.1 other", "7.1 old")).toEqual([]);
  });
});

describe("the checker, of a kpatch patch,", () => {
  it("is silent when all old calls come before all new ones, though a trip has both", () => {
    expect(rules(KPATCH, "7.1 old", "8.1 old", "7.1 new", "8.1 new")).toEqual([]);
  });

  it("finds an old call behind the decision", () => {
    expect(rules(KPATCH, "7.1 old", "8.1 new", "7.2 old")).toEqual(["order: task 7, trip 2"]);
  });

  it("goes by the calls' numbers, not by their place in the list", () => {
    expect(checkTrace(calls("7.1 old", "8.1 old", "8.2 new").toReversed(), KPATCH)).toEqual([]);
  });

  it("keeps the rule for trips when asked to", () => {
    expect(rules({ ...KPATCH, rules: ["trip"] }, "7.1 old", "7.1 new")).toEqual(["trip: task 7, trip 1"]);
  });
});

describe("the checker, of either model,", () => {
  const ends = (...lines: string[]): CallRecord[] =>
    lines.map((line, number) => ({ ...calls(line.replace(/ ends$/, ""))[0]!, number, ends: line.endsWith(" ends") }));
  const torn = (...lines: string[]): string[] =>
    checkTrace(ends(...lines), { ...KPATCH, rules: ["frame"] }).map(
      ({ rule, who, trip }) => `${rule}: ${who}, trip ${trip}`,
    );

  it("is silent when frames end in the code that began them, others in between", () => {
    expect(torn("7.1 old", "8.1 new", "7.1 old ends", "8.1 new ends", "7.2 new", "7.2 new ends")).toEqual([]);
    expect(torn("7.1 old", "7.1 old", "7.1 old ends", "7.1 old ends")).toEqual([]);
  });

  it("finds a frame that another version ended, though its task moved on to another trip meanwhile", () => {
    expect(torn("7.1 old", "8.1 old", "8.1 old ends", "7.1 new ends")).toEqual(["frame: task 7, trip 1"]);
    expect(torn("7.1 old", "7.2 new ends")).toEqual(["frame: task 7, trip 2"]);
    expect(checkTrace(ends("7.1 old", "7.1 new ends"), KGRAFT)).toHaveLength(1);
    expect(checkTrace(ends("7.1 old", "7.1 new ends"), KPATCH)).toHaveLength(1);
  });

  it("does not hold a frame that never ended against another task with its pid, or another interrupt", () => {
    expect(torn("7.5 old", "7.1 new", "7.1 new ends")).toEqual([]);
    expect(torn("7.5 old", "7.1 new ends")).toEqual([]);
    expect(torn("irq0.1 old", "irq0.2 new ends")).toEqual([]);
  });

  it("concludes nothing across records that were lost", () => {
    const [begun, ended] = ends("7.1 old", "7.1 new ends");
    expect(checkTrace([begun!, { ...ended!, number: 5 }], { ...KPATCH, rules: ["frame"] })).toEqual([]);
  });
});

describe("a violation", () => {
  it("names who, the trip, and both calls", () => {
    const [violation] = checkTrace(calls("7.1 old", "7.1 new"), KGRAFT);
    expect(violation?.text).toBe(
      "task 7 met two universes in one trip: #0 f (original) on CPU 0, trip 1 of task 7, then #1 f (fix) on CPU 1, trip 1 of task 7",
    );
    expect([violation?.first.number, violation?.second.number]).toEqual([0, 1]);
  });
});
