/**
 * The platforms, by name; each is loaded when a machine asks for it.
 */
import type { Platform, PlatformPlan } from "./platform.ts";

export type PlatformName = "threads" | "stepped";

export const PLATFORMS: Readonly<Record<PlatformName, (plan: PlatformPlan) => Promise<Platform>>> = {
  threads: async (plan) => new (await import("./threads/platform.ts")).ThreadsPlatform(plan),
  stepped: async (plan) => {
    const { SteppedPlatform } = await import("./stepped/platform.ts");
    const { locateBySourceMaps } = await import("./node/source-map.ts");
    return new SteppedPlatform(plan, locateBySourceMaps(plan.sourceMaps));
  },
};
