/* recheck.h - ends sessions whose grant is gone, also of people who ask for nothing. */
#pragma once

struct recheck;
struct server;

/* Every 30 s, on a fiber of its own. */
struct recheck *recheck_start(struct server *server);
void recheck_stop(struct recheck *recheck);
/* One round; waits. */
void recheck_run(struct recheck *recheck);
