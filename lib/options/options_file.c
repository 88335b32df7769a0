#include "lib/options/options.h"

#include "lib/file.h"
#include "lib/limits.h"
#include "lib/memory.h"
#include "lib/yaml.h"

/* Apart from options.c, so that a program without a config file is linked without libyaml. */
bool options_read_file(const char *path, bool optional, json_t **json, json_t **lines,
                       struct error *err)
{
        scoped(buf_clear) struct buf text = { 0 };
        json_auto_t *read = NULL;
        json_auto_t *found = NULL;

        buf_init(&text, LIMIT_CONFIG_FILE);
        if (!file_read(path, &text, err)) {
                if (err->kind != ERROR_NOT_FOUND)
                        return false;
                if (!optional)
                        return error_set(err, ERROR_INVALID, "%s: there is no such file", path);
                *err = (struct error){ 0 };
                *json = json_object();
                return true;
        }
        if (!yaml_parse_with_lines(buf_text(&text), text.length, &read, &found, err))
                return error_wrap(err, "%s", path);
        if (!json_is_object(read))
                return error_set(err, ERROR_INVALID, "%s: keys and values are expected", path);
        *json = take(read);
        if (lines)
                *lines = take(found);
        return true;
}
