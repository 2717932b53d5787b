/**
 * What the kernel knows of a function's parameters and result: a number, which is the same for the same ones.
 *
 * Contract: `signature` is text as `(i32,i32)->i32`; gives 32 bits of it (FNV-1a). Two different ones that meet by
 * chance cost a check: the engine looks at each call through the table itself.
 */
const BASIS = 0x811c9dc5;
const PRIME = 0x01000193;

export function signatureNumber(signature: string): number {
  let number = BASIS;
  for (const byte of new TextEncoder().encode(signature)) number = Math.imul(number ^ byte, PRIME);
  return number | 0;
}
