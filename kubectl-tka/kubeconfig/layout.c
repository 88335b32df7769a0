#include <string.h>

#include "kubectl-tka/kubeconfig/layout_private.h"
#include "lib/json.h"
#include "lib/memory.h"
#include "lib/yaml.h"

void layout_clear(struct layout *layout)
{
        if (layout->loaded)
                yaml_document_delete(&layout->document);
}

/* Characters that are line breaks to libyaml and not to us, and a byte order mark: with one of
 * them its lines and columns are not ours. */
static bool has_plain_lines(const struct buf *text)
{
        static const char *const strange[] = { "\xc2\x85", "\xe2\x80\xa8", "\xe2\x80\xa9",
                                               "\xef\xbb\xbf" };

        for (size_t i = 0; i < ARRAY_LENGTH(strange); i++)
                if (strstr(buf_text(text), strange[i]))
                        return false;
        for (const char *at = buf_text(text); (at = strchr(at, '\r')); at++)
                if (at[1] != '\n')
                        return false;
        return true;
}

bool layout_read(const struct buf *text, struct layout *layout)
{
        yaml_parser_t parser;

        layout->text = text;
        if (!has_plain_lines(text) || !yaml_parser_initialize(&parser))
                return false;
        yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
        yaml_parser_set_input_string(&parser, (const unsigned char *)buf_text(text), text->length);
        layout->loaded = yaml_parser_load(&parser, &layout->document);
        yaml_parser_delete(&parser);
        if (!layout->loaded)
                return false;

        layout->root = yaml_document_get_root_node(&layout->document);
        return !layout->root || (layout->root->type == YAML_MAPPING_NODE &&
                                 layout->root->data.mapping.style != YAML_FLOW_MAPPING_STYLE &&
                                 layout->root->start_mark.column == 0);
}

const yaml_node_t *layout_get_node(struct layout *layout, int index)
{
        return yaml_document_get_node(&layout->document, index);
}

bool layout_node_is(const yaml_node_t *node, const char *text)
{
        return node && node->type == YAML_SCALAR_NODE &&
               strcmp((const char *)node->data.scalar.value, text) == 0;
}

/* The value under key in a mapping; *key_node is the key itself. */
const yaml_node_t *layout_find(struct layout *layout, const yaml_node_t *mapping, const char *key,
                               const yaml_node_t **key_node)
{
        if (!mapping || mapping->type != YAML_MAPPING_NODE)
                return NULL;
        for (const yaml_node_pair_t *pair = mapping->data.mapping.pairs.start;
             pair < mapping->data.mapping.pairs.top; pair++) {
                *key_node = layout_get_node(layout, pair->key);
                if (layout_node_is(*key_node, key))
                        return layout_get_node(layout, pair->value);
        }
        return NULL;
}

size_t layout_line_start(struct layout *layout, size_t line)
{
        const char *text = buf_text(layout->text);
        const char *at = text;

        for (; line > 0 && at; line--) {
                at = strchr(at, '\n');
                at = at ? at + 1 : NULL;
        }
        return at ? (size_t)(at - text) : layout->text->length;
}

size_t layout_offset(struct layout *layout, const yaml_mark_t *mark)
{
        const char *text = buf_text(layout->text);
        size_t offset = layout_line_start(layout, mark->line);

        for (size_t column = 0; column < mark->column && text[offset]; column++)
                do
                        offset++;
                while (((unsigned char)text[offset] & 0xc0) == 0x80);
        return offset;
}

/* The line behind the last one with something of a scalar or a flow collection. */
static size_t end_line_of_leaf(const yaml_node_t *node)
{
        bool is_block = node->type == YAML_SCALAR_NODE &&
                        (node->data.scalar.style == YAML_LITERAL_SCALAR_STYLE ||
                         node->data.scalar.style == YAML_FOLDED_SCALAR_STYLE);

        /* A block scalar's end is the start of the line that follows it. */
        return is_block && node->end_mark.column == 0 ? node->end_mark.line
                                                      : node->end_mark.line + 1;
}

static size_t larger(size_t one, size_t other)
{
        return one > other ? one : other;
}

/* The mark at the end of a block collection is of no use: it stands behind the comments that
 * follow. Depth is bounded by yaml_parse(), which has read the text before.
 * NOLINTNEXTLINE(misc-no-recursion) */
size_t layout_end_line(struct layout *layout, const yaml_node_t *node)
{
        size_t end = node ? node->start_mark.line + 1 : 0;

        if (!node)
                return end;
        if (node->type == YAML_MAPPING_NODE &&
            node->data.mapping.style != YAML_FLOW_MAPPING_STYLE) {
                for (const yaml_node_pair_t *pair = node->data.mapping.pairs.start;
                     pair < node->data.mapping.pairs.top; pair++) {
                        end = larger(end,
                                     layout_end_line(layout, layout_get_node(layout, pair->key)));
                        end = larger(end,
                                     layout_end_line(layout, layout_get_node(layout, pair->value)));
                }
                return end;
        }
        if (node->type == YAML_SEQUENCE_NODE &&
            node->data.sequence.style != YAML_FLOW_SEQUENCE_STYLE) {
                for (const yaml_node_item_t *item = node->data.sequence.items.start;
                     item < node->data.sequence.items.top; item++)
                        end = larger(end, layout_end_line(layout, layout_get_node(layout, *item)));
                return end;
        }
        return end_line_of_leaf(node);
}

void layout_replace(struct buf *text, size_t start, size_t end, const char *lines)
{
        struct buf changed = { .limit = text->limit };

        buf_append(&changed, buf_text(text), start);
        if (start > 0 && changed.text[start - 1] != '\n' && strchr(lines, '\n'))
                buf_add(&changed, "\n");
        buf_add(&changed, lines);
        buf_append(&changed, buf_text(text) + end, text->length - end);
        buf_clear(text);
        *text = changed;
}

