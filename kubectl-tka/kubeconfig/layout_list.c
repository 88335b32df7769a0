#include <string.h>

#include "kubectl-tka/kubeconfig/layout_private.h"
#include "lib/json.h"
#include "lib/memory.h"
#include "lib/yaml.h"

static bool is_block_list(const yaml_node_t *node)
{
        return node->type == YAML_SEQUENCE_NODE &&
               node->data.sequence.style != YAML_FLOW_SEQUENCE_STYLE;
}

static bool line_has_dash(struct layout *layout, size_t line, size_t column)
{
        const char *text = buf_text(layout->text) + layout_line_start(layout, line);

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
                const char *text = buf_text(layout->text) + layout_line_start(layout, line);
                size_t blanks = strspn(text, " ");
                if (blanks <= column || text[blanks] != '#')
                        return line;
                line++;
        }
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
                last = layout_get_node(layout, *at);
                if (!layout_node_is(layout_find(layout, last, "name", &key_node), name))
                        continue;
                *last_line = layout_end_line(layout, last);
                return find_dash(layout, list, last, first_line);
        }
        *first_line =
                skip_inner_comments(layout, layout_end_line(layout, last), list->start_mark.column);
        *last_line = *first_line;
        return true;
}

/* "clusters: []", "clusters: null" or "clusters:": the value goes, the item comes below. */
static bool fill_empty_list(struct layout *layout, struct buf *text, const yaml_node_t *key,
                            const yaml_node_t *value, const char *lines)
{
        size_t start = layout_offset(layout, &value->start_mark);
        size_t end = layout_offset(layout, &value->end_mark);
        size_t below = layout_line_start(layout, key->start_mark.line + 1);

        if (value->start_mark.line != key->start_mark.line ||
            value->end_mark.line != key->start_mark.line)
                return false;
        layout_replace(text, below, below, lines);
        layout_replace(text, start, end, "");
        return true;
}

/* Comments inside would be lost: a '#' that may begin one. */
static bool has_hash(const struct buf *text, size_t start, size_t end)
{
        return memchr(buf_text(text) + start, '#', end - start);
}

bool layout_unfold_list(struct buf *text, const char *key, const json_t *list)
{
        scoped(layout_clear) struct layout layout = { 0 };
        scoped(buf_clear) struct buf lines = { 0 };
        const yaml_node_t *key_node = NULL;
        size_t index = 0;
        const json_t *item = NULL;

        if (!layout_read(text, &layout))
                return false;
        const yaml_node_t *value = layout_find(&layout, layout.root, key, &key_node);
        if (!value || layout_node_is_empty(value) || is_block_list(value))
                return true;
        size_t start = layout_offset(&layout, &value->start_mark);
        size_t end = layout_offset(&layout, &value->end_mark);
        size_t below = layout_line_start(&layout, value->end_mark.line + 1);

        if (has_hash(text, start, end))
                return false;
        json_array_foreach(list, index, item) print_item(item, 0, &lines);
        layout_replace(text, below, below, buf_text(&lines));
        layout_replace(text, start, end, "");
        return true;
}

bool layout_put_item(struct buf *text, const char *key, const json_t *item)
{
        scoped(layout_clear) struct layout layout = { 0 };
        scoped(buf_clear) struct buf lines = { 0 };
        const yaml_node_t *key_node = NULL;
        size_t first_line = 0;
        size_t last_line = 0;

        if (!layout_read(text, &layout))
                return false;
        const yaml_node_t *value = layout_find(&layout, layout.root, key, &key_node);
        if (!value) {
                buf_printf(&lines, "%s:\n", key);
                print_item(item, 0, &lines);
                layout_append(text, lines.text);
                return true;
        }
        if (layout_node_is_empty(value)) {
                print_item(item, 0, &lines);
                return fill_empty_list(&layout, text, key_node, value, lines.text);
        }
        if (!is_block_list(value) ||
            !find_place(&layout, value, json_text_at(item, "name"), &first_line, &last_line))
                return false;
        print_item(item, value->start_mark.column, &lines);
        layout_replace(text, layout_line_start(&layout, first_line),
                       layout_line_start(&layout, last_line), lines.text);
        return true;
}

bool layout_remove_item(struct buf *text, const char *key, const char *name)
{
        scoped(layout_clear) struct layout layout = { 0 };
        const yaml_node_t *key_node = NULL;
        size_t first_line = 0;
        size_t last_line = 0;

        if (!layout_read(text, &layout))
                return false;
        const yaml_node_t *list = layout_find(&layout, layout.root, key, &key_node);
        if (!list || !is_block_list(list) || layout_node_is_empty(list) ||
            !find_place(&layout, list, name, &first_line, &last_line))
                return false;
        last_line = skip_inner_comments(&layout, last_line, list->start_mark.column);
        layout_replace(text, layout_line_start(&layout, first_line),
                       layout_line_start(&layout, last_line), "");
        return true;
}
