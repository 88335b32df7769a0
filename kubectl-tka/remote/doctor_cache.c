#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kubectl-tka/local/cache.h"
#include "kubectl-tka/local/dbus.h"
#include "kubectl-tka/local/directory.h"
#include "kubectl-tka/remote/doctor.h"
#include "lib/memory.h"

/* Nothing is started, unlocked, or asked. */
void doctor_check_keyring(struct doctor *doctor)
{
        scoped_free char *bus = dbus_session_address();
        enum keyring_state state = KEYRING_ABSENT;
        struct error miss = { 0 };

        if (!bus)
                doctor_say(doctor, DOCTOR_OK, NULL,
                           "there is no session bus, and so no keyring: tokens lie in files");
        else if (keyring_look(bus, &state, &miss) && state == KEYRING_OPEN)
                doctor_say(doctor, DOCTOR_OK, NULL, "open");
        else if (state == KEYRING_LOCKED)
                doctor_say(doctor, DOCTOR_WARN, "\"kubectl tka login\" on a terminal unlocks it",
                           "the keyring is locked: tokens lie in files");
        else if (state == KEYRING_ABSENT)
                doctor_say(doctor, DOCTOR_OK, NULL,
                           "no keyring on the session bus: tokens lie in files");
        else
                doctor_say(doctor, DOCTOR_WARN, "restart it, or use --cache runtime",
                           "the keyring does not answer: %s", miss.text);
}

static void check_folder(struct doctor *doctor, enum cache_tier tier, const char *name)
{
        scoped_free char *path = cache_directory(tier);
        struct stat found = { 0 };

        if (!path && tier == CACHE_RUNTIME)
                doctor_say(doctor, DOCTOR_WARN, "log in through a session manager that sets it",
                           "XDG_RUNTIME_DIR names no folder of yours: tokens lie on disk");
        else if (!path)
                doctor_say(doctor, DOCTOR_FAIL, "set HOME", "there is no home directory");
        else if (stat(path, &found) != 0)
                doctor_say(doctor, DOCTOR_OK, NULL, "%s: %s is not made yet", name, path);
        else if (!S_ISDIR(found.st_mode) || found.st_uid != geteuid())
                doctor_say(doctor, DOCTOR_FAIL, "move it away", "%s is no folder of yours", path);
        else if (found.st_mode & 077)
                doctor_say(doctor, DOCTOR_FAIL, "chmod 700 it", "%s is open to others", path);
        else if (access(path, W_OK) != 0)
                doctor_say(doctor, DOCTOR_FAIL, "make room, or choose another --cache",
                           "%s cannot be written", path);
        else
                doctor_say(doctor, DOCTOR_OK, NULL, "%s: %s", name, path);
}

void doctor_check_folders(struct doctor *doctor)
{
        check_folder(doctor, CACHE_RUNTIME, "in memory");
        check_folder(doctor, CACHE_FILE, "on disk");
}
