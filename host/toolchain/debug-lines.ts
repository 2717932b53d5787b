/**
 * Where the source says pr_debug(), and what.
 *
 * Idea: the source itself is read, since neither the compiler's declarations nor the module know a call's line.
 * Contract: a call stands on one line with its format, in a function of its own name. Invariant: the lines of a function
 * come in the order in which its code calls them.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Unit } from "./unit.ts";

export interface DebugLine {
  /** Of the function that it is in. */
  readonly path: string;
  readonly function: string;
  readonly file: string;
  readonly line: number;
  readonly format: string;
}

const CALL = /^(?!\s*(?:\*|\/\/)).*\bpr_debug\("([ -!#-~]*)"/;

export async function debugLines(root: string, unit: Unit): Promise<DebugLine[]> {
  const functions = [...unit.declarations.functions.values()].filter(({ name }) => !name.startsWith("~"));
  const files = [...new Set(functions.map(({ file }) => file))].toSorted();
  const found = await Promise.all(
    files.map(async (file) => {
      const text = await readFile(join(root, file), "utf8").catch(() => "");
      const inside = functions.filter((fn) => fn.file === file).toSorted((left, right) => left.line - right.line);
      return text.split("\n").flatMap((source, index) => {
        const format = CALL.exec(source)?.[1];
        const fn = inside.findLast(({ line }) => line <= index + 1);
        if (format === undefined || !fn) return [];
        return [{ path: fn.name, function: unit.shortName(fn.name), file, line: index + 1, format }];
      });
    }),
  );
  return found.flat();
}

/** The place of `line` among those of `others` in the same function with the same text, or -1. */
export function sameLine(line: DebugLine, lines: readonly DebugLine[], others: readonly DebugLine[]): number {
  const alike = ({ path, format }: DebugLine): boolean => path === line.path && format === line.format;
  const nth = lines.filter((one) => alike(one)).indexOf(line);
  const same = others.filter((one) => alike(one))[nth];
  return same ? others.indexOf(same) : -1;
}
