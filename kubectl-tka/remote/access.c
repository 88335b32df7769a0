#include <unistd.h>

#include "kubectl-tka/local/known.h"
#include "kubectl-tka/local/report.h"
#include "kubectl-tka/remote/errand.h"
#include "kubectl-tka/remote/handlers.h"
#include "kubectl-tka/remote/progress.h"
#include "kubectl-tka/remote/rules.h"
#include "kubectl-tka/remote/table.h"
#include "lib/memory.h"

#define DEADLINE_MS 10000
#define GRANTED 202

static const struct output_column person[] = {
        { "User",       "username",   OUTPUT_TEXT },
        { "Device",     "node",       OUTPUT_TEXT },
        { "Role",       "role",       OUTPUT_TEXT },
        { "For",        "period",     OUTPUT_TEXT },
        { "Namespaces", "namespaces", OUTPUT_LIST },
};
static const struct output_view person_view = { person, ARRAY_LENGTH(person), "role" };

static const struct output_column sessions[] = {
        { "SESSION", "name",  OUTPUT_TEXT },
        { "ROLE",    "role",  OUTPUT_TEXT },
        { "DEVICE",  "node",  OUTPUT_TEXT },
        { "HERE",    "here",  OUTPUT_FLAG },
        { "UNTIL",   "until", OUTPUT_TIME },
};
static const struct output_view session_view = { sessions, ARRAY_LENGTH(sessions), "name" };

static void print(const json_t *document, struct buf *text)
{
        const json_t *list = json_object_get(document, "sessions");

        output_print_facts(&person_view, document, 0, text);
        buf_add(text, "\n");
        rules_print(document, STDOUT_FILENO, text);
        if (json_array_size(list) == 0)
                return;
        buf_add(text, "\n");
        table_print(&session_view, list, STDOUT_FILENO, text);
}

static bool show(const struct config *config, const json_t *document, struct error *err)
{
        enum output_format format = output_format_parse(config->output, OUTPUT_TABLE);
        scoped(buf_clear) struct buf text = { 0 };

        if (format == OUTPUT_TABLE)
                print(document, &text);
        else
                output_print(format, &person_view, document, &text);
        return output_write(&text, err);
}

/* For completion. */
static void note_roles(const char *url, const json_t *document)
{
        scoped(text_list_clear) struct text_list roles = { 0 };
        struct error problem = { 0 };

        rules_list_roles(document, &roles);
        if (!known_set_roles(url, &roles, &problem))
                report_warning("completion will not know of these roles: %s", problem.text);
}

/* The same words as a login would be refused with. */
static bool judge(const json_t *document, struct error *err)
{
        const char *refused = json_text_at(document, "refused");
        const char *advice = json_text_at(document, "advice");

        if (json_integer_at(document, "status", GRANTED) == GRANTED)
                return true;
        error_set(err, ERROR_DENIED, "a login would be refused: %s",
                  refused ? refused : "(not said why)");
        return advice ? error_advise(err, "%s", advice) : false;
}

bool cmd_access(const struct config *config, struct error *err)
{
        scoped(errand_clear) struct errand errand = { 0 };
        json_auto_t *document = NULL;

        if (!errand_begin(config, DEADLINE_MS, &errand, err))
                return false;
        scoped(progress_stop) struct progress *progress =
                progress_start(errand.server.loop, config, "asking %s", errand.url);
        if (!rules_fetch(&errand.server, &document, err))
                return false;
        note_roles(errand.url, document);
        progress_stop(&progress);
        return show(config, document, err) && judge(document, err);
}
