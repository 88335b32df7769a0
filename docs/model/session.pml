/* session.pml - the life of one session name: server, operator, clock, hands, crashes.
 *
 * README.md beside this says what is modelled, what is promised, and how to run it.
 * Every call of the API server is one atomic step, in an inline named after it; whatever a process
 * knew before such a step may be out of date when the step is taken. */

#ifndef OPERATORS
#define OPERATORS 1
#endif
/* LEASE: of several operators only the one that holds it writes. Without it all of them do. */
#ifndef TAKEOVERS
#define TAKEOVERS 2 /* of the lease, at any point between two writes */
#endif
#ifndef LOGINS
#define LOGINS 3
#endif
#ifndef CRASHES
#define CRASHES 2 /* of the operator, at any point */
#endif
#ifndef LAST
#define LAST 3   /* the clock stops there, so that everything comes to an end */
#endif
#define PERIOD 1

/* --- what the API server holds; 0 is no object --- */

byte now;
byte next_uid = 1;

/* The TkaSignin. */
byte signin;       /* its uid */
byte version;      /* its resourceVersion */
byte ends;
bool deleting, finalizer;
bool ready;        /* status: provisioned, for this uid and these times */

/* What was made for it: the uid of the object, and the uid of the TkaSignin on its label. */
byte account, account_label;
byte binding, binding_label;

byte holder = 1, term = 1; /* of the lease; terms never come back */

byte crashes;
bool asked;        /* somebody signed out: an end before `ends` is as it should be */

#define over (now >= ends)
#define clean (signin == 0 && account == 0 && binding == 0)

/* A right stands only beside the TkaSignin it was made for, and while that cannot vanish. */
#ifdef WITHOUT_FINALIZER
#define kept (binding == 0 || signin == binding_label)
#else
#define kept (binding == 0 || (signin == binding_label && finalizer))
#endif

inline vanish_if_free()
{
        if
        :: signin != 0 && deleting && !finalizer ->
                signin = 0; version = 0; ends = 0; deleting = false; ready = false; asked = false
        :: else
        fi
}

/* One server-side apply: object and finalizer together, or new times for the object there is. */
inline apply_signin()
{
        if
        :: signin == 0 ->
                signin = next_uid; next_uid++;
                version = 1; ends = now + PERIOD; deleting = false; ready = false; asked = false;
#ifdef WITHOUT_FINALIZER
                finalizer = false
#else
                finalizer = true
#endif
        :: else ->
                version++; ends = now + PERIOD; ready = false
        fi
}

/* DELETE of the TkaSignin with preconditions. */
inline delete_signin(uid, seen_version)
{
        if
#ifdef WITHOUT_VERSION
        :: signin == uid && !deleting ->
#else
        :: signin == uid && version == seen_version && !deleting ->
#endif
                deleting = true; version++
        :: else /* 404, 409, or already so */
        fi;
        vanish_if_free()
}

inline create(object, label, uid)
{
        object = next_uid; next_uid++; label = uid
}

/* DELETE of a dependent with its uid. */
inline delete_dependent(object, label, uid)
{
        if
        :: object == uid && uid != 0 ->
                object = 0; label = 0
        :: else
        fi
}

/* --- the clock --- */

proctype clock()
{
        do
        :: now < LAST -> now++
        :: else -> break
        od
}

/* --- the lease --- */

/* What its holder had begun is over by then: it gives up a second before others may take it. */
proctype election()
{
        byte i;
        for (i : 1 .. TAKEOVERS) { d_step { holder = 3 - holder; term++ } }
}

/* --- tka-server, on behalf of a person --- */

/* The answer to a login is success: then the right is there. Whatever crashes or gives up here
 * leaves the object as it is. */
inline tell_success()
{
        if
        :: d_step { signin != 0 && ready && !deleting && !over ->
                assert(binding != 0 && binding_label == signin) }
        :: true /* gave up, was killed, lost the connection */
        fi
}

proctype server()
{
        byte logins = 0;
        byte seen_uid, seen_version;
        bool must_wait;

        do
        :: logins < LOGINS && now + PERIOD <= LAST ->
                logins++;
                d_step { must_wait = signin != 0 && deleting; apply_signin() };
                if
                :: must_wait ->
                        signin == 0; /* the old one still ends: wait, then once more */
                        if
                        :: d_step { now + PERIOD <= LAST && signin == 0 -> apply_signin() }
                        :: else
                        fi
                :: else
                fi;
                tell_success()
        :: signin != 0 -> /* a logout, decided on what was seen */
                d_step { seen_uid = signin; seen_version = version };
                d_step {
                        if
                        :: signin == seen_uid && version == seen_version -> asked = true
                        :: else
                        fi;
                        delete_signin(seen_uid, seen_version) }
        :: break
        od
}

/* --- tka-operator --- */

/* Also a moment in which others go on. */
inline maybe_crash()
{
#if CRASHES > 0
        if
        :: crashes < CRASHES -> d_step { crashes++ }; goto begin
        :: true
        fi
#else
        skip
#endif
}

