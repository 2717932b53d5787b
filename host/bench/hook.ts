/**
 * What a call of a patchable function costs, by what its slot holds; a first call after a switch; mixed work with and
 * without slots.
 *
 * A task loops inside the kernel, through the slot and directly in turn, and the CPU stamps each loop. The host changes
 * what the slot holds: the original, the slow stub (a transition that a sleeper holds open), the patch's version.
 */
import { SYS_BENCH } from "../../kernel/abi.ts";
import {
  METER_DO_HOOKED,
  METER_KIND_DIRECT,
  METER_KIND_FIRST,
  METER_KIND_HOOKED,
  METER_KIND_LATER,
  METER_KIND_STAMP,
} from "../../kernel/records.ts";
import { MachineError } from "../errors.ts";
import { readImage } from "../platform/node/files.ts";
import type { LoadedPatch } from "../patch/patcher.ts";
import type { Effort, Outcome, Reading, Tools } from "./bench.ts";
import { figure, ratio } from "./figure.ts";
import { bootKernel } from "./kernels.ts";
import { benchPatch, onMachine } from "./lab.ts";
import type { Lab } from "./lab.ts";

const LOOP_CALLS = 20_000;
const LOOK_S = 0.01;
/** Rounds that are not counted. */
const WARM_UP = 2;
const FUNCTION = "bench_step";
/** The table's fourth region holds the trace stubs. */
const TRACE_REGION = 3;

export async function benchHook(effort: Effort, tools: Tools): Promise<Outcome> {
  return {
    figures: [
      ...(await calls(effort, tools)),
      ...(await traced(effort)),
      ...(await firstCalls(effort, tools)),
      ...(await mixed(effort, tools)),
    ],
    notes: [
      `loops of ${LOOP_CALLS} calls, hooked and direct in turn; slot contents in turn; the first ${WARM_UP} rounds are not counted`,
      `mixed: a round is 16 pipe round trips, a file written, read and unlinked, and a process started and waited for`,
    ],
  };
}

async function calls(effort: Effort, tools: Tools): Promise<Reading[]> {
  const direct: number[] = [];
  const hooked: number[] = [];
  const stub: number[] = [];
  const back: number[] = [];
  const patched: number[] = [];
  await onMachine({ cpus: 1 }, tools, async (lab) => {
    const { machine } = lab;
    await machine.spawn("looper", LOOP_CALLS);
    const patch = await machine.load(await benchPatch(), { model: "kgraft" });
    await machine.disable(patch);
    for (let round = -WARM_UP; round < effort.rounds; round++) {
      tools.say(`hook: round ${Math.max(0, round)} of ${effort.rounds}`);
      const plain = await look(lab);
      const held = await lookUnderWay(lab, patch, tools, () => machine.enable(patch, { ...tools, noWait: true }));
      const after = await look(lab);
      const heldBack = await lookUnderWay(lab, patch, tools, () => machine.disable(patch, { ...tools, noWait: true }));
      if (round < 0) continue;
      direct.push(...plain.direct);
      hooked.push(...plain.hooked);
      stub.push(...held);
      back.push(...heldBack);
      patched.push(...after.hooked);
    }
  });
  const at = "one task";
  const wayBack = "one task, on the way back";
  return [
    figure("call.direct", at, direct),
    figure("call.hooked", at, hooked),
    ratio("call.hooked_of_direct", at, hooked, direct),
    figure("call.slow_stub", at, stub),
    ratio("call.slow_stub_of_hooked", at, stub, hooked),
    figure("call.slow_stub", wayBack, back),
    ratio("call.slow_stub_of_hooked", wayBack, back, hooked),
    figure("call.patched", at, patched),
    ratio("call.patched_of_hooked", at, patched, hooked),
  ];
}

/** What a hooked call takes, ns, while somebody asleep in a system call keeps the transition that `begin` begins from its end. */
async function lookUnderWay(
  lab: Lab,
  patch: LoadedPatch,
  tools: Tools,
  begin: () => Promise<void>,
): Promise<readonly number[]> {
  const { machine } = lab;
  const sleeper = await machine.spawn("crowd", 0);
  while (!(await machine.read(`/proc/${sleeper}/stack`, tools)).includes("sys_read")) await machine.run(LOOK_S);
  await begin();
  while ((await machine.patchStatus(patch, tools)).remaining > 1) await machine.run(LOOK_S);
  const { hooked } = await look(lab);
  await machine.kill(sleeper);
  await machine.wait(sleeper);
  await machine.patchSettled(patch);
  return hooked;
}

