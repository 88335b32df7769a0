#include "lib/daemon/daemon.h"

#include <arpa/inet.h>
#include <assert.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/daemon/sandbox.h"
#include "lib/file.h"
#include "lib/json.h"
#include "lib/log.h"
#include "lib/memory.h"

#define FILES_MAX 8
#define FOLDERS_MAX 16 /* two of each */

static void print_usage(FILE *stream, const struct daemon *daemon)
{
        fprintf(stream,
                "Usage: %s COMMAND\n\n"
                "  %-14s run it (%s --help: its flags)\n"
                "  %-14s say whether its configuration is good (same flags)\n"
                "  %-14s print the JSON Schema of its file\n"
                "  %-14s print the version\n"
                "  %-14s print this\n",
                daemon->name, daemon->verb, daemon->verb, "config check", "config schema",
                "version", "help");
        if (daemon->errand != NULL)
                fprintf(stream, "  %-14s %s\n", daemon->errand->name, daemon->errand->summary);
}

static void print_help(const struct daemon *daemon, const char *command, const char *about)
{
        scoped(buf_clear) struct buf text = { 0 };

        buf_printf(&text,
                   "Usage: %s %s [flags]\n\n%s\n"
                   "Every flag is also TKA_SECTION_KEY in the environment and section.key in the "
                   "file.\n\n",
                   daemon->name, command, about);
        options_print_help(&daemon->config->options, 80, &text);
        fputs(buf_text(&text), stdout);
}

static bool read_log(struct daemon_options *common, struct error *err)
{
        static const char *const formats[] = { "auto", "json", "text" };

        if (!log_level_parse(common->debug ? "debug" : common->log_level_text, &common->log_level,
                             err))
                return error_wrap(err, "log.level");
        for (size_t i = 0; i < ARRAY_LENGTH(formats); i++)
                if (strcmp(common->log_format_text, formats[i]) == 0)
                        common->log_format = (enum log_format)i;
        return true;
}

bool daemon_check_address(const char *text, struct error *err)
{
        unsigned char binary[sizeof(struct in6_addr)];

        return inet_pton(AF_INET, text, binary) == 1 || inet_pton(AF_INET6, text, binary) == 1 ||
               error_set(err, ERROR_INVALID, "\"%.100s\" is no IP address", text);
}

static bool run_checks(const struct daemon_config *config, const struct option_sources *sources,
                       const enum option_origin *origins, void *record, struct error *err)
{
        static const char *const log_level[] = { "log.level", NULL };

        if (!read_log(record, err))
                return options_wrap_place(&config->options, sources, origins, log_level, err);
        for (size_t i = 0; i < config->check_count; i++) {
                const struct daemon_check *row = &config->checks[i];

                if (!row->check((char *)record + row->part, err))
                        return options_wrap_place(&config->options, sources, origins, row->keys,
                                                  err);
        }
        return true;
}

bool daemon_read(const struct daemon_config *config, int argc, char **argv, void *record,
                 struct error *err)
{
        const char *given = options_config_path(argc, argv);
        const char *path = given == NULL ? config->file : given;
        const struct daemon_options *common = record;
        json_auto_t *json = NULL;
        json_auto_t *lines = NULL;
        scoped_free enum option_origin *origins = xcalloc(config->options.count, sizeof(*origins));
        scoped(option_notes_clear) struct option_notes notes = { .origins = origins,
                                                                 .flags_only = true };

        if (!options_read_file(path, given == NULL, &json, &lines, err))
                return false;

        const char *file = lines == NULL ? NULL : path;
        const struct option_sources sources = { json, file, argc, argv, lines, false };
        if (!options_read(&config->options, &sources, record, &notes, err))
                return false;
        return common->help || run_checks(config, &sources, origins, record, err);
}

json_t *daemon_schema(const struct daemon_config *config)
{
        return options_schema(&config->options, config->title);
}

static bool is_one_of(const char *word, const char *const *words)
{
        for (; *words != NULL; words++)
                if (strcmp(word, *words) == 0)
                        return true;
        return false;
}

/* Of a command without flags of its own: "version --help". */
static bool asks_help(int argc, char **argv)
{
        static const char *const words[] = { "--help", "-h", NULL };

        return argc > 1 && is_one_of(argv[argc - 1], words);
}

static bool run_verb(const struct daemon *daemon,
                     bool (*verb)(void *record, struct kube_config *kube, struct error *err),
                     int argc, char **argv, struct error *err)
{
        scoped_free void *record = xcalloc(1, daemon->config->record_size);
        const struct daemon_options *common = record;
        scoped(kube_config_clear) struct kube_config kube = { 0 };

        file_forbid_core_dumps();
        bool good = daemon_read(daemon->config, argc, argv, record, err);
        if (good && common->help) {
                bool errand = strcmp(argv[0], daemon->verb) != 0;
                print_help(daemon, argv[0], errand ? daemon->errand->about : daemon->about);
        } else if (good) {
                log_init(common->log_level, common->log_format);
                good = kube_config_read(common->kubeconfig, &kube, err)
                               ? verb(record, &kube, err)
                               : error_wrap(err, "kubernetes.kubeconfig");
        }
        options_clear(&daemon->config->options, record);
        return good;
}

/* "config check [flags]": argv[0] is "check". */
static bool check_config(const struct daemon *daemon, int argc, char **argv, struct error *err)
{
        scoped_free void *record = xcalloc(1, daemon->config->record_size);
        const struct daemon_options *common = record;

        bool good = daemon_read(daemon->config, argc, argv, record, err);
        if (good && common->help)
                print_help(daemon, "config check", "Says whether the configuration is good.");
        else if (good)
                puts("the configuration is good");
        options_clear(&daemon->config->options, record);
        return good;
}

