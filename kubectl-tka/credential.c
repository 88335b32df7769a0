#include "kubectl-tka/credential.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kubectl-tka/exec_info.h"
#include "kubectl-tka/mark.h"
#include "kubectl-tka/tailnet.h"
#include "kubectl-tka/token.h"
#include "lib/file.h"
#include "lib/memory.h"
#include "lib/timestamp.h"
#include "schema/exec_credential.h"

/* What is read from the arguments. The rest matters only to who asks the server. */
enum value { VALUE_SERVER, VALUE_CA_HASH, VALUE_CLUSTER, VALUE_ROLE, VALUE_CACHE, VALUE_OTHER };

static const struct {
        const char *flag;
        bool alone; /* no value follows */
        enum value value;
} flags[] = {
        { "--server",              false, VALUE_SERVER  },
        { "--ca-hash",             false, VALUE_CA_HASH },
        { "--cluster",             false, VALUE_CLUSTER },
        { "--role",                false, VALUE_ROLE    },
        { "--cache",               false, VALUE_CACHE   },
        { "--config",              false, VALUE_OTHER   },
        { "--tailscale-socket",    false, VALUE_OTHER   },
        { "--server-tags",         false, VALUE_OTHER   },
        { "--node-id",             false, VALUE_OTHER   },
        { "--insecure-plain-http", true,  VALUE_OTHER   },
};

/* Takes one flag with its value, "--role view" or "--role=view"; 0: not one of ours. */
static int take_flag(int left, char **argv, const char *values[VALUE_OTHER + 1])
{
        size_t length = strcspn(argv[0], "=");

        for (size_t i = 0; i < ARRAY_LENGTH(flags); i++) {
                if (strlen(flags[i].flag) != length || strncmp(argv[0], flags[i].flag, length) != 0)
                        continue;
                if (flags[i].alone)
                        return argv[0][length] == '\0';
                if (argv[0][length] == '=') {
                        values[flags[i].value] = argv[0] + length + 1;
                        return 1;
                }
                if (left < 2)
                        return 0;
                values[flags[i].value] = argv[1];
                return 2;
        }
        return 0;
}

static bool cache_is_file(const char *cache)
{
        return !cache || strcmp(cache, "file") == 0 || strcmp(cache, "auto") == 0;
}

bool credential_arguments_read(int argc, char **argv, struct credential_arguments *arguments)
{
        const char *values[VALUE_OTHER + 1] = { NULL };
        int taken = 0;

        for (int at = 1; at < argc; at += taken) {
                taken = take_flag(argc - at, argv + at, values);
                if (taken == 0)
                        return false;
        }
        if (!values[VALUE_SERVER] || !values[VALUE_CA_HASH] || !values[VALUE_CLUSTER])
                return false;
        if (!cache_is_file(values[VALUE_CACHE]) && strcmp(values[VALUE_CACHE], "none") != 0)
                return false;
        *arguments = (struct credential_arguments){
                .key = { .server = values[VALUE_SERVER],
                        .ca_hash = values[VALUE_CA_HASH],
                        .cluster = values[VALUE_CLUSTER],
                        .role = values[VALUE_ROLE] ? values[VALUE_ROLE] : "" },
                .cached = cache_is_file(values[VALUE_CACHE]),
        };
        return true;
}

static bool write_out(const struct buf *text, struct error *err)
{
        for (size_t done = 0; done < text->length;) {
                ssize_t written = write(STDOUT_FILENO, text->text + done, text->length - done);
                if (written < 0 && errno == EINTR)
                        continue;
                if (written < 0)
                        return error_set(err, ERROR_INTERNAL, "writing the credential: %s",
                                         strerror(errno));
                done += (size_t)written;
        }
        return true;
}

bool credential_print(const char *api_version, const struct cache_entry *entry, int64_t now,
                      struct error *err)
{
        scoped(buf_clear) struct buf text = { 0 };

        exec_credential_print(api_version, &entry->token, token_reported_end(entry, now), &text);
        return write_out(&text, err);
}

static bool is_usable(const struct cache_entry *entry, int64_t now)
{
        if (!token_is_fresh(entry, now))
                return false;

        scoped_free char *shown = tailnet_addresses();
        return tailnet_is_same(entry->addresses, shown);
}

bool credential_from_cache(int argc, char **argv, bool *answered, struct error *err)
{
        struct credential_arguments arguments = { 0 };
        const char *api_version = NULL;
        scoped(cache_entry_clear) struct cache_entry entry = { 0 };
        struct error miss = { 0 };
        int64_t now = timestamp_now();

        if (!credential_arguments_read(argc, argv, &arguments))
                return true;
        if (!exec_info_read(getenv("KUBERNETES_EXEC_INFO"), &api_version, err) ||
            !mark_check(&arguments.key, err))
                return false;
        file_forbid_core_dumps();
        if (!arguments.cached || !cache_read(&arguments.key, &entry, &miss) ||
            !is_usable(&entry, now))
                return true;
        if (!credential_print(api_version, &entry, now, err))
                return false;
        *answered = true;
        return true;
}
