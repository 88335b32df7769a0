#include "lib/daemon/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <sched.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <seccomp.h>

#include "lib/fd.h"
#include "lib/file.h"
#include "lib/memory.h"

/* Rights that older kernel headers do not name. */
#ifndef LANDLOCK_ACCESS_FS_TRUNCATE
#define LANDLOCK_ACCESS_FS_TRUNCATE (1ULL << 14)
#endif
#ifndef LANDLOCK_ACCESS_FS_IOCTL_DEV
#define LANDLOCK_ACCESS_FS_IOCTL_DEV (1ULL << 15)
#endif

/* The rights a kernel knows, by the version of Landlock that brought them. */
static const struct {
        int version;
        uint64_t rights;
} rights_by_version[] = {
        { 1, (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1 },
        { 2, LANDLOCK_ACCESS_FS_REFER               },
        { 3, LANDLOCK_ACCESS_FS_TRUNCATE            },
        { 5, LANDLOCK_ACCESS_FS_IOCTL_DEV           },
};

/* None of these is ever needed by a daemon of ours; EPERM keeps what asks by mistake alive. */
static const char *const denied[] = {
        "execve",
        "execveat",
        "ptrace",
        "process_vm_readv",
        "process_vm_writev",
        "process_madvise",
        "pidfd_getfd",
        "kcmp",
        "mount",
        "umount2",
        "pivot_root",
        "chroot",
        "move_mount",
        "open_tree",
        "fsopen",
        "fsconfig",
        "fsmount",
        "fspick",
        "mount_setattr",
        "unshare",
        "setns",
        "bpf",
        "perf_event_open",
        "userfaultfd",
        "keyctl",
        "add_key",
        "request_key",
        "init_module",
        "finit_module",
        "delete_module",
        "kexec_load",
        "kexec_file_load",
        "io_uring_setup",
        "io_uring_enter",
        "io_uring_register",
        "open_by_handle_at",
        "name_to_handle_at",
        "personality",
        "reboot",
        "swapon",
        "swapoff",
        "acct",
        "quotactl",
        "settimeofday",
        "clock_settime",
        "sethostname",
        "setdomainname",
        "iopl",
        "ioperm",
};

static bool explain(struct error *err, const char *doing, int problem)
{
        return error_set(err, ERROR_INTERNAL, "%s: %s", doing, strerror(problem));
}

/* A rule on a file must not carry the right to list a folder. What is not there is skipped. */
static bool allow_path(int ruleset, const char *path, uint64_t rights, struct error *err)
{
        scoped(fd_close) int fd = open(path, O_PATH | O_CLOEXEC);
        struct stat found;

        if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
                return true;
        if (fd < 0 || fstat(fd, &found)) {
                int problem = errno;
                return error_set(err, ERROR_INTERNAL, "allowing \"%s\": %s", path,
                                 strerror(problem));
        }
        if (!S_ISDIR(found.st_mode))
                rights &= ~(uint64_t)LANDLOCK_ACCESS_FS_READ_DIR;
        struct landlock_path_beneath_attr rule = { .allowed_access = rights, .parent_fd = fd };
        if (!rights ||
            !syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0))
                return true;
        return explain(err, "adding a Landlock rule", errno);
}

static bool allow_paths(int ruleset, const char *const *paths, uint64_t rights, struct error *err)
{
        for (; paths && *paths; paths++)
                if (!allow_path(ruleset, *paths, rights, err))
                        return false;
        return true;
}

/* Connecting to a unix socket needs no right of those handled here; its folder may be listed. */
static bool restrict_files(const struct sandbox *sandbox, bool *without_landlock, struct error *err)
{
        const uint64_t list = LANDLOCK_ACCESS_FS_READ_DIR;
        struct landlock_ruleset_attr handled = { 0 };
        long version =
                syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

        *without_landlock = version < 1;
        if (version < 1)
                return true;
        for (size_t i = 0; i < ARRAY_LENGTH(rights_by_version); i++)
                if (rights_by_version[i].version <= version)
                        handled.handled_access_fs |= rights_by_version[i].rights;

        scoped(fd_close) int ruleset = (int)syscall(SYS_landlock_create_ruleset, &handled,
                                                    sizeof(handled.handled_access_fs), 0);
        if (ruleset < 0)
                return explain(err, "making a Landlock ruleset", errno);
        if (!allow_paths(ruleset, sandbox->readable, LANDLOCK_ACCESS_FS_READ_FILE | list, err) ||
            !allow_paths(ruleset, sandbox->sockets, list, err))
                return false;
        if (syscall(SYS_landlock_restrict_self, ruleset, 0))
                return explain(err, "entering Landlock", errno);
        return true;
}

static void release_filter(scmp_filter_ctx *filter)
{
        seccomp_release(*filter);
}

/* Threads yes, namespaces no. clone3 hides its flags from a filter; libc falls back to clone. */
static int deny_namespaces(scmp_filter_ctx filter)
{
        static const unsigned int flags[] = {
                CLONE_NEWUSER, CLONE_NEWNS,  CLONE_NEWPID,    CLONE_NEWNET,
                CLONE_NEWIPC,  CLONE_NEWUTS, CLONE_NEWCGROUP,
        };
        int problem = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);

        for (size_t i = 0; i < ARRAY_LENGTH(flags) && !problem; i++)
                problem = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1,
                                           SCMP_A0(SCMP_CMP_MASKED_EQ, flags[i], flags[i]));
        return problem;
}

/* Names that this libseccomp or this processor does not know are skipped. */
static int deny_calls(scmp_filter_ctx filter)
{
        int problem = 0;

        for (size_t i = 0; i < ARRAY_LENGTH(denied) && !problem; i++) {
                int number = seccomp_syscall_resolve_name(denied[i]);
                if (number >= 0)
                        problem = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), number, 0);
        }
        return problem;
}

static bool restrict_calls(struct error *err)
{
        scoped(release_filter) scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);

        if (!filter)
                return explain(err, "making a seccomp filter", ENOMEM);
        int problem = deny_calls(filter);
        if (!problem)
                problem = deny_namespaces(filter);
        if (!problem)
                problem = seccomp_load(filter);
        return !problem || explain(err, "entering seccomp", -problem);
}

bool sandbox_enter(const struct sandbox *sandbox, bool *without_landlock, struct error *err)
{
        bool without = false;

        file_forbid_core_dumps();
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
                return explain(err, "giving up new privileges", errno);
        if (!restrict_files(sandbox, &without, err) || !restrict_calls(err))
                return false;
        *without_landlock = without;
        return true;
}
