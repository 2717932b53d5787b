/**
 * Reads `layout.ts`, `abi.ts` and `records.ts` as text.
 *
 * Idea: a build may come from a copied source folder, whose numbers need not be those this host was compiled with.
 * Contract: a file holds comments and `export const NAME = <integers and names above, + * - << | ( )>;` and nothing
 * else; anything else is a refusal with the line. Invariant: the values are those that both compilers compute.
 */
import { readFile } from "node:fs/promises";
import { MachineError } from "../errors.ts";

/** The constants of one such file. */
export async function readConstants(path: string): Promise<Map<string, number>> {
  return parseConstants(await readFile(path, "utf8"), path);
}

export function parseConstants(text: string, path: string): Map<string, number> {
  const values = new Map<string, number>();
  const code = text.replace(/\/\*[\s\S]*?\*\/|\/\/[^\n]*/g, (comment) => comment.replace(/[^\n]/g, " "));
  code.split("\n").forEach((line, index) => {
    if (line.trim() === "") return;
    const match = /^export const ([A-Z][A-Z0-9_]*) = ([^;]+);\s*$/.exec(line);
    const value = match ? evaluate(match[2] ?? "", values) : undefined;
    if (value === undefined) {
      throw new MachineError(
        "BAD_LAYOUT_FILE",
        `${path}:${index + 1} is more than an integer constant: ${line.trim()}`,
        "Write `export const NAME = expression;` on one line, of integers, names above, and + * - << | ( ).",
      );
    }
    values.set(match?.[1] ?? "", value);
  });
  return values;
}

/** Binding strength as in both languages. */
const OPERATORS: Readonly<Record<string, { level: number; apply: (left: number, right: number) => number }>> = {
  "|": { level: 1, apply: (left, right) => left | right },
  "<<": { level: 2, apply: (left, right) => left << right },
  "+": { level: 3, apply: (left, right) => left + right },
  "-": { level: 3, apply: (left, right) => left - right },
  "*": { level: 4, apply: (left, right) => left * right },
};

function evaluate(text: string, names: ReadonlyMap<string, number>): number | undefined {
  const tokens = text.match(/0x[0-9a-fA-F]+|\d+|\w+|<<|[-+*|()]|\S/g) ?? [];
  let at = 0;
  const primary = (): number => {
    const token = tokens[at++] ?? "";
    if (token === "-") return -primary();
    if (token === "(") {
      const value = expression(1);
      return tokens[at++] === ")" ? value : NaN;
    }
    return /^\d/.test(token) ? Number(token) : (names.get(token) ?? NaN);
  };
  const expression = (level: number): number => {
    let left = primary();
    for (;;) {
      const operator = OPERATORS[tokens[at] ?? ""];
      if (!operator || operator.level < level) return left;
      at++;
      left = operator.apply(left, expression(operator.level + 1));
    }
  };
  const value = expression(1);
  return at === tokens.length && Number.isInteger(value) ? value : undefined;
}
