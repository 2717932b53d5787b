/** User programs written by hand, as somebody with another compiler would bring them. */
import binaryen from "binaryen";
import { SYS_PIPE, SYS_READ } from "../kernel/abi.ts";

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

/** Reaches for a function that the kernel does not give. */
export const NOSY: Uint8Array = binaryen.parseText(`(module (import "env" "boot" (func)))`).emitBinary();
