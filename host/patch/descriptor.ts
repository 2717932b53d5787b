/**
 * The record by which a patch is made known to the kernel (KLP_DESC_* in abi.ts).
 */
import {
  KLP_DESC_FIRST,
  KLP_DESC_FUNCTION_SIZE,
  KLP_DESC_FUNCTIONS,
  KLP_DESC_HOOKS,
  KLP_DESC_MODEL,
  KLP_DESC_NAME,
  KLP_DESC_NAME_LENGTH,
  KLP_DESC_NAME_SIZE,
  KLP_DESC_NUMBER,
  KLP_DESC_OBJECT,
  KLP_DESC_OBJECT_LENGTH,
  KLP_DESC_OBJECT_SIZE,
  KLP_DESC_ROW_COUNT,
  KLP_DESC_ROWS,
  KLP_FORCE,
  KLP_SLEEPS,
} from "../../kernel/abi.ts";
import { WORD } from "../../kernel/layout.ts";
import { STUB_PREFIX } from "../toolchain/patch-format.ts";
import type { HookName, PatchInfo } from "../toolchain/patch-format.ts";
import type { Indices } from "./place.ts";

const HOOKS: readonly HookName[] = ["pre_patch", "post_patch", "pre_unpatch", "post_unpatch"];

/**
 * `force` names functions that go in although they are in use, beside those that the patch itself names; `sleeping`
 * those of which some version can be on a saved stack.
 */
export function describePatch(
  info: PatchInfo,
  place: {
    number: number;
    model: number;
    rows: number;
    indices: Indices;
    force: ReadonlySet<string>;
    sleeping: ReadonlySet<string>;
  },
): Uint8Array {
  const bytes = new Uint8Array(KLP_DESC_FIRST + info.functions.length * KLP_DESC_FUNCTION_SIZE);
  const view = new DataView(bytes.buffer);
  const put = (offset: number, value: number): void => view.setInt32(offset, value, true);
  const name = new TextEncoder().encode(info.name).subarray(0, KLP_DESC_NAME_SIZE);
  put(KLP_DESC_NUMBER, place.number);
  put(KLP_DESC_MODEL, place.model);
  put(KLP_DESC_ROWS, place.rows);
  put(KLP_DESC_ROW_COUNT, info.rows.length);
  put(KLP_DESC_FUNCTIONS, info.functions.length);
  HOOKS.forEach((hook, i) => put(KLP_DESC_HOOKS + i * WORD, place.indices.get(info.hooks[hook] ?? "") ?? 0));
  put(KLP_DESC_NAME_LENGTH, name.length);
  bytes.set(name, KLP_DESC_NAME);
  const object = new TextEncoder().encode(info.object ?? "").subarray(0, KLP_DESC_OBJECT_SIZE);
  put(KLP_DESC_OBJECT_LENGTH, object.length);
  bytes.set(object, KLP_DESC_OBJECT);
  info.functions.forEach((fn, i) => {
    const at = KLP_DESC_FIRST + i * KLP_DESC_FUNCTION_SIZE;
    put(at, fn.slot);
    put(at + WORD, place.indices.get(fn.path) ?? 0);
    const force = fn.force || place.force.has(fn.name) ? KLP_FORCE : 0;
    put(at + 2 * WORD, force | (place.sleeping.has(fn.path) ? KLP_SLEEPS : 0));
    put(at + 3 * WORD, place.indices.get(STUB_PREFIX + fn.path) ?? 0);
  });
  return bytes;
}
