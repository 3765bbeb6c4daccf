import type { Command, Option } from "commander";

/** An option as a shell completes it. */
export type OptionWords = {
  /** `--json`; and `-V` where there is a short one. */
  flags: string[];
  meaning: string;
  takesValue: boolean;
  /** The values it takes, where they are known. */
  values: string[];
};

export type CommandWords = {
  /** Empty for the program itself. */
  name: string;
  meaning: string;
  options: OptionWords[];
  /** The values that its arguments take, where they are known. */
  values: string[];
};

/** Everything that can be completed, from the program itself: it cannot be out of date. */
export function commandWords(program: Command): CommandWords[] {
  const shared = wordsOf(program);
  const help = {
    name: "help",
    meaning: "display help for a command",
    options: [],
    values: program.commands.map((one) => one.name()),
  };
  const commands = program.commands.map((command) => {
    const own = wordsOf(command);
    const color = shared.options.filter(({ flags }) => flags.includes("--no-color"));
    return { ...own, options: [...own.options, ...color] };
  });
  return [{ ...shared, name: "" }, ...commands, help];
}

function wordsOf(command: Command): CommandWords {
  const options = command.createHelp().visibleOptions(command);
  return {
    name: command.name(),
    meaning: command.summary() || command.description(),
    options: options.map(optionWords),
    values: command.registeredArguments.flatMap(({ argChoices }) => argChoices ?? []),
  };
}

function optionWords(option: Option): OptionWords {
  return {
    flags: [option.short, option.long].flatMap((flag) => flag ?? []),
    meaning: option.description,
    takesValue: option.required || option.optional,
    values: option.argChoices ?? [],
  };
}