#ifdef LEASE
#define may_write (holder == me && term == seen_term)
#else
#define may_write true
#endif

/* What has the name and another label: the next session's, if the one we think of is over, as only
 * the API server knows; else an orphan, deleted by its uid. */
inline delete_stranger(object, label)
{
        maybe_crash();
        if
        :: signin == seen -> skip
        :: else -> goto begin
        fi;
        maybe_crash();
        d_step {
                if
                :: may_write -> delete_dependent(object, label, found)
                :: else
                fi }
}

inline provide(object, label)
{
        d_step {
                found = 0;
                if
                :: may_write && object == 0 -> create(object, label, seen)
                :: may_write && object != 0 && label != seen -> found = object /* AlreadyExists */
                :: else
                fi };
        if
        :: found != 0 -> delete_stranger(object, label)
        :: else
        fi
}

/* In teardown, what was never seen may still be there: looked up, then deleted by its uid. */
inline take_away(object, label)
{
        d_step { found = object; found_label = label };
        if
#ifndef WITHOUT_LABEL
        :: found != 0 && found_label != seen -> delete_stranger(object, label)
#endif
        :: else ->
                maybe_crash();
                d_step {
                        if
                        :: may_write -> delete_dependent(object, label, found)
                        :: else
                        fi }
        fi;
        d_step { found = 0; found_label = 0 }
}

/* Dependents first, then the TkaSignins: what carries the label of none of them is an orphan. */
inline sweep(object, label)
{
        d_step { found = object; found_label = label };
        maybe_crash();
        if
        :: found != 0 && signin != found_label ->
                maybe_crash();
                d_step {
                        if
                        :: may_write -> delete_dependent(object, label, found)
                        :: else
                        fi }
        :: else
        fi;
        found = 0; found_label = 0
}

#define something_to_do \
        (signin != 0 || account != 0 || binding != 0)
#ifdef LEASE
#define its_turn (holder == me)
#else
#define its_turn true
#endif
#define as_it_should_be \
        (signin != 0 && !deleting && !over && ready && \
         account_label == signin && binding_label == signin)

proctype operator(byte me)
{
        byte seen, seen_version, seen_term, found, found_label;
        bool seen_deleting, seen_finalizer, seen_over, seen_account, seen_binding;

begin:
        skip; /* knows nothing: lists */
        d_step {
                seen = 0; seen_version = 0; seen_term = 0; found = 0; found_label = 0;
                seen_deleting = false; seen_finalizer = false; seen_over = false;
                seen_account = false; seen_binding = false };
        do
        :: something_to_do && !as_it_should_be && its_turn ->
                d_step {
                        found = 0; found_label = 0; seen_term = term;
                        seen = signin; seen_version = version; seen_deleting = deleting;
                        seen_finalizer = finalizer; seen_over = signin != 0 && over;
                        seen_account = account_label == signin && account != 0;
                        seen_binding = binding_label == signin && binding != 0 };
                maybe_crash();
                if
                :: seen == 0 ->
                        sweep(binding, binding_label);
                        sweep(account, account_label)
                :: seen != 0 && seen_deleting ->
                        take_away(binding, binding_label);
                        maybe_crash();
                        take_away(account, account_label);
                        maybe_crash();
                        d_step {
                                if
                                :: may_write && signin == seen && deleting -> finalizer = false
                                :: else
                                fi;
                                vanish_if_free() }
                :: seen != 0 && !seen_deleting && seen_over ->
                        d_step {
                                if
#ifdef WITHOUT_VERSION
                                :: may_write && signin == seen && !deleting ->
#else
                                :: may_write && signin == seen && version == seen_version && !deleting ->
#endif
                                        assert(over || asked); /* nothing ends early */
                                        delete_signin(seen, seen_version)
                                :: else
                                fi }
#ifdef WITHOUT_FINALIZER
                :: seen != 0 && !seen_deleting && !seen_over ->
#else
                :: seen != 0 && !seen_deleting && !seen_over && seen_finalizer ->
#endif
                        if
                        :: !seen_account -> provide(account, account_label)
                        :: seen_account && !seen_binding -> provide(binding, binding_label)
                        :: seen_account && seen_binding ->
                                d_step { /* status, with the uid and for these times alone */
                                        if
                                        :: may_write && signin == seen &&
                                           version == seen_version && !deleting ->
                                                ready = true
                                        :: else
                                        fi }
                        fi
                fi;
                goto begin /* what it knew is forgotten: it looks again */
        od
}

init
{
        atomic {
                run clock();
                run server();
                byte i;
                for (i : 1 .. OPERATORS) { run operator(i) }
#ifdef LEASE
                run election()
#endif
        }
}

ltl never_without_finalizer { [] kept }
/* However it went: once nobody signs in any more, nothing is left, and stays so. */
ltl ends { <>[] clean }
