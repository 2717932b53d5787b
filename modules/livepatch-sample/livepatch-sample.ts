/**
 * A live patch by hand: /proc/cmdline says something else while this module's patch is in force.
 *
 * Replaces put_cmdline (kernel/fs/procfs.ts). No data changes shape. `kpatch=1` stops the machine, without it tasks move
 * one by one. `mistake` shows what is refused.
 */
import { KLP_MODEL_KGRAFT, KLP_MODEL_KPATCH } from "../../kernel/abi";
import { put_text } from "../../kernel/lib/text";
import { klp_add_func, klp_enable_patch, klp_new_patch } from "../../kernel/livepatch/hand";

export const MODULE_LICENSE = "GPL-2.0";
export const MODULE_DESCRIPTION = "Replaces what /proc/cmdline says";

@param let kpatch: bool = false;
/** 1 names a function that there is not, 2 one twice, 3 none at all, 4 one of other parameters. */
@param let mistake: i32 = 0;

export function init_module(): i32 {
  const patch = klp_new_patch("livepatch_sample", kpatch ? KLP_MODEL_KPATCH : KLP_MODEL_KGRAFT);
  if (mistake != 3) klp_add_func(patch, mistake == 1 ? "put_nothing" : "put_cmdline", 0, livepatch_cmdline);
  if (mistake == 2) klp_add_func(patch, "put_cmdline", 0, livepatch_cmdline);
  if (mistake == 4) klp_add_func(patch, "cpu_up", 0, livepatch_cmdline);
  return klp_enable_patch(patch);
}

export function cleanup_module(): void {}

function livepatch_cmdline(at: usize, limit: usize, subject: i32): usize {
  return put_text(at, "this has been live patched\n");
}
