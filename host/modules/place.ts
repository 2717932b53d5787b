/**
 * What a kernel module takes in the machine's memory.
 *
 *   block ─► [MODULE_HEAD | parameters | symbol rows, names, data as of a patch | variables | names | debug lines]
 *
 * Contract: `layOutModule` says how much, `moduleBytes` what, for the address and slots that the kernel gave. Invariant:
 * nothing is written here: the bytes are the answer to the kernel's question.
 */
import { PARAM_BOOL, PARAM_I32, PARAM_U32, TAINT_OOT_MODULE, TAINT_PROPRIETARY_MODULE } from "../../kernel/abi.ts";
import {
  MODULE_HEAD_DEBUG_LINES,
  MODULE_HEAD_DEBUG_LINE_COUNT,
  MODULE_HEAD_EXIT,
  MODULE_HEAD_INIT,
  MODULE_HEAD_PARAMETER_COUNT,
  MODULE_HEAD_PARAMETERS,
  MODULE_HEAD_ROW_COUNT,
  MODULE_HEAD_ROWS,
  MODULE_HEAD_SIZE,
  MODULE_HEAD_TAINT,
  MODULE_HEAD_VERSION,
  MODULE_HEAD_VERSION_LENGTH,
  MODULE_PARAM_ADDRESS,
  MODULE_PARAM_NAME,
  MODULE_PARAM_NAME_LENGTH,
  MODULE_PARAM_SIZE,
  MODULE_PARAM_TYPE,
  WORD,
} from "../../kernel/layout.ts";
import { blockBytes, layOut } from "../patch/place.ts";
import type { PatchLayout } from "../patch/place.ts";
import { debugRows } from "../boot/debug-rows.ts";
import type { ParameterType } from "../toolchain/module-format.ts";
import type { VerifiedModule } from "./verify.ts";

const ALIGNMENT = 16;
const TYPES: Readonly<Record<ParameterType, number>> = { bool: PARAM_BOOL, i32: PARAM_I32, u32: PARAM_U32 };
/** Licences, as in the SPDX list, that taint nothing but that the module is not the kernel's own. */
const FREE = /^(GPL|LGPL|MIT|BSD|Apache|MPL|ISC|0BSD|CC0|Unlicense)\b/;

export interface ModuleLayout {
  readonly bytes: number;
  readonly patch: PatchLayout;
  /** Where rows, names and data begin. */
  readonly body: number;
  readonly state: number;
  readonly names: number;
  readonly lines: number;
}

/** What the kernel decides: where the block is, and the module's first slot; and the image's stride. */
export interface ModulePlace {
  readonly block: number;
  readonly firstSlot: number;
  readonly stride: number;
}

export function layOutModule(module: VerifiedModule): ModuleLayout {
  const { info } = module;
  const patch = layOut(module);
  const body = roundUp(MODULE_HEAD_SIZE + info.parameters.length * MODULE_PARAM_SIZE);
  const state = roundUp(body + patch.bytes);
  const names = state + info.state.length * WORD;
  const lines = roundUp(names + encode([info.version, ...info.parameters.map(({ name }) => name)].join("")).length);
  const bytes = lines + debugRows(info.debugLines, 0).length;
  return { bytes, patch, body, state, names, lines };
}

export function moduleBytes(module: VerifiedModule, layout: ModuleLayout, place: ModulePlace): Uint8Array<ArrayBuffer> {
  const { info } = module;
  const { block } = place;
  const bytes = new Uint8Array(layout.bytes);
  const view = new DataView(bytes.buffer);
  const store = (offset: number, value: number): void => view.setInt32(offset, value, true);
  const slots = slotsOf(module, place);
  let name = layout.names;
  const text = (at: number, value: string): void => {
    const encoded = encode(value);
    bytes.set(encoded, name);
    store(at, block + name);
    store(at + WORD, encoded.length);
    name += encoded.length;
  };
  store(MODULE_HEAD_ROWS, block + layout.body);
  store(MODULE_HEAD_ROW_COUNT, info.rows.length);
  store(MODULE_HEAD_INIT, slots.get(info.init) ?? 0);
  store(MODULE_HEAD_EXIT, slots.get(info.exit ?? "") ?? 0);
  store(MODULE_HEAD_PARAMETERS, block + MODULE_HEAD_SIZE);
  store(MODULE_HEAD_PARAMETER_COUNT, info.parameters.length);
  store(MODULE_HEAD_TAINT, TAINT_OOT_MODULE | (FREE.test(info.license) ? 0 : TAINT_PROPRIETARY_MODULE));
  text(MODULE_HEAD_VERSION, info.version);
  info.parameters.forEach((parameter, i) => {
    const row = MODULE_HEAD_SIZE + i * MODULE_PARAM_SIZE;
    text(row + MODULE_PARAM_NAME, parameter.name);
    store(row + MODULE_PARAM_TYPE, TYPES[parameter.type]);
    store(row + MODULE_PARAM_ADDRESS, block + layout.state + parameter.offset);
  });
  const rows = info.rows.map((row) => ({ ...row, slot: slots.get(row.path) ?? row.slot }));
  const originals = new Map([...slots].map(([path, slot]) => [path, place.stride + slot]));
  const body = { info: { rows, data: info.data }, data: module.data };
  const pointers = new Map([...slots, ...bareSlots(module, place)]);
  bytes.set(blockBytes(block + layout.body, body, layout.patch, originals, pointers), layout.body);
  store(MODULE_HEAD_DEBUG_LINES, block + layout.lines);
  store(MODULE_HEAD_DEBUG_LINE_COUNT, info.debugLines.length);
  bytes.set(debugRows(info.debugLines, block + layout.lines), layout.lines);
  info.state.forEach((value, i) => store(layout.state + i * WORD, value));
  return bytes;
}

/** Slots of the module's functions, by path. */
export function slotsOf({ info }: VerifiedModule, { firstSlot }: ModulePlace): Map<string, number> {
  return new Map(info.functions.map(({ path }, index) => [path, firstSlot + index]));
}

/** Table indices of functions that pointers lead to and nobody can patch: slots without stubs, behind the others. */
function bareSlots({ info }: VerifiedModule, { firstSlot }: ModulePlace): Map<string, number> {
  return new Map(info.added.map(({ path }, index) => [path, firstSlot + info.functions.length + index]));
}

/** Slots that the module needs. */
export function slotCount({ info }: VerifiedModule): number {
  return info.functions.length + info.added.length;
}

/** Which export goes where: slot and original version, slow stub, trace stub. */
export function moduleEntries(module: VerifiedModule, place: ModulePlace): (readonly [index: number, name: string])[] {
  const bare = [...bareSlots(module, place)].map(([path, slot]) => [slot, path] as const);
  const patchable = [...slotsOf(module, place)].flatMap(([path, slot]) => [
    [slot, path] as const,
    [place.stride + slot, path] as const,
    [2 * place.stride + slot, `slow:${path}`] as const,
    [3 * place.stride + slot, `trace:${path}`] as const,
  ]);
  return [...patchable, ...bare];
}

const roundUp = (value: number): number => Math.ceil(value / ALIGNMENT) * ALIGNMENT;
const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

if (
  MODULE_HEAD_VERSION_LENGTH !== MODULE_HEAD_VERSION + WORD ||
  MODULE_PARAM_NAME_LENGTH !== MODULE_PARAM_NAME + WORD
) {
  throw new Error("kernel/layout.ts: a text's length follows its address");
}
