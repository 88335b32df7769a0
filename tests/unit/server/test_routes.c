/* The routes and schema/openapi.yaml say the same, in both directions. */
#include <strings.h>

#include "lib/json.h"
#include "lib/memory.h"
#include "schema/openapi.h"
#include "server/handlers.h"
#include "tests/unit/test.h"

static const json_t *find_operation(const char *method, const char *path)
{
        const json_t *methods = json_object_get(json_at(openapi_document(), "paths"), path);
        char lower[8] = "";

        for (size_t i = 0; method[i] != '\0' && i < sizeof(lower) - 1; i++)
                lower[i] = (char)(method[i] - 'A' + 'a');
        return json_object_get(methods, lower);
}

static bool is_route(const char *lower, const char *path)
{
        size_t count = 0;
        const struct http_route *routes = routes_public(&count);

        for (size_t i = 0; i < count; i++)
                if (strcasecmp(routes[i].method, lower) == 0 && strcmp(routes[i].path, path) == 0)
                        return true;
        return false;
}

TEST(every_route_is_in_the_openapi)
{
        size_t count = 0;
        const struct http_route *routes = routes_public(&count);

        for (size_t i = 0; i < count; i++)
                if (find_operation(routes[i].method, routes[i].path) == NULL)
                        fail_msg("%s %s is not in schema/openapi.yaml", routes[i].method,
                                 routes[i].path);
}

TEST(every_operation_of_the_openapi_is_a_route)
{
        json_t *paths = json_at(openapi_document(), "paths");
        const char *path = NULL, *method = NULL;
        json_t *methods = NULL, *operation = NULL;

        json_object_foreach(paths, path, methods)
        {
                json_object_foreach(methods, method, operation)
                {
                        if (!is_route(method, path))
                                fail_msg("%s %s is in schema/openapi.yaml alone", method, path);
                }
        }
}

TEST(every_operation_under_api_says_what_identity_and_the_tailnet_may_refuse)
{
        static const char *const statuses[] = { "400", "403", "503" };
        size_t count = 0;
        const struct http_route *routes = routes_public(&count);

        for (size_t i = 0; i < count; i++) {
                const json_t *operation = find_operation(routes[i].method, routes[i].path);

                for (size_t s = 0; s < ARRAY_LENGTH(statuses); s++)
                        if (strncmp(routes[i].path, "/api/", 5) == 0 &&
                            json_object_get(json_at(operation, "responses"), statuses[s]) == NULL)
                                fail_msg("%s %s does not say %s", routes[i].method, routes[i].path,
                                         statuses[s]);
        }
}
