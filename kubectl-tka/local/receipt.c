#include "kubectl-tka/local/receipt.h"

#include <string.h>
#include <unistd.h>

#include "kubectl-tka/local/note.h"
#include "lib/fd.h"
#include "lib/memory.h"

#define SLOTS 128
#define MAGIC UINT64_C(0x31616b7470746372) /* "rctpkta1" */

/* A file of slots, the first for the whole key, each other for the parents of some pids. Written at
 * every hit: one small write in place, without a lock. */
struct slot {
        uint64_t magic;
        int64_t pid, started;
        uint64_t token;
        int64_t at_ms;
};

static int open_slots(const struct cache_key *key)
{
        scoped_free char *path = note_file(key, ".given");

        return note_open(path);
}

static off_t place_of(const struct parent *parent)
{
        return (off_t)((1 + parent->pid % (SLOTS - 1)) * (int64_t)sizeof(struct slot));
}

static bool read_slot(int fd, off_t place, struct slot *slot)
{
        return pread(fd, slot, sizeof(*slot), place) == (ssize_t)sizeof(*slot) &&
               slot->magic == MAGIC;
}

/* The first slot's time is the hold's end; one beyond any hold is of before a restart. */
static int64_t held_until_ms(int fd, int64_t now_ms)
{
        struct slot slot = { 0 };

        return read_slot(fd, 0, &slot) && slot.at_ms <= now_ms + RECEIPT_REPLACED_MS ? slot.at_ms
                                                                                     : 0;
}

static bool is_refused(int fd, const struct parent *parent, const struct cache_entry *entry)
{
        struct slot slot = { 0 };
        int64_t now_ms = parent_clock_ms();

        return fd >= 0 && read_slot(fd, place_of(parent), &slot) &&
               parent_is(parent, slot.pid, slot.started) && slot.token == cache_entry_id(entry) &&
               held_until_ms(fd, now_ms) <= now_ms;
}

/* A slot that was not written is a second call not noticed. */
static void write_slot(int fd, off_t place, const struct slot *slot)
{
        ssize_t written = fd >= 0 ? pwrite(fd, slot, sizeof(*slot), place) : 0;

        (void)written;
}

static void give(int fd, const struct parent *parent, const struct cache_entry *entry)
{
        struct slot slot = { MAGIC, parent->pid, parent->started, cache_entry_id(entry),
                             parent_clock_ms() };

        write_slot(fd, place_of(parent), &slot);
}

void receipt_check(const struct cache_key *key, const struct parent *parent,
                   const struct cache_entry *entry, bool *refused)
{
        scoped(fd_close) int fd = open_slots(key);

        *refused = is_refused(fd, parent, entry);
}

void receipt_exchange(const struct cache_key *key, const struct parent *parent,
                      const struct cache_entry *entry, bool *refused)
{
        scoped(fd_close) int fd = open_slots(key);

        *refused = is_refused(fd, parent, entry);
        if (!*refused)
                give(fd, parent, entry);
}

void receipt_note(const struct cache_key *key, const struct parent *parent,
                  const struct cache_entry *entry)
{
        scoped(fd_close) int fd = open_slots(key);

        give(fd, parent, entry);
}

void receipt_hold(const struct cache_key *key, int64_t hold_ms)
{
        scoped(fd_close) int fd = open_slots(key);
        int64_t now_ms = parent_clock_ms();
        struct slot slot = { .magic = MAGIC, .at_ms = now_ms + hold_ms };

        if (fd >= 0 && held_until_ms(fd, now_ms) < slot.at_ms)
                write_slot(fd, 0, &slot);
}
