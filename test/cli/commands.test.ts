import { describe, expect, it } from "vitest";
import { COMMANDS, commandsFor } from "../../host/cli/commands.ts";

const { signal } = new AbortController();

describe("the table of commands", () => {
  it.each(COMMANDS)("loads $names by these names", async ({ names, load }) => {
    expect((await load(signal)).map((command) => command.name())).toEqual(names);
  });

  it("loads one file's commands for a name of theirs, and all for any other", async () => {
    const namesFor = async (name?: string) => (await commandsFor(name, signal)).map((command) => command.name());
    expect(await namesFor("exec")).toEqual(["exec"]);
    const all = COMMANDS.flatMap(({ names }) => names);
    expect(await namesFor("--help")).toEqual(all);
    expect(await namesFor()).toEqual(all);
  });
});
