/** What a trace says, taken apart. */

export interface TraceLine {
  readonly comm: string;
  readonly pid: number;
  readonly cpu: number;
  readonly seconds: number;
  readonly name: string;
  readonly caller: string;
}

/** Columns as the function tracer has them: name, pid, CPU, context, time. */
const EVENT = /^( *\S.{0,15})-(\d+) {1,7}\[(\d{3})\] [d.][N.][hsH.][1-9a-f.]\. +(\d+\.\d{6}): (\S+) <-(\S+)$/;

/** Lines of a function trace; throws at one that is not as it should be. */
export function functionLines(trace: string): TraceLine[] {
  return body(trace).map((line) => {
    const match = EVENT.exec(line);
    if (!match || line[16] !== "-" || line[24] !== " " || line[25] !== "[")
      throw new Error(`not in the function tracer's columns: ${line}`);
    const [, comm = "", pid, cpu, seconds, name = "", caller = ""] = match;
    return { comm: comm.trim(), pid: Number(pid), cpu: Number(cpu), seconds: Number(seconds), name, caller };
  });
}

const body = (trace: string): string[] => trace.split("\n").filter((line) => line !== "" && !line.startsWith("#"));

const GRAPH =
  /^ ?(\d+)\) (?:([$@*#!+ ]) +(\d+\.?\d*) us +\| | {14}\| ) ( *)(?:(\S+)\(\)(;| \{)|\}(?: \/\* (\S+) \*\/)?)$/;
const CHANGE = /^ ?(\d+)\) +(\S+)-(\d+) +=> +(\S+)-(\d+) *$/;

export interface GraphLine {
  readonly cpu: number;
  /** Whose call it is; 0 until the first change of tasks on that CPU. */
  readonly pid: number;
  readonly kind: "leaf" | "entry" | "return";
  readonly depth: number;
  readonly name: string;
  readonly micros: number;
}

/** Lines of a function graph with the tasks that they belong to; throws at one that is not as it should be. */
export function graphLines(trace: string): GraphLine[] {
  const running = new Map<number, number>();
  return body(trace).flatMap((line): GraphLine[] => {
    if (/^ -+$/.test(line)) return [];
    const change = CHANGE.exec(line);
    if (change) {
      running.set(Number(change[1]), Number(change[5]));
      return [];
    }
    const match = GRAPH.exec(line);
    if (!match) throw new Error(`not in function_graph's columns: ${line}`);
    const [, cpu, , micros, indent = "", name, end, of] = match;
    const kind = end === ";" ? "leaf" : end ? "entry" : "return";
    const pid = running.get(Number(cpu)) ?? 0;
    return [
      { cpu: Number(cpu), pid, kind, depth: indent.length / 2, name: name ?? of ?? "", micros: Number(micros ?? 0) },
    ];
  });
}

/** What is wrong with the nesting of a task's calls, seen over all CPUs in order: nothing, in a true graph. */
export function torn(lines: readonly GraphLine[], pid: number): string[] {
  const depths: number[] = [];
  return lines
    .filter((line) => line.pid === pid)
    .flatMap((line) => {
      const inside = depths.at(-1);
      if (line.kind === "return") {
        const found = depths.pop();
        // The first returns of a trace may be of calls made before it.
        return found === undefined || found === line.depth ? [] : [`left ${line.depth} when inside ${found}`];
      }
      const wrong =
        inside !== undefined && line.depth !== inside + 1 ? [`${line.name} at ${line.depth} inside ${inside}`] : [];
      if (line.kind === "entry") depths.push(line.depth);
      return wrong;
    });
}
