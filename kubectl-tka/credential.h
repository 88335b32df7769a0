/* credential.h - the quick half of `kubectl-tka credential`: a token from the cache. */
#pragma once

#include "kubectl-tka/local/cache_entry.h"

/* What a kubeconfig's exec stanza says; texts are borrowed from the arguments. */
struct credential_arguments {
        struct cache_key key;
        unsigned tiers; /* of the cache; 0: --cache none */
};

/* false for anything not entirely clear: whoever has the option tables finds the words for it. */
bool credential_arguments_read(int argc, char **argv, struct credential_arguments *arguments);

/* Prints the token when a fresh one is cached; else *answered stays false and the network has to be
 * asked. An error is final: signed out, or an apiVersion we do not speak. */
bool credential_from_cache(int argc, char **argv, bool *answered, struct error *err) must_check;

/* Of a failure before anybody was asked: it is noted, and a client that was told of one a moment
 * ago gets the exit code alone, an error without text. Returns false. */
bool credential_refuse(const struct cache_key *key, struct error *err) must_check;
/* The same where the arguments may say no key. */
void credential_tell_once(int argc, char **argv, struct error *err);

/* From the first executable's start a credential takes 10 s: returns how many ms of them are left.
 * What no wait of ours bounds is ended 300 ms later with the process and one line, and 200 ms after
 * that without one where even a signal is not heard: a home directory on a dead file server. The
 * second executable inherits the timer (execve(2)) and calls this again: its time is what the first
 * has left. */
int64_t credential_set_deadline(void);

/* One line on stdout. */
bool credential_print(const char *api_version, const struct cache_entry *entry, int64_t now,
                      struct error *err) must_check;
