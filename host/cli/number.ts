/** A number on the command line. */
import { MachineError } from "../errors.ts";

/** Commander's parser for a number; what is none is named with its option. */
export function numberOf(option: string): (text: string) => number {
  return (text) => {
    const value = text.trim() === "" ? NaN : Number(text);
    if (Number.isNaN(value)) throw new MachineError("BAD_OPTION", `${option} is "${text}"`, `Give ${option} a number.`);
    return value;
  };
}
