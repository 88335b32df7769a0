/* kube_private.h - what the files of lib/api/kube*.c share. */
#pragma once

#include <jansson.h>
#include <sys/stat.h>

#include "lib/api/kube.h"
#include "lib/api/kube_watch.h"
#include "lib/http/http_client.h"

/* As kube_config_read() in a cluster, with the mounted files in that folder. */
bool kube_config_read_mounted(const char *folder, struct kube_config *config,
                              struct error *err) must_check;
/* The file without white space around it; an empty one is an error. */
bool kube_token_read(const char *path, struct secret *token, struct error *err) must_check;

/* The token and the CA certificates, which lie in files and are replaced while we run. */
struct kube_files {
        int64_t token_read_ms; /* of loop_now_ms(); 0: never */
        struct stat ca_seen;   /* the CA file as it was read */
};
void kube_files_begin(struct kube_files *files, const struct kube_config *config);
/* Reads the token anew once it is a minute old; when that fails the one we have must do. */
bool kube_files_refresh_token(struct kube_files *files, struct kube_config *config,
                              struct error *err) must_check;
/* At once. */
bool kube_files_renew_token(struct kube_files *files, struct kube_config *config,
                            struct error *err) must_check;
/* Reads the CA certificates anew where their file is another one. */
void kube_files_refresh_ca(struct kube_files *files, struct kube_config *config);
/* At once; true when other ones were read than we had. */
bool kube_files_renew_ca(struct kube_config *config);

/* How far the API server's wall clock is ahead of our monotonic one: what we take it for, and two
 * bounds between which the truth lies. All-zero: not known yet. */
struct kube_clock {
        bool known;
        int64_t offset_ms, target_ms; /* at moved_at_ms, and what it goes to */
        int64_t least_ms, most_ms;
        int64_t widened_at_ms, moved_at_ms;
};
/* A Date header (whole seconds, rounded down) of an answer between two of our instants. */
void kube_clock_note(struct kube_clock *clock, int64_t date, int64_t asked_ms, int64_t answered_ms);
/* Unix seconds there at our instant; and in milliseconds. */
int64_t kube_clock_read(const struct kube_clock *clock, int64_t now_ms);
int64_t kube_clock_read_ms(const struct kube_clock *clock, int64_t now_ms);

/* "creating serviceaccounts/token: " + why: what is wrong with an answer other than 2xx. false. */
bool kube_answer_refuse(const struct http_reply *reply, struct error *err);
/* The body as JSON. */
bool kube_answer_parse(const struct http_reply *reply, json_t **object,
                       struct error *err) must_check;
/* "serviceaccounts/token" of a path as kube_path() makes it, else the path without its query. */
void kube_path_name(const char *path, struct buf *name);
/* "?name=value", or "&name=value" behind another one; "" and NULL are left out. */
void kube_path_add_parameter(struct buf *path, const char *name, const char *value);
/* Our error kinds for a status of the API server. */
enum error_kind kube_answer_kind(int status);

/* A page of a list. http_status is 413 when it is larger than LIMIT_KUBE_PAGE: to be asked for
 * again with fewer objects in it. */
bool kube_get_page(struct kube *kube, const char *path, json_t **list,
                   struct error *err) must_check;

/* One line of a watch. */
enum kube_event_kind {
        KUBE_EVENT_CHANGED,
        KUBE_EVENT_DELETED,
        KUBE_EVENT_BOOKMARK,
        KUBE_EVENT_EXPIRED, /* the API server ends the watch: it has forgotten where we were, */
        KUBE_EVENT_ENDED,   /* or for another reason */
};
struct kube_event {
        enum kube_event_kind kind;
        json_t *json;                            /* all of it */
        const json_t *object;                    /* borrowed from json, as is all that follows */
        const char *version;                     /* to go on from; NULL when it was ended */
        const char *namespace_name, *name, *uid; /* of what changed or was deleted */
        const char *why;                         /* it was ended */
};
void kube_event_clear(struct kube_event *event);
bool kube_event_decode(const char *line, size_t length, struct kube_event *event,
                       struct error *err) must_check;
/* What the callbacks of a watch need of an object; namespace_name "" when it has none, name "" when
 * it holds a NUL or is longer than LIMIT_KUBE_NAME. */
bool kube_event_identify(const json_t *object, const char **namespace_name, const char **name,
                         const char **uid, struct error *err) must_check;

/* namespace and name of every object a watch knows, with its uid: small, as there are many. */
struct kube_name;
struct kube_names {
        struct kube_name **slots;
        size_t capacity, count;
        uint32_t mark; /* of the list under way */
};
void kube_names_clear(struct kube_names *names);
/* Remembers the object as seen now. The uid it had before in *replaced if it was another one
 * (the caller's), else NULL. */
void kube_names_put(struct kube_names *names, const char *namespace_name, const char *name,
                    const char *uid, char **replaced);
void kube_names_remove(struct kube_names *names, const char *namespace_name, const char *name);
/* From now on: what was not put since kube_names_begin() is gone; each is told and forgotten. */
void kube_names_begin(struct kube_names *names);
void kube_names_sweep(struct kube_names *names,
                      void (*gone)(void *owner, const char *namespace_name, const char *name,
                                   const char *uid),
                      void *owner);

/* How patient a watch is; tests are less so. */
struct kube_watch_pace {
        int64_t first_delay_ms, longest_delay_ms; /* after failures */
        int64_t silence_ms;                       /* without event and bookmark: it is dead */
        int64_t short_ms; /* a watch that ends before, without an event, has failed */
        int page;         /* objects of one answer to a list */
};
/* The watch's own pace, to be changed before its first answer. */
struct kube_watch_pace *kube_watch_pace(struct kube_watch *watch);