/** What the loops take just now, ns per call. */
async function look({ machine, meter }: Lab): Promise<{ direct: number[]; hooked: number[] }> {
  await machine.run(LOOK_S / 5); // the loop under way began before
  meter.drain();
  await machine.run(LOOK_S);
  const records = meter.drain();
  const of = (wanted: number): number[] =>
    records.filter(({ kind }) => kind === wanted).map(({ fromNs, toNs, what }) => (toNs - fromNs) / what);
  return { direct: of(METER_KIND_DIRECT), hooked: of(METER_KIND_HOOKED) };
}

/** No command reaches the trace stubs yet, so a kernel that is not a machine's has its table changed by hand. */
async function traced(effort: Effort): Promise<Reading[]> {
  const { map, table, syscalls } = await bootKernel("kernel", "slots and Asyncify");
  const slot = map.functions.find(({ name }) => name === FUNCTION)?.slot;
  if (!slot) throw new MachineError("BAD_IMAGE", `${FUNCTION} owns no slot`, "Build the images again: npm run build.");
  const entries = [table.get(map.stride + slot) as unknown, table.get(TRACE_REGION * map.stride + slot) as unknown];
  const samples: [number[], number[]] = [[], []];
  for (let round = -WARM_UP; round < effort.rounds; round++) {
    for (const which of [0, 1] as const) {
      table.set(slot, entries[which]);
      const started = performance.now();
      syscalls(SYS_BENCH, METER_DO_HOOKED, 0, LOOP_CALLS, 1);
      if (round >= 0) samples[which].push(((performance.now() - started) * 1e6) / LOOP_CALLS);
    }
  }
  const at = "no machine";
  return [
    figure("call.hooked", at, samples[0]),
    figure("call.traced", at, samples[1]),
    ratio("call.traced_of_hooked", at, samples[1], samples[0]),
  ];
}

async function firstCalls(effort: Effort, tools: Tools): Promise<Reading[]> {
  tools.say("hook: first calls");
  const first: number[] = [];
  const later: number[] = [];
  await onMachine({ cpus: 1 }, tools, async ({ machine, meter }) => {
    await machine.spawn("timer");
    const patch = await machine.load(await benchPatch(), { model: "kpatch" });
    for (let event = -WARM_UP; event < effort.events; event++) {
      meter.drain();
      await (event % 2 === 0 ? machine.disable(patch) : machine.enable(patch));
      await machine.run(LOOK_S / 5);
      if (event < 0) continue;
      for (const { kind, fromNs, toNs } of meter.drain()) {
        if (kind === METER_KIND_FIRST) first.push(toNs - fromNs);
        else if (kind === METER_KIND_LATER) later.push(toNs - fromNs);
      }
    }
  });
  return [figure("call.first", "one task", first), figure("call.later", "one task", later)];
}

const MIX_ROUNDS = 300;

/** Two machines of one CPU each; the one that has no work sleeps. */
async function mixed(effort: Effort, tools: Tools): Promise<Reading[]> {
  const { bytes, sourceMap } = await readImage("kernel-unhooked");
  const image = { kernel: bytes, sourceMap };
  const samples: [number[], number[]] = [[], []];
  await onMachine({ cpus: 1 }, tools, (hooked) =>
    onMachine({ cpus: 1, image }, tools, async (unhooked) => {
      const machines = [unhooked, hooked] as const;
      for (let round = -WARM_UP; round < effort.rounds; round++) {
        tools.say(`hook: mixed work, round ${Math.max(0, round)}`);
        for (const which of [0, 1] as const) {
          const ns = await mix(machines[which]);
          if (round >= 0) samples[which].push(ns);
        }
      }
    }),
  );
  const at = "one CPU";
  return [
    figure("mixed.unhooked", at, samples[0]),
    figure("mixed.hooked", at, samples[1]),
    ratio("mixed.hooked_of_unhooked", at, samples[1], samples[0]),
  ];
}

async function mix({ machine, meter }: Lab): Promise<number> {
  meter.drain();
  const status = await machine.wait(await machine.spawn("mixer", MIX_ROUNDS));
  const [from, to] = meter.drain().filter(({ kind }) => kind === METER_KIND_STAMP);
  if (status === 0 && from && to) return (to.toNs - from.toNs) / MIX_ROUNDS;
  throw new MachineError("CALL_FAILED", `mixer ended with ${status}`, "Run npm test: the kernel is at fault.");
}
