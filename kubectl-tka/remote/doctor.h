/* doctor.h - checks of everything that a login needs, each with what mends it. */
#pragma once

#include "kubectl-tka/remote/server.h"
#include "kubectl-tka/remote/target_book.h"

#define PLUGIN "kubectl-tka"

enum doctor_state { DOCTOR_OK, DOCTOR_WARN, DOCTOR_FAIL };

struct doctor {
        const struct config *config;
        struct kubeconfig_files files;
        struct target_book book;
        struct loop *loop;
        const char *check; /* the one that speaks */
        json_t *findings;
};

/* One finding of the current check. mend: what to do, or NULL. */
void doctor_say(struct doctor *doctor, enum doctor_state state, const char *mend,
                const char *format, ...) printf_like(4, 5);
/* The same from an error, whose advice is the mend. */
void doctor_say_error(struct doctor *doctor, enum doctor_state state, const struct error *err);

/* doctor_machine.c: programs and files of this machine */
void doctor_check_path(struct doctor *doctor);
void doctor_check_plugins(struct doctor *doctor);
void doctor_check_kubectl(struct doctor *doctor);
/* doctor_kuberc.c: what kubectl's own settings allow, which is what it runs, to the letter */
void doctor_check_kuberc(struct doctor *doctor);
/* doctor_kubeconfig.c: what login wrote */
/* What kubectl runs for that context; borrowed, or NULL. */
const char *doctor_command_of(const struct doctor *doctor, const struct target *target);
void doctor_check_kubeconfig(struct doctor *doctor);
void doctor_check_locks(struct doctor *doctor);
/* doctor_cache.c: where tokens are kept */
void doctor_check_keyring(struct doctor *doctor);
void doctor_check_folders(struct doctor *doctor);
/* doctor_network.c: the tailnet and the servers in it */
void doctor_check_tailnet(struct doctor *doctor);
void doctor_check_servers(struct doctor *doctor);
