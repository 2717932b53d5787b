/** A body's hash changes when the body does, and not when the things around it move. */
import { describe, expect, it } from "vitest";
import { BodyNormaliser } from "../../host/toolchain/body-hash.ts";
import { unitOf } from "./fixture.ts";

const module = (base: number, text: string, code: string): string => `
;;! header 4
;;! pointer ${base + 4} 1 kernel/a/g
(module
 (memory 1)
 (data (i32.const ${base}) "HEAD\\01\\00\\00\\00")
 (data (i32.const ${base + 100}) "HEAD${text}")
 (global $kernel/a/TEXT i32 (i32.const ${base + 104}))
 (func $kernel/a/f (result i32) (i32.add (i32.add ${code} (global.get $kernel/a/TEXT)) (i32.const ${base + 4})))
 (func $kernel/a/g)
)`;

async function hash(base: number, text: string, code = "(i32.const 7)"): Promise<string> {
  const unit = await unitOf(module(base, text, code));
  return new BodyNormaliser(unit).hash(unit.functions()[0]!);
}

describe("the hash of a body", () => {
  it("is the same when strings and function records have moved", async () => {
    expect(await hash(8192, "text")).toBe(await hash(9216, "text"));
  });

  it("differs when a string that the body uses has another content", async () => {
    expect(await hash(8192, "text")).not.toBe(await hash(8192, "next"));
  });

  it("differs when the code does", async () => {
    expect(await hash(8192, "text")).not.toBe(await hash(8192, "text", "(i32.const 8)"));
  });

  it("takes a number for a number, unless it is the address of an object", async () => {
    expect(await hash(8192, "text", "(i32.const 8197)")).not.toBe(await hash(9216, "text", "(i32.const 9221)"));
  });

  it("is the same when an assertion has moved to another line, and not when it says something else", async () => {
    const abort = (text: number, line: number) => `(module
      (import "env" "abort" (func $any (param i32 i32 i32 i32)))
      (func $kernel/a/f (if (i32.const 1) (then
        (call $any (i32.const ${text}) (i32.const 0) (i32.const ${line}) (i32.const 7)) (unreachable)))))`;
    const hashOf = async (text: string) => {
      const unit = await unitOf(text);
      return new BodyNormaliser(unit).hash(unit.functions()[0]!);
    };
    expect(await hashOf(abort(100, 12))).toBe(await hashOf(abort(100, 13)));
    expect(await hashOf(abort(100, 12))).not.toBe(await hashOf(abort(104, 12)));
  });
});
