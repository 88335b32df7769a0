/* suspects.h - dependents whose session nobody knows, until each is found to be owned or not. */
#pragma once

#include "operator/dependent.h"

/* All-zero: none. Few, as what the store knows to be owned ends with its session. */
struct suspects {
        struct dependent *items; /* of kind DEPENDENT_KINDS: owned after all */
        size_t count, capacity;
};

void suspects_clear(struct suspects *suspects);
/* Takes it over; *dependent is all-zero then. */
void suspects_add(struct suspects *suspects, struct dependent *dependent);
/* Once all are there: what was added more than once stays once, and owners can be looked up. */
void suspects_order(struct suspects *suspects);
/* The session of that uid exists: what it owns is under suspicion no longer. */
void suspects_acquit(struct suspects *suspects, const char *signin_uid);