static bool print_schema(const struct daemon *daemon)
{
        json_auto_t *schema = daemon_schema(daemon->config);

        json_dumpf(schema, stdout, JSON_INDENT(2));
        putchar('\n');
        return true;
}

static bool run_config(const struct daemon *daemon, int argc, char **argv, struct error *err)
{
        if (argc > 1 && strcmp(argv[1], "check") == 0)
                return check_config(daemon, argc - 1, argv + 1, err);
        if (asks_help(argc, argv)) {
                print_usage(stdout, daemon);
                return true;
        }
        if (argc == 2 && strcmp(argv[1], "schema") == 0)
                return print_schema(daemon);
        return error_set(err, ERROR_INVALID, "config takes \"check\" or \"schema\", not \"%s\"",
                         argc > 1 ? argv[argc - 1] : "");
}

static bool print_manual(const struct daemon *daemon, int argc, char **argv, struct error *err)
{
        const char *section = argc == 2 ? argv[1] : "";
        scoped(buf_clear) struct buf page = { 0 };

        if (strcmp(section, "8") != 0 && strcmp(section, "5") != 0)
                return error_set(err, ERROR_INVALID, "manual takes 8 or 5, not \"%s\"", section);
        daemon_print_manual(daemon, section[0] - '0', &page);
        fputs(buf_text(&page), stdout);
        return true;
}

/* "version", "help", and what is typed behind them. */
static bool tell(const struct daemon *daemon, bool version, int argc, char **argv,
                 struct error *err)
{
        bool help = asks_help(argc, argv);
        if (argc > 1 && !help)
                return error_set(err, ERROR_INVALID, "%s takes no \"%s\"", argv[0], argv[1]);
        if (version && !help)
                printf("%s %s\n", daemon->name, VERSION);
        else
                print_usage(stdout, daemon);
        return true;
}

static bool run(const struct daemon *daemon, int argc, char **argv, struct error *err)
{
        static const char *const help_words[] = { "help", "--help", "-h", NULL };
        static const char *const version_words[] = { "version", "--version", NULL };

        if (strcmp(argv[0], daemon->verb) == 0)
                return run_verb(daemon, daemon->run, argc, argv, err);
        if (daemon->errand != NULL && strcmp(argv[0], daemon->errand->name) == 0)
                return run_verb(daemon, daemon->errand->run, argc, argv, err);
        if (strcmp(argv[0], "config") == 0)
                return run_config(daemon, argc, argv, err);
        if (strcmp(argv[0], "manual") == 0)
                return print_manual(daemon, argc, argv, err);
        bool version = is_one_of(argv[0], version_words);
        if (!version && !is_one_of(argv[0], help_words))
                return error_set(err, ERROR_INVALID,
                                 "\"%s\" is no command: %s, %s%sconfig, version and help are",
                                 argv[0], daemon->verb,
                                 daemon->errand == NULL ? "" : daemon->errand->name,
                                 daemon->errand == NULL ? "" : ", ");
        return tell(daemon, version, argc, argv, err);
}

int daemon_main(const struct daemon *daemon, int argc, char **argv)
{
        struct error err = { 0 };

        signal(SIGPIPE, SIG_IGN);
        if (argc < 2) {
                print_usage(stderr, daemon);
                return error_exit_code(ERROR_INVALID);
        }
        if (run(daemon, argc - 1, argv + 1, &err))
                return 0;
        fprintf(stderr, "%s: %s\n", daemon->name, err.text);
        return error_exit_code(err.kind);
}

/* The folder a file is in, or the nearest one above that exists. The caller's. */
static char *find_folder(const char *path)
{
        scoped_free char *folder = xstrdup(path);
        char *slash = NULL;

        while ((slash = strrchr(folder, '/')) != NULL && slash != folder) {
                *slash = '\0';
                if (access(folder, F_OK) == 0)
                        return take(folder);
        }
        return xstrdup("/");
}

/* That of the path as written, and that of the file it leads to. */
static void add_folders(const char *path, struct text_list *folders)
{
        scoped_free char *folder = find_folder(path);
        scoped_free char *real_path = realpath(path, NULL);
        scoped_free char *real_folder = real_path == NULL ? NULL : find_folder(real_path);

        text_list_add(folders, folder);
        if (real_folder != NULL)
                text_list_add(folders, real_folder);
}

bool daemon_confine(const char *const *files, size_t count, const char *socket, struct error *err)
{
        static const char *const always[] = {
                "/etc/resolv.conf", "/etc/hosts",    "/etc/nsswitch.conf",
                "/etc/host.conf",   "/etc/gai.conf", "/etc/ssl",
                "/etc/ld.so.cache", "/usr/lib",      "/lib",
                "/lib64",           "/proc/self",    "/usr/share/ca-certificates",
                "/dev/null",        "/dev/urandom",
        };
        scoped(text_list_clear) struct text_list readable = { 0 };
        scoped_free char *folder = socket == NULL ? NULL : find_folder(socket);
        const char *const sockets[] = { folder, NULL };
        const char *paths[ARRAY_LENGTH(always) + FOLDERS_MAX + 1] = { NULL };
        bool without_landlock = false;

        assert(count <= FILES_MAX);
        for (size_t i = 0; i < count; i++)
                if (files[i] != NULL)
                        add_folders(files[i], &readable);
        for (size_t i = 0; i < ARRAY_LENGTH(always); i++)
                paths[i] = always[i];
        for (size_t i = 0; i < readable.count; i++)
                paths[ARRAY_LENGTH(always) + i] = readable.items[i];
        if (!sandbox_enter(&(struct sandbox){ paths, sockets }, &without_landlock, err))
                return false;
        if (without_landlock)
                log_event(LOG_LEVEL_WARN, "this kernel has no Landlock: files are not confined",
                          NULL);
        return true;
}
