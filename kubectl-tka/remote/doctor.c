#include "kubectl-tka/remote/doctor.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "kubectl-tka/local/terminal.h"
#include "kubectl-tka/output.h"
#include "kubectl-tka/remote/handlers.h"
#include "lib/loop.h"
#include "lib/memory.h"

static const struct {
        const char *name;
        void (*run)(struct doctor *doctor);
} checks[] = {
        { "tailnet",    doctor_check_tailnet    },
        { "server",     doctor_check_servers    },
        { "keyring",    doctor_check_keyring    },
        { "cache",      doctor_check_folders    },
        { "kubeconfig", doctor_check_kubeconfig },
        { "locks",      doctor_check_locks      },
        { "path",       doctor_check_path       },
        { "plugins",    doctor_check_plugins    },
        { "kubectl",    doctor_check_kubectl    },
        { "kuberc",     doctor_check_kuberc     },
};

static const struct {
        const char *name;
        enum terminal_colour colour;
} states[] = {
        [DOCTOR_OK] = { "ok",   TERMINAL_GREEN  },
        [DOCTOR_WARN] = { "warn", TERMINAL_YELLOW },
        [DOCTOR_FAIL] = { "fail", TERMINAL_RED    },
};

static void add_finding(struct doctor *doctor, enum doctor_state state, const char *mend,
                        const char *finding)
{
        json_t *item = json_object();

        json_object_set_new(item, "check", json_string(doctor->check));
        json_object_set_new(item, "state", json_string(states[state].name));
        json_object_set_new(item, "finding", json_text(finding));
        if (mend && *mend)
                json_object_set_new(item, "mend", json_text(mend));
        json_array_append_new(doctor->findings, item);
}

void doctor_say(struct doctor *doctor, enum doctor_state state, const char *mend,
                const char *format, ...)
{
        char finding[512];
        va_list args;

        va_start(args, format);
        vsnprintf(finding, sizeof(finding), format, args);
        va_end(args);
        add_finding(doctor, state, mend, finding);
}

void doctor_say_error(struct doctor *doctor, enum doctor_state state, const struct error *err)
{
        add_finding(doctor, state, err->advice, err->text);
}

static enum doctor_state state_of(const json_t *item)
{
        const char *name = json_text_at(item, "state");
        enum doctor_state state = DOCTOR_OK;

        while (strcmp(states[state].name, name) != 0)
                state++;
        return state;
}

/* "warn  path        /opt/x is not in PATH: add it" */
static void print_line(const json_t *item, struct buf *text)
{
        enum doctor_state state = state_of(item);
        const char *mend = json_text_at(item, "mend");
        scoped_free char *finding = error_clean_line(xasprintf(
                "%s%s%s", json_text_at(item, "finding"), mend ? "; " : "", mend ? mend : ""));

        buf_printf(text, "%s%-4s%s  %-10s  %s\n",
                   terminal_colour(STDOUT_FILENO, states[state].colour), states[state].name,
                   terminal_plain(STDOUT_FILENO), json_text_at(item, "check"), finding);
}

static bool show(const struct doctor *doctor, size_t counts[3], struct error *err)
{
        static const struct output_view view = { .name = "check" };
        enum output_format format = output_format_parse(doctor->config->output, OUTPUT_TABLE);
        scoped(buf_clear) struct buf text = { 0 };
        size_t index = 0;
        const json_t *item = NULL;

        json_array_foreach(doctor->findings, index, item)
        {
                enum doctor_state state = state_of(item);
                counts[state]++;
                if (format == OUTPUT_TABLE && (state != DOCTOR_OK || !doctor->config->quiet))
                        print_line(item, &text);
        }
        if (format != OUTPUT_TABLE)
                output_print(format, &view, doctor->findings, &text);
        return output_write(&text, err);
}

static void clear_doctor(struct doctor *doctor)
{
        json_decref(doctor->findings);
        target_book_clear(&doctor->book);
        kubeconfig_files_clear(&doctor->files);
        loop_free(doctor->loop);
}

/* A kubeconfig that cannot be read is a finding like others. */
static void read_kubeconfig(struct doctor *doctor)
{
        struct error problem = { 0 };

        doctor->check = "kubeconfig";
        if (kubeconfig_files_read(doctor->config->kubeconfig, &doctor->files, &problem))
                target_book_read(&doctor->files, &doctor->book);
        else
                doctor_say_error(doctor, DOCTOR_FAIL, &problem);
}

bool cmd_doctor(const struct config *config, struct error *err)
{
        scoped(clear_doctor) struct doctor doctor = { .config = config,
                                                      .loop = loop_new(),
                                                      .findings = json_array() };
        size_t counts[3] = { 0 };

        read_kubeconfig(&doctor);
        for (size_t i = 0; i < ARRAY_LENGTH(checks); i++) {
                doctor.check = checks[i].name;
                checks[i].run(&doctor);
        }
        if (!show(&doctor, counts, err))
                return false;
        return counts[DOCTOR_FAIL] == 0 ||
               error_set(err, ERROR_INTERNAL, "%zu of %zu checks failed", counts[DOCTOR_FAIL],
                         json_array_size(doctor.findings));
}
