/** A number on the command line. */
import { MachineError } from "../errors.ts";

/** Commander's parser for a number, which may have bounds; what is none, or out of them, is named with its option. */
export function numberOf(option: string, least: number = -Infinity, most: number = Infinity): (text: string) => number {
  const range = least === -Infinity ? "" : most === Infinity ? `, ${least} at least` : ` from ${least} to ${most}`;
  return (text) => {
    const value = text.trim() === "" ? NaN : Number(text);
    if (!(value >= least && value <= most))
      throw new MachineError("BAD_OPTION", `${option} is "${text}"`, `Give ${option} a number${range}.`);
    return value;
  };
}
