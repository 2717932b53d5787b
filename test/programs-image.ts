/** User programs of tests, as the compiler leaves them: a machine's user image. */
import { dirname, join } from "node:path";
import { PACKAGE_ROOT, compile } from "../host/toolchain/compile.ts";
import { fingerprint } from "../host/toolchain/fingerprint.ts";
import { kept } from "./kept.ts";

/** The module of `entry`, a file below the package that exports programs. */
export async function programsImage(entry: string): Promise<Uint8Array<ArrayBuffer>> {
  const folders = ["kernel", dirname(entry)];
  const prints = await Promise.all(folders.map((folder) => fingerprint(join(PACKAGE_ROOT, folder), entry)));
  return kept(prints, async () => {
    return (await compile({ root: PACKAGE_ROOT, entries: [entry], target: "user", memoryBase: 1024 })).wasm;
  });
}
