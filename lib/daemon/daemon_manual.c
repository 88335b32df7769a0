#include "lib/daemon/daemon.h"

#include "lib/memory.h"
#include "lib/options/manual.h"

static void add_synopsis(const struct daemon *daemon, struct buf *page)
{
        manual_heading(page, "SYNOPSIS");
        buf_printf(page,
                   ".Nm\n.Cm %s\n.Op Ar flags\n"
                   ".Nm\n.Cm config check\n.Op Ar flags\n"
                   ".Nm\n.Cm config schema\n"
                   ".Nm\n.Cm version | help\n",
                   daemon->verb);
        if (daemon->errand != NULL)
                buf_printf(page, ".Nm\n.Cm %s\n.Op Ar flags\n", daemon->errand->name);
}

static void add_commands(const struct daemon *daemon, struct buf *page)
{
        manual_heading(page, "COMMANDS");
        manual_list_open(page);
        manual_item(page, daemon->verb,
                    "Runs it. SIGTERM and SIGINT end it once what runs is done.");
        if (daemon->errand != NULL)
                manual_item(page, daemon->errand->name, daemon->errand->about);
        manual_item(page, "config check",
                    "Says whether the configuration is good, with the same flags.");
        manual_item(page, "config schema", "Prints the JSON Schema of its file.");
        manual_item(page, "version", "Prints the version.");
        manual_item(page, "help", "Prints the commands.");
        manual_list_close(page);
}

static void add_files(const struct daemon *daemon, struct buf *page)
{
        manual_heading(page, "FILES");
        manual_list_open(page);
        manual_item(page, daemon->config->file,
                    "Its configuration, when neither --config nor TKA_CONFIG names another.");
        manual_list_close(page);
}

static void add_exit_status(struct buf *page)
{
        manual_heading(page, "EXIT STATUS");
        manual_list_open(page);
        manual_item(page, "0", "It was asked to end, and did.");
        manual_item(page, "1", "It failed. The last line on the standard error says why.");
        manual_item(page, "2", "Wrong flags, or a wrong configuration.");
        manual_item(page, "3", "What it stands on cannot be reached.");
        manual_list_close(page);
}

static void add_page(const struct daemon *daemon, struct buf *page)
{
        manual_begin(page, daemon->name, 8, daemon->summary);
        add_synopsis(daemon, page);
        manual_heading(page, "DESCRIPTION");
        manual_text(page, daemon->about);
        manual_text(page, "\n\nFlags win over variables, those over the file, that over the "
                          "defaults.");
        add_commands(daemon, page);
        manual_heading(page, "FLAGS");
        manual_flags(page, &daemon->config->options);
        add_files(daemon, page);
        add_exit_status(page);
        manual_see_also(page, daemon->see_also);
}

void daemon_print_manual(const struct daemon *daemon, int section, struct buf *page)
{
        if (section == 8) {
                add_page(daemon, page);
                return;
        }
        scoped_free char *title = xasprintf("KEYS OF %s", daemon->name);
        for (char *at = title; *at; at++)
                if (*at >= 'a' && *at <= 'z')
                        *at = (char)(*at - 'a' + 'A');
        manual_heading(page, title);
        manual_keys(page, &daemon->config->options);
}
