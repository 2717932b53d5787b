/**
 * Random numbers, the only ones there are.
 *
 * Idea: whatever a stepped machine leaves to chance (which CPU runs, how long, when a device calls) comes from one
 * generator, so that a seed is a whole run. Contract: xoshiro128** by Blackman and Vigna, seeded through splitmix32;
 * integer arithmetic only, hence the same sequence in every engine. Invariant: equal seeds, equal sequences.
 */
export class Random {
  readonly #state = new Uint32Array(4);

  constructor(seed: number) {
    let z = seed >>> 0;
    for (let i = 0; i < 4; i++) {
      z = (z + 0x9e3779b9) >>> 0;
      let mixed = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
      mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
      this.#state[i] = mixed ^ (mixed >>> 15);
    }
  }

  /** 32 bits. */
  next(): number {
    const [s0 = 0, s1 = 0, s2 = 0, s3 = 0] = this.#state;
    const result = Math.imul(rotate(Math.imul(s1, 5), 7), 9) >>> 0;
    const mixed2 = s2 ^ s0;
    const mixed3 = s3 ^ s1;
    this.#state[0] = s0 ^ mixed3;
    this.#state[1] = s1 ^ mixed2;
    this.#state[2] = mixed2 ^ (s1 << 9);
    this.#state[3] = rotate(mixed3, 11);
    return result;
  }

  /** 0 to `limit` - 1. */
  below(limit: number): number {
    return Math.floor((this.next() / 0x1_0000_0000) * limit);
  }
}

function rotate(value: number, by: number): number {
  return (value << by) | (value >>> (32 - by));
}
