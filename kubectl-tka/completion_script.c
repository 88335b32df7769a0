#include "kubectl-tka/completion_script.h"

#include <stddef.h>
#include <string.h>

/* The line is split at blanks by hand: COMP_WORDS breaks URLs and --flag=value apart. */
static const char bash_text[] =
        "_tka() {\n"
        "    local IFS=$' \\t\\n' line=${COMP_LINE:0:COMP_POINT} last directive=:0 found\n"
        "    local -a words\n"
        "    read -ra words <<<\"$line\"\n"
        "    [[ $line == *[[:blank:]] ]] && words+=('')\n"
        "    last=${words[${#words[@]} - 1]}\n"
        "    local kept=${last%\"${last##*[:=]}\"}\n"
        "    COMPREPLY=()\n"
        "    while IFS= read -r found; do\n"
        "        case $found in\n"
        "        :[0-9]*) directive=$found ;;\n"
        "        *)\n"
        "            found=${found%%$'\\t'*}\n"
        "            printf -v found %q \"${found#\"$kept\"}\"\n"
        "            COMPREPLY+=(\"$found\")\n"
        "            ;;\n"
        "        esac\n"
        "    done < <(\"${words[0]}\" __complete \"${words[@]:1}\" 2>/dev/null)\n"
        "    [[ $directive == :4 ]] && compopt +o default 2>/dev/null\n"
        "    return 0\n"
        "}\n"
        "complete -o default -F _tka tka kubectl-tka\n";

static const char zsh_text[] =
        "#compdef tka kubectl-tka\n"
        "_tka() {\n"
        "    local found directive=:0\n"
        "    local -a described\n"
        "    for found in \"${(@f)$(\"${(Q)words[1]}\" __complete "
        "\"${(@Q)words[2,CURRENT]}\" 2>/dev/null)}\"; do\n"
        "        if [[ $found == :<-> ]]; then\n"
        "            directive=$found\n"
        "        elif [[ $found == *$'\\t'* ]]; then\n"
        "            described+=(\"${${found%%$'\\t'*}//:/\\\\:}:${found#*$'\\t'}\")\n"
        "        elif [[ -n $found ]]; then\n"
        "            described+=(\"${found//:/\\\\:}\")\n"
        "        fi\n"
        "    done\n"
        "    (( $#described )) && _describe -t tka tka described\n"
        "    [[ $directive == :0 ]] && _files\n"
        "    return 0\n"
        "}\n"
        "if [[ ${funcstack[1]-} == _tka ]]; then\n"
        "    _tka \"$@\"\n"
        "else\n"
        "    compdef _tka tka kubectl-tka\n"
        "fi\n";

static const char fish_text[] =
        "function __tka_complete\n"
        "    set -l words (commandline -opc)\n"
        "    set -l typed (commandline -ct)\n"
        "    set -q typed[1]; or set typed ''\n"
        "    for found in (command $words[1] __complete $words[2..-1] $typed 2>/dev/null)\n"
        "        switch $found\n"
        "            case ':0'\n"
        "                __fish_complete_path $typed\n"
        "            case ':*'\n"
        "            case '*'\n"
        "                echo $found\n"
        "        end\n"
        "    end\n"
        "end\n"
        "complete -c tka -f -a '(__tka_complete)'\n"
        "complete -c kubectl-tka -f -a '(__tka_complete)'\n";

static const char powershell_text[] =
        "Register-ArgumentCompleter -Native -CommandName @('tka', 'kubectl-tka') -ScriptBlock {\n"
        "    param($typed, $line, $cursor)\n"
        "    $words = @($line.CommandElements | Where-Object { $_.Extent.EndOffset -le $cursor } "
        "|\n"
        "        ForEach-Object { $_.Extent.Text })\n"
        "    if ($typed -eq '') { $words += '' }\n"
        "    $rest = @($words | Select-Object -Skip 1)\n"
        "    & $words[0] __complete @rest 2>$null | Where-Object { $_ -notmatch '^:\\d+$' } |\n"
        "        ForEach-Object {\n"
        "            $word, $help = $_ -split \"`t\", 2\n"
        "            if (-not $help) { $help = $word }\n"
        "            [System.Management.Automation.CompletionResult]::new(\n"
        "                $word, $word, 'ParameterValue', $help)\n"
        "        }\n"
        "}\n";

static const struct {
        const char *shell, *text;
} scripts[] = {
        { "bash",       bash_text       },
        { "zsh",        zsh_text        },
        { "fish",       fish_text       },
        { "powershell", powershell_text },
};

const char *completion_script(const char *shell)
{
        for (size_t i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++)
                if (strcmp(scripts[i].shell, shell) == 0)
                        return scripts[i].text;
        return NULL;
}
