/** User programs written by hand, as somebody with another compiler would bring them. */
import binaryen from "binaryen";
import { COUNTER_FAULTS, SYS_NANOSLEEP, SYS_PIPE, SYS_READ, SYS_SPAWN, SYS_WAIT, SYS_WRITE } from "../kernel/abi.ts";
import { PERCPU, PERCPU_COUNTERS } from "../kernel/layout.ts";
import { appendSection, DATA_SECTION, encodeData, MAP_SECTION } from "../host/toolchain/sections.ts";

function assemble(functions: string): Uint8Array {
  const module = binaryen.parseText(`(module
    (import "env" "syscall" (func $syscall (param i32 i32 i32 i32) (result i32)))
    (memory 1)
    ${functions})`);
  try {
    return module.emitBinary();
  } finally {
    module.dispose();
  }
}

/** `forever` reads from a pipe of its own, into which nobody writes; `answer` exits with its argument plus one. */
export const FOREIGN: Uint8Array = assemble(`
  (func (export "forever") (param i32) (result i32)
    (drop (call $syscall (i32.const ${SYS_PIPE}) (i32.const 64) (i32.const 0) (i32.const 0)))
    (call $syscall (i32.const ${SYS_READ}) (i32.load (i32.const 64)) (i32.const 128) (i32.const 1)))
  (func (export "answer") (param i32) (result i32) (i32.add (local.get 0) (i32.const 1)))`);

/** `climb` recurses until it is stopped; from level `argument` on it writes to a pipe and reads from it on its way. */
export const CLIMBER: Uint8Array = assemble(`
  (func $pipe (param $call i32) (param $end i32)
    (drop (call $syscall (local.get $call) (i32.load (local.get $end)) (i32.const 128) (i32.const 1))))
  (func $higher (param i32) (result i32)
    (if (i32.le_s (local.get 0) (i32.const 0)) (then
      (call $pipe (i32.const ${SYS_WRITE}) (i32.const 68))
      (call $pipe (i32.const ${SYS_READ}) (i32.const 64))))
    (i32.add (i32.const 1) (call $higher (i32.sub (local.get 0) (i32.const 1)))))
  (func (export "climb") (param i32) (result i32)
    (drop (call $syscall (i32.const ${SYS_PIPE}) (i32.const 64) (i32.const 0) (i32.const 0)))
    (call $higher (local.get 0)))`);

/** `mother` starts nappers, three at a time, and buries them, for ever; `napper` sleeps so many ns and ends. */
export const MOTHERS: Uint8Array = assemble(`
  (data (i32.const 64) "napper")
  (func $bear (drop (call $syscall (i32.const ${SYS_SPAWN}) (i32.const 64) (i32.const 6) (i32.const 30000))))
  (func $bury (result i32) (call $syscall (i32.const ${SYS_WAIT}) (i32.const -1) (i32.const 0) (i32.const 0)))
  (func (export "mother") (param i32) (result i32)
    (loop $again
      (call $bear) (call $bear) (call $bear)
      (br_if $again (i32.and (i32.gt_s (call $bury) (i32.const 0))
        (i32.and (i32.gt_s (call $bury) (i32.const 0)) (i32.gt_s (call $bury) (i32.const 0))))))
    (i32.const 1))
  (func (export "napper") (param i32) (result i32)
    (call $syscall (i32.const ${SYS_NANOSLEEP}) (local.get 0) (i32.const 0) (i32.const 0)))`);

/** Reaches for a function that the kernel does not give. */
export const NOSY: Uint8Array = binaryen.parseText(`(module (import "env" "boot" (func)))`).emitBinary();

/** `module` with the sections of a user image, as if the toolchain had been over it; its data would go far outside. */
export function forged(module: Uint8Array): Uint8Array {
  const programs = [{ name: "reach", export: "reach" }];
  const map = { format: 1, identity: "", programs, windowBytes: 4096, dataEnd: 64, functions: [], sourceMap: "" };
  const data = encodeData([{ address: 1 << 20, bytes: Uint8Array.of(1, 2, 3, 4) }]);
  const withData = appendSection(module, DATA_SECTION, data);
  return appendSection(withData, MAP_SECTION, new TextEncoder().encode(JSON.stringify(map)));
}

/** `reach` writes where CPU 0 counts its faults, if it can, and exits with what it then finds there. */
export const REACHING: Uint8Array = assemble(`
  (func (export "reach") (param i32) (result i32)
    (f64.store (i32.const ${PERCPU + PERCPU_COUNTERS + COUNTER_FAULTS * 8}) (f64.const 77))
    (i32.trunc_f64_s (f64.load (i32.const ${PERCPU + PERCPU_COUNTERS + COUNTER_FAULTS * 8}))))`);