void layout_append(struct buf *text, const char *lines)
{
        layout_replace(text, text->length, text->length, lines);
}

bool layout_node_is_empty(const yaml_node_t *node)
{
        static const char *const nulls[] = { "", "~", "null", "Null", "NULL" };

        if (node->type == YAML_SEQUENCE_NODE)
                return node->data.sequence.items.start == node->data.sequence.items.top;
        if (node->type == YAML_MAPPING_NODE)
                return node->data.mapping.pairs.start == node->data.mapping.pairs.top;
        for (size_t i = 0; i < ARRAY_LENGTH(nulls); i++)
                if (layout_node_is(node, nulls[i]) &&
                    node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE)
                        return true;
        return false;
}

/* A value on the line of its key; lists in flow style, as JSON writes them. */
static void print_inline(const json_t *value, struct buf *text)
{
        json_auto_t *pair = json_object();
        scoped(buf_clear) struct buf line = { 0 };

        if (json_is_array(value)) {
                json_print(value, text);
                return;
        }
        json_object_set_new(pair, "k", json_deep_copy(value));
        yaml_print(pair, &line);
        buf_append(text, line.text + strlen("k: "), strcspn(line.text, "\n") - strlen("k: "));
}

/* Where a key stands, or where it would: the mapping, what of the path is left below it, and the
 * key's own node (of what is left, or of its first part). */
struct place {
        const yaml_node_t *mapping, *key, *value;
        const char *left;
};

static bool is_block_mapping(const yaml_node_t *node)
{
        return node && node->type == YAML_MAPPING_NODE &&
               node->data.mapping.style != YAML_FLOW_MAPPING_STYLE;
}

/* "a.b" may be one key, or "b" below "a". */
static void find_key(struct layout *layout, const char *path, struct place *place)
{
        *place = (struct place){ .mapping = layout->root, .left = path };
        while (place->mapping) {
                const char *dot = strchr(place->left, '.');
                place->value = layout_find(layout, place->mapping, place->left, &place->key);
                if (place->value || !dot)
                        return;
                scoped_free char *head = xstrndup(place->left, (size_t)(dot - place->left));
                place->value = layout_find(layout, place->mapping, head, &place->key);
                if (!is_block_mapping(place->value))
                        return;
                place->mapping = place->value;
                place->left = dot + 1;
        }
}

/* "a.b" as lines of their own, "a:" and "  b: value". */
static void print_nested(const char *path, size_t column, const json_t *value, struct buf *lines)
{
        for (const char *dot = strchr(path, '.'); dot; dot = strchr(path, '.')) {
                buf_printf(lines, "%*s%.*s:\n", (int)column, "", (int)(dot - path), path);
                path = dot + 1;
                column += 2;
        }
        buf_printf(lines, "%*s%s: ", (int)column, "", path);
        print_inline(value, lines);
        buf_add(lines, "\n");
}

/* The value alone where it stands on the key's line, else the lines it stands on. */
static bool replace_value(struct layout *layout, struct buf *text, const struct place *place,
                          const json_t *value)
{
        scoped(buf_clear) struct buf line = { 0 };
        bool has_line = place->value->end_mark.line == place->key->start_mark.line;
        bool is_list = place->value->type == YAML_SEQUENCE_NODE;
        size_t start = layout_offset(layout, &place->key->start_mark);
        size_t end = has_line ? layout_offset(layout, &place->value->end_mark)
                              : layout_line_start(layout, layout_end_line(layout, place->value));

        if (!has_line && !is_list)
                return false;
        if (!has_line && buf_text(text)[end - 1] == '\n')
                end--;
        buf_append(&line, buf_text(text) + start,
                   layout_offset(layout, &place->key->end_mark) - start);
        buf_add(&line, ": ");
        print_inline(value, &line);
        layout_replace(text, start, end, line.text);
        return true;
}

bool layout_put_value(struct buf *text, const char *path, const json_t *value)
{
        scoped(layout_clear) struct layout layout = { 0 };
        scoped(buf_clear) struct buf lines = { 0 };
        struct place place;

        if (!layout_read(text, &layout))
                return false;
        find_key(&layout, path, &place);
        if (place.value && layout_node_is(place.key, place.left))
                return replace_value(&layout, text, &place, value);
        print_nested(place.left, place.mapping ? place.mapping->start_mark.column : 0, value,
                     &lines);
        if (place.value) { /* a section without keys: its first line is written anew */
                size_t line = place.key->start_mark.line;
                if (!layout_node_is_empty(place.value) ||
                    layout_end_line(&layout, place.value) > line + 1)
                        return false;
                layout_replace(text, layout_line_start(&layout, line),
                               layout_line_start(&layout, line + 1), lines.text);
        } else if (place.mapping == layout.root) {
                layout_append(text, lines.text);
        } else {
                size_t line = layout_line_start(&layout, layout_end_line(&layout, place.mapping));
                layout_replace(text, line, line, lines.text);
        }
        return true;
}

static bool reads_as(const struct buf *text, const json_t *expected)
{
        json_auto_t *found = NULL;
        struct error ignored = { 0 };

        return yaml_parse(buf_text(text), text->length, &found, &ignored) &&
               json_equal(found, expected);
}

bool layout_settle(struct buf *text, bool kept, const json_t *expected, bool *rewritten,
                   struct error *err)
{
        bool anew = !kept || !reads_as(text, expected);

        if (anew) {
                buf_clear(text);
                yaml_print(expected, text);
        }
        if (anew && !reads_as(text, expected))
                return error_set(err, ERROR_INTERNAL,
                                 "its layout cannot be kept, nor written anew");
        *rewritten = anew;
        return true;
}
