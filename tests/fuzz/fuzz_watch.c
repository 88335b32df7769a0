/* Any bytes as one line of a watch. */
#include "lib/api/kube_private.h"
#include "schema/signin.h"

int LLVMFuzzerTestOneInput(const uint8_t *text, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *text, size_t length)
{
        scoped(kube_event_clear) struct kube_event event = { 0 };
        scoped(signin_clear) struct signin signin = { 0 };
        struct error err = { 0 };

        if (!kube_event_decode((const char *)text, length, &event, &err)) {
                if (event.json || err.kind == ERROR_NONE || !*err.text)
                        __builtin_trap();
                return 0;
        }
        if (event.kind == KUBE_EVENT_ENDED || event.kind == KUBE_EVENT_EXPIRED)
                return 0;
        /* The watch goes on from here, and somebody is told of a thing with a name. */
        if (!event.version || !*event.version)
                __builtin_trap();
        if (event.kind != KUBE_EVENT_BOOKMARK &&
            (!event.name || !event.uid || !event.namespace_name))
                __builtin_trap();
        if (event.kind == KUBE_EVENT_CHANGED)
                (void)!signin_decode(event.object, &signin, &err);
        return 0;
}
