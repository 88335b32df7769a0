#include "kubectl-tka/remote/layout.h"

#include <string.h>

#include <yaml.h>

#include "lib/json.h"
#include "lib/memory.h"
#include "lib/yaml.h"

struct layout {
        const struct buf *text;
        yaml_document_t document;
        const yaml_node_t *root; /* NULL: no content */
        bool loaded;
};

static void clear_layout(struct layout *layout)
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

static bool read_layout(const struct buf *text, struct layout *layout)
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

static yaml_node_t *get_node(struct layout *layout, int index)
{
        return yaml_document_get_node(&layout->document, index);
}

static bool node_is(const yaml_node_t *node, const char *text)
{
        return node && node->type == YAML_SCALAR_NODE &&
               strcmp((const char *)node->data.scalar.value, text) == 0;
}

/* The value under key in a mapping; *key_node is the key itself. */
static const yaml_node_t *find_value(struct layout *layout, const yaml_node_t *mapping,
                                     const char *key, const yaml_node_t **key_node)
{
        if (!mapping || mapping->type != YAML_MAPPING_NODE)
                return NULL;
        for (const yaml_node_pair_t *pair = mapping->data.mapping.pairs.start;
             pair < mapping->data.mapping.pairs.top; pair++) {
                *key_node = get_node(layout, pair->key);
                if (node_is(*key_node, key))
                        return get_node(layout, pair->value);
        }
        return NULL;
}

static size_t line_start(struct layout *layout, size_t line)
{
        const char *text = buf_text(layout->text);
        const char *at = text;

        for (; line > 0 && at; line--) {
                at = strchr(at, '\n');
                at = at ? at + 1 : NULL;
        }
        return at ? (size_t)(at - text) : layout->text->length;
}

static size_t offset_of(struct layout *layout, const yaml_mark_t *mark)
{
        const char *text = buf_text(layout->text);
        size_t offset = line_start(layout, mark->line);

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
static size_t end_line(struct layout *layout, const yaml_node_t *node)
{
        size_t end = node ? node->start_mark.line + 1 : 0;

        if (!node)
                return end;
        if (node->type == YAML_MAPPING_NODE &&
            node->data.mapping.style != YAML_FLOW_MAPPING_STYLE) {
                for (const yaml_node_pair_t *pair = node->data.mapping.pairs.start;
                     pair < node->data.mapping.pairs.top; pair++) {
                        end = larger(end, end_line(layout, get_node(layout, pair->key)));
                        end = larger(end, end_line(layout, get_node(layout, pair->value)));
                }
                return end;
        }
        if (node->type == YAML_SEQUENCE_NODE &&
            node->data.sequence.style != YAML_FLOW_SEQUENCE_STYLE) {
                for (const yaml_node_item_t *item = node->data.sequence.items.start;
                     item < node->data.sequence.items.top; item++)
                        end = larger(end, end_line(layout, get_node(layout, *item)));
                return end;
        }
        return end_line_of_leaf(node);
}

static bool line_has_dash(struct layout *layout, size_t line, size_t column)
{
        const char *text = buf_text(layout->text) + line_start(layout, line);

        return strspn(text, " ") == column && text[column] == '-';
}

/* The line with the dash of an item, which may stand above its content. */
static bool find_dash(struct layout *layout, const yaml_node_t *sequence, const yaml_node_t *item,
                      size_t *line)
{
        for (size_t at = item->start_mark.line + 1; at > sequence->start_mark.line; at--) {
                if (line_has_dash(layout, at - 1, sequence->start_mark.column)) {
                        *line = at - 1;
                        return true;
                }
        }
        return false;
}

/* Comments further in than the list belong to its last item. */
static size_t skip_inner_comments(struct layout *layout, size_t line, size_t column)
{
        for (;;) {
                const char *text = buf_text(layout->text) + line_start(layout, line);
                size_t blanks = strspn(text, " ");
                if (blanks <= column || text[blanks] != '#')
                        return line;
                line++;
        }
}

static void replace(struct buf *text, size_t start, size_t end, const char *lines)
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
        replace(text, text->length, text->length, lines);
}

