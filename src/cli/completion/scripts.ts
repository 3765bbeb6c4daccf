import type { CommandWords, OptionWords } from "./command-words.ts";

/** A script for bash 3.2 or newer, without the package bash-completion. */
export function forBash(program: string, commands: CommandWords[]): string {
  const cases = commands.map(
    ({ name, options, values }) =>
      `    ${name === "" ? '""' : name}) words=${quoted([...flagsOf(options), ...values].join(" "))} ;;`,
  );
  const names = commands.map(({ name }) => name).filter((name) => name !== "");
  const withValues = commands.flatMap(({ name, options }) =>
    options
      .filter(({ takesValue }) => takesValue)
      .map(({ flags, values }) => {
        const patterns = flags.map((flag) => `${name}:${flag}`).join(" | ");
        return `    ${patterns}) words=${quoted(values.join(" "))}; own=1 ;;`;
      }),
  );
  return `# ${program} for bash
_flex_crew_sync() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}" command="" words="" own="" word
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$word" in -*) ;; *) command="$word"; break ;; esac
  done
  case "$command" in
${cases.join("\n")}
  esac
  [ -z "$command" ] && words="${names.join(" ")} $words"
  case "$command:$previous" in
${withValues.join("\n")}
  esac
  # Commands and values first; options once a dash is there, or where there is nothing else.
  if [ -z "$own" ]; then
    case "$current" in
      -*) ;;
      *) local plain=""
        for word in $words; do
          case "$word" in -*) ;; *) plain="$plain $word" ;; esac
        done
        words="\${plain:-$words}" ;;
    esac
  fi
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -F _flex_crew_sync ${program}
`;
}

/** A script for zsh, after compinit. */
export function forZsh(program: string, commands: CommandWords[]): string {
  const described = commands
    .filter(({ name }) => name !== "")
    .map(({ name, meaning }) => `    ${quoted(`${name}:${meaning.replaceAll(":", "\\:")}`)}`);
  const cases = commands.map(({ name, options, values }) => {
    const specs = [
      ...options.flatMap((option) => option.flags.map((flag) => zshOption(flag, option))),
      ...(values.length > 0 ? [quoted(`*: :(${values.join(" ")})`)] : []),
    ];
    return `    ${name === "" ? '""' : name}) specs=(${specs.join(" ")}) ;;`;
  });
  return `#compdef ${program}
# ${program} for zsh
_flex_crew_sync() {
  local -a commands specs
  commands=(
${described.join("\n")}
  )
  if (( CURRENT == 2 )) && [[ "$words[2]" != -* ]]; then
    _describe command commands
    return
  fi
  local command="$words[2]"
  [[ "$command" == -* ]] && command=""
  case "$command" in
${cases.join("\n")}
    *) return 1 ;;
  esac
  [[ -n "$command" ]] && { shift words; (( CURRENT-- )) }
  _arguments $specs
}
compdef _flex_crew_sync ${program}
`;
}

/** A script for fish. */
export function forFish(program: string, commands: CommandWords[]): string {
  const lines = commands.flatMap(({ name, meaning, options, values }) => {
    const here = name === "" ? "__fish_use_subcommand" : `__fish_seen_subcommand_from ${name}`;
    const complete = `complete -c ${program} -n ${quoted(here)}`;
    return [
      ...(name === ""
        ? []
        : [`complete -c ${program} -n '__fish_use_subcommand' -a ${name} -d ${quoted(meaning)}`]),
      ...(values.length > 0 ? [`${complete} -a ${quoted(values.join(" "))}`] : []),
      ...options.map((option) => `${complete} ${fishOption(option)}`),
    ];
  });
  return `# ${program} for fish\ncomplete -c ${program} -f\n${lines.join("\n")}\n`;
}

function flagsOf(options: OptionWords[]): string[] {
  return options.flatMap(({ flags }) => flags);
}

function zshOption(flag: string, { meaning, takesValue, values }: OptionWords): string {
  const explained = `${flag}[${meaning.replaceAll(/([[\]:])/g, "\\$1")}]`;
  return quoted(
    takesValue ? `${explained}: :${values.length > 0 ? `(${values.join(" ")})` : ""}` : explained,
  );
}

function fishOption({ flags, meaning, takesValue, values }: OptionWords): string {
  const names = flags.map((flag) => (flag.startsWith("--") ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`));
  const value = takesValue ? ` -x${values.length > 0 ? ` -a ${quoted(values.join(" "))}` : ""}` : "";
  return `${names.join(" ")}${value} -d ${quoted(meaning)}`;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
