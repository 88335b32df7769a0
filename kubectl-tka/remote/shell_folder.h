/* shell_folder.h - what `shell` and `exec` leave on disk while they run: a folder of their own,
 * held by a lock that the kernel gives back even after SIGKILL. */
#pragma once

#include "lib/buf.h"

struct shell_folder {
        char *path; /* NULL: none */
        int lock;   /* held as long as the shell lives */
};
/* Gives the lock back; removes nothing. */
void shell_folder_clear(struct shell_folder *folder);

/* The session that is to end with the shell. */
struct shell_session {
        char *server, *cluster;
        char *role;    /* as it was granted */
        int64_t until; /* of this machine's clock: afterwards there is nothing left to end */
};
void shell_session_clear(struct shell_session *session);

/* A new one, 0700, in the runtime folder, else in the cache's. */
bool shell_folder_make(struct shell_folder *folder, struct error *err) must_check;
bool shell_folder_write(const struct shell_folder *folder, const char *name, const struct buf *text,
                        struct error *err) must_check;
bool shell_folder_note(const struct shell_folder *folder, const struct shell_session *session,
                       struct error *err) must_check;
/* false: none was noted. */
bool shell_folder_session(const struct shell_folder *folder, struct shell_session *session);
/* Of everything but the note of its session. */
void shell_folder_strip(const struct shell_folder *folder);
/* With everything in it. */
void shell_folder_remove(const struct shell_folder *folder);

/* A folder whose shell was killed, now held by us; false: there is none (more). skipped counts
 * those that were found and could not be dealt with: they are passed over. */
bool shell_folder_find_dead(size_t skipped, struct shell_folder *folder);
/* That its session could not be ended just now; and whether that was less than a minute ago. */
void shell_folder_note_try(const struct shell_folder *folder);
bool shell_folder_was_tried(const struct shell_folder *folder);
/* Whether another living shell has the same session. */
bool shell_folder_is_used(const struct shell_folder *own, const struct shell_session *session);
/* One at a time decides whether it is the last. Waits 10 s at most, then goes on without. The
 * descriptor is to be closed; -1: none. */
int shell_folder_take_turn(void);