/* The item as it stands in a list whose dashes are in that column. */
static void print_item(const json_t *item, size_t column, struct buf *lines)
{
        scoped(buf_clear) struct buf flat = { 0 };
        const char *dash = "- ";

        yaml_print(item, &flat);
        for (const char *at = buf_text(&flat); *at;) {
                size_t length = strcspn(at, "\n");
                if (length > 0)
                        buf_printf(lines, "%*s%s%.*s", (int)column, "", dash, (int)length, at);
                buf_add(lines, "\n");
                dash = "  ";
                at += length + (at[length] == '\n');
        }
}

/* Where in the list an item of that name stands, else where the next one goes. */
static bool find_place(struct layout *layout, const yaml_node_t *list, const char *name,
                       size_t *first_line, size_t *last_line)
{
        const yaml_node_t *key_node = NULL;
        const yaml_node_t *last = NULL;

        for (const yaml_node_item_t *at = list->data.sequence.items.start;
             at < list->data.sequence.items.top; at++) {
                last = get_node(layout, *at);
                if (!node_is(find_value(layout, last, "name", &key_node), name))
                        continue;
                *last_line = end_line(layout, last);
                return find_dash(layout, list, last, first_line);
        }
        *first_line = skip_inner_comments(layout, end_line(layout, last), list->start_mark.column);
        *last_line = *first_line;
        return true;
}

/* "clusters: []", "clusters: null" or "clusters:": the value goes, the item comes below. */
static bool fill_empty_list(struct layout *layout, struct buf *text, const yaml_node_t *key,
                            const yaml_node_t *value, const char *lines)
{
        size_t start = offset_of(layout, &value->start_mark);
        size_t end = offset_of(layout, &value->end_mark);
        size_t below = line_start(layout, key->start_mark.line + 1);

        if (value->start_mark.line != key->start_mark.line ||
            value->end_mark.line != key->start_mark.line)
                return false;
        replace(text, below, below, lines);
        replace(text, start, end, "");
        return true;
}

static bool is_empty(const yaml_node_t *node)
{
        static const char *const nulls[] = { "", "~", "null", "Null", "NULL" };

        if (node->type == YAML_SEQUENCE_NODE)
                return node->data.sequence.items.start == node->data.sequence.items.top;
        for (size_t i = 0; i < ARRAY_LENGTH(nulls); i++)
                if (node_is(node, nulls[i]) && node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE)
                        return true;
        return false;
}

bool layout_put_item(struct buf *text, const char *key, const json_t *item)
{
        scoped(clear_layout) struct layout layout = { 0 };
        scoped(buf_clear) struct buf lines = { 0 };
        const yaml_node_t *key_node = NULL;
        size_t first_line = 0;
        size_t last_line = 0;

        if (!read_layout(text, &layout))
                return false;
        const yaml_node_t *value = find_value(&layout, layout.root, key, &key_node);
        if (!value) {
                buf_printf(&lines, "%s:\n", key);
                print_item(item, 0, &lines);
                layout_append(text, lines.text);
                return true;
        }
        if (is_empty(value)) {
                print_item(item, 0, &lines);
                return fill_empty_list(&layout, text, key_node, value, lines.text);
        }
        if (value->type != YAML_SEQUENCE_NODE ||
            value->data.sequence.style == YAML_FLOW_SEQUENCE_STYLE ||
            !find_place(&layout, value, json_text_at(item, "name"), &first_line, &last_line))
                return false;
        print_item(item, value->start_mark.column, &lines);
        replace(text, line_start(&layout, first_line), line_start(&layout, last_line), lines.text);
        return true;
}

bool layout_put_text(struct buf *text, const char *key, const char *value)
{
        scoped(clear_layout) struct layout layout = { 0 };
        scoped(buf_clear) struct buf line = { 0 };
        json_auto_t *pair = json_object();
        const yaml_node_t *key_node = NULL;

        if (!read_layout(text, &layout))
                return false;
        json_object_set_new(pair, key, json_string(value));
        yaml_print(pair, &line);

        const yaml_node_t *old = find_value(&layout, layout.root, key, &key_node);
        if (!old) {
                layout_append(text, line.text);
                return true;
        }
        if (old->type != YAML_SCALAR_NODE || old->end_mark.line != key_node->start_mark.line)
                return false;
        size_t start = offset_of(&layout, &key_node->start_mark);
        size_t end = offset_of(&layout, &old->end_mark);
        buf_truncate(&line, strcspn(line.text, "\n"));
        replace(text, start, end, line.text);
        return true;
}
