/* readable.h - waiting for something to read from a descriptor, on the loop. */
#pragma once

#include "lib/error.h"

struct loop;

/* Waits (lib/fiber.h). UNAVAILABLE when nothing came in time. */
bool readable_wait(struct loop *loop, int fd, int64_t timeout_ms, struct error *err) must_check;
