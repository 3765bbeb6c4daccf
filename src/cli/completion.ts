import { Argument, Command } from "commander";
import type { Cli } from "./cli.ts";
import { commandWords } from "./completion/command-words.ts";
import { forBash, forFish, forZsh } from "./completion/scripts.ts";
import { EXIT } from "./exit-codes.ts";
import { teach } from "./help.ts";

const SCRIPTS = { bash: forBash, zsh: forZsh, fish: forFish };

type Shell = keyof typeof SCRIPTS;

/** `flex-crew-sync completion`: what a shell needs to complete commands and options. */
export function completionCommand(cli: Cli, program: Command): Command {
  const command = new Command("completion")
    .summary("let a shell complete commands and options")
    .description(
      "Writes what a shell needs to complete commands, options and their values. It is made from the commands of this version.",
    )
    .addArgument(new Argument("<SHELL>", "which shell").choices(Object.keys(SCRIPTS)))
    .action((shell: Shell) => {
      cli.stdout.write(SCRIPTS[shell](program.name(), commandWords(program)));
      cli.exitCode = EXIT.done;
    });
  return teach(command, [
    ['eval "$(flex-crew-sync completion bash)"', "in ~/.bashrc"],
    ['eval "$(flex-crew-sync completion zsh)"', "in ~/.zshrc, after compinit"],
    ["flex-crew-sync completion fish > ~/.config/fish/completions/flex-crew-sync.fish", "once"],
  ]);
}
