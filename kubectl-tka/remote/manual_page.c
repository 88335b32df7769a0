#include "kubectl-tka/remote/manual_page.h"

#include <string.h>

#include "kubectl-tka/config.h"
#include "lib/memory.h"
#include "lib/options/manual.h"

/* "signin|auth" as "signin, auth" */
static void add_aliases(struct buf *page, const char *aliases)
{
        scoped(buf_clear) struct buf text = { 0 };

        if (!*aliases)
                return;
        buf_add(&text, "Also: ");
        for (const char *at = aliases; *at; at++) {
                if (*at == '|')
                        buf_add(&text, ", ");
                else
                        buf_append(&text, at, 1);
        }
        buf_add(&text, ".");
        manual_text(page, buf_text(&text));
}

static void add_flag_names(struct buf *page, enum command command)
{
        const struct options options = config_options(command);
        scoped(buf_clear) struct buf text = { 0 };

        for (size_t i = 0; i < options.count; i++) {
                const struct option_row *row = &options.rows[i];
                if (row->flag && options_take_flag(&options, row))
                        buf_printf(&text, "%s--%s", text.length > 0 ? ", " : "Flags: ", row->flag);
        }
        buf_add(&text, ".");
        manual_text(page, "\n\n");
        manual_text(page, buf_text(&text));
}

static void add_examples(struct buf *page, const char *examples)
{
        for (const char *at = examples; *at; at += strspn(at, "\n")) {
                scoped_free char *line = xasprintf("kubectl tka %.*s", (int)strcspn(at, "\n"), at);
                manual_example(page, line);
                at += strcspn(at, "\n");
        }
}

static void add_command(struct buf *page, enum command command)
{
        const struct command_words *words = command_words(command);
        scoped_free char *tag =
                xasprintf("%s%s%s", words->name, *words->operands ? " " : "", words->operands);
        scoped_free char *sentence = command_sentence(command);

        manual_item(page, tag, sentence);
        if (*words->details) {
                manual_text(page, "\n\n");
                manual_text(page, words->details);
        }
        add_aliases(page, words->aliases);
        add_flag_names(page, command);
        add_examples(page, words->examples);
}

static void add_commands(struct buf *page)
{
        manual_heading(page, "COMMANDS");
        for (enum command_group group = 0; group < COMMAND_GROUP_COUNT; group++) {
                manual_subheading(page, command_group_title(group));
                manual_list_open(page);
                for (enum command i = 0; i < COMMAND_COUNT; i++)
                        if (command_words(i)->group == group)
                                add_command(page, i);
                manual_list_close(page);
        }
}

static void add_exit_status(struct buf *page)
{
        const char *meaning = NULL;

        manual_heading(page, "EXIT STATUS");
        manual_list_open(page);
        for (int code = 0; (meaning = error_exit_meaning(code)); code++) {
                scoped_free char *tag = xasprintf("%d", code);
                manual_item(page, tag, meaning);
        }
        manual_list_close(page);
        manual_text(page, "\n\nshell and exec give that of the shell or program they ran.");
}

static void add_variables(struct buf *page)
{
        manual_heading(page, "ENVIRONMENT");
        manual_list_open(page);
        manual_item(page, "KUBECONFIG", "Which kubeconfig is meant, as kubectl understands it.");
        manual_item(page, "TKA_CONFIG", "The config file. Each flag below names its own variable.");
        manual_item(page, "NO_COLOR, TERM",
                    "Without colours, and without a line that is written over.");
        manual_item(page, "TKA_SHELL, TKA_PROMPT",
                    "In a shell of kubectl-tka: its private folder, and the mark before its "
                    "prompt.");
        manual_item(page, "XDG_RUNTIME_DIR, XDG_CACHE_HOME, XDG_STATE_HOME, XDG_CONFIG_HOME",
                    "Where files lie, see below.");
        manual_list_close(page);
}

static void add_files(struct buf *page)
{
        manual_heading(page, "FILES");
        manual_list_open(page);
        manual_item(page, "~/.config/tka/config.yaml, /etc/tka/config.yaml",
                    "Settings: the first there is. See tka-config(5).");
        manual_item(page, "$XDG_RUNTIME_DIR/tka, ~/.cache/tka",
                    "Tokens, when they are not in the keyring, and what shells need while they "
                    "run.");
        manual_item(page, "~/.local/state/tka",
                    "Where you logged out, and which sessions are not renewed.");
        manual_list_close(page);
}

static void print_program(struct buf *page)
{
        const struct options all = { config_options(COMMAND_HELP).rows,
                                     config_options(COMMAND_HELP).count, NULL };

        manual_begin(page, "kubectl-tka", 1,
                     "sign in to Kubernetes clusters with your tailnet identity");
        manual_heading(page, "SYNOPSIS");
        buf_add(page, ".Nm kubectl tka\n.Ar command\n.Op Ar flags\n"
                      ".Nm tka\n.Ar command\n.Op Ar flags\n");
        manual_heading(page, "DESCRIPTION");
        manual_text(page,
                    "Signs you in to clusters that a tka-server guards: who you are is what your "
                    "tailnet says, what you may do is in its policy.\n\n"
                    "login writes a context into the kubeconfig that holds no token but runs "
                    "this program: kubectl and every other client then get short-lived tokens by "
                    "themselves, from a cache, and from the server when there is none.");
        add_commands(page);
        manual_heading(page, "FLAGS");
        manual_text(page, "Each command takes those that are named with it.");
        manual_flags(page, &all);
        add_variables(page);
        add_files(page);
        add_exit_status(page);
        manual_see_also(page, "kubectl(1) tka-config(5) tka-operator(8) tka-server(8)");
}

static void print_config(struct buf *page)
{
        const struct options options = config_options(COMMAND_CONFIG_LIST);

        manual_begin(page, "tka-config", 5, "settings of kubectl-tka, tka-server and tka-operator");
        manual_heading(page, "DESCRIPTION");
        manual_text(
                page,
                "A file in YAML, with keys in sections: what is called \"tailscale.port\" here "
                "is the key \"port\" below \"tailscale\". The three programs may read one file: "
                "each passes over the keys of the others, and refuses those that none of them "
                "knows.\n\n"
                "Flags win over variables, those over the file, that over the defaults. The "
                "variable of a key is TKA_ and the key in capitals, with underscores for "
                "dots.\n\n"
                "kubectl-tka reads what --config or TKA_CONFIG names, else "
                "~/.config/tka/config.yaml, else /etc/tka/config.yaml; the daemons the first "
                "and the last. Nobody reads one in the current folder.");
        manual_heading(page, "EXAMPLES");
        manual_text(page, "What kubectl-tka needs when the server is not called \"tka\":\n\n");
        manual_example(page, "tailscale: {hostname: tka-prod, port: 8123}");
        manual_heading(page, "KEYS OF KUBECTL-TKA");
        manual_keys(page, &options);
}

bool manual_page_print(const char *section, struct buf *page, struct error *err)
{
        if (strcmp(section, "1") == 0)
                print_program(page);
        else if (strcmp(section, "5") == 0)
                print_config(page);
        else
                return error_set(err, ERROR_INVALID, "manual takes 1 or 5, not \"%s\"", section);
        return true;
}
