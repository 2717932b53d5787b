/**
 * `wlp run --claim`: what the documents claim, tried out one after the other.
 *
 * Contract: on the stepped platform unless another is asked for, because it answers the same each time; exit status 1
 * when a claim is refuted. Invariant: with --json, standard output holds one document and no more.
 */
import type { ClaimReport } from "../claims/claim.ts";
import { findClaims, runClaim } from "../claims/claims.ts";
import type { MachineOptions } from "../options.ts";
import { renderClaim } from "./claim-report.ts";
import { painter } from "./format.ts";
import { resolvePatch } from "./patch-argument.ts";

export interface ClaimOptions {
  readonly name: string;
  readonly machine: Pick<MachineOptions, "platform" | "cpus" | "seed" | "memoryMiB">;
  readonly json: boolean;
}

export async function runClaims({ name, machine, json }: ClaimOptions, signal: AbortSignal): Promise<void> {
  const claims = findClaims(name);
  const paint = painter(process.stdout.isTTY, process.env);
  const patch = async (folder: string, variant: string): Promise<Uint8Array> =>
    (await resolvePatch(folder, variant)).bytes;
  const reports: ClaimReport[] = [];
  for (const claim of claims) {
    const report = await runClaim(claim, { machine, patch }, { signal });
    reports.push(report);
    if (!json) process.stdout.write(renderClaim(report, paint));
  }
  const refuted = reports.filter(({ verdict }) => verdict === "refuted");
  if (json) process.stdout.write(`${JSON.stringify({ claims: reports }, null, 2)}\n`);
  else process.stdout.write(`${reports.length - refuted.length} confirmed, ${refuted.length} refuted\n`);
  if (refuted.length > 0) process.exitCode = 1;
}
