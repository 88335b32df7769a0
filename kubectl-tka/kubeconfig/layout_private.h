/* layout_private.h - what layout.c knows of a text, for layout_list.c. */
#pragma once

#include <yaml.h>

#include "kubectl-tka/kubeconfig/layout.h"

struct layout {
        const struct buf *text;
        yaml_document_t document;
        const yaml_node_t *root; /* NULL: no content */
        bool loaded;
};

void layout_clear(struct layout *layout);

/* false: none we know how to change. */
bool layout_read(const struct buf *text, struct layout *layout);
const yaml_node_t *layout_get_node(struct layout *layout, int index);
bool layout_node_is(const yaml_node_t *node, const char *text);
/* An empty list or mapping, or null. */
bool layout_node_is_empty(const yaml_node_t *node);
/* The value under key in a mapping; *key_node is the key itself. */
const yaml_node_t *layout_find(struct layout *layout, const yaml_node_t *mapping, const char *key,
                               const yaml_node_t **key_node);
size_t layout_line_start(struct layout *layout, size_t line);
size_t layout_offset(struct layout *layout, const yaml_mark_t *mark);
/* The line behind the last one with something of the node. */
size_t layout_end_line(struct layout *layout, const yaml_node_t *node);
void layout_replace(struct buf *text, size_t start, size_t end, const char *lines);
