import { execFile, execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { rm, writeFile } from "node:fs/promises";
import { dirname, join, posix } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { METRICS } from "../host/bench/metrics.ts";
import { PACKAGE_ROOT } from "../host/toolchain/compile.ts";
import { WORKLOADS } from "../host/workload.ts";
import { findCycle, importGraph } from "./import-graph.ts";

const MAX_LINES = 400;
const run = promisify(execFile);

const read = (path: string): string => readFileSync(join(PACKAGE_ROOT, path), "utf8");
const tracked = execFileSync("git", ["ls-files"], { cwd: PACKAGE_ROOT, encoding: "utf8" }).trim().split("\n");
const sources = tracked.filter((path) => /^(kernel|host)\/.*\.ts$/.test(path));
const matches = (text: string, pattern: RegExp): string[] => [...text.matchAll(pattern)].map((match) => match[1] ?? "");
/** Contents of the first fenced block that begins with `opening`. */
const block = (text: string, opening: string): string => text.split(`\`\`\`${opening}`)[1]?.split("```")[0] ?? "";

/** Folders that the map must name; a folder of fixtures belongs to the tests around it. */
function mappedFolders(): Set<string> {
  const folders = new Set<string>();
  for (const path of tracked) {
    for (let folder = dirname(path); folder !== "."; folder = dirname(folder)) {
      if (/^(kernel|host|test|patches|modules|docs|\.ci)\b/.test(folder) && !/\bfixtures\b/.test(folder))
        folders.add(`${folder}/`);
    }
  }
  return folders;
}

describe("ARCHITECTURE.md", () => {
  it("names every folder in its map, and none that does not exist", () => {
    const map = matches(read("ARCHITECTURE.md"), /^\| `([^`]+\/)` \|/gm);
    expect(map.toSorted()).toEqual([...mappedFolders()].toSorted());
  });
});

describe("docs/errors.md", () => {
  it("has one line for each code that the host knows, and no other", () => {
    const codes = matches(read("host/errors.ts"), /^ {2}\| "([A-Z_]+)"/gm);
    expect(codes.length).toBeGreaterThan(0);
    expect(matches(read("docs/errors.md"), /^\| `([A-Z_]+)` \| .+ \| .+ \|$/gm)).toEqual(codes);
  });
});

describe("docs/metrics.md", () => {
  it("says from where to where each metric lies, and defines no other", () => {
    const defined = matches(read("docs/metrics.md"), /^\| `([^`]+)` \| .+ \|$/gm);
    expect(defined.toSorted()).toEqual(Object.keys(METRICS).toSorted());
  });
});

describe("the sources", () => {
  it(`have at most ${MAX_LINES} lines in a file`, () => {
    expect(sources.filter((path) => read(path).split("\n").length - 1 > MAX_LINES)).toEqual([]);
  });

  it.each(["kernel", "host"])("of %s/ import each other without a cycle, types aside", (half) => {
    const graph = importGraph(
      sources.filter((path) => path.startsWith(`${half}/`)),
      read,
    );
    expect(graph.size).toBeGreaterThan(0);
    expect(findCycle(graph)).toBeUndefined();
  });

  it("would be refused with a cycle, which is named", () => {
    const files: Record<string, string> = {
      "a.ts": 'import { b } from "./b.ts";',
      "b.ts": 'import {\n  c,\n} from "./sub/c";\nimport type { A } from "./a.ts";',
      "sub/c.ts": 'export * from "../b.ts";',
    };
    expect(findCycle(importGraph(Object.keys(files), (path) => files[path] ?? ""))).toEqual([
      "b.ts",
      "sub/c.ts",
      "b.ts",
    ]);
  });
});

describe("README.md", () => {
  const readme = read("README.md");
  const scripts = (JSON.parse(read("package.json")) as { scripts: Record<string, string> }).scripts;

  it("opens with the two commands, the second of which continuous integration runs", () => {
    const [start, test] = matches(block(readme, "sh"), /^(npm ci && npm \w+)/gm);
    expect([start, test]).toEqual(["npm ci && npm start", "npm ci && npm test"]);
    expect(read(".ci/run").split("\n")).toContain(test);
  });

  it("names only scripts, folders and files that exist", () => {
    for (const script of matches(readme, /npm (?:run )?((?!ci\b)[a-z:]+)/g)) expect(scripts).toHaveProperty([script]);
    const links = matches(readme, /\]\(([^)#]+)/g);
    const folders = matches(readme, /\(`((?:kernel|host)\/)`\)/g);
    const known = new Set([...tracked, ...mappedFolders()]);
    expect([...links, ...folders].map(posix.normalize).filter((path) => !known.has(path))).toEqual([]);
  });

  it("says how much the tests try", () => {
    const [, full, normal] = /SEEDS = .* \? (\d+) : (\d+);/.exec(read("test/stepped/seeds.test.ts")) ?? [];
    const planted = tracked.filter((path) => path.startsWith("test/planted/")).length;
    const text = readme.replaceAll("\n", " ");
    for (const claim of [`${normal} seeds`, `${Number(full).toLocaleString("en")} seeds`, `${planted} bugs`])
      expect(text).toContain(` ${claim}`);
  });

  it("lists the workloads, and only options that these commands have", async () => {
    expect(matches(readme, /^\| `([a-z]+)` \|/gm)).toEqual(WORKLOADS.map(({ name }) => name));
    const help = async (command: string): Promise<string> =>
      (await run(process.execPath, ["dist/host/cli/main.js", command, "--help"], { cwd: PACKAGE_ROOT })).stdout;
    const helps = (await help("run")) + (await help("boot")) + (await help("trace")) + (await help("build"));
    for (const option of matches(readme, /(--[a-z]+)/g)) expect(helps).toContain(option);
  });

  it("has a library example that runs, and shows the stack that it prints", async () => {
    const file = join(PACKAGE_ROOT, `dist/readme-example-${process.pid}.js`); // in the package, so that it can import itself by name
    await writeFile(file, block(readme, "js"));
    const { stdout } = await run(process.execPath, [file]).finally(() => rm(file));
    expect(stdout).toContain("exit code 3\n");
    expect(stdout).toContain("ended by signal 15\n");
    expect(stdout).toContain("audit finds []\n");
    const shown = block(readme.split("## A sleeping task's stack")[1] ?? "", "\n").trim();
    expect(matches(stdout, /^(\[<0>\] .*)$/gm).join("\n")).toBe(shown);
  });

  it("stays within 80 columns outside its tables", () => {
    const wide = readme.split("\n").filter((line) => [...line].length > 80 && !line.startsWith("|"));
    expect(wide).toEqual([]);
  });
});
