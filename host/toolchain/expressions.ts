/**
 * Walking and rewriting function bodies.
 *
 * Idea: one table says which children each kind of expression has; every pass walks through it.
 * Contract: a kind that is not in the table is a refusal that names it, never a subtree silently left out.
 * Invariant: children are visited before their parent by `rewrite`, after it by `walk`.
 */
import { MachineError } from "../errors.ts";
import type { Binaryen, Expression, NodeView } from "./binaryen.ts";

/** Wrapper class and child properties of every kind, in evaluation order. Operands and block children are lists. */
const KINDS: Readonly<Record<string, readonly string[]>> = {
  Nop: [],
  Unreachable: [],
  Const: [],
  LocalGet: [],
  GlobalGet: [],
  MemorySize: [],
  AtomicFence: [],
  DataDrop: [],
  RefNull: [],
  RefFunc: [],
  TableSize: [],
  Block: ["children"],
  Call: ["operands"],
  CallIndirect: ["operands", "target"],
  If: ["condition", "ifTrue", "ifFalse"],
  Loop: ["body"],
  Break: ["value", "condition"],
  Switch: ["value", "condition"],
  LocalSet: ["value"],
  GlobalSet: ["value"],
  Load: ["ptr"],
  Store: ["ptr", "value"],
  AtomicRMW: ["ptr", "value"],
  AtomicCmpxchg: ["ptr", "expected", "replacement"],
  AtomicWait: ["ptr", "expected", "timeout"],
  AtomicNotify: ["ptr", "notifyCount"],
  MemoryInit: ["dest", "offset", "size"],
  MemoryCopy: ["dest", "source", "size"],
  MemoryFill: ["dest", "value", "size"],
  MemoryGrow: ["delta"],
  Unary: ["value"],
  Binary: ["left", "right"],
  Select: ["ifTrue", "ifFalse", "condition"],
  Drop: ["value"],
  Return: ["value"],
  TableGet: ["index"],
  TableSet: ["index", "value"],
  TableGrow: ["value", "delta"],
};

/** Kinds without a wrapper class in binaryen.js; they have no children. */
const BARE_KINDS = new Set(["Nop", "Unreachable", "RefNull"]);

const kindNames = new WeakMap<Binaryen, Map<number, string>>();

/** The kind of an expression, as `binaryen.XxxId` names it. */
export function kindOf(b: Binaryen, expression: Expression): string {
  let names = kindNames.get(b);
  if (!names) {
    names = new Map();
    for (const key of Object.keys(b)) {
      if (/^[A-Z]\w*Id$/.test(key)) names.set(b[key] as number, key.slice(0, -2));
    }
    kindNames.set(b, names);
  }
  return names.get(b.getExpressionId(expression)) ?? `kind ${b.getExpressionId(expression)}`;
}

/** A typed view on `expression`. */
export function view(b: Binaryen, expression: Expression): NodeView {
  const kind = kindOf(b, expression);
  return new (b[kind] as new (expression: Expression) => NodeView)(expression);
}

interface Child {
  readonly value: Expression;
  replace(value: Expression): void;
}

/** The direct children of `expression`, in evaluation order. */
export function children(b: Binaryen, expression: Expression): Child[] {
  const kind = kindOf(b, expression);
  const properties = KINDS[kind];
  if (!properties) {
    throw new MachineError(
      "UNKNOWN_EXPRESSION",
      `the passes do not know the instruction kind ${kind}: ${b.emitText(expression).split("\n")[0]}`,
      `Rewrite the source without it, or add ${kind} to KINDS in host/toolchain/expressions.ts.`,
    );
  }
  if (BARE_KINDS.has(kind)) return [];
  const node = view(b, expression);
  const found: Child[] = [];
  for (const property of properties) {
    if (property === "children") {
      for (let i = 0; i < (node.numChildren ?? 0); i++) {
        found.push({ value: node.getChildAt(i), replace: (value) => node.setChildAt(i, value) });
      }
    } else if (property === "operands") {
      for (let i = 0; i < (node.numOperands ?? 0); i++) {
        found.push({ value: node.getOperandAt(i), replace: (value) => node.setOperandAt(i, value) });
      }
    } else if (node[property]) {
      found.push({ value: node[property] as number, replace: (value) => (node[property] = value) });
    }
  }
  return found;
}

/** Visits `expression` and everything below it, parents first. `leave` runs after the children. */
export function walk(
  b: Binaryen,
  expression: Expression,
  enter: (expression: Expression, kind: string) => void,
  leave?: (expression: Expression, kind: string) => void,
): void {
  const kind = kindOf(b, expression);
  enter(expression, kind);
  for (const child of children(b, expression)) walk(b, child.value, enter, leave);
  leave?.(expression, kind);
}

/** Replaces every expression by what `replace` makes of it, children first; returns the new root. */
export function rewrite(
  b: Binaryen,
  expression: Expression,
  replace: (expression: Expression, kind: string) => Expression,
): Expression {
  for (const child of children(b, expression)) {
    const value = rewrite(b, child.value, replace);
    if (value !== child.value) child.replace(value);
  }
  return replace(expression, kindOf(b, expression));
}
