import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import type { ClaimReport } from "../../host/claims/claim.ts";
import { CLAIMS, findClaims, runClaim } from "../../host/claims/claims.ts";
import { renderClaim } from "../../host/cli/claim-report.ts";
import { resolvePatch } from "../../host/cli/patch-argument.ts";

const WLP = fileURLToPath(new URL("../../dist/host/cli/main.js", import.meta.url));
const NAMES = CLAIMS.map(({ name }) => name);
const SEEDS = process.env["WLP_FULL"] ? Array.from({ length: 50 }, (_, n) => n + 1) : [1];

function run(...args: string[]): Promise<{ status: number | null; out: string; err: string }> {
  const child = spawn(process.execPath, [WLP, "run", "--claim", ...args], { stdio: ["ignore", "pipe", "pipe"] });
  let [out, err] = ["", ""];
  child.stdout.on("data", (data: Buffer) => (out += data.toString()));
  child.stderr.on("data", (data: Buffer) => (err += data.toString()));
  return new Promise((resolve) => child.once("close", (status) => resolve({ status, out, err })));
}

/** The claim `name`, tried with patches that `instead` puts in the place of its own. */
async function tryOut(
  name: string,
  seed: number,
  instead: Readonly<Record<string, string>> = {},
): Promise<ClaimReport> {
  const [claim] = findClaims(name);
  const patch = async (folder: string, variant: string): Promise<Uint8Array> =>
    (await resolvePatch(instead[folder] ?? folder, variant)).bytes;
  return runClaim(claim!, { machine: { platform: "stepped", seed, cpus: 1 + (seed % 4) }, patch }, {});
}

const seen = ({ observations }: ClaimReport): string[] =>
  observations.map(({ seen: what, asClaimed }) => `${asClaimed ? "as claimed" : "not"}: ${what}`);

describe("wlp run --claim", () => {
  it("tries all eight, on the stepped platform, in 80 columns, and confirms them", async () => {
    const { status, out, err } = await run("all");
    expect({ status, err }).toEqual({ status: 0, err: "" });
    expect([...out.matchAll(/^claim (\S+)$/gm)].map(([, name]) => name)).toEqual(NAMES);
    expect(out.match(/^confirmed$/gm)).toHaveLength(8);
    expect(out).toMatch(/where {3}2 CPUs \(stepped, seed 1\)[^]*\n8 confirmed, 0 refuted\n$/);
    expect(out.split("\n").filter((line) => line.length > 80)).toEqual([]);
  });

  it("answers with one JSON document, the same for the same seed", async () => {
    const args = ["never-leaves", "--seed", "7", "--cpus", "3", "--json"];
    const [first, again] = [await run(...args), await run(...args)];
    expect(first.status).toBe(0);
    expect(again.out).toBe(first.out);
    const { claims } = JSON.parse(first.out) as { claims: ClaimReport[] };
    expect(claims).toMatchObject([
      { name: "never-leaves", verdict: "confirmed", machine: { platform: "stepped", cpus: 3, seed: 7 } },
    ]);
    expect(claims[0]?.observations.length).toBeGreaterThan(0);
  });

  it("confirms them on threads too", async () => {
    const { status, out } = await run("all", "--platform", "threads", "--json");
    const { claims } = JSON.parse(out) as { claims: ClaimReport[] };
    expect(claims.filter(({ verdict }) => verdict === "refuted")).toEqual([]);
    expect({ status, tried: claims.length, where: claims[0]?.machine.platform }).toEqual({
      status: 0,
      tried: 8,
      where: "threads",
    });
  });

  it("refuses a claim that nobody made, with the list of those that were, and status 2", async () => {
    const { status, err } = await run("always-safe");
    expect(status).toBe(2);
    expect(err).toContain("BAD_OPTION: there is no claim always-safe\n");
    for (const name of NAMES) expect(err).toContain(name);
  });

  it.each(["tasks 3", "seconds 1", "workload pipes", "patch none", "model kpatch", "trace run.json"])(
    "refuses --%s beside it, with status 2",
    async (option) => {
      const [name = "", value = ""] = option.split(" ");
      const { status, err } = await run("all", `--${name}`, value);
      expect(status).toBe(2);
      expect(err).toContain(`BAD_OPTION: --${name} means nothing beside --claim\n  Beside --claim take --platform`);
    },
  );
});

describe("the claim", () => {
  it.each(NAMES)("%s stands in every schedule", async (name) => {
    for (const seed of SEEDS) {
      const report = await tryOut(name, seed);
      expect(seen(report).filter((what) => what.startsWith("not"))).toEqual([]);
      expect(report.verdict).toBe("confirmed");
    }
  });

  it("always-on-stack is refuted by a function that is on no stack", async () => {
    const report = await tryOut("always-on-stack", 1, { "claim-schedule": "claim-callback" });
    expect(report.verdict).toBe("refuted");
    expect(seen(report)[0]).toBe("not: refusals: 0, first because of nobody");
  });

  it("kthread-without-safepoint is refuted when there is no such thread", async () => {
    const report = await tryOut("kthread-without-safepoint", 1, { "claim-kthread": "dirty-pipe" });
    expect(report.verdict).toBe("refuted");
    expect(seen(report)[0]).toMatch(/^not: does not stall; who has not moved: nobody/);
  });

  it("data-semantics is refuted by a change that both sides understand", async () => {
    const report = await tryOut("data-semantics", 1, { "claim-data": "claim-bandaid" });
    expect(seen(report)[1]).toBe("not: the old reader gets its bytes");
  });

  it("data-semantics is refuted by a band-aid that is none", async () => {
    const report = await tryOut("data-semantics", 1, { "claim-bandaid": "claim-data" });
    expect(seen(report)[2]).toMatch(/^not: the old reader fails/);
  });

  it("no-model is refuted by a patch of functions that the task is not inside", async () => {
    const report = await tryOut("no-model", 1, { "claim-pair": "claim-interrupt" });
    expect(seen(report)[0]).toBe("not: mixed trips: 0; torn frames: 0; the task's call succeeds");
  });
});

describe("a report", () => {
  it("marks what was seen and contradicts the claim, and says that it is refuted", () => {
    const text = renderClaim(
      {
        name: "flat-earth",
        sentence: "The earth is flat.",
        source: "hearsay",
        machine: { platform: "stepped", cpus: 1, seed: 1 },
        observations: [
          { did: "walked", seen: "no edge", asClaimed: false },
          { did: "looked down", seen: "level", asClaimed: true },
        ],
        verdict: "refuted",
      },
      (_, word) => word,
    );
    expect(text).toContain("  did     walked\n  BUT     no edge\n  did     looked down\n  seen    level\nREFUTED\n");
  });
});
