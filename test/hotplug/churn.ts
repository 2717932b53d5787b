/** CPUs that come and go all the time, in an order that a seed decides. */
import type { Machine } from "../../host/index.ts";
import { Random } from "../../host/random.ts";

/** Machine time between two changes is at most this. */
const MOST_PAUSE_US = 400;

/** Has CPUs come and go while `work` runs; afterwards all are there. Gives what `work` gives, and how many changes there were. */
export async function duringChurn<T>(
  machine: Machine,
  seed: number,
  work: () => Promise<T>,
): Promise<{ result: T; changes: number }> {
  const { cpus } = machine.settings;
  const random = new Random(seed);
  const away = new Set<number>();
  const over = new AbortController();
  const churn = async (): Promise<number> => {
    let changes = 0;
    for (; !over.signal.aborted; changes++) {
      const cpu = 1 + random.below(cpus - 1);
      await machine.setOnline(cpu, away.has(cpu));
      if (!away.delete(cpu)) away.add(cpu);
      await machine.run(random.below(MOST_PAUSE_US) / 1e6);
    }
    return changes;
  };
  const changing = churn();
  try {
    const result = await work();
    over.abort();
    const changes = await changing;
    for (const cpu of away) await machine.setOnline(cpu, true);
    return { result, changes };
  } finally {
    over.abort();
    await changing.catch(() => undefined);
  }
}
